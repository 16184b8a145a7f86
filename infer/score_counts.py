"""Frame scores of any number of titles, counted instead of kept: memory stays the same for 2 and for 41,234 titles.

A catalogue has 10^8 frames; a ranking needs them sorted. So scores fall into fine bins of their log-odds, where a
score of 0.0001 is as well resolved as one of 0.9999: within a bin the odds differ by 0.04 %, and frames in one bin
count as ties. Calibration needs only sums per bin of probability, which are exact.

Axes: S samples, B bins.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from infer.calibration import calibration_sums
from infer.ranking import Flags, Ranking
from infer.tiou import Floats, Indices

BINS = 1 << 17
LIMIT = 24.0
"""Log-odds beyond this are one bin: float32 has no probability between 1 - 6e-8 (log-odds 16.6) and 1."""


class ScoreCounts:
    """Counts of one label's samples by score and truth, and the sums that calibration needs."""

    def __init__(self) -> None:
        self._counts_2B = np.zeros((2, BINS), dtype=np.int64)
        self.calibration_sums = calibration_sums(np.zeros(0), np.zeros(0, dtype=bool))

    def add(self, score_S: npt.NDArray[np.float32] | Floats, positive_S: Flags) -> None:
        """Count samples.

        Args:
            score_S: (S,) in [0, 1].
            positive_S: (S,) truth.
        """
        np.add.at(self._counts_2B, (positive_S.astype(np.int64), score_bins(score_S)), 1)
        self.calibration_sums += calibration_sums(score_S.astype(np.float64), positive_S)

    def ranking(self) -> Ranking:
        """Return the samples by score; a bin's score is that of its middle."""
        used = np.flatnonzero(self._counts_2B.any(axis=0))[::-1]
        logit_K = (used + 0.5) * (2 * LIMIT / BINS) - LIMIT
        return Ranking(1 / (1 + np.exp(-logit_K)), self._counts_2B[1, used], self._counts_2B[0, used])


def score_bins(score_S: npt.NDArray[np.float32] | Floats) -> Indices:
    """Return (S,) the bin of each score in [0, 1]; a higher score is never in a lower bin."""
    score = score_S.astype(np.float64)
    with np.errstate(divide="ignore"):
        logit = np.clip(np.log(score) - np.log1p(-score), -LIMIT, LIMIT)
    bins: Indices = ((logit + LIMIT) * (BINS / (2 * LIMIT))).astype(np.int64)
    return np.minimum(bins, BINS - 1)
