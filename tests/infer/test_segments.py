from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import ConfigError, SchemaError
from data.schemas import LabelThresholds
from data.time_grid import TimeGrid
from infer.segments import find_segments
from infer.title_scores import TitleScores

UNIT = st.integers(0, 8).map(lambda value: value / 8)
ACTIONS = st.lists(UNIT, min_size=1, max_size=60)


def spans(segments, decision="flag"):
    return [(segment.start_s, segment.end_s) for segment in segments if segment.decision == decision]


def one_label(actions):
    action_TC = np.array(actions, dtype=np.float32)[:, None]
    return TitleScores("t1", None, None, action_TC, action_TC.max(axis=0))


def find(actions, limits, **options):
    return find_segments(one_label(actions), {"sex": limits}, ("sex",), **options)


def test_runs_of_frames_at_or_above_tau_f(make_scores, make_thresholds):
    found = find_segments(
        make_scores([0.5, 0.9, 0.1, 0.4, 0.6, 0.5]), {"sex": make_thresholds()}, ("sex",), review_fraction=0
    )
    assert spans(found) == [(0, 2), (4, 6)]
    assert [segment.score for segment in found] == [float(np.float32(0.9)), float(np.float32(0.6))]
    assert [segment.peak_s for segment in found] == [1, 4]
    assert [segment.segment_index for segment in found] == [0, 1]


def test_evidence(make_scores, make_thresholds):
    scores = make_scores([0.25, 0.5, 0.75, 0.0], foreground=[0.5, 1.0, 0.75, 0.5], title_scores=[0.625])
    limits = make_thresholds(title=0.5, frame=0.25)
    (segment,) = find_segments(scores, {"sex": limits}, ("sex",), segment_score="mean", duration_s=3.5)
    assert (segment.title_id, segment.label, segment.decision) == ("t1", "sex", "flag")
    assert (segment.score, segment.score_mean, segment.peak_s) == (0.5, 0.5, 2.0)
    assert (segment.foreground_peak, segment.conditional_peak) == (1.0, 1.0)
    assert (segment.title_score, segment.threshold, segment.title_threshold) == (0.625, 0.25, 0.5)


@pytest.mark.parametrize(
    ("gap", "least", "expected"),
    [
        (0, 0, [(0, 1), (2, 4), (6, 9)]),
        (1, 0, [(0, 4), (6, 9)]),
        (2, 0, [(0, 9)]),
        (0, 2, [(2, 4), (6, 9)]),
        (1, 4, [(0, 4)]),
        (0, 3.5, []),
    ],
)
def test_gaps_are_merged_before_short_segments_are_dropped(make_thresholds, gap, least, expected):
    actions = [1, 0, 1, 1, 0, 0, 1, 1, 1]
    limits = make_thresholds(merge_gap_s=gap, min_length_s=least)
    assert spans(find(actions, limits, review_fraction=0)) == expected


def test_the_last_frame_ends_with_the_title(make_thresholds):
    assert spans(find([0, 1, 1], make_thresholds(), duration_s=2.4)) == [(1, 2.4)]
    assert spans(find([0, 1, 1], make_thresholds(min_length_s=1.5), duration_s=2.4, review_fraction=0)) == []
    assert spans(find([1, 1, 0], make_thresholds(), duration_s=2.4)) == [(0, 2)]
    assert spans(find([0, 1, 1], make_thresholds(), duration_s=1.0)) == [(1, 3)]


def test_a_title_below_tau_v_loses_the_label(make_scores, make_thresholds):
    limits = {"sex": make_thresholds(title=0.6), "drug-use": make_thresholds(title=0.4)}
    scores = make_scores([0.9, 0.0], [0.0, 0.9], title_scores=[0.5, 0.5])
    found = find_segments(scores, limits, ("sex", "drug-use"))
    assert [(segment.label, segment.decision) for segment in found] == [("sex", "review"), ("drug-use", "flag")]
    assert found[0].title_threshold == 0.3


def test_near_misses_are_reviewed_unless_they_touch_a_flag(make_thresholds):
    actions = [0.3, 0.3, 0.6, 0.0, 0.3, 0.0]
    found = find(actions, make_thresholds())
    assert spans(found) == [(2, 3)]
    assert spans(found, "review") == [(4, 5)]
    assert [segment.threshold for segment in found] == [0.5, 0.25]
    assert spans(find(actions, make_thresholds(), review_fraction=0), "review") == []


def test_the_flag_threshold_decides_which_candidates_to_act_on():
    limits = LabelThresholds(title=0.0, frame=0.25, merge_gap_s=0, min_length_s=0, flag=0.75)
    actions = [0.25, 0.75, 0, 0.5, 0, 0.25]
    found = find(actions, limits, review_fraction=0.5)
    # the first run peaks at the threshold; the second at two thirds of it, the third below half of it
    assert spans(found) == [(0, 2)]
    assert spans(found, "review") == [(3, 4)]
    # ranked by their mean, the first run reaches 0.5 only
    by_mean = find(actions, limits, review_fraction=0.5, segment_score="mean")
    assert spans(by_mean) == []
    assert spans(by_mean, "review") == [(0, 2), (3, 4)]


@given(ACTIONS, UNIT, st.integers(0, 4), st.integers(0, 4))
def test_segments_are_sorted_disjoint_and_inside_the_title(actions, frame, gap, least):
    found = find(actions, LabelThresholds(0.0, frame, gap, least))
    edges = [edge for segment in found for edge in (segment.start_s, segment.end_s)]
    assert edges == sorted(edges)
    assert all(segment.end_s - segment.start_s >= max(least, 1) for segment in found)
    assert all(segment.start_s <= segment.peak_s < segment.end_s for segment in found)
    assert all(actions[int(segment.peak_s)] == segment.score >= segment.score_mean for segment in found)
    assert not edges or (edges[0] >= 0 and edges[-1] <= len(actions))


@given(ACTIONS, UNIT, UNIT)
def test_a_lower_tau_f_never_loses_covered_time(actions, one, other):
    low, high = sorted((one, other))
    covered = [
        {
            t
            for start, end in spans(find(actions, LabelThresholds(0.0, frame, 0, 0)))
            for t in range(int(start), int(end))
        }
        for frame in (low, high)
    ]
    assert covered[1] <= covered[0] == {t for t, action in enumerate(actions) if action >= low}


def test_nan_scores_are_refused(make_scores, make_thresholds):
    with pytest.raises(SchemaError, match=r"^scores of t1: NaN or infinite scores, they must lie in \[0, 1\]"):
        find_segments(make_scores([0.5, float("nan")], title_scores=[0.5]), {"sex": make_thresholds()}, ("sex",))


def test_labels_must_fit(make_scores, make_thresholds):
    with pytest.raises(SchemaError, match="for 2 labels"):
        find_segments(make_scores([0.5]), {"sex": make_thresholds()}, ("sex", "drug-use"))
    with pytest.raises(ConfigError, match=r"label 'sex': no thresholds \(there are: nudity\)"):
        find_segments(make_scores([0.5]), {"nudity": make_thresholds()}, ("sex",))


def test_edges_are_on_the_clock_of_the_player_and_right_to_a_row(make_scores, make_thresholds):
    scores = replace(make_scores([0.1, 0.9, 0.6, 0.1, 0.7, 0.8]), grid=TimeGrid(10.0, 0.64))
    limits = {"sex": make_thresholds()}
    found = find_segments(scores, limits, ("sex",), review_fraction=0, duration_s=3.5)
    assert spans(found) == [pytest.approx((10.64, 11.92)), pytest.approx((12.56, 13.5))]
    assert [segment.peak_s for segment in found] == pytest.approx([10.64, 13.2])


@pytest.mark.parametrize(
    ("gap_s", "least_s", "expected"),
    [
        (0.0, 0.0, [(0.0, 0.64), (1.28, 2.56)]),
        (0.6, 0.0, [(0.0, 0.64), (1.28, 2.56)]),  # the gap is a row, of 0.64 s
        (0.64, 0.0, [(0.0, 2.56)]),
        (0.0, 1.28, [(1.28, 2.56)]),  # exactly as long as asked
        (0.0, 1.3, []),
    ],
)
def test_gaps_and_lengths_are_seconds_at_any_rate(make_scores, make_thresholds, gap_s, least_s, expected):
    scores = replace(make_scores([1, 0, 1, 1]), grid=TimeGrid(0.0, 0.64))
    limits = {"sex": make_thresholds(merge_gap_s=gap_s, min_length_s=least_s)}
    found = find_segments(scores, limits, ("sex",), review_fraction=0)
    assert spans(found) == [pytest.approx(span) for span in expected]


@given(ACTIONS, UNIT, st.integers(0, 20_000), st.sampled_from([0.64, 0.5, 1.0, 2.0]))
def test_another_clock_moves_segments_and_nothing_else(actions, frame, start_ms, step_s):
    grid = TimeGrid(start_ms / 1000, step_s)
    limits = LabelThresholds(title=0.0, frame=frame, merge_gap_s=2 * step_s, min_length_s=3 * step_s)
    plain = find(actions, LabelThresholds(title=0.0, frame=frame, merge_gap_s=2, min_length_s=3))
    moved = find_segments(replace(one_label(actions), grid=grid), {"sex": limits}, ("sex",))
    assert [(s.score, s.decision) for s in moved] == [(s.score, s.decision) for s in plain]
    for before, after in zip(plain, moved, strict=True):
        expected = (grid.time_s(before.start_s), grid.time_s(before.end_s), grid.time_s(before.peak_s))
        assert (after.start_s, after.end_s, after.peak_s) == pytest.approx(expected)
