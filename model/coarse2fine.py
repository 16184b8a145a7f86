"""Coarse2Fine (Sec. 3.2) and the single-head network of its ablations (Table 5).

Both read a padded batch but compute on its real frames only: titles are laid end to end with a gap of zeros as wide as
the convolution reaches, which is exactly the zero padding that each title would get alone. So padding cannot change a
result, costs nothing, and a title scores the same in any batch.

Axes: N titles, T frames, P packed rows, D feature width, H convolution channels, C labels.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn


class FrameScores(NamedTuple):
    """Frame-level outputs; padding holds logit and score 0.

    Args:
        action_NTC: (N, T, C) action score AS in [0, 1] (Eq. 1).
        label_logit_NTC: (N, T, C) logits of the conditional action score CS (for the ablations: of AS itself).
        foreground_logit_NT: (N, T) logits of the foreground score FS; None for the ablations.
    """

    action_NTC: Tensor
    label_logit_NTC: Tensor
    foreground_logit_NT: Tensor | None


class Trunk(nn.Module):
    """Temporal convolution and two fully connected layers, each with ReLU, shared by all heads (Sec. 4.2).

    Args:
        width: D.
        conv_channels: H.
        conv_kernel: odd number of frames that it weighs.
        conv_dilation: distance between them in frames.
        fc_channels: widths of the two fully connected layers.
        dropout: before each fully connected layer.
        normalise_input: divide each row by its root mean square first.
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
        normalise_input: bool,
    ) -> None:
        super().__init__()
        if conv_kernel % 2 == 0:
            raise ValueError(f"conv_kernel is {conv_kernel}; use an odd length, so that a frame is its own centre")
        self.reach = conv_kernel // 2 * conv_dilation
        self.conv = nn.Conv1d(width, conv_channels, conv_kernel, padding=self.reach, dilation=conv_dilation)
        self.dropout = nn.Dropout(dropout)
        self.fc1 = nn.Linear(conv_channels, fc_channels[0])
        self.fc2 = nn.Linear(fc_channels[0], fc_channels[1])
        self.normalise_input = normalise_input

    def forward(self, features_NTD: Tensor, valid_NT: Tensor) -> Tensor:
        """Return (V, F) hidden rows of the V real frames, in the order of ``features_NTD[valid_NT]``."""
        rows_VD = features_NTD[valid_NT].float()
        if self.normalise_input:
            rows_VD = rows_VD * rows_VD.square().mean(dim=1, keepdim=True).add(1e-6).rsqrt()
        hidden_VH = torch.relu(self._convolve(rows_VD, valid_NT.sum(dim=1)))
        hidden = torch.relu(self.fc1(self.dropout(hidden_VH)))
        return torch.relu(self.fc2(self.dropout(hidden)))

    def _convolve(self, rows_VD: Tensor, lengths_N: Tensor) -> Tensor:
        """Convolve each title alone, as one matrix product per kernel position over all titles at once."""
        if torch.is_autocast_enabled(rows_VD.device.type):
            rows_VD = rows_VD.to(torch.get_autocast_dtype(rows_VD.device.type))  # once, not per kernel position
        reach, dilation = self.reach, self.conv.dilation[0]
        title_V = torch.repeat_interleave(torch.arange(len(lengths_N), device=rows_VD.device), lengths_N)
        place_V = torch.arange(len(rows_VD), device=rows_VD.device) + reach * (title_V + 1)
        packed_PD = rows_VD.new_zeros(len(rows_VD) + reach * (len(lengths_N) + 1), rows_VD.shape[1])
        packed_PD[place_V] = rows_VD
        span = len(packed_PD) - 2 * reach
        out_PH = self.conv.bias.expand(span, -1) if self.conv.bias is not None else packed_PD.new_zeros(1)
        for position in range(self.conv.kernel_size[0]):
            seen_PD = packed_PD[position * dilation : position * dilation + span]
            out_PH = torch.addmm(out_PH, seen_PD, self.conv.weight[:, :, position].T)
        return out_PH[place_V - reach]


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

    def forward(self, features_NTD: Tensor, valid_NT: Tensor) -> FrameScores:
        """Score frames.

        Args:
            features_NTD: (N, T, D) float16 or float32.
            valid_NT: (N, T) True where a frame is real; real frames come first.
        """
        hidden = self.trunk(features_NTD, valid_NT)
        foreground_V = self.foreground(hidden).squeeze(1).float()
        conditional_VC = self.conditional(hidden).float()
        action_VC = torch.sigmoid(foreground_V).unsqueeze(1) * torch.sigmoid(conditional_VC)
        return FrameScores(_pad(action_VC, valid_NT), _pad(conditional_VC, valid_NT), _pad(foreground_V, valid_NT))


class SingleHead(nn.Module):
    """The ablation's network: the same trunk and one C-way sigmoid head, no problem decomposition (Table 5)."""

    def __init__(self, trunk: Trunk, labels: int) -> None:
        super().__init__()
        self.trunk = trunk
        self.head = nn.Linear(trunk.fc2.out_features, labels)

    def forward(self, features_NTD: Tensor, valid_NT: Tensor) -> FrameScores:
        """Score frames; arguments as in ``Coarse2Fine``."""
        logit_VC = self.head(self.trunk(features_NTD, valid_NT)).float()
        return FrameScores(_pad(torch.sigmoid(logit_VC), valid_NT), _pad(logit_VC, valid_NT), None)


def _pad(rows_V: Tensor, valid_NT: Tensor) -> Tensor:
    """Put rows of real frames back into a padded (N, T, ...) tensor of zeros."""
    padded = rows_V.new_zeros(*valid_NT.shape, *rows_V.shape[1:])
    padded[valid_NT] = rows_V
    return padded
