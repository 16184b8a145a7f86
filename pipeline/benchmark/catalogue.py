"""Tables 1 and 2: how many clips a catalogue has, how long they are, and how rare what they show is.

The second table needs every occurrence of every label. Titles in which only firsts are labelled would make events look
rarer, and titles without any label are complete by themselves, so counting all complete titles would do so, too.
Therefore whole splits count: those that hold clips and in which all labelled titles are complete; if there are none,
all titles do, and the table says that its shares are lower bounds.

Axes: T frames, C labels. Frame i covers ``[i, i + 1)`` seconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from data.catalogue import Catalogue
from data.labels import Clip, TitleLabels
from data.manifest import SPLITS
from data.targets import clip_frames
from infer.protocol import is_interval, measured_clips
from infer.settings import Protocol


@dataclass(frozen=True)
class LabelShare:
    """One label's column of Table 2, or that of all labels together.

    Args:
        frames: that hold the label.
        of_all, of_foreground: their share of all frames, and of the frames with any label.
    """

    label: str
    frames: int
    of_all: float
    of_foreground: float

    @property
    def imbalance(self) -> float | None:
        """Frames without the label for each frame with it."""
        return _odds_against(self.of_all)

    @property
    def foreground_imbalance(self) -> float | None:
        """The same among frames with any label."""
        return _odds_against(self.of_foreground)

    @property
    def lift(self) -> float | None:
        """How much more frequent the label is among foreground frames (Table 2: about 30)."""
        return self.of_foreground / self.of_all if self.of_all > 0 else None


@dataclass(frozen=True)
class FrameShares:
    """Table 2.

    Args:
        splits: whose titles were counted.
        is_lower_bound: some occurrences are not labelled.
        titles, frames: counted.
        labels: one entry a label.
        foreground: frames that hold any label; its share among the foreground is 1.
    """

    splits: tuple[str, ...]
    is_lower_bound: bool
    titles: int
    frames: int
    labels: tuple[LabelShare, ...]
    foreground: LabelShare


def frame_shares(catalogue: Catalogue, labels: Sequence[str]) -> FrameShares | None:
    """Count the frames that hold each label; None when no labelled title states a duration."""
    usable = {split: _usable(catalogue, split) for split in SPLITS}
    complete = [split for split in SPLITS if _is_complete([one for _, one in usable[split]], labels)]
    counted = complete or [split for split in SPLITS if usable[split]]
    titles = [title for split in counted for title in usable[split]]
    if not titles:
        return None
    held_C, foreground, frames = _count(titles, labels)
    shares = [_share(label, int(held), foreground, frames) for label, held in zip(labels, held_C)]
    anything = _share("any", foreground, foreground, frames)
    return FrameShares(tuple(counted), not complete, len(titles), frames, tuple(shares), anything)


def _usable(catalogue: Catalogue, split: str) -> list[tuple[int, TitleLabels]]:
    """Return frames and labels of the labelled titles of a split whose duration is known."""
    return [
        (max(math.ceil(title.duration_s), 1), catalogue.labels[title.title_id])
        for title in catalogue.in_split(split)
        if title.duration_s is not None and catalogue.labels[title.title_id].is_labelled
    ]


def _is_complete(titles: Sequence[TitleLabels], labels: Sequence[str]) -> bool:
    """Say whether every occurrence in these titles is labelled; titles that are known to hold nothing show nothing."""
    known = all(
        measured_clips(title, label, Protocol.ALL_OCCURRENCE) is not None for title in titles for label in labels
    )
    return known and any(title.occurrences for title in titles)


def _count(titles: Iterable[tuple[int, TitleLabels]], labels: Sequence[str]) -> tuple[np.ndarray, int, int]:
    """Return (C,) frames that hold each label, frames that hold any, and all frames."""
    held_C, foreground, frames = np.zeros(len(labels), np.int64), 0, 0
    for length, title in titles:
        holds_TC = np.zeros((length, len(labels)), bool)
        for c, label in enumerate(labels):
            for clip in _clips(title, label):
                if clip.start_s < length:
                    holds_TC[clip_frames(clip, length), c] = True
        held_C += holds_TC.sum(axis=0)
        foreground += int(holds_TC.any(axis=1).sum())
        frames += length
    return held_C, foreground, frames


def _clips(title: TitleLabels, label: str) -> list[Clip]:
    first = [title.first[label]] if label in title.first else []
    others = [clip for clip in title.occurrences or () if clip.label == label]
    return [clip for clip in (*first, *others) if is_interval(clip.start_s, clip.end_s)]


def _share(label: str, held: int, foreground: int, frames: int) -> LabelShare:
    return LabelShare(label, held, held / frames, held / foreground if foreground else 0.0)


def _odds_against(share: float) -> float | None:
    return (1 - share) / share if share > 0 else None
