import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infer.calibration import ReliabilityBin, calibration_sums, expected_calibration_error, reliability_bins


def test_by_hand_with_two_bins():
    # below 0.5: scores 0.1 and 0.3, one positive: claims 0.2, true 0.5; above: 0.5 and 1.0, both positive: 0.75, 1.0
    sums = calibration_sums(np.array([0.1, 0.5, 0.3, 1.0]), np.array([True, True, False, True]), bins=2)
    assert expected_calibration_error(sums) == pytest.approx((0.3 + 0.25) / 2)
    low, high = reliability_bins(sums)
    assert low == ReliabilityBin(0.0, 0.5, 2, pytest.approx(0.2), 0.5)
    assert high == ReliabilityBin(0.5, 1.0, 2, 0.75, 1.0)


def test_empty_bins_are_left_out_and_one_belongs_to_the_last():
    sums = calibration_sums(np.array([0.0, 1.0]), np.array([False, True]))
    assert [(part.lower, part.upper) for part in reliability_bins(sums)] == [(0.0, 0.1), (0.9, 1.0)]
    assert expected_calibration_error(sums) == 0.0


def test_no_samples_have_no_error():
    assert math.isnan(expected_calibration_error(calibration_sums(np.zeros(0), np.zeros(0, dtype=bool))))


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40), st.integers(0, 40))
def test_sums_of_parts_add_up_and_the_error_is_a_share(samples, cut):
    scores, truth = np.array([s for s, _ in samples]), np.array([p for _, p in samples])
    whole = calibration_sums(scores, truth)
    parts = calibration_sums(scores[:cut], truth[:cut]) + calibration_sums(scores[cut:], truth[cut:])
    np.testing.assert_allclose(whole, parts, atol=1e-12)
    assert abs(scores.mean() - truth.mean()) - 1e-12 <= expected_calibration_error(whole) <= 1
