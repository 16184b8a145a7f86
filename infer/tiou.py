"""Temporal intersection over union of predicted segments and labelled clips, for many pairs at once.

Only pairs of the same group (one title and label) can ever match, so pairs are made by a join on the group, block by
block: memory stays bounded however many predictions one title has.

Axes: P predictions, G clips.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

PAIRS_PER_BLOCK = 2_000_000


def temporal_iou(start_s: Floats, end_s: Floats, other_start_s: Floats, other_end_s: Floats) -> Floats:
    """Return intersection / union of intervals, element by element with broadcasting (ActivityNet's formula).

    Two empty intervals give NaN (0 / 0), as in the official code; callers that measure refuse empty intervals first.
    """
    intersection = np.minimum(end_s, other_end_s) - np.maximum(start_s, other_start_s)
    intersection = np.where(intersection < 0.0, 0.0, intersection)
    union = (end_s - start_s) + (other_end_s - other_start_s) - intersection
    with np.errstate(divide="ignore", invalid="ignore"):
        tiou: Floats = intersection / union
    return tiou


def same_group_pairs(groups_P: Indices, clip_groups_G: Indices) -> Iterator[tuple[Indices, Indices]]:
    """Yield all (prediction, clip) pairs of equal group in blocks, predictions ascending.

    Args:
        groups_P: (P,) group of each prediction, any order; small integers >= 0.
        clip_groups_G: (G,) group of each clip, ascending.
    """
    groups = 1 + int(max(groups_P.max(initial=0), clip_groups_G.max(initial=0)))
    bounds = np.searchsorted(clip_groups_G, np.arange(groups + 1))
    first = bounds[groups_P]
    count = bounds[groups_P + 1] - first
    total = np.cumsum(count)
    begin = 0
    while begin < len(groups_P):
        done = total[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(total, done + PAIRS_PER_BLOCK, side="right")))
        block = count[begin:end]
        prediction = np.repeat(np.arange(begin, end), block)
        offset = np.arange(len(prediction)) - np.repeat(np.cumsum(block) - block, block)
        yield prediction, np.repeat(first[begin:end], block) + offset
        begin = end
