"""Title scores: the mean of the k highest action scores of a title (Sec. 3.2.5, Eq. 5).

Axes: N titles, T frames, C labels, K the most frames that any title of the batch averages.
"""

from __future__ import annotations

import torch
from torch import Tensor


def top_k_count(valid_NT: Tensor, divisor: int) -> Tensor:
    """Return k = ceil(valid / divisor) per title, (N,) int64, at least 1; never from the padded length.

    The paper leaves k open; the code it cites uses a divisor of 8.
    """
    frames_N = valid_NT.sum(dim=1)
    return torch.div(frames_N + divisor - 1, divisor, rounding_mode="floor").clamp(min=1)


def top_k_mean(action_NTC: Tensor, valid_NT: Tensor, divisor: int) -> Tensor:
    """Average the k highest scores of each title and label (Eq. 5).

    Args:
        action_NTC: (N, T, C) action scores.
        valid_NT: (N, T) True where a frame is real; padding never wins.
        divisor: k = ceil(valid / divisor).

    Returns:
        (N, C) title scores.
    """
    k_N = top_k_count(valid_NT, divisor)
    masked_NTC = action_NTC.masked_fill(~valid_NT.unsqueeze(-1), float("-inf"))
    most = int(k_N.max())
    top_NKC = masked_NTC.topk(most, dim=1).values
    counted_NK = torch.arange(most, device=k_N.device).unsqueeze(0) < k_N.unsqueeze(1)
    return top_NKC.masked_fill(~counted_NK.unsqueeze(-1), 0.0).sum(dim=1) / k_N.unsqueeze(1)
