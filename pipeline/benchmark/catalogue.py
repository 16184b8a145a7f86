"""Tables 1 and 2: how many clips a catalogue has, how long they are, and how rare what they show is.

The second table needs every occurrence of every label. Titles in which only firsts are labelled would make events look
rarer, and titles without any label are complete by themselves, so counting all complete titles would do so, too.
Therefore whole splits count: those that hold clips and in which all labelled titles are complete; if there are none,
all titles do, and the table says that its shares are lower bounds.

Axes: T frames, C labels. A frame is a row of the features, which says what seconds it covers (``TimeGrid``); all have
the same length, so shares of frames are shares of time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from data.catalogue import Catalogue
from data.labels import Clip, TitleLabels
from data.manifest import SPLITS
from data.shards import ShardHeader
from data.targets import clip_frames
from data.time_grid import TimeGrid
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
        step_s: seconds of a frame.
        labels: one entry a label.
        foreground: frames that hold any label; its share among the foreground is 1.
    """

    splits: tuple[str, ...]
    is_lower_bound: bool
    titles: int
    frames: int
    labels: tuple[LabelShare, ...]
    foreground: LabelShare
    step_s: float = 1.0


@dataclass(frozen=True)
class _Rows:
    """How many frames a labelled title has, and when each is seen."""

    frames: int
    grid: TimeGrid
    labels: TitleLabels


def frame_shares(
    catalogue: Catalogue, labels: Sequence[str], headers: Mapping[str, ShardHeader] | None = None
) -> FrameShares | None:
    """Count the frames that hold each label; None when no labelled title states a duration or has features.

    Args:
        catalogue: titles and labels.
        labels: C names.
        headers: of the shards that there are: how many rows a title has, at what rate. A title without one has as many
            as fit into its stated duration.
    """
    headers = headers or {}
    step_s = next((header.spec.step_s for header in headers.values()), 1.0)
    usable = {split: _usable(catalogue, split, headers, step_s) for split in SPLITS}
    complete = [split for split in SPLITS if _is_complete([one.labels for one in usable[split]], labels)]
    counted = complete or [split for split in SPLITS if usable[split]]
    titles = [title for split in counted for title in usable[split]]
    if not titles:
        return None
    held_C, foreground, frames = _count(titles, labels)
    shares = [_share(label, int(held), foreground, frames) for label, held in zip(labels, held_C)]
    anything = _share("any", foreground, foreground, frames)
    return FrameShares(tuple(counted), not complete, len(titles), frames, tuple(shares), anything, step_s)


def _usable(catalogue: Catalogue, split: str, headers: Mapping[str, ShardHeader], step_s: float) -> list[_Rows]:
    """Return the labelled titles of a split whose length is known."""
    found = []
    for title in catalogue.in_split(split):
        labels = catalogue.labels[title.title_id]
        header = headers.get(title.title_id)
        if not labels.is_labelled:
            continue
        if header is not None:
            found.append(_Rows(header.frames, header.grid, labels))
        elif title.duration_s is not None:
            grid = TimeGrid(step_s=step_s)
            found.append(_Rows(max(grid.rows_until(title.duration_s), 1), grid, labels))
    return found


def _is_complete(titles: Sequence[TitleLabels], labels: Sequence[str]) -> bool:
    """Say whether every occurrence in these titles is labelled; titles that are known to hold nothing show nothing."""
    known = all(
        measured_clips(title, label, Protocol.ALL_OCCURRENCE) is not None for title in titles for label in labels
    )
    return known and any(title.occurrences for title in titles)


def _count(titles: Iterable[_Rows], labels: Sequence[str]) -> tuple[np.ndarray, int, int]:
    """Return (C,) frames that hold each label, frames that hold any, and all frames."""
    held_C, foreground, frames = np.zeros(len(labels), np.int64), 0, 0
    for title in titles:
        length = title.frames
        holds_TC = np.zeros((length, len(labels)), bool)
        for c, label in enumerate(labels):
            for clip in _clips(title.labels, label):
                if clip.start_s < title.grid.time_s(length) and clip.end_s > title.grid.start_s:
                    holds_TC[clip_frames(clip, length, title.grid), c] = True
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
