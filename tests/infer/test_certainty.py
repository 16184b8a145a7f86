"""Intervals of few clips against closed forms, a brute-force count and published tables."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.schemas import LabelThresholds
from infer.certainty import TAIL, certainty, clean_hours, clean_run, rate_interval, share_interval
from infer.operating_curve import OperatingCurve
from infer.operating_point import Choice, Goal

LIMITS = LabelThresholds(title=0.3, frame=0.2, merge_gap_s=0.0, min_length_s=0.0, flag=0.45)


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [
        (2, 2, math.sqrt(0.025), 1.0),  # 15.8 %: what "2 of 2, 100 %" is worth
        (0, 2, 0.0, 1 - math.sqrt(0.025)),
        (1, 2, 1 - math.sqrt(0.975), math.sqrt(0.975)),  # P(at least 1 of 2) = 1 - (1 - p)^2 = 0.025
        (1, 1, 0.025, 0.975 + 0.025),
        (36, 36, 0.025 ** (1 / 36), 1.0),
        (18, 20, 0.68302, 0.98765),  # published tables of Clopper and Pearson
        (5, 10, 0.18709, 0.81291),
        (0, 0, 0.0, 1.0),
    ],
)
def test_shares_by_hand(count, of, low, high):
    assert share_interval(count, of) == pytest.approx((low, high), abs=1e-5)


@pytest.mark.parametrize(
    ("count", "hours", "low", "high"),
    [
        (0, 1.0, 0.0, -math.log(0.025)),  # 3.689
        (0, 2.0, 0.0, -math.log(0.025) / 2),
        (1, 1.0, -math.log(0.975), 5.57164),  # exp(-m) (1 + m) = 0.025
        (10, 1.0, 4.79539, 18.39036),  # published tables of Garwood
        (10, 5.0, 4.79539 / 5, 18.39036 / 5),
        (3, 0.0, 0.0, math.inf),
    ],
)
def test_rates_by_hand(count, hours, low, high):
    assert rate_interval(count, hours) == pytest.approx((low, high), abs=1e-5)


@given(st.integers(1, 40).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_an_end_of_the_interval_is_where_the_count_becomes_a_surprise(pair):
    count, of = pair
    low, high = share_interval(count, of)
    assert 0 <= low <= count / of <= high <= 1

    def chance(counts, share):
        return sum(math.comb(of, k) * share**k * (1 - share) ** (of - k) for k in counts)

    if count:
        assert chance(range(count, of + 1), low) == pytest.approx(TAIL, abs=1e-9)
    if count < of:
        assert chance(range(count + 1), high) == pytest.approx(TAIL, abs=1e-9)


def test_many_clips_leave_a_narrow_interval():
    low, high = share_interval(90_000, 100_000)
    assert (low, high) == pytest.approx((0.9 - 0.00186, 0.9 + 0.00186), abs=2e-5)  # 1.96 sqrt(0.09 / 100000)
    low, high = rate_interval(10_000, 100.0)
    assert (low, high) == pytest.approx((98.05, 101.98), abs=0.01)


@pytest.mark.parametrize(("share", "needed"), [(0.9, 36), (0.5, 6), (0.95, 72), (0.99, 368), (0.16, 3), (0.15, 2)])
def test_how_many_in_a_row_it_takes(share, needed):
    """0.025^(1/36) = 0.9026, 0.025^(1/35) = 0.89997."""
    assert clean_run(share) == needed
    assert share_interval(needed, needed)[0] >= share > share_interval(needed - 1, needed - 1)[0]


def test_nothing_promises_all_or_none():
    assert clean_run(1.0) is None
    assert clean_hours(0.0) is None
    assert clean_hours(2.0) == pytest.approx(1.844, abs=1e-3)
    assert rate_interval(0, clean_hours(2.0))[1] == pytest.approx(2.0)


def choice(goal, *, flagged, false, found, clips, hours=2.0):
    curve = OperatingCurve(np.array([0.5]), np.array([flagged]), np.array([false]), np.array([found]), clips, hours)
    return Choice("sex", goal, LIMITS, LIMITS, LIMITS, curve, 0, reached=True)


def test_what_a_goal_can_be_promised_by():
    few = certainty(choice(Goal("recall", 0.9), flagged=4, false=1, found=2, clips=2))
    assert (few.count, few.of, few.promised, few.needed) == (2, 2, False, 36)
    assert few.interval[0] == pytest.approx(0.158, abs=1e-3)
    enough = certainty(choice(Goal("recall", 0.9), flagged=40, false=1, found=36, clips=36))
    assert enough.promised
    right = certainty(choice(Goal("precision", 0.5), flagged=6, false=0, found=2, clips=2))
    assert (right.count, right.of, right.promised, right.needed) == (6, 6, True, 6)
    assert not certainty(choice(Goal("precision", 0.5), flagged=6, false=1, found=2, clips=2)).promised
    quiet = certainty(choice(Goal("false_per_hour", 2.0), flagged=6, false=0, found=2, clips=2, hours=1.8))
    assert (quiet.count, quiet.of, quiet.promised) == (0, 1.8, False)
    assert certainty(choice(Goal("false_per_hour", 2.0), flagged=6, false=0, found=2, clips=2, hours=1.9)).promised


def test_without_clips_or_time_nothing_is_known():
    blind = certainty(choice(Goal("recall", 0.9), flagged=1, false=1, found=0, clips=0))
    assert (blind.interval, blind.promised) == ((0.0, 1.0), False)
    assert not certainty(choice(Goal("false_per_hour", 9.0), flagged=0, false=0, found=0, clips=0, hours=0.0)).promised
