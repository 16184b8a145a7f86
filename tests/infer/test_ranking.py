import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infer.ranking import auroc, precision_at_recall, precision_recall, rank_samples, step_average_precision

SAMPLES = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), st.booleans()), min_size=1, max_size=30)


@pytest.fixture
def ranked():
    """Scores 0.9 + | 0.8 - | 0.5 + and - (a tie) | 0.2 +."""
    return rank_samples(np.array([0.5, 0.9, 0.2, 0.8, 0.5]), np.array([True, True, True, False, False]))


def test_equal_scores_are_one_row(ranked):
    assert ranked.score_K.tolist() == [0.9, 0.8, 0.5, 0.2]
    assert ranked.positives_K.tolist() == [1, 0, 1, 1]
    assert ranked.negatives_K.tolist() == [0, 1, 1, 0]
    assert (ranked.samples, ranked.positives) == (5, 3)


def test_average_precision_by_hand(ranked):
    # precision 1, 1/2, 2/4, 3/5 at recall gains of 1/3, 0, 1/3, 1/3
    assert step_average_precision(ranked) == pytest.approx((1 + 2 / 4 + 3 / 5) / 3)


def test_auroc_by_hand(ranked):
    # 3 x 2 pairs: 0.9 beats both; 0.5 loses to 0.8 and ties with 0.5; 0.2 loses twice
    assert auroc(ranked) == pytest.approx(2.5 / 6)


@pytest.mark.parametrize(("recall", "best"), [(0.3, 1.0), (0.34, 3 / 5), (2 / 3, 3 / 5), (0.9, 3 / 5)])
def test_precision_at_recall_takes_the_best_threshold_that_is_enough(ranked, recall, best):
    # two of three are found at 2/4, but all three at 3/5
    assert precision_at_recall(ranked, recall) == pytest.approx(best)


def test_all_scores_equal_say_nothing():
    ranked = rank_samples(np.full(10, 0.3), np.arange(10) < 2)
    assert step_average_precision(ranked) == pytest.approx(0.2)
    assert auroc(ranked) == 0.5
    assert precision_at_recall(ranked, 0.9) == pytest.approx(0.2)


def test_without_positives_or_negatives_there_is_no_number():
    nothing = rank_samples(np.array([0.1, 0.2]), np.array([False, False]))
    assert all(map(math.isnan, (step_average_precision(nothing), auroc(nothing), precision_at_recall(nothing, 0.9))))
    everything = rank_samples(np.array([0.1, 0.2]), np.array([True, True]))
    assert (step_average_precision(everything), math.isnan(auroc(everything))) == (1.0, True)
    empty = rank_samples(np.zeros(0), np.zeros(0, dtype=bool))
    assert math.isnan(step_average_precision(empty))


@given(SAMPLES)
def test_auroc_is_the_share_of_pairs_in_the_right_order(samples):
    scores, truth = np.array([s for s, _ in samples]), np.array([p for _, p in samples])
    pairs = list(itertools.product(scores[truth], scores[~truth]))
    found = auroc(rank_samples(scores, truth))
    if not pairs:
        assert math.isnan(found)
    else:
        assert found == pytest.approx(sum((a > b) + (a == b) / 2 for a, b in pairs) / len(pairs))


@given(SAMPLES)
def test_average_precision_is_the_area_under_its_steps(samples):
    scores, truth = np.array([s for s, _ in samples]), np.array([p for _, p in samples])
    area, before = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        called = scores >= threshold
        recall = truth[called].sum() / max(1, truth.sum())
        area += (recall - before) * truth[called].mean()
        before = recall
    found = step_average_precision(rank_samples(scores, truth))
    assert math.isnan(found) if not truth.any() else found == pytest.approx(area)


@given(SAMPLES, st.randoms())
def test_neither_order_nor_a_monotone_change_of_scores_matters(samples, random):
    shuffled = random.sample(samples, len(samples))
    first = rank_samples(np.array([s for s, _ in samples]), np.array([p for _, p in samples]))
    second = rank_samples(np.array([s**3 - 7 for s, _ in shuffled]), np.array([p for _, p in shuffled]))
    for metric in (step_average_precision, auroc):
        assert metric(first) == pytest.approx(metric(second), nan_ok=True)
    precision, recall = precision_recall(first)
    assert (np.diff(recall) >= 0).all()
    assert ((precision >= 0) & (precision <= 1)).all()
