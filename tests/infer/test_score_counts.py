import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infer.calibration import calibration_sums
from infer.ranking import auroc, precision_at_recall, rank_samples, step_average_precision
from infer.score_counts import BINS, LIMIT, ScoreCounts, score_bins


def test_counting_is_as_good_as_sorting():
    generator = np.random.default_rng(0)
    truth = generator.random(20_000) < 0.03
    logits = generator.normal(-5, 2, len(truth)) + 3 * truth
    scores = (1 / (1 + np.exp(-logits))).astype(np.float32)
    counts = ScoreCounts()
    for part in np.array_split(np.arange(len(truth)), 7):
        counts.add(scores[part], truth[part])
    exact, counted = rank_samples(scores.astype(np.float64), truth), counts.ranking()
    assert (counted.samples, counted.positives) == (20_000, truth.sum())
    for metric in (step_average_precision, auroc):
        assert metric(counted) == pytest.approx(metric(exact), abs=2e-4)
    assert precision_at_recall(counted, 0.9) == pytest.approx(precision_at_recall(exact, 0.9), abs=2e-3)
    np.testing.assert_allclose(counts.calibration_sums, calibration_sums(scores.astype(np.float64), truth))


def test_scores_near_one_are_kept_apart_as_well_as_scores_near_zero():
    scores = np.array([0.0, 1e-6, 1.001e-6, 0.5, 0.99999, 0.999991, 1.0])
    assert len(set(score_bins(scores).tolist())) == len(scores)


def test_the_ends_of_the_range_have_a_bin():
    assert score_bins(np.array([0.0, 1.0])).tolist() == [0, BINS - 1]


def test_a_bin_has_the_score_of_its_members():
    counts = ScoreCounts()
    counts.add(np.array([0.2, 0.7]), np.array([False, True]))
    assert counts.ranking().score_K == pytest.approx([0.7, 0.2], rel=2 * LIMIT / BINS)


@given(st.lists(st.floats(0, 1, width=32), min_size=2, max_size=50))
def test_a_higher_score_is_never_in_a_lower_bin(scores):
    assert (np.diff(score_bins(np.sort(np.array(scores, dtype=np.float32)))) >= 0).all()
