import math

import numpy as np
import pytest

from infer.segment_metrics import Onset, onset, segment_f1, segment_metrics


@pytest.fixture
def clips(as_clips):
    """Title 0: 10-20 and 30-40; title 1: 100-110."""
    return as_clips([(0, 0, 10, 20), (0, 0, 30, 40), (1, 0, 100, 110)])


def test_segment_f1_by_hand(clips, as_predictions):
    found = as_predictions(
        [
            (0, 0, 10, 20, 0.9),  # tIoU 1
            (0, 0, 33, 43, 0.8),  # 7 / 13 = 0.54
            (0, 0, 36, 46, 0.7),  # 4 / 16 = 0.25, but its clip is taken
            (1, 0, 108, 118, 0.6),  # 2 / 18 = 0.11
        ]
    )
    assert segment_f1(found, clips).tolist() == pytest.approx([6 / 7, 4 / 7, 4 / 7])


def test_segment_f1_without_segments_or_clips(clips, as_clips, as_predictions):
    assert segment_f1(as_predictions([]), clips).tolist() == [0, 0, 0]
    assert np.isnan(segment_f1(as_predictions([]), as_clips([]))).all()


def test_onset_compares_first_with_first(clips, as_predictions):
    found = as_predictions([(0, 0, 32, 40, 0.9), (0, 0, 6, 8, 0.3), (1, 0, 107, 109, 0.5), (2, 0, 0, 9, 0.9)])
    # title 0: 6 - 10 = -4, title 1: 107 - 100 = +7; title 2 has no clip
    assert onset(found, clips) == Onset(titles=2, detected=2, median_s=1.5, median_absolute_s=5.5)
    assert onset(found.take(found.score_P > 0.4), clips).median_s == (22 + 7) / 2
    assert onset(as_predictions([]), clips) == Onset(2, 0, None, None)


def test_one_label_at_its_threshold(clips, as_predictions):
    whole = as_predictions([(0, 0, 15, 25, 0.9), (1, 0, 0, 9, 0.7), (1, 0, 90, 500, 0.5), (0, 0, 30, 31, 0.2)])
    cut = as_predictions([(0, 0, 15, 25, 0.9), (1, 0, 0, 9, 0.7), (1, 0, 90, 110, 0.5), (0, 0, 30, 31, 0.2)])
    found = segment_metrics(whole, cut, clips, flag=0.5, hours=0.5)
    assert (found.clips, found.found, found.recall) == (3, 2, pytest.approx(2 / 3))
    assert (found.flagged, found.false, found.precision) == (3, 1, pytest.approx(2 / 3))
    assert found.false_per_hour == 2.0
    assert found.precision_at_recall == 0.75  # all clips are found only with the last segment
    # tIoU 5/15 with the first clip, 10/20 with that of title 1
    assert found.f1_K == pytest.approx((4 / 6, 4 / 6, 2 / 6))
    assert found.onset == Onset(2, 2, (5 - 100) / 2, 52.5)


def test_a_recall_that_no_threshold_reaches_has_no_precision(clips, as_predictions):
    few = as_predictions([(0, 0, 10, 40, 0.9)])
    assert segment_metrics(few, few, clips, flag=0.0, hours=1.0).precision_at_recall is None


def test_nothing_flagged(clips, as_predictions):
    few = as_predictions([(0, 0, 10, 40, 0.4)])
    found = segment_metrics(few, few, clips, flag=0.5, hours=0.0)
    assert (found.recall, found.precision, found.false_per_hour) == (0.0, None, None)
    assert found.f1_K == (0.0, 0.0, 0.0)
    assert math.isfinite(found.flag)
