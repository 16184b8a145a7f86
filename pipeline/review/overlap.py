"""Which intervals of two people, or of a person and a model, mean the same event."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data.labels import Clip
from infer.tiou import Floats, temporal_iou


def clip_tiou(one: Clip, other: Clip) -> float:
    """Return the temporal intersection over union of two intervals, whatever their labels."""
    return float(tiou_matrix([one], [other])[0, 0])


def match_clips(mine: Sequence[Clip], theirs: Sequence[Clip]) -> list[tuple[int, int, float]]:
    """Pair intervals one to one, the best overlap first.

    Returns:
        (index of mine, index of theirs, tIoU > 0), by index of mine; what has no partner is left out.
    """
    if not mine or not theirs:
        return []
    tiou = tiou_matrix(mine, theirs)
    pairs: list[tuple[int, int, float]] = []
    for place in np.argsort(-tiou, axis=None, kind="stable"):
        i, j = divmod(int(place), len(theirs))
        if tiou[i, j] > 0 and all(i != other and j != another for other, another, _ in pairs):
            pairs.append((i, j, float(tiou[i, j])))
    return sorted(pairs)


def tiou_matrix(mine: Sequence[Clip], theirs: Sequence[Clip]) -> Floats:
    """Return the (mine, theirs) matrix of overlaps."""
    start, end = (np.array([getattr(clip, side) for clip in mine]) for side in ("start_s", "end_s"))
    other_start, other_end = (np.array([getattr(clip, side) for clip in theirs]) for side in ("start_s", "end_s"))
    return temporal_iou(start[:, None], end[:, None], other_start[None], other_end[None])
