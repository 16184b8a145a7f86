"""SF-Net's frame mining: labelled frames grow into their neighbours, once, and training starts afresh.

Axes: T frames, C labels, K = C + 1 outputs, background first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from data.shards import read_shard
from data.targets import BoolArray
from data.windows import TitlesOnDemand, TrainingTitle
from model.settings import SFNetLossSettings
from model.sf_net import SFNet

Probabilities = npt.NDArray[np.floating]


def grow_labels(probability_TK: Probabilities, labelled_TC: BoolArray, *, radius: int, least: float) -> BoolArray:
    """Grow each labelled frame to both sides while its neighbours look like it (SF-Net).

    A neighbour takes the labels of its anchor if the most probable output is the same in the frame before it, in
    itself and in the frame behind it, and the mean probability of the anchor's labels is at least ``least`` times the
    anchor's. Growth stops at the first frame that fails, at one that is labelled already, after ``radius`` frames, and
    where the title has no further frame to look at.

    Returns:
        (T, C) a new array that holds the old labels and the grown ones.
    """
    grown_TC = labelled_TC.copy()
    most_T = probability_TK.argmax(axis=1)
    for anchor in np.flatnonzero(labelled_TC.any(axis=1)):
        score_T = probability_TK[:, 1:][:, labelled_TC[anchor]].mean(axis=1)
        for way in (-1, 1):
            for frame in range(anchor + way, anchor + way * (radius + 1), way):
                around = [frame - way, frame, frame + way]
                if not 0 <= frame + way < len(most_T) or grown_TC[frame].any():
                    break
                if len(set(most_T[around])) > 1 or score_T[frame] < least * score_T[anchor]:
                    break
                grown_TC[frame] = labelled_TC[anchor]
    return grown_TC


def mine_titles(
    titles: Sequence[TrainingTitle], network: SFNet, settings: SFNetLossSettings
) -> Iterator[TrainingTitle]:
    """Yield the titles with grown labels, one read and scored after another, each at its full length.

    Args:
        network: in evaluation mode; its device is used.
    """
    device = network.classifier.multiplier.device
    for title in titles:
        labelled_TC = title.targets.labelled_TC
        if labelled_TC.any():
            rows_NTD = torch.tensor(read_shard(title.shard).features, device=device).unsqueeze(0)
            with torch.inference_mode():
                scores = network(rows_NTD, torch.ones(rows_NTD.shape[:2], dtype=torch.bool, device=device))
            probability_TK = scores.logit_NTK[0].softmax(dim=1).cpu().numpy()
            labelled_TC = grow_labels(
                probability_TK, labelled_TC, radius=settings.mine_radius, least=settings.mine_least
            )
        yield _relabelled(title, labelled_TC)


def labelled_rows(titles: Iterable[TrainingTitle]) -> Tensor:
    """Return (M, 3) int64 of what is labelled, to be saved: title's place in the sequence, frame, label."""
    rows = [np.insert(np.argwhere(title.targets.labelled_TC), 0, place, axis=1) for place, title in enumerate(titles)]
    return torch.from_numpy(np.concatenate([np.zeros((0, 3)), *rows]).astype(np.int64))


def with_labelled_rows(titles: Sequence[TrainingTitle], rows_M3: Tensor) -> Sequence[TrainingTitle]:
    """Return the titles labelled as ``labelled_rows`` saved them."""
    rows = rows_M3.numpy()
    starts = np.searchsorted(rows[:, 0], np.arange(len(titles) + 1))

    def labelled(n: int) -> TrainingTitle:
        title, own = titles[n], rows[starts[n] : starts[n + 1], 1:]
        labelled_TC = np.zeros_like(title.targets.labelled_TC)
        labelled_TC[own[:, 0], own[:, 1]] = True
        return _relabelled(title, labelled_TC)

    return TitlesOnDemand(labelled, range(len(titles)))


def _relabelled(title: TrainingTitle, labelled_TC: BoolArray) -> TrainingTitle:
    return replace(title, targets=replace(title.targets, labelled_TC=labelled_TC))
