"""Score a title at full length: the network is convolutional, so a title is scored in windows that overlap by what the
convolution reaches, and windowed and unwindowed scores agree.

Axes: T frames, D feature width, C labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import torch

from data.shards import FeatureShard
from data.time_grid import SECONDS, TimeGrid
from infer.title_scores import TitleScores
from model.aggregate import top_k_mean
from model.build import FrameNetwork


def score_title(
    network: FrameNetwork,
    title_id: str,
    features_TD: npt.NDArray[np.float16],
    *,
    window: int,
    top_k_divisor: int,
    grid: TimeGrid = SECONDS,
) -> TitleScores:
    """Score every frame of a title, and the title (Sec. 3.3).

    Args:
        network: in evaluation mode; its device is used.
        features_TD: (T, D), T >= 1.
        window: frames scored at once; any value gives the same scores, a smaller one needs less memory.
        top_k_divisor: of Eq. 5.
        grid: when each frame is seen.
    """
    device = next(network.parameters()).device
    reach = network.reach
    actions, conditionals, foregrounds = [], [], []
    with torch.inference_mode():
        for start in range(0, len(features_TD), window):
            first = max(0, start - reach)
            stop = min(len(features_TD), start + window)
            rows = torch.tensor(features_TD[first : stop + reach], device=device).unsqueeze(0)
            scores = network(rows, torch.ones(rows.shape[:2], dtype=torch.bool, device=device))
            inside = slice(start - first, stop - first)
            evidence = network.evidence(scores)
            actions.append(scores.action_NTC[0, inside])
            if evidence.foreground_NT is not None:
                foregrounds.append(evidence.foreground_NT[0, inside])
            if evidence.conditional_NTC is not None:
                conditionals.append(evidence.conditional_NTC[0, inside])
        action_NTC = torch.cat(actions).unsqueeze(0)
        valid_NT = torch.ones(action_NTC.shape[:2], dtype=torch.bool, device=device)
        title_score_C = top_k_mean(action_NTC, valid_NT, top_k_divisor)[0]
    return TitleScores(
        title_id=title_id,
        foreground_T=torch.cat(foregrounds).cpu().numpy() if foregrounds else None,
        conditional_TC=torch.cat(conditionals).cpu().numpy() if conditionals else None,
        action_TC=action_NTC[0].cpu().numpy(),
        title_score_C=title_score_C.cpu().numpy(),
        grid=grid,
    )


def score_shards(
    network: FrameNetwork, shards: Iterable[FeatureShard], *, window: int, top_k_divisor: int
) -> Iterator[TitleScores]:
    """Score titles one after another; memory holds one title."""
    for shard in shards:
        header = shard.header
        yield score_title(
            network, header.title_id, shard.features, window=window, top_k_divisor=top_k_divisor, grid=header.grid
        )
