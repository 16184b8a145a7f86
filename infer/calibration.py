"""Whether a score of 0.3 means 30 %: reliability by bins of probability, and their mean gap (ECE).

Not in the paper: what an operator decides by (SPEC.md, Evaluation). The sums of parts add up, so a catalogue is
measured title by title without keeping its frames.

Axes: S samples, B bins.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from infer.ranking import Flags
from infer.tiou import Floats

RELIABILITY_BINS = 10


@dataclass(frozen=True)
class ReliabilityBin:
    """Samples whose score lies in ``[lower, upper)`` (the last bin holds 1, too).

    Args:
        samples: how many.
        mean_score: what the scores claim.
        positive_share: what is true.
    """

    lower: float
    upper: float
    samples: int
    mean_score: float
    positive_share: float


def calibration_sums(score_S: Floats, positive_S: Flags, bins: int = RELIABILITY_BINS) -> Floats:
    """Return (3, B) samples, sum of scores and positives in bins of equal width over [0, 1]; sums of parts add up."""
    bin_S = np.clip((score_S * bins).astype(np.int64), 0, bins - 1)
    weights = (None, score_S, positive_S.astype(np.float64))
    return np.array([np.bincount(bin_S, weights=weight, minlength=bins) for weight in weights], dtype=np.float64)


def expected_calibration_error(sums_3B: Floats) -> float:
    """Return the mean gap between claimed and true share, each bin weighted by its samples; NaN without samples."""
    total = float(sums_3B[0].sum())
    return float(np.abs(sums_3B[1] - sums_3B[2]).sum() / total) if total else math.nan


def reliability_bins(sums_3B: Floats) -> tuple[ReliabilityBin, ...]:
    """Return the bins that hold any sample, lowest scores first."""
    bins = sums_3B.shape[1]
    return tuple(
        ReliabilityBin(b / bins, (b + 1) / bins, int(samples), float(scores / samples), float(positives / samples))
        for b, (samples, scores, positives) in enumerate(sums_3B.T)
        if samples
    )
