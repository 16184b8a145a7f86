"""Computing on the real frames of a padded batch only.

Titles are laid end to end with a gap of zeros as wide as the convolution reaches, which is exactly the zero padding
that each title would get alone. So padding cannot change a result, costs nothing, and a title scores the same in any
batch.

Axes: N titles, T frames, V real frames, P packed rows, D input and H output width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def real_rows(features_NTD: Tensor, valid_NT: Tensor, *, normalise: bool, dropout: float = 0.0) -> Tensor:
    """Return (V, D) float32 rows of the real frames, in the order of ``features_NTD[valid_NT]``.

    Args:
        normalise: divide each row by its root mean square, after dropout.
        dropout: share of the values set to zero.
    """
    rows_VD = functional.dropout(features_NTD[valid_NT].float(), dropout)
    if normalise:
        rows_VD = rows_VD * rows_VD.square().mean(dim=1, keepdim=True).add(1e-6).rsqrt()
    return rows_VD


def convolve(rows_VD: Tensor, lengths_N: Tensor, conv: nn.Conv1d) -> Tensor:
    """Apply a same-padded convolution to each title alone: one matrix product per kernel position over all titles.

    Args:
        lengths_N: (N,) real frames of each title, V in all.
        conv: its kernel is odd and its padding ``reach(conv)``.

    Returns:
        (V, H) rows.
    """
    if torch.is_autocast_enabled(rows_VD.device.type):
        rows_VD = rows_VD.to(torch.get_autocast_dtype(rows_VD.device.type))  # once, not per kernel position
    far, dilation = reach(conv), conv.dilation[0]
    title_V = torch.repeat_interleave(torch.arange(len(lengths_N), device=rows_VD.device), lengths_N)
    place_V = torch.arange(len(rows_VD), device=rows_VD.device) + far * (title_V + 1)
    packed_PD = rows_VD.new_zeros(len(rows_VD) + far * (len(lengths_N) + 1), rows_VD.shape[1])
    packed_PD[place_V] = rows_VD
    span = len(packed_PD) - 2 * far
    out_PH = conv.bias.expand(span, -1) if conv.bias is not None else packed_PD.new_zeros(1)
    for position in range(conv.kernel_size[0]):
        seen_PD = packed_PD[position * dilation : position * dilation + span]
        out_PH = torch.addmm(out_PH, seen_PD, conv.weight[:, :, position].T)
    return out_PH[place_V - far]


def reach(conv: nn.Conv1d) -> int:
    """Return how many frames to each side a convolution sees."""
    return conv.kernel_size[0] // 2 * conv.dilation[0]


def pad_rows(rows_V: Tensor, valid_NT: Tensor) -> Tensor:
    """Put rows of real frames back into a padded (N, T, ...) tensor of zeros."""
    padded = rows_V.new_zeros(*valid_NT.shape, *rows_V.shape[1:])
    padded[valid_NT] = rows_V
    return padded
