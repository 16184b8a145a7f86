"""Computing on the real frames of a padded batch only.

Titles are laid end to end with a gap of zeros as wide as the convolution reaches, which is exactly the zero padding
that each title would get alone. So padding cannot change a result, costs nothing, and a title scores the same in any
batch.

Axes: N titles, T frames, V real frames, P packed rows (V and the gaps), D input and H output width.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from model.masks import MaskStream

CHUNK_ROWS = 256
"""Rows prepared at a time on a CPU: few enough to stay in its cache from the first operation to the last."""
INPUT_LAYER = 0
"""The number of the input among a network's dropout layers."""


def real_rows(
    features_NTD: Tensor,
    lengths_N: Sequence[int],
    *,
    normalise: bool,
    gap: int = 0,
    dropout: float = 0.0,
    seeds_N: Sequence[int] = (),
) -> Tensor:
    """Return (P, D) rows of the real frames, title after title, in the type of matrix products (float32 or autocast's).

    Args:
        lengths_N: real frames of each title; they come first.
        normalise: divide each row by its root mean square, after dropout.
        gap: rows of zeros before, between and behind the titles.
        dropout: share of the values set to zero.
        seeds_N: of the titles, for dropout.
    """
    device = features_NTD.device
    rows = sum(lengths_N) + gap * (len(lengths_N) + 1)
    packed_PD = torch.zeros(rows, features_NTD.shape[2], dtype=_product_type(device), device=device)
    place = gap
    for n, length in enumerate(lengths_N):
        stream = MaskStream(seeds_N[n], INPUT_LAYER, dropout, device) if dropout > 0 else None
        size = CHUNK_ROWS if device.type == "cpu" else max(length, 1)
        for start in range(0, length, size):
            chunk = features_NTD[n, start : min(start + size, length)].to(torch.float32, copy=True)
            if stream is not None:
                chunk *= stream.take(*chunk.shape)
            if normalise:
                chunk *= chunk.square().mean(dim=1, keepdim=True).add_(1e-6).rsqrt_()
            packed_PD[place : place + len(chunk)] = chunk
            place += len(chunk)
        place += gap
    return packed_PD


def spread(rows_VD: Tensor, lengths_N: Sequence[int], gap: int) -> Tensor:
    """Return (P, D) the rows with ``gap`` rows of zeros before, between and behind their titles."""
    zeros = rows_VD.new_zeros(gap, rows_VD.shape[1])
    parts = [rows_VD[:0], zeros]  # without titles, too, it is made of the rows
    for rows in torch.split(rows_VD, list(lengths_N)):
        parts += [rows, zeros]
    return torch.cat(parts)


def convolve(packed_PD: Tensor, lengths_N: Sequence[int], conv: nn.Conv1d) -> Tensor:
    """Apply a same-padded convolution to each title alone: one matrix product per kernel position over all titles.

    Args:
        packed_PD: rows with gaps of ``reach(conv)``.
        lengths_N: real frames of each title, V in all.
        conv: its kernel is odd and its padding ``reach(conv)``.

    Returns:
        (V, H) rows.
    """
    gap, dilation = reach(conv), conv.dilation[0]
    span = max(len(packed_PD) - 2 * gap, 0)  # no titles: one gap, no rows
    out_PH = conv.bias.expand(span, -1) if conv.bias is not None else packed_PD.new_zeros(1)
    weights_KDH = conv.weight.permute(2, 1, 0).contiguous().to(packed_PD.dtype)
    for position, weight_DH in enumerate(weights_KDH.unbind()):
        out_PH = torch.addmm(out_PH, packed_PD[position * dilation : position * dilation + span], weight_DH)
    sizes = [size for length in lengths_N for size in (length, gap)][:-1]
    parts = torch.split(out_PH, sizes)
    return torch.cat([out_PH[:0], *parts[::2]])


def reach(conv: nn.Conv1d) -> int:
    """Return how many frames to each side a convolution sees."""
    return conv.kernel_size[0] // 2 * conv.dilation[0]


def pad_rows(rows_V: Tensor, valid_NT: Tensor) -> Tensor:
    """Put rows of real frames back into a padded (N, T, ...) tensor of zeros."""
    padded = rows_V.new_zeros(*valid_NT.shape, *rows_V.shape[1:])
    padded[valid_NT] = rows_V
    return padded


def _product_type(device: torch.device) -> torch.dtype:
    return torch.get_autocast_dtype(device.type) if torch.is_autocast_enabled(device.type) else torch.float32
