"""Dropout whose masks belong to a title and a step, whatever else is in the batch and whichever process computes it.

Each title of a batch carries a seed (``data.windows``); a layer's mask of that title is drawn from seed and layer
alone. So a batch that is spread over processes is dropped as it would be in one.

On a CPU the bits come from numpy: sixteen a value, 0.6 ns where ``torch.bernoulli_`` takes 16 ns, which was a fifth of
a training step. A share is therefore met to 1/65536.

Axes: N titles, V real frames, F width.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

LEVELS = 1 << 16


class MaskStream:
    """The mask of one title in one layer, row after row.

    Args:
        seed: of the title in this step, >= 0.
        layer: tells the dropout layers of a network apart.
        share: of the values that are dropped, in (0, 1).
        device: where the masks are needed.
    """

    def __init__(self, seed: int, layer: int, share: float, device: torch.device) -> None:
        self.share = share
        self.device = device
        source = np.random.SeedSequence([seed, layer])
        if device.type == "cpu":
            self._bits = np.random.SFC64(source)
        else:
            self._generator = torch.Generator(device)
            self._generator.manual_seed(int(source.generate_state(1, np.uint64)[0] >> np.uint64(1)))

    def take(self, rows: int, width: int) -> Tensor:
        """Return the next (rows, width) float32 factors: 0 where a value is dropped, else 1 / (1 - share)."""
        if self.device.type == "cpu":
            levels = self._bits.random_raw(-(-rows * width // 4)).view(np.uint16)[: rows * width]
            kept = torch.from_numpy(levels >= round(self.share * LEVELS)).reshape(rows, width)
        else:
            kept = torch.rand(rows, width, generator=self._generator, device=self.device) >= self.share
        return kept.float().mul_(1 / (1 - self.share))


class RowDropout(nn.Module):
    """Dropout of hidden rows, while training.

    Args:
        share: of the values set to zero; the others grow by 1 / (1 - share).
        layer: see ``MaskStream``.
    """

    def __init__(self, share: float, layer: int) -> None:
        super().__init__()
        self.share = share
        self.layer = layer

    def forward(self, rows_VF: Tensor, lengths_N: Sequence[int], seeds_N: Sequence[int]) -> Tensor:
        """Return (V, F) rows with their share dropped.

        Args:
            rows_VF: rows of N titles, end to end.
            lengths_N: rows of each, V in all.
            seeds_N: their seeds.
        """
        if not self.training or self.share == 0 or not len(rows_VF):
            return rows_VF
        streams = (MaskStream(seed, self.layer, self.share, rows_VF.device) for seed in seeds_N)
        masks = [stream.take(length, rows_VF.shape[1]) for stream, length in zip(streams, lengths_N)]
        return rows_VF * torch.cat(masks).to(rows_VF.dtype)


def title_seeds(seed_N: Tensor | None, titles: int, *, training: bool) -> list[int]:
    """Return a batch's seeds; drawn from torch's global generator where the batch brings none; none if not training."""
    if not training:
        return []
    seeds: list[int] = (torch.randint(2**62, (titles,)) if seed_N is None else seed_N).tolist()
    return seeds
