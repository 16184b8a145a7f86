"""Unbounded scores as scores in (0, 1), and back.

3C-Net and SF-Net end in logits of a softmax over labels, plus actionness: neither is a probability of a frame. Every
table, threshold and tuning grid of ours lives in [0, 1], so their scores pass through one strictly increasing map. A
strictly increasing map changes no ranking of frames, no maximum of a segment's frames and no set of frames above a
threshold, hence no segment and no mAP. The logistic function would do so on paper, but in float32 it is 1 from 17
upwards, where these logits live, and ties would then decide; ``x / (1 + |x|)`` tells frames apart far beyond that.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from torch import Tensor

Score = TypeVar("Score", Tensor, npt.NDArray[np.floating[Any]])

LARGEST = 1 - 1e-9
"""Largest magnitude that ``unsquash`` inverts: a float32 that was rounded to 0 or 1 becomes 10^9, not infinite."""


def squash(score: Score) -> Score:
    """Map (-inf, inf) to (0, 1), strictly increasing; 0 becomes 1/2."""
    return 0.5 + 0.5 * score / (1 + abs(score))


def unsquash(score: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
    """Return what ``squash`` was given, in float64."""
    centred = np.clip(2 * score.astype(np.float64) - 1, -LARGEST, LARGEST)
    result: npt.NDArray[np.float64] = centred / (1 - np.abs(centred))
    return result
