import numpy as np
import pytest

from infer import tiou
from infer.tiou import same_group_pairs, temporal_iou


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((0, 10), (0, 10), 1.0),
        ((0, 10), (5, 15), 5 / 15),
        ((0, 10), (2, 4), 0.2),
        ((0, 10), (10, 20), 0.0),
        ((0, 10), (50, 60), 0.0),
    ],
)
def test_hand_worked(one, other, expected):
    ends = [np.array([float(value)]) for value in (*one, *other)]
    assert temporal_iou(*ends)[0] == expected
    assert temporal_iou(*ends[2:], *ends[:2])[0] == expected


def test_two_empty_intervals_have_no_tiou():
    point = np.array([5.0])
    assert np.isnan(temporal_iou(point, point, point, point))[0]


@pytest.mark.parametrize("block", [1, 4, 1000])
def test_pairs_are_the_join_on_the_group(monkeypatch, block):
    monkeypatch.setattr(tiou, "PAIRS_PER_BLOCK", block)
    generator = np.random.default_rng(0)
    groups, clip_groups = generator.integers(0, 6, 30), np.sort(generator.integers(0, 6, 12))
    found = [pair for rows, clips in same_group_pairs(groups, clip_groups) for pair in zip(rows, clips)]
    assert found == [(p, g) for p in range(30) for g in range(12) if groups[p] == clip_groups[g]]


def test_no_predictions_give_no_pairs():
    none = np.zeros(0, dtype=np.int64)
    assert list(same_group_pairs(none, np.array([0, 1]))) == []
