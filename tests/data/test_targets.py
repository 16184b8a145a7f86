import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.labels import Clip, TitleLabels
from data.targets import clip_frames, draw_background, frame_targets, sampled_frames, window_targets
from data.time_grid import TimeGrid

LABELS = ("a", "b", "c")


@pytest.mark.parametrize(
    ("start_s", "end_s", "expected"),
    [
        (2.0, 4.0, [2, 3]),  # half-open: frame 4 is not touched
        (2.9, 4.1, [2, 3, 4]),  # touching is enough
        (3.2, 3.2, [3]),  # at least one frame
        (9.5, 12.0, [9]),  # cut at the end of the title
        (20.0, 30.0, [9]),  # beyond it: the last frame, never none
    ],
)
def test_frames_that_touch_a_clip(start_s, end_s, expected):
    assert list(range(10))[clip_frames(Clip("a", start_s, end_s), 10)] == expected


def test_after_the_first_occurrence_a_label_is_unknown_not_background():
    title = TitleLabels("t", {"a": True, "b": True, "c": False}, {"a": Clip("a", 2, 4), "b": Clip("b", 5, 6)})
    targets = frame_targets(title, LABELS, 8)
    assert np.flatnonzero(targets.positive_TC[:, 0]).tolist() == [2, 3]
    assert np.flatnonzero(targets.known_TC[:, 0]).tolist() == [0, 1, 2, 3]
    assert np.flatnonzero(targets.known_TC[:, 1]).tolist() == [0, 1, 2, 3, 4, 5]
    assert targets.known_TC[:, 2].all()
    # before the *earliest* first occurrence of any label
    assert np.flatnonzero(targets.background_T).tolist() == [0, 1]
    assert not targets.background_title


def test_the_literal_reading_calls_the_rest_background():
    title = TitleLabels("t", {"a": True}, {"a": Clip("a", 2, 4)})
    targets = frame_targets(title, ("a",), 8, unknown="background")
    assert targets.known_TC.all()
    assert np.flatnonzero(targets.background_T).tolist() == [0, 1]


def test_told_of_all_occurrences_nothing_is_unknown():
    clips = (Clip("a", 2, 4), Clip("a", 6, 7), Clip("b", 3, 5))
    first = {"a": clips[0], "b": clips[2]}
    title = TitleLabels("t", {"a": True, "b": True, "c": False}, first, clips)
    targets = frame_targets(title, LABELS, 9, occurrences="all")
    assert np.flatnonzero(targets.positive_TC[:, 0]).tolist() == [2, 3, 6]
    assert np.flatnonzero(targets.positive_TC[:, 1]).tolist() == [3, 4]
    assert targets.known_TC.all()
    assert np.flatnonzero(targets.background_T).tolist() == [0, 1, 5, 7, 8]
    one = frame_targets(title, LABELS, 9, occurrences="all", frames_per_clip=1)
    assert np.argwhere(one.labelled_TC).tolist() == [[3, 0], [4, 1], [6, 0]]


def test_told_of_all_occurrences_a_title_with_first_ones_teaches_those():
    title = TitleLabels("t", {"a": True, "b": False, "c": False}, {"a": Clip("a", 2, 4)})
    told, first = (frame_targets(title, LABELS, 8, occurrences=which) for which in ("all", "first"))
    for name, value in vars(first).items():
        np.testing.assert_array_equal(getattr(told, name), value)


def test_blank_is_not_zero():
    targets = frame_targets(TitleLabels("t", {"a": False, "b": None, "c": False}), LABELS, 4)
    assert targets.present_known_C.tolist() == [True, False, True]
    assert not targets.known_TC[:, 1].any()
    assert not targets.background_T.any()
    assert not targets.background_title


def test_a_present_label_without_a_clip_leaves_no_sure_background():
    targets = frame_targets(TitleLabels("t", {"a": True, "b": False, "c": False}), LABELS, 4)
    assert targets.present_C.tolist() == [True, False, False]
    assert not targets.background_T.any()


def test_a_title_without_any_activity():
    targets = frame_targets(TitleLabels("t", dict.fromkeys(LABELS, False)), LABELS, 4)
    assert targets.background_title
    assert targets.background_T.all()


def test_a_window_without_the_whole_clip_does_not_know_the_title_target():
    title = TitleLabels("t", {"a": True, "b": True, "c": False}, {"a": Clip("a", 2, 4), "b": Clip("b", 5, 7)})
    window = window_targets(frame_targets(title, LABELS, 10), 1, 6)
    assert window.frames == 5
    assert window.present_known_C.tolist() == [True, False, True]
    assert np.flatnonzero(window.positive_TC[:, 0]).tolist() == [1, 2]


@given(st.lists(st.booleans(), min_size=1, max_size=200), st.floats(0.01, 1), st.integers(0, 99))
def test_the_draw_is_a_share_of_the_candidates(candidates, share, seed):
    candidates_T = np.array(candidates)
    drawn_T = draw_background(candidates_T, share, np.random.default_rng(seed))
    assert not (drawn_T & ~candidates_T).any()
    wanted = max(1, round(share * candidates_T.sum())) if candidates_T.any() else 0
    assert drawn_T.sum() == wanted


@pytest.mark.parametrize(
    ("start_s", "end_s", "count", "expected"),
    [
        (2.0, 9.0, 1, [5]),  # the middle, 5.5 s
        (2.0, 9.0, 7, [2, 3, 4, 5, 6, 7, 8]),  # 2.5, 3.5, ... 8.5 s
        (0.0, 21.0, 7, [1, 4, 7, 10, 13, 16, 19]),  # 1.5, 4.5, ... 19.5 s
        (3.2, 4.8, 7, [3, 4]),  # a short clip has fewer frames than samples
        (28.0, 40.0, 1, [29]),  # the clip ends after the title
    ],
)
def test_sampled_frames_lie_evenly_inside_the_clip(start_s, end_s, count, expected):
    assert sampled_frames(Clip("a", start_s, end_s), 30, count) == expected


def test_labelled_frames_are_the_sampled_ones_and_are_cut_with_the_window():
    title = TitleLabels("t", {"a": True, "b": True, "c": False}, {"a": Clip("a", 2, 9), "b": Clip("b", 4, 5)})
    every = frame_targets(title, LABELS, 12)
    assert (every.labelled_TC == every.positive_TC).all()
    one = frame_targets(title, LABELS, 12, frames_per_clip=1)
    assert np.argwhere(one.labelled_TC).tolist() == [[4, 1], [5, 0]]
    assert (one.positive_TC == every.positive_TC).all()
    assert np.argwhere(window_targets(one, 5, 8).labelled_TC).tolist() == [[0, 0]]


def test_counts_are_known_only_where_somebody_counted():
    first = {"a": Clip("a", 2, 4)}
    present = {"a": True, "b": False, "c": None}
    only_first = frame_targets(TitleLabels("t", present, first), LABELS, 10)
    np.testing.assert_array_equal(only_first.count_C, [np.nan, 0, np.nan])
    everything = TitleLabels("t", present, first, (Clip("a", 2, 4), Clip("a", 7, 8)))
    whole = frame_targets(everything, LABELS, 10)
    np.testing.assert_array_equal(whole.count_C, [2, 0, 0])
    # a part of the title holds an unknown share of the two
    np.testing.assert_array_equal(window_targets(whole, 0, 5).count_C, [np.nan, 0, 0])


def test_labels_on_the_clock_of_the_player_teach_the_frames_that_are_shown_then():
    title = TitleLabels("t", {"a": True}, {"a": Clip("a", 12.0, 14.0)})
    late = frame_targets(title, ("a",), 8, grid=TimeGrid(10.0))  # its sound begins 10 s before its pictures
    assert np.flatnonzero(late.positive_TC[:, 0]).tolist() == [2, 3]
    rows = frame_targets(title, ("a",), 8, grid=TimeGrid(10.0, 0.64))  # 12 s is row 3.125, 14 s row 6.25
    assert np.flatnonzero(rows.positive_TC[:, 0]).tolist() == [3, 4, 5, 6]
    assert np.flatnonzero(rows.background_T).tolist() == [0, 1, 2]
    assert sampled_frames(Clip("a", 12.0, 14.0), 8, 1, TimeGrid(10.0, 0.64)) == [4]  # 13 s
