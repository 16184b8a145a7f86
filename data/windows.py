"""Batches of windows: which part of which title is seen in which step, and the arrays for it.

Every choice (order, window, background frames) comes from generators seeded by ``(seed, epoch, batch)``, so a batch is
the same whether it is loaded ahead in a thread or after an interruption. Memory holds the batches in flight, never the
catalogue: a title's features are read from its shard when its turn comes.

Axes: N titles, T frames (padded to the longest of the batch), D feature width, C labels, K compared frames.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np
import numpy.typing as npt

from data.errors import SchemaError
from data.shards import read_header, read_shard
from data.targets import BoolArray, FrameTargets, draw_background, window_targets

CLIP_WINDOW_SHARE = 0.9
"""Share of the visits to a long positive title whose window is placed around one of its clips."""
COMPARED_EVENT_FRAMES, COMPARED_BACKGROUND_FRAMES = 32, 96


@dataclass(frozen=True)
class TrainingTitle:
    """A title with features and targets."""

    title_id: str
    shard: Path
    targets: FrameTargets

    @property
    def frames(self) -> int:
        """T."""
        return self.targets.frames


class TitlesOnDemand(Sequence[TrainingTitle]):
    """Titles that are made when their turn comes: memory holds what they are made from, not the frames of all.

    Args:
        make: makes title number n.
        numbers: which titles these are, in their order.
    """

    def __init__(self, make: Callable[[int], TrainingTitle], numbers: range) -> None:
        self._make = make
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> TrainingTitle: ...
    @overload
    def __getitem__(self, index: slice) -> TitlesOnDemand: ...
    def __getitem__(self, index: int | slice) -> TrainingTitle | TitlesOnDemand:
        if isinstance(index, slice):
            return TitlesOnDemand(self._make, self._numbers[index])
        return self._make(self._numbers[index])


@dataclass(frozen=True)
class Batch:
    """One training step's input; padding is False or zero everywhere.

    Args:
        features_NTD: (n, T, D) float16, of the n titles that this process computes: all N, unless there are several.
        valid_NT: (N, T) True where a frame is real.
        positive_NTC, known_NTC: see ``FrameTargets``.
        background_NT: (N, T) the background frames drawn for this visit.
        present_NC, present_known_NC: targets of the title scores.
        background_N: (N,) titles without any activity.
        labelled_NTC, count_NC: see ``FrameTargets``.
        seed_N: (N,) what else is random for a title in this step is drawn from.
        compared_NK: (N, K) frames of each title that L_contrast compares, of its first occurrences and of what was
            drawn as background; -1 where there are no more.
    """

    features_NTD: npt.NDArray[np.float16]
    valid_NT: BoolArray
    positive_NTC: BoolArray
    known_NTC: BoolArray
    background_NT: BoolArray
    present_NC: BoolArray
    present_known_NC: BoolArray
    background_N: BoolArray
    labelled_NTC: BoolArray
    count_NC: npt.NDArray[np.float32]
    seed_N: npt.NDArray[np.int64]
    compared_NK: npt.NDArray[np.int64]


def choose_window(targets: FrameTargets, window: int, rng: np.random.Generator) -> tuple[int, int]:
    """Choose ``[start, stop)`` of at most ``window`` frames, preferring windows that hold a whole clip.

    Not in the paper (T is 3600 and its titles are cut or padded to that).
    """
    total = targets.frames
    if total <= window:
        return 0, total
    start = int(rng.integers(0, total - window + 1))
    labelled = np.flatnonzero(targets.positive_TC.any(axis=0))
    if len(labelled) and rng.random() < CLIP_WINDOW_SHARE:
        inside = np.flatnonzero(targets.positive_TC[:, rng.choice(labelled)])
        first, last = int(inside[0]), int(inside[-1])
        lowest, highest = max(0, last + 1 - window), min(first, total - window)
        if lowest <= highest:
            start = int(rng.integers(lowest, highest + 1))
    return start, start + window


def load_batch(
    titles: Sequence[TrainingTitle],
    *,
    window: int,
    background_share: float,
    rng: np.random.Generator,
    part: slice = slice(None),
) -> Batch:
    """Stack one window of each title; read the shards of a part of them.

    Args:
        part: the titles whose features are read; what is drawn does not depend on it.

    Raises:
        SchemaError: a shard is damaged, or its length is not that of its targets.
    """
    windows, picks = [], []
    for title in titles:
        targets = title.targets
        start, stop = choose_window(targets, window, rng)
        seen = window_targets(targets, start, stop)
        windows.append((start, stop))
        picks.append((seen, draw_background(seen.background_T, background_share, rng)))
    shape = (len(picks), max(targets.frames for targets, _ in picks))
    labels = picks[0][0].positive_TC.shape[1]
    batch = Batch(
        features_NTD=_read_windows(titles, windows, part, shape[1]),
        valid_NT=np.zeros(shape, bool),
        positive_NTC=np.zeros((*shape, labels), bool),
        known_NTC=np.zeros((*shape, labels), bool),
        background_NT=np.zeros(shape, bool),
        present_NC=np.stack([targets.present_C for targets, _ in picks]),
        present_known_NC=np.stack([targets.present_known_C for targets, _ in picks]),
        background_N=np.array([targets.background_title for targets, _ in picks]),
        labelled_NTC=np.zeros((*shape, labels), bool),
        count_NC=np.stack([targets.count_C for targets, _ in picks]),
        seed_N=rng.spawn(1)[0].integers(2**62, size=len(picks)),
        compared_NK=np.full((len(picks), COMPARED_EVENT_FRAMES + COMPARED_BACKGROUND_FRAMES), -1),
    )
    own_rng = rng.spawn(1)[0]
    for n, (targets, drawn_T) in enumerate(picks):
        count = targets.frames
        batch.valid_NT[n, :count] = True
        batch.positive_NTC[n, :count] = targets.positive_TC
        batch.known_NTC[n, :count] = targets.known_TC
        batch.background_NT[n, :count] = drawn_T
        batch.labelled_NTC[n, :count] = targets.labelled_TC
        compared_K = compared_frames(np.asarray(targets.positive_TC.any(axis=1)), drawn_T, own_rng)
        batch.compared_NK[n, : len(compared_K)] = compared_K
    return batch


def compared_frames(event_T: BoolArray, background_T: BoolArray, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Draw at most ``COMPARED_EVENT_FRAMES`` and ``COMPARED_BACKGROUND_FRAMES`` of a title, without replacement.

    Not in the paper, as L_contrast is not. A few frames stand for all: neighbours look alike, and every pair of a
    batch's frames is compared.
    """
    event, background = np.flatnonzero(event_T), np.flatnonzero(background_T)
    drawn = ((event, COMPARED_EVENT_FRAMES), (background, COMPARED_BACKGROUND_FRAMES))
    return np.concatenate([rng.choice(index, size=min(most, len(index)), replace=False) for index, most in drawn])


def _read_windows(
    titles: Sequence[TrainingTitle], windows: Sequence[tuple[int, int]], part: slice, frames: int
) -> npt.NDArray[np.float16]:
    """Return (n, T, D) the features of a part of the titles; n may be 0."""
    chosen = list(zip(titles, windows))[part]
    features_NTD = None
    for n, (title, (start, stop)) in enumerate(chosen):
        features_TD = read_shard(title.shard).features
        if len(features_TD) != title.frames:
            raise SchemaError(f"{title.shard}: {len(features_TD)} frames, its targets have {title.frames}")
        if features_NTD is None:
            features_NTD = np.zeros((len(chosen), frames, features_TD.shape[1]), np.float16)
        features_NTD[n, : stop - start] = features_TD[start:stop]
    if features_NTD is None:
        return np.zeros((0, frames, read_header(titles[0].shard).spec.width), np.float16)
    return features_NTD


def _all(_titles: int) -> slice:
    return slice(None)


def epoch_batches(
    titles: Sequence[TrainingTitle],
    *,
    batch_size: int,
    window: int,
    background_share: float,
    seed: int,
    epoch: int,
    short_window: int = 0,
    part: Callable[[int], slice] = _all,
) -> Iterator[Batch]:
    """Yield every title once, in an order drawn for this epoch, one batch read ahead in a thread.

    Args:
        short_window: where > 0, the window of every other batch, the first included.
        part: which titles' features of a batch of so many are read (``model.peers``).
    """
    order = np.random.default_rng([seed, epoch]).permutation(len(titles))
    starts = range(0, len(order), batch_size)

    def load(number: int) -> Batch:
        rng = np.random.default_rng([seed, epoch, number])
        chosen = [titles[i] for i in order[starts[number] : starts[number] + batch_size]]
        size = short_window if short_window and number % 2 == 0 else window
        own = part(len(chosen))
        return load_batch(chosen, window=size, background_share=background_share, rng=rng, part=own)

    with ThreadPoolExecutor(max_workers=1) as reader:
        upcoming = reader.submit(load, 0) if starts else None
        for number in range(len(starts)):
            assert upcoming is not None
            batch = upcoming.result()
            upcoming = reader.submit(load, number + 1) if number + 1 < len(starts) else None
            yield batch
