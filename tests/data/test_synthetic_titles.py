"""The drawn catalogue has the shape that the paper prints (Sec. 4.1, Tables 1 and 2)."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.settings import PAPER_LABELS
from data.synthetic_titles import (
    GAP_S,
    PAPER_FIRST_MEAN_S,
    PAPER_FIRSTS,
    PAPER_FRAME_SHARE,
    PAPER_TITLES,
    draw_title,
    mean_occurrences,
    presence_table,
)

TITLES = 4000


@pytest.fixture(scope="module")
def catalogue():
    return [draw_title(0, index) for index in range(TITLES)]


def test_combinations_have_the_papers_marginals_exactly():
    held_PC, chance_P = presence_table()
    assert chance_P.min() > 0
    assert chance_P[0] == pytest.approx(14_508 / 41_234)
    assert (chance_P @ held_PC).tolist() == pytest.approx(
        [PAPER_FIRSTS[label] / PAPER_TITLES for label in PAPER_LABELS]
    )


def test_nudity_comes_mostly_with_sex():
    held_PC, chance_P = presence_table()
    sex, nudity = (held_PC[:, PAPER_LABELS.index(label)] for label in ("sex", "nudity"))
    assert chance_P[sex & nudity].sum() > 3 * chance_P[sex].sum() * chance_P[nudity].sum() / 2


def test_occurrences_by_hand():
    # 0.8 % of 2280 s are 18.24 s a title; 29.7 % of titles hold sex, 23.2 s each time
    assert mean_occurrences("sex") == pytest.approx(18.24 / (0.29687 * 23.2), rel=1e-4)


def test_lengths_and_kinds(catalogue):
    minutes = np.array([title.frames / 60 for title in catalogue])
    movie = np.array([title.kind == "movie" for title in catalogue])
    assert minutes.mean() == pytest.approx(38, rel=0.04)
    assert movie.mean() == pytest.approx(0.14, abs=0.02)
    assert minutes[movie].min() > minutes[~movie].max() / 2
    assert (minutes.min() > 15, minutes.max() < 150) == (True, True)


@pytest.mark.parametrize("label", PAPER_LABELS)
def test_table_1(catalogue, label):
    firsts = [title.labels.first[label] for title in catalogue if label in title.labels.first]
    share = PAPER_FIRSTS[label] / PAPER_TITLES
    assert len(firsts) / TITLES == pytest.approx(share, abs=3.5 * (share * (1 - share) / TITLES) ** 0.5)
    lengths = [clip.end_s - clip.start_s for clip in firsts]
    error = 3.5 * np.std(lengths) / len(lengths) ** 0.5
    assert np.mean(lengths) == pytest.approx(PAPER_FIRST_MEAN_S[label], abs=error)


def test_table_2(catalogue):
    frames = sum(title.frames for title in catalogue)
    inside, foreground = dict.fromkeys(PAPER_LABELS, 0.0), 0
    for title in catalogue:
        covered = np.zeros(title.frames, dtype=bool)
        for clip in title.labels.occurrences:
            inside[clip.label] += clip.end_s - clip.start_s
            covered[round(clip.start_s) : round(clip.end_s)] = True
        foreground += covered.sum()
    assert foreground / frames == pytest.approx(0.025, rel=0.08)
    for label, share in PAPER_FRAME_SHARE.items():
        assert inside[label] / frames == pytest.approx(share, rel=0.25 if label == "nudity" else 0.1)


def test_titles_without_anything(catalogue):
    share = np.mean([not title.labels.occurrences for title in catalogue])
    assert share == pytest.approx(14_508 / 41_234, abs=0.025)


@given(st.integers(0, 5), st.integers(0, 3000))
@settings(max_examples=60)
def test_a_title_is_sound_and_always_the_same(seed, index):
    title = draw_title(seed, index)
    assert draw_title(seed, index) == title
    assert {label for label, present in title.labels.present.items() if present} == set(title.labels.first)
    for label, first in title.labels.first.items():
        own = [clip for clip in title.labels.occurrences if clip.label == label]
        assert first == own[0]
        assert all(0 <= clip.start_s < clip.end_s <= title.frames + 1e-3 for clip in own)
        assert all(b.start_s - a.end_s >= GAP_S - 1e-6 for a, b in pairwise(own))


def test_seeds_and_indices_differ_and_every_split_is_filled(catalogue):
    assert draw_title(1, 0).labels != draw_title(0, 0).labels
    assert len({title.title_id for title in catalogue}) == TITLES
    assert {title.split for title in catalogue[:8]} == {"train", "val", "test"}
    assert [title.split for title in catalogue].count("test") == TITLES / 8
