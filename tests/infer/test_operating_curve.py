import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infer.average_precision import Clips, Predictions
from infer.operating_curve import operating_curve, overlaps


@pytest.fixture
def clips(as_clips):
    """Title 0: 10-20 and 30-40; title 1: 0-5. Title 2 has none."""
    return as_clips([(1, 0, 0, 5), (0, 0, 10, 20), (0, 0, 30, 40)])


@pytest.fixture
def candidates(as_predictions):
    return as_predictions(
        [
            (0, 0, 15, 35, 0.9),  # overlaps both clips of its title
            (2, 0, 0, 9, 0.8),  # false
            (0, 0, 20, 30, 0.6),  # touches two clips, overlaps none
            (1, 0, 4, 9, 0.6),  # finds title 1's clip
            (0, 0, 12, 13, 0.4),  # on a clip that is found already
        ]
    )


def test_overlaps_by_hand(candidates, clips):
    true_P, clip_score_G = overlaps(candidates, clips)
    assert true_P.tolist() == [True, False, False, True, True]
    assert clip_score_G.tolist() == [0.6, 0.9, 0.9]


def test_curve_by_hand(candidates, clips):
    curve = operating_curve(candidates, clips, hours=2.0)
    assert curve.score_K.tolist() == [0.9, 0.8, 0.6, 0.4]
    assert curve.flagged_K.tolist() == [1, 2, 4, 5]
    assert curve.false_K.tolist() == [0, 1, 2, 2]
    assert curve.found_K.tolist() == [2, 2, 3, 3]
    assert curve.recall.tolist() == pytest.approx([2 / 3, 2 / 3, 1, 1])
    assert curve.precision.tolist() == pytest.approx([1, 1 / 2, 1 / 2, 3 / 5])
    assert curve.false_per_hour.tolist() == [0, 0.5, 1, 1]


@pytest.mark.parametrize(("threshold", "rows"), [(1.0, 0), (0.9, 1), (0.85, 1), (0.6, 3), (0.0, 4)])
def test_a_threshold_is_reached_by_the_scores_from_it_up(candidates, clips, threshold, rows):
    assert operating_curve(candidates, clips, 1.0).from_score(threshold) == rows


def test_nothing_to_judge(as_predictions, as_clips, candidates, clips):
    assert operating_curve(as_predictions([]), clips, 1.0).score_K.tolist() == []
    assert np.isnan(operating_curve(candidates, as_clips([]), 0.0).recall).all()
    assert np.isnan(operating_curve(candidates, as_clips([]), 0.0).false_per_hour).all()
    assert operating_curve(candidates, as_clips([]), 1.0).precision.tolist() == [0.0] * 4


ROWS = st.tuples(st.integers(0, 2), st.integers(0, 20), st.integers(1, 8), st.sampled_from([0.1, 0.2, 0.5, 0.9]))


@given(st.lists(ROWS, max_size=12), st.lists(ROWS, max_size=6))
def test_the_curve_is_what_thresholding_one_by_one_gives(found, labelled):
    segments = [(title, start, start + length, score) for title, start, length, score in found]
    clips = [(title, start, start + length) for title, start, length, _ in labelled]
    columns = np.array([(t, 0, a, b, s) for t, a, b, s in segments], dtype=np.float64).reshape(-1, 5).T
    rows = np.array([(t, 0, a, b) for t, a, b in clips], dtype=np.float64).reshape(-1, 4).T
    curve = operating_curve(
        Predictions(columns[0].astype(np.int64), columns[1].astype(np.int64), *columns[2:]),
        Clips(rows[0].astype(np.int64), rows[1].astype(np.int64), *rows[2:]),
        hours=1.0,
    )

    def meets(segment, clip):
        return segment[0] == clip[0] and segment[1] < clip[2] and clip[1] < segment[2]

    assert curve.score_K.tolist() == sorted({row[3] for row in segments}, reverse=True)
    for k, score in enumerate(curve.score_K):
        flagged = [row for row in segments if row[3] >= score]
        assert curve.flagged_K[k] == len(flagged)
        assert curve.false_K[k] == sum(not any(meets(row, clip) for clip in clips) for row in flagged)
        assert curve.found_K[k] == sum(any(meets(row, clip) for row in flagged) for clip in clips)
