"""Coarse2Fine (Sec. 3.2) and the single-head network of its ablations (Table 5).

Both read a padded batch but compute on its real frames only (``model.packed``): a title scores the same in any batch.

Axes: N titles, T frames, V real frames, D feature width, H convolution channels, C labels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from model.masks import RowDropout, title_seeds
from model.packed import convolve, pad_rows, reach, real_rows


class Evidence(NamedTuple):
    """The parts that a network's action score is made of, in [0, 1]; None for networks without them.

    Args:
        foreground_NT: (N, T) foreground score FS.
        conditional_NTC: (N, T, C) conditional action score CS.
    """

    foreground_NT: Tensor | None
    conditional_NTC: Tensor | None


class FrameScores(NamedTuple):
    """Frame-level outputs; padding holds logit and score 0.

    Args:
        action_NTC: (N, T, C) action score AS in [0, 1] (Eq. 1).
        label_logit_NTC: (N, T, C) logits of the conditional action score CS (for the ablations: of AS itself).
        foreground_logit_NT: (N, T) logits of the foreground score FS; None for the ablations.
        hidden_NKF: (N, K, F) hidden rows of the frames that were asked for; None if none were.
    """

    action_NTC: Tensor
    label_logit_NTC: Tensor
    foreground_logit_NT: Tensor | None
    hidden_NKF: Tensor | None = None

    def joined(self, join: Callable[[Tensor], Tensor]) -> FrameScores:
        """Return the scores of a whole batch: ``join`` of every field that has an axis N."""
        return FrameScores(*(None if field is None else join(field) for field in self))  # type: ignore[arg-type]


class Trunk(nn.Module):
    """Temporal convolution and two fully connected layers, each with ReLU, shared by all heads (Sec. 4.2).

    Args:
        width: D.
        conv_channels: H.
        conv_kernel: odd number of frames that it weighs.
        conv_dilation: distance between them in frames.
        fc_channels: widths of the two fully connected layers.
        dropout: before each fully connected layer.
        input_dropout: share of each row's values set to zero, while training.
        normalise_input: divide each row by its root mean square then.
    """

    def __init__(
        self,
        width: int,
        *,
        conv_channels: int,
        conv_kernel: int,
        conv_dilation: int,
        fc_channels: tuple[int, int],
        dropout: float,
        input_dropout: float,
        normalise_input: bool,
    ) -> None:
        super().__init__()
        if conv_kernel % 2 == 0:
            raise ValueError(f"conv_kernel is {conv_kernel}; use an odd length, so that a frame is its own centre")
        padding = conv_kernel // 2 * conv_dilation
        self.conv = nn.Conv1d(width, conv_channels, conv_kernel, padding=padding, dilation=conv_dilation)
        self.fc1 = nn.Linear(conv_channels, fc_channels[0])
        self.fc2 = nn.Linear(fc_channels[0], fc_channels[1])
        self.dropout1, self.dropout2 = RowDropout(dropout, layer=1), RowDropout(dropout, layer=2)
        self.input_dropout = input_dropout
        self.normalise_input = normalise_input

    def forward(self, features_NTD: Tensor, valid_NT: Tensor, seed_N: Tensor | None = None) -> Tensor:
        """Return (V, F) hidden rows of the V real frames, in the order of ``features_NTD[valid_NT]``.

        Args:
            seed_N: see ``data.windows.Batch``; of no account in evaluation mode.
        """
        lengths_N = valid_NT.sum(dim=1).tolist()
        seeds_N = title_seeds(seed_N, len(valid_NT), training=self.training)
        packed_PD = real_rows(
            features_NTD,
            lengths_N,
            normalise=self.normalise_input,
            gap=reach(self.conv),
            dropout=self.input_dropout if self.training else 0.0,
            seeds_N=seeds_N,
        )
        hidden = self.dropout1(convolve(packed_PD, lengths_N, self.conv).relu_(), lengths_N, seeds_N)
        hidden_VF: Tensor = self.fc2(self.dropout2(self.fc1(hidden).relu_(), lengths_N, seeds_N)).relu_()
        return hidden_VF


class Coarse2Fine(nn.Module):
    """Foreground first, then the activity given foreground: AS = FS * CS (Eq. 1 and 2).

    Args:
        trunk: the shared layers.
        labels: C.
        foreground_prior: probability that the foreground head starts with; 0 leaves its bias at 0.
    """

    def __init__(self, trunk: Trunk, labels: int, foreground_prior: float) -> None:
        super().__init__()
        self.trunk = trunk
        self.foreground = nn.Linear(trunk.fc2.out_features, 1)
        self.conditional = nn.Linear(trunk.fc2.out_features, labels)
        if foreground_prior > 0:
            nn.init.constant_(self.foreground.bias, math.log(foreground_prior / (1 - foreground_prior)))

    def forward(
        self,
        features_NTD: Tensor,
        valid_NT: Tensor,
        seed_N: Tensor | None = None,
        compared_NK: Tensor | None = None,
    ) -> FrameScores:
        """Score frames.

        Args:
            features_NTD: (N, T, D) float16 or float32.
            valid_NT: (N, T) True where a frame is real; real frames come first.
            seed_N: (N,) what each title's dropout is drawn from, while training; by default from torch's generator.
            compared_NK: (N, K) frames whose hidden rows are wanted, too; those of -1 are any.
        """
        hidden_VF = self.trunk(features_NTD, valid_NT, seed_N)
        foreground_V = self.foreground(hidden_VF).squeeze(1).float()
        conditional_VC = self.conditional(hidden_VF).float()
        action_VC = torch.sigmoid(foreground_V).unsqueeze(1) * torch.sigmoid(conditional_VC)
        scores = FrameScores(*(pad_rows(part, valid_NT) for part in (action_VC, conditional_VC, foreground_V)))
        if compared_NK is None:
            return scores
        lengths_N = valid_NT.sum(dim=1)
        place_NK = (lengths_N.cumsum(dim=0) - lengths_N).unsqueeze(1) + compared_NK.clamp(min=0)
        return scores._replace(hidden_NKF=hidden_VF[place_NK].float())

    @property
    def reach(self) -> int:
        """How many frames to each side a score depends on."""
        return reach(self.trunk.conv)

    def evidence(self, scores: FrameScores) -> Evidence:
        """Return FS and CS."""
        assert scores.foreground_logit_NT is not None
        return Evidence(torch.sigmoid(scores.foreground_logit_NT), torch.sigmoid(scores.label_logit_NTC))


class SingleHead(nn.Module):
    """The ablation's network: the same trunk and one C-way sigmoid head, no problem decomposition (Table 5)."""

    def __init__(self, trunk: Trunk, labels: int) -> None:
        super().__init__()
        self.trunk = trunk
        self.head = nn.Linear(trunk.fc2.out_features, labels)

    def forward(self, features_NTD: Tensor, valid_NT: Tensor, seed_N: Tensor | None = None) -> FrameScores:
        """Score frames; arguments as in ``Coarse2Fine``."""
        logit_VC = self.head(self.trunk(features_NTD, valid_NT, seed_N)).float()
        return FrameScores(pad_rows(torch.sigmoid(logit_VC), valid_NT), pad_rows(logit_VC, valid_NT), None)

    @property
    def reach(self) -> int:
        """How many frames to each side a score depends on."""
        return reach(self.trunk.conv)

    def evidence(self, scores: FrameScores) -> Evidence:
        """Return nothing: the action score has no parts."""
        return Evidence(None, None)
