"""Which frames of a title are known, and which of them hold a label: the truth that frame scores are measured by.

Under the first-occurrence protocol a label is known up to the end of its first occurrence and unknown from there on;
counting the rest as background would punish a network for finding what nobody labelled (Sec. 4.1).

Axes: T known frames. When a frame is seen is said by the title's ``data.time_grid.TimeGrid``.
"""

from __future__ import annotations

import math

import numpy as np

from data.labels import TitleLabels
from data.targets import clip_frames
from data.time_grid import SECONDS, TimeGrid
from infer.protocol import is_interval, measured_clips
from infer.ranking import Flags
from infer.settings import Protocol


def frame_truth(
    labels: TitleLabels, label: str, protocol: Protocol, frames: int, grid: TimeGrid = SECONDS
) -> Flags | None:
    """Return (T,) whether each *known* frame holds the label; frames from T on are unknown.

    Args:
        labels: what annotators said of the title.
        frames: how many frames were scored, at least 1; clips beyond them, or before, are not among the frames.
        grid: when each of them is seen.

    Returns:
        T <= frames flags; None where nothing is known, also when the first occurrence has no valid times.
    """
    found = measured_clips(labels, label, protocol)
    if found is None:
        return None
    clips, end_s = found
    valid = [clip for clip in clips if is_interval(clip.start_s, clip.end_s)]
    if clips and not valid:
        return None
    positive_T = np.zeros(frames, dtype=bool)
    for clip in valid:
        if clip.start_s < grid.time_s(frames) and clip.end_s > grid.start_s:
            positive_T[clip_frames(clip, frames, grid)] = True
    return positive_T if math.isinf(end_s) else positive_T[: grid.rows_until(end_s)]
