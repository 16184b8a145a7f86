import csv
import json
from dataclasses import asdict

import numpy as np
import pytest

from data.labels import Clip, TitleLabels
from infer.operator_metrics import OperatorCollector
from infer.operator_report import columns, operator_notes, operator_table, write_operator_csv, write_reliability_csv
from infer.settings import Protocol

FIRST, ALL = Protocol.FIRST_OCCURRENCE, Protocol.ALL_OCCURRENCE
LABELS = ("sex", "violence")


@pytest.fixture
def truth():
    """Violence in a at 2-4 and 6-8 (all labelled), in b at 1-2 (the first only), not in c; d could not be scored."""
    clips = (Clip("violence", 2.0, 4.0), Clip("violence", 6.0, 8.0))
    return {
        "a": TitleLabels("a", {"violence": True, "sex": False}, {"violence": clips[0]}, clips),
        "b": TitleLabels("b", {"violence": True, "sex": None}, {"violence": Clip("violence", 1.0, 2.0)}),
        "c": TitleLabels("c", {"violence": False, "sex": False}),
        "d": TitleLabels("d", {"violence": True, "sex": False}, {"violence": Clip("violence", 0.0, 5.0)}),
    }


@pytest.fixture
def collected(truth, make_scores, make_segment):
    """Titles of 10, 10 and 4 frames; ``elsewhere`` is not to be measured."""
    found = OperatorCollector(truth, LABELS, {"sex": 0.5, "violence": 0.5})
    none = [0.25] * 10
    rows = {
        "a": ([0.1, 0.1, 0.95, 0.8, 0.1, 0.1, 0.3, 0.2, 0.7, 0.1], [(2.0, 4.0, 0.95), (8.0, 9.0, 0.7)]),
        "b": ([0.6, 0.4, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9], [(2.0, 10.0, 0.9), (0.0, 1.5, 0.6)]),
        "c": ([0.1, 0.2, 0.1, 0.1], [(1.0, 2.0, 0.2)]),
        "elsewhere": ([1.0] * 10, [(0.0, 10.0, 1.0)]),
    }
    for title_id, (action, segments) in rows.items():
        scores = make_scores(none[: len(action)], action, title_id=title_id)
        found.add(scores, [make_segment(title_id, "violence", *row) for row in segments])
    return found.metrics()


def test_only_known_frames_count(collected):
    first = collected.row(FIRST, "violence").frames
    # a: four frames, two positive; b: two frames, one positive; c: four frames
    assert (first.samples, first.positives) == (10, 3)
    every = collected.row(ALL, "violence").frames
    # b says nothing of its later occurrences
    assert (every.samples, every.positives) == (14, 4)


def test_frame_metrics_by_hand(collected):
    # first occurrence: positives 0.95 0.8 (a) 0.4 (b), negatives 0.6 (b), 0.2, five times 0.1
    found = collected.row(FIRST, "violence").frames
    assert found.average_precision == pytest.approx((1 + 1 + 3 / 4) / 3)
    assert found.auroc == pytest.approx((7 + 7 + 6) / 21)
    assert found.precision_at_recall == pytest.approx(3 / 4)
    assert found.calibration_error == pytest.approx((5 * 0.1 + 0.2 + 0.6 + 0.6 + 0.2 + 0.05) / 10)


def test_a_label_without_positives_has_counts_but_no_ranking(collected):
    found = collected.row(ALL, "sex").frames
    assert (found.samples, found.positives, found.average_precision, found.auroc) == (14, 0, None, None)
    assert found.calibration_error == pytest.approx(0.25)


def test_titles_are_ranked_by_their_title_score(collected):
    found = collected.row(ALL, "violence").titles
    # a 0.95 and b 0.9 hold it, c 0.2 does not; d has no scores
    assert (found.samples, found.positives, found.average_precision, found.auroc) == (3, 2, 1.0, 1.0)
    assert collected.row(FIRST, "sex").titles.samples == 2  # nobody looked for sex in b


def test_segments_are_cut_to_the_measured_span(collected):
    found = collected.row(FIRST, "violence").segments
    # a: 2-4 right; b: 0-1.5 right; what starts at 2 in b and at 8 in a was not measured; d's clip is not found
    assert (found.clips, found.found, found.flagged, found.false) == (3, 2, 2, 0)
    assert found.hours == pytest.approx((4 + 2 + 4) / 3600)
    every = collected.row(ALL, "violence").segments
    assert (every.clips, every.found, every.flagged, every.false) == (2, 1, 2, 1)
    assert every.false_per_hour == pytest.approx(3600 / 14)
    assert every.f1_K == (0.5, 0.5, 0.5)


def test_onset_sees_whole_segments(collected):
    found = collected.row(FIRST, "violence").segments.onset
    assert (found.titles, found.detected, found.median_s) == (3, 2, -0.5)  # a at its clip, b a second early


def test_titles_without_scores_are_counted(collected):
    assert collected.unscored == 1
    assert any(line.startswith("titles without scores: 1") for line in operator_notes(collected))


def test_the_order_of_titles_does_not_matter(truth, make_scores):
    generator = np.random.default_rng(0)
    titles = [make_scores(*generator.random((2, 20)), title_id=title_id) for title_id in truth]
    ways = []
    for order in (titles, titles[::-1]):
        found = OperatorCollector(truth, LABELS, dict.fromkeys(LABELS, 0.5))
        for scores in order:
            found.add(scores, [])
        ways.append(json.loads(json.dumps(asdict(found.metrics())), parse_float=lambda text: round(float(text), 12)))
    assert ways[0] == ways[1]


def test_table_and_files_say_the_same(collected, tmp_path):
    header, *rows = operator_table(collected)
    assert all(len(row) == len(header) for row in rows)
    assert [row[:2] for row in rows[:3]] == [["first", label] for label in ("sex", "violence", "mean")]
    assert rows[1][header.index("flags\nrecall")] == "66.7"
    assert rows[0][header.index("flags\nrecall")] == "-"
    write_operator_csv(tmp_path / "operator.csv", collected)
    with (tmp_path / "operator.csv").open() as handle:
        written = list(csv.DictReader(handle))
    violence = columns(collected.row(FIRST, "violence"))
    assert written[1]["recall"] == f"{violence['recall']:.6f}"
    assert (written[1]["flagged"], written[0]["frame_ap"]) == ("2", "")
    write_reliability_csv(tmp_path / "reliability.csv", collected)
    with (tmp_path / "reliability.csv").open() as handle:
        bins = [row for row in csv.DictReader(handle) if row["protocol"] == str(FIRST) and row["label"] == "violence"]
    frames = [row for row in bins if row["of"] == "frame"]
    assert sum(int(row["samples"]) for row in frames) == 10
    assert (frames[-1]["lower"], frames[-1]["positive_share"]) == ("0.900000", "1.000000")
