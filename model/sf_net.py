"""SF-Net (Ma et al., ECCV 2020; [28] of the paper), appearance stream only: a baseline of Table 3.

It learns from title labels and single labelled frames: one in the middle of each first occurrence (SF-Net-1), or seven
spread over it (SF-Net-2, Sec. 4.3). A classifier with a background output says what a frame shows, a convolutional
branch says whether anything happens there (actionness), and what is scored is their sum.

Axes: N titles, T frames, V real frames, D feature width, F hidden width, C labels, K = C + 1 outputs, background first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from torch import Tensor, nn

from model.coarse2fine import Evidence
from model.masks import title_seeds
from model.packed import convolve, pad_rows, reach, real_rows, spread
from model.squash import squash
from model.three_c_net import FrameClassifier, start_xavier

ACTIONNESS_WEIGHT = 2.0
"""Weight of the actionness in a frame's score (published code)."""


class SFNetScores(NamedTuple):
    """Frame-level outputs; padding holds 0.

    Args:
        action_NTC: (N, T, C) squashed logit + 2 actionness, in (0, 1).
        raw_logit_NTK: (N, T, K) the classifier's logits.
        logit_NTK: (N, T, K) the same times the output's learned multiplier.
        actionness_NT: (N, T) actionness logits.
    """

    action_NTC: Tensor
    raw_logit_NTK: Tensor
    logit_NTK: Tensor
    actionness_NT: Tensor

    def joined(self, join: Callable[[Tensor], Tensor]) -> SFNetScores:
        """Return the scores of a whole batch: ``join`` of every field that has an axis N."""
        return SFNetScores(*(join(part) for part in self))


class Actionness(nn.Module):
    """Two temporal convolutions of three frames, each with ReLU, and one output."""

    def __init__(self, width: int, hidden_width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(width, hidden_width, 3, padding=1)
        self.conv2 = nn.Conv1d(hidden_width, hidden_width, 3, padding=1)
        self.head = nn.Linear(hidden_width, 1)
        self.apply(start_xavier)

    def forward(self, rows_VD: Tensor, lengths_N: Sequence[int]) -> Tensor:
        """Return (V,) logits, float32."""
        hidden = rows_VD
        for conv in (self.conv1, self.conv2):
            hidden = convolve(spread(hidden, lengths_N, reach(conv)), lengths_N, conv).relu_()
        logit_V: Tensor = self.head(hidden).squeeze(1).float()
        return logit_V


class SFNet(nn.Module):
    """The network.

    Args:
        classifier: with C + 1 outputs, the first for background.
        actionness: the other branch.
    """

    def __init__(self, classifier: FrameClassifier, actionness: Actionness) -> None:
        super().__init__()
        self.classifier = classifier
        self.actionness = actionness

    @property
    def reach(self) -> int:
        """How many frames to each side a score depends on."""
        return reach(self.actionness.conv1) + reach(self.actionness.conv2)

    def forward(self, features_NTD: Tensor, valid_NT: Tensor, seed_N: Tensor | None = None) -> SFNetScores:
        """Score frames; arguments as in ``Coarse2Fine``."""
        lengths_N = valid_NT.sum(dim=1).tolist()
        seeds_N = title_seeds(seed_N, len(valid_NT), training=self.training)
        rows_VD = real_rows(features_NTD, lengths_N, normalise=self.classifier.normalise_input)
        _, raw_VK = self.classifier(rows_VD, lengths_N, seeds_N)
        logit_VK = raw_VK * self.classifier.multiplier
        actionness_V = self.actionness(rows_VD, lengths_N)
        action_VC = squash(logit_VK[:, 1:] + ACTIONNESS_WEIGHT * actionness_V.unsqueeze(1))
        return SFNetScores(*(pad_rows(part, valid_NT) for part in (action_VC, raw_VK, logit_VK, actionness_V)))

    def evidence(self, scores: SFNetScores) -> Evidence:
        """Return the squashed actionness as foreground and the squashed logits as conditional scores."""
        return Evidence(squash(scores.actionness_NT), squash(scores.logit_NTK[..., 1:]))
