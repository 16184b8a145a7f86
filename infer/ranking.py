"""How well scores put positives above negatives: step-wise average precision, AUROC, precision at a wanted recall.

Not in the paper: what an operator decides by (SPEC.md, Evaluation). Everything is read off one small table, positives
and negatives at each distinct score, so equal scores are always judged together: no order within a tie can be a merit.
The average precision here is the plain sum over steps of recall; ``infer.average_precision`` is ActivityNet's, with
an envelope and a matcher, for segments.

Axes: S samples, K distinct scores.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from infer.tiou import Floats, Indices

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Ranking:
    """Samples by their score.

    Args:
        score_K: (K,) distinct scores, highest first.
        positives_K, negatives_K: (K,) how many samples have that score.
    """

    score_K: Floats
    positives_K: Indices
    negatives_K: Indices

    @property
    def positives(self) -> int:
        return int(self.positives_K.sum())

    @property
    def samples(self) -> int:
        return int((self.positives_K + self.negatives_K).sum())


def rank_samples(score_S: Floats, positive_S: Flags) -> Ranking:
    """Count positives and negatives at each distinct score."""
    ascending, place_S = np.unique(score_S, return_inverse=True)
    positives, every = (np.bincount(place_S[rows], minlength=len(ascending)) for rows in (positive_S, slice(None)))
    return Ranking(ascending[::-1].astype(np.float64), positives[::-1], (every - positives)[::-1])


def step_average_precision(ranking: Ranking) -> float:
    """Return the sum over thresholds of precision times the recall gained there; NaN without positives.

    A random score reaches the share of positives, a perfect one 1.
    """
    if ranking.positives == 0:
        return math.nan
    precision_K, _ = precision_recall(ranking)
    return float((precision_K * ranking.positives_K).sum() / ranking.positives)


def auroc(ranking: Ranking) -> float:
    """Return the chance that a positive scores above a negative, ties half (Mann-Whitney); NaN if either lacks."""
    negatives = int(ranking.negatives_K.sum())
    if ranking.positives == 0 or negatives == 0:
        return math.nan
    below_K = negatives - np.cumsum(ranking.negatives_K)
    won = ranking.positives_K * (below_K + ranking.negatives_K / 2)
    return float(won.sum() / (float(ranking.positives) * negatives))


def precision_at_recall(ranking: Ranking, recall: float) -> float:
    """Return the best precision of any threshold whose recall is at least ``recall``; NaN without positives."""
    if ranking.positives == 0:
        return math.nan
    precision_K, recall_K = precision_recall(ranking)
    return float(precision_K[recall_K >= recall - 1e-12].max())


def precision_recall(ranking: Ranking) -> tuple[Floats, Floats]:
    """Return (K,) precision and (K,) recall when everything from each distinct score up is called positive."""
    found_K = np.cumsum(ranking.positives_K)
    called_K = np.cumsum(ranking.positives_K + ranking.negatives_K)
    return found_K / called_K, found_K / max(1, ranking.positives)
