"""What flagging from a segment score up would find, and what it would cost: recall, precision, false flags per hour.

Not in the paper: what an operator decides by. A clip is *found* when any flagged segment overlaps it, and a segment is
*false* when it overlaps no clip of its label: a person who is sent to the place sees it or does not, however well the
edges fit. So two segments on one clip are both right, and one long segment can find two clips; mAP judges the edges.

Axes: P segments, G clips, K distinct segment scores, C labels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from infer.average_precision import Clips, Predictions
from infer.ranking import Flags
from infer.tiou import Floats, Indices, same_group_pairs, temporal_iou


@dataclass(frozen=True)
class OperatingCurve:
    """Each row is what flagging all segments of that score or higher reaches.

    Args:
        score_K: (K,) distinct segment scores, highest first.
        flagged_K, false_K: (K,) segments that are flagged, and those of them that overlap no clip.
        found_K: (K,) clips that a flagged segment overlaps.
        clips: clips to be found.
        hours: measured time.
    """

    score_K: Floats
    flagged_K: Indices
    false_K: Indices
    found_K: Indices
    clips: int
    hours: float

    @property
    def recall(self) -> Floats:
        """(K,) share of the clips that are found; NaN without clips."""
        return self.found_K / (self.clips or math.nan)

    @property
    def precision(self) -> Floats:
        """(K,) share of the flagged segments that overlap a clip."""
        return 1 - self.false_K / self.flagged_K

    @property
    def false_per_hour(self) -> Floats:
        """(K,) false segments per measured hour; NaN where no time was measured."""
        return self.false_K / (self.hours or math.nan)

    def from_score(self, score: float) -> int:
        """Return how many distinct scores are at least ``score``: the row before it is what that threshold reaches."""
        return int(np.searchsorted(-self.score_K, -score, side="right"))


def operating_curve(predictions: Predictions, clips: Clips, hours: float) -> OperatingCurve:
    """Judge the segments of one label at every threshold.

    Args:
        predictions: candidates, cut to the measured spans; any order.
        clips: all clips of that label; any order.
        hours: measured time.
    """
    true_P, clip_score_G = overlaps(predictions, clips)
    score_K = np.unique(predictions.score_P)[::-1]
    at_least = [_count_from(score_K, values) for values in (predictions.score_P, predictions.score_P[~true_P])]
    found_K = _count_from(score_K, clip_score_G[np.isfinite(clip_score_G)])
    return OperatingCurve(score_K, at_least[0], at_least[1], found_K, len(clips.title_G), hours)


def overlaps(predictions: Predictions, clips: Clips) -> tuple[Flags, Floats]:
    """Return (P,) whether a segment overlaps any clip of its title, and (G,) the best score over a clip, or -inf.

    Args:
        predictions, clips: of one label.
    """
    order = np.argsort(clips.title_G, kind="stable")
    ordered = clips.take(order)
    true_P = np.zeros(len(predictions), dtype=bool)
    best_G = np.full(len(order), -np.inf)
    for prediction, clip in same_group_pairs(predictions.title_P, ordered.title_G):
        tiou = temporal_iou(
            predictions.start_s_P[prediction],
            predictions.end_s_P[prediction],
            ordered.start_s_G[clip],
            ordered.end_s_G[clip],
        )
        touching = tiou > 0
        true_P[prediction[touching]] = True
        np.maximum.at(best_G, clip[touching], predictions.score_P[prediction[touching]])
    clip_score_G = np.empty(len(order))
    clip_score_G[order] = best_G
    return true_P, clip_score_G


def _count_from(score_K: Floats, value_S: Floats) -> Indices:
    """Return (K,) how many values are at least each score."""
    return len(value_S) - np.searchsorted(np.sort(value_S), score_K, side="left")
