import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.schemas import LabelThresholds
from infer.operating_curve import OperatingCurve
from infer.operating_point import Goal, choose, goal_row, threshold_at

BEFORE = LabelThresholds(title=0.3, frame=0.2, merge_gap_s=2.0, min_length_s=1.0, flag=0.45)


def curve_of(scores, flagged, false, found, clips=10, hours=2.0):
    return OperatingCurve(np.array(scores), np.array(flagged), np.array(false), np.array(found), clips, hours)


@pytest.fixture
def curve():
    """Precision 1, 1/2, 3/4, 3/5; recall .2, .2, .5, .9; false per hour 0, 1, 1, 3."""
    return curve_of([0.9, 0.8, 0.6, 0.2], [2, 4, 8, 15], [0, 2, 2, 6], [2, 2, 5, 9])


@pytest.mark.parametrize(
    ("wanted", "value", "row"),
    [
        ("recall", 0.2, 0),  # the first of two rows that find as much
        ("recall", 0.21, 2),
        ("recall", 0.9, 3),  # 9 of 10 is enough
        ("recall", 0.91, None),
        ("precision", 0.7, 2),  # reached again below a row that does not
        ("precision", 0.6, 3),
        ("precision", 1.0, 0),
        ("false_per_hour", 1.0, 2),
        ("false_per_hour", 0.5, 0),
        ("false_per_hour", 9.0, 3),
    ],
)
def test_rows_by_hand(curve, wanted, value, row):
    assert goal_row(curve, Goal(wanted, value)) == row


def test_a_precision_that_was_never_reached():
    wrong_first = curve_of([0.9, 0.5], [1, 2], [1, 1], [0, 1])
    assert goal_row(wrong_first, Goal("precision", 0.6)) is None
    assert goal_row(wrong_first, Goal("false_per_hour", 0.1)) is None


def test_the_threshold_lies_between_two_scores(curve):
    assert threshold_at(curve, 2, 0.1) == pytest.approx(0.4)
    for row in range(4):
        assert curve.from_score(threshold_at(curve, row, 0.1)) == row + 1


def test_the_lowest_threshold_lies_above_the_least_a_candidate_scores_and_is_never_0(curve):
    assert threshold_at(curve, 3, 0.1) == pytest.approx(0.15)
    assert threshold_at(curve, 3, 0.2) == 0.2  # the lowest candidate scores no more than tau_f
    assert threshold_at(curve, 3, 0.3) == 0.2  # a mean over a gap lies below it


def test_the_title_threshold_stays_while_it_can(curve):
    more = curve_of([0.9, 0.5], [2, 30], [0, 20], [2, 10])
    kept = choose("sex", BEFORE, Goal("recall", 0.5), curve, more)
    assert (kept.after.title, kept.after.flag, kept.reached, kept.row) == (0.3, pytest.approx(0.4), True, 2)
    assert (kept.after.frame, kept.after.merge_gap_s, kept.after.min_length_s) == (0.2, 2.0, 1.0)
    lifted = choose("sex", BEFORE, Goal("recall", 1.0), curve, more)
    assert (lifted.after.title, lifted.after.flag, lifted.reached, lifted.curve) == (0.0, 0.35, True, more)


def test_an_unreachable_goal_changes_nothing_and_shows_the_nearest(curve):
    for goal, row in ((Goal("recall", 0.95), 3), (Goal("precision", 0.8), 1)):
        worse = curve_of([0.9, 0.8], [3, 4], [2, 2], [1, 2])
        missed = choose("sex", BEFORE, goal, worse if goal.wanted == "precision" else curve, curve)
        assert (missed.after, missed.reached, missed.row) == (BEFORE, False, row)


def test_no_candidates_at_all():
    nothing = curve_of([], [], [], [])
    missed = choose("sex", BEFORE, Goal("recall", 0.5), nothing, nothing)
    assert (missed.reached, missed.row, missed.after) == (False, None, BEFORE)


def test_a_label_without_clips_has_no_recall_to_reach(curve):
    without = curve_of([0.9], [1], [1], [0], clips=0)
    assert not choose("sex", BEFORE, Goal("recall", 0.1), without, without).reached
    assert choose("sex", BEFORE, Goal("false_per_hour", 0.5), without, without).reached


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=8),
    st.floats(0.01, 1),
)
def test_more_recall_never_costs_a_higher_threshold(steps, value):
    rows = [(true + false, false, found) for true, false, found in steps if true + false]
    if not rows:
        return
    flagged, false, found = np.cumsum(rows, axis=0).T
    scores = np.linspace(0.9, 0.1, len(rows))
    curve = OperatingCurve(scores, flagged, false, found, max(1, int(found[-1])), 1.0)
    row = goal_row(curve, Goal("recall", value))
    if row is None:
        assert curve.recall.max() < value
    else:
        assert curve.recall[row] >= value - 1e-9
        assert row == 0 or curve.recall[row - 1] < value
