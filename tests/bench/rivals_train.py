"""One training step at the paper's shape: 16 titles x 3600 s x 2048, H = 512 (Sec. 4.2), forward, loss and backward.

Titles are as long as films and episodes are: their lengths, drawn once, run from a third of the window to all of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Work = Callable[[], object]
Job = dict[str, Any]
LABELS = 4


def _batch(job: Job) -> Any:
    import torch

    generator = torch.Generator().manual_seed(0)
    titles, frames = job["titles"], job["frames"]
    features_NTD = torch.randn(titles, frames, job["width"], generator=generator).half()
    lengths_N = torch.randint(frames // 3, frames + 1, (titles,), generator=generator)
    lengths_N[0] = frames
    valid_NT = torch.arange(frames) < lengths_N.unsqueeze(1)
    return features_NTD * valid_NT.unsqueeze(2), valid_NT


def packed(job: Job) -> Work:
    """Our network, on the real frames; ``precision`` bfloat16 as training chooses where the hardware multiplies it."""
    import torch

    from model.build import build_network
    from model.settings import ModelSettings

    settings = ModelSettings(conv_channels=job["channels"])
    network = build_network(settings, width=job["width"], labels=LABELS, seed=0).train()
    features_NTD, valid_NT = _batch(job)
    half = job.get("precision") == "bfloat16"

    def work() -> None:
        network.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            scores = network(features_NTD, valid_NT)
        scores.action_NTC[valid_NT].mean().backward()

    return work


def padded(job: Job) -> Work:
    """The same network as one writes it down: Conv1d and linear layers on everything, padding included."""
    import torch
    from torch import nn

    class Padded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv1d(job["width"], job["channels"], 3, padding=1)
            self.fc1, self.fc2 = nn.Linear(job["channels"], 1024), nn.Linear(1024, 512)
            self.foreground, self.conditional = nn.Linear(512, 1), nn.Linear(512, LABELS)

        def forward(self, features_NTD: Any) -> Any:
            hidden = torch.relu(self.conv(features_NTD.transpose(1, 2)).transpose(1, 2))
            hidden = torch.relu(self.fc2(torch.relu(self.fc1(hidden))))
            return torch.sigmoid(self.foreground(hidden)) * torch.sigmoid(self.conditional(hidden))

    network = Padded()
    features_NTD, valid_NT = _batch(job)

    def work() -> None:
        network.zero_grad()
        network(features_NTD.float())[valid_NT].mean().backward()

    return work


RIVALS = {"packed": packed, "padded": padded}
