"""From first-occurrence labels to what each frame teaches (Sec. 4.2, Implementation Details).

A first occurrence says three things of its label: the frames inside are positive, the frames before are negative, and
of everything after we know nothing, because nobody watched on. Keeping *unknown* apart from *background* is the point
of this module.

Axes: T frames, C labels. Which seconds frame i covers is said by the title's ``data.time_grid.TimeGrid``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from data.labels import Clip, TitleLabels
from data.time_grid import SECONDS, TimeGrid

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class FrameTargets:
    """Targets of one title, or of a window of it.

    Args:
        positive_TC: (T, C) the frame touches the label's first occurrence.
        known_TC: (T, C) the label's target at this frame is known; always True where positive.
        background_T: (T,) candidate for a background frame: surely no label is present.
        present_C: (C,) target of the title score: the title contains the label.
        present_known_C: (C,) the target above is known (for a window: and holds in the window).
        background_title: every label is known to be absent from the title.
        labelled_TC: (T, C) the frames of ``positive_TC`` that single-frame supervision is told of; all for the others.
        count_C: (C,) float32, how often the label occurs; NaN where nobody counted (for a window: or not in it).
    """

    positive_TC: BoolArray
    known_TC: BoolArray
    background_T: BoolArray
    present_C: BoolArray
    present_known_C: BoolArray
    background_title: bool
    labelled_TC: BoolArray
    count_C: npt.NDArray[np.float32]

    @property
    def frames(self) -> int:
        """T."""
        return len(self.background_T)


def clip_frames(clip: Clip, frames: int, grid: TimeGrid = SECONDS) -> slice:
    """Return the frames that touch ``[start_s, end_s)``: at least one, and inside ``[0, frames)``."""
    return grid.touched(clip.start_s, clip.end_s, frames)


def sampled_frames(clip: Clip, frames: int, count: int, grid: TimeGrid = SECONDS) -> list[int]:
    """Return the frames that single-frame supervision is told of: at ``s + (j + 1/2) (e - s) / count``, unique.

    One is the middle of the clip, as SF-Net-1 is trained; seven are SF-Net-2 (Sec. 4.3).
    """
    step_s = (clip.end_s - clip.start_s) / count
    inside = clip_frames(clip, frames, grid)
    places = (grid.row(clip.start_s + (j + 0.5) * step_s) for j in range(count))
    return sorted({min(max(place, inside.start), inside.stop - 1) for place in places})


def frame_targets(
    title: TitleLabels,
    labels: Sequence[str],
    frames: int,
    *,
    grid: TimeGrid = SECONDS,
    unknown: Literal["ignore", "background"] = "ignore",
    frames_per_clip: int = 0,
    occurrences: Literal["first", "all"] = "first",
) -> FrameTargets:
    """Turn a title's labels into frame targets (Sec. 4.2).

    Args:
        title: what annotators said.
        labels: C names, in the order of the last axis.
        frames: T >= 1.
        grid: when each frame is seen.
        unknown: ``ignore`` leaves frames after a first occurrence out; ``background`` is the literal reading of the
            paper for the conditional scores: every frame outside the labelled clip is negative.
        frames_per_clip: how many frames of a clip ``labelled_TC`` holds, see ``sampled_frames``; 0 is all of them.
        occurrences: ``all`` also tells of the later ones, in a title that has them labelled: nothing in it is unknown
            then. Not in the paper: full supervision, the upper bound of what its labels can teach.

    Returns:
        targets of the whole title. Background candidates are the frames before the *earliest* first occurrence of any
        label (with all occurrences: the frames without any), and none at all if a label is, or may be, present without
        a labelled clip.
    """
    every = title.occurrences if occurrences == "all" else None
    targets = _empty_targets(title, labels, frames, labelled_apart=frames_per_clip > 0)
    for c, label in enumerate(labels):
        clips = [clip for clip in (title.first.values() if every is None else every) if clip.label == label]
        present = True if clips else title.present.get(label)
        targets.present_C[c] = present is True
        targets.present_known_C[c] = present is not None
        for clip in clips:
            inside = clip_frames(clip, frames, grid)
            targets.positive_TC[inside, c] = True
            targets.known_TC[: frames if every is not None or unknown == "background" else inside.stop, c] = True
            targets.background_T[inside.start : frames if every is None else inside.stop] = False
            if frames_per_clip:
                targets.labelled_TC[sampled_frames(clip, frames, frames_per_clip, grid), c] = True
        if present is False:
            targets.known_TC[:, c] = True
        elif not clips:
            targets.background_T[:] = False
    background_title = bool(targets.present_known_C.all() and not targets.present_C.any())
    return replace(targets, background_title=background_title)


def _empty_targets(title: TitleLabels, labels: Sequence[str], frames: int, *, labelled_apart: bool) -> FrameTargets:
    """Return targets of which no clip is told yet: all frames may be background, nothing is known.

    Args:
        labelled_apart: single-frame supervision is told of fewer frames than are positive; else both are one array.
    """
    positive_TC = np.zeros((frames, len(labels)), bool)
    return FrameTargets(
        positive_TC=positive_TC,
        known_TC=np.zeros_like(positive_TC),
        background_T=np.ones(frames, bool),
        present_C=np.zeros(len(labels), bool),
        present_known_C=np.zeros(len(labels), bool),
        background_title=False,
        labelled_TC=np.zeros_like(positive_TC) if labelled_apart else positive_TC,
        count_C=_counts(title, labels),
    )


def _counts(title: TitleLabels, labels: Sequence[str]) -> npt.NDArray[np.float32]:
    """Return how often each label occurs; NaN where it is not known to be absent and only its first is labelled."""
    count_C = np.full(len(labels), np.nan, np.float32)
    for c, label in enumerate(labels):
        if title.occurrences is not None:
            count_C[c] = sum(clip.label == label for clip in title.occurrences)
        elif label not in title.first and title.present.get(label) is False:
            count_C[c] = 0
    return count_C


def window_targets(targets: FrameTargets, start: int, stop: int) -> FrameTargets:
    """Cut targets to the frames ``[start, stop)``.

    Not in the paper: titles longer than T are trained on windows. A label that is present, but whose first occurrence
    is not wholly inside the window, may or may not be seen there: it drops out of the title target.
    """
    if start == 0 and stop == targets.frames:
        return targets
    inside_C = targets.positive_TC[start:stop].sum(axis=0)
    whole_C = (inside_C > 0) & (inside_C == targets.positive_TC.sum(axis=0))
    return FrameTargets(
        positive_TC=targets.positive_TC[start:stop],
        known_TC=targets.known_TC[start:stop],
        background_T=targets.background_T[start:stop],
        present_C=targets.present_C,
        present_known_C=targets.present_known_C & (~targets.present_C | whole_C),
        background_title=targets.background_title,
        labelled_TC=targets.labelled_TC[start:stop],
        count_C=np.where(targets.count_C == 0, targets.count_C, np.float32(np.nan)),
    )


def draw_background(candidates_T: BoolArray, share: float, rng: np.random.Generator) -> BoolArray:
    """Draw ``share`` of the background candidates for this visit (Sec. 4.2: 20 %), at least one if there is any."""
    index = np.flatnonzero(candidates_T)
    drawn_T = np.zeros_like(candidates_T)
    if len(index):
        count = max(1, round(share * len(index)))
        drawn_T[rng.choice(index, size=count, replace=False)] = True
    return drawn_T
