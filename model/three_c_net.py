"""3C-Net (Narayan et al., ICCV 2019; [31] of the paper), appearance stream only: a baseline of Table 3.

It learns from title labels alone: a softmax over labels of the top-k mean logits says which activity a title holds, and
a centre loss pulls the frames that say so together. Its centres are a buffer: they are saved with the weights, and no
optimiser but their own plain descent moves them.

Axes: N titles, T frames, D feature width, F hidden width, C labels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from model.coarse2fine import Evidence
from model.masks import RowDropout, title_seeds
from model.packed import pad_rows, real_rows
from model.squash import squash
from model.weak_losses import attended_features


class ThreeCNetScores(NamedTuple):
    """Frame-level outputs; padding holds 0.

    Args:
        action_NTC: (N, T, C) squashed ``logit_NTC``, in (0, 1).
        raw_logit_NTC: (N, T, C) the classifier's logits.
        logit_NTC: (N, T, C) the same times the label's learned multiplier (the paper's final T-CAM).
        attended_NCF: (N, C, F) what the classifier saw, averaged by each label's attention.
        centre_CF: (C, F) the centres.
    """

    action_NTC: Tensor
    raw_logit_NTC: Tensor
    logit_NTC: Tensor
    attended_NCF: Tensor
    centre_CF: Tensor

    def joined(self, join: Callable[[Tensor], Tensor]) -> ThreeCNetScores:
        """Return the scores of a whole batch: ``join`` of every field that has an axis N."""
        return self._replace(**{name: join(part) for name, part in self._asdict().items() if name != "centre_CF"})


class FrameClassifier(nn.Module):
    """h = Dropout(ReLU(W2 ReLU(W1 x))), its logits, and these times a multiplier per output (its start: 1).

    Args:
        width: D.
        hidden_width: F.
        outputs: logits per frame.
        dropout: 0.7 in the published code.
        normalise_input: see ``model.packed.real_rows``.
    """

    def __init__(self, width: int, hidden_width: int, outputs: int, *, dropout: float, normalise_input: bool) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden_width)
        self.fc2 = nn.Linear(hidden_width, hidden_width)
        self.head = nn.Linear(hidden_width, outputs)
        self.multiplier = nn.Parameter(torch.ones(outputs))
        self.dropout = RowDropout(dropout, layer=1)
        self.normalise_input = normalise_input
        self.apply(start_xavier)

    def forward(self, rows_VD: Tensor, lengths_N: Sequence[int], seeds_N: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Return (V, F) hidden rows and (V, outputs) logits before the multiplier, float32."""
        hidden_VF = self.dropout(self.fc2(self.fc1(rows_VD).relu_()).relu_(), lengths_N, seeds_N)
        return hidden_VF.float(), self.head(hidden_VF).float()


class ThreeCNet(nn.Module):
    """The network: a classifier of single frames.

    Args:
        classifier: with C outputs.
    """

    centre_CF: Tensor

    def __init__(self, classifier: FrameClassifier) -> None:
        super().__init__()
        self.classifier = classifier
        self.register_buffer("centre_CF", torch.randn(classifier.head.out_features, classifier.head.in_features))

    @property
    def reach(self) -> int:
        """How many frames to each side a score depends on: none."""
        return 0

    def forward(self, features_NTD: Tensor, valid_NT: Tensor, seed_N: Tensor | None = None) -> ThreeCNetScores:
        """Score frames; arguments as in ``Coarse2Fine``."""
        lengths_N = valid_NT.sum(dim=1).tolist()
        seeds_N = title_seeds(seed_N, len(valid_NT), training=self.training)
        rows_VD = real_rows(features_NTD, lengths_N, normalise=self.classifier.normalise_input)
        hidden_VF, raw_VC = self.classifier(rows_VD, lengths_N, seeds_N)
        logit_VC = raw_VC * self.classifier.multiplier
        raw_NTC = pad_rows(raw_VC, valid_NT)
        with torch.autocast(features_NTD.device.type, enabled=False):
            attended_NCF = attended_features(pad_rows(hidden_VF, valid_NT), raw_NTC, valid_NT)
        return ThreeCNetScores(
            action_NTC=pad_rows(squash(logit_VC), valid_NT),
            raw_logit_NTC=raw_NTC,
            logit_NTC=pad_rows(logit_VC, valid_NT),
            attended_NCF=attended_NCF,
            centre_CF=self.centre_CF,
        )

    def evidence(self, scores: ThreeCNetScores) -> Evidence:
        """Return nothing: the action score has no parts."""
        return Evidence(None, None)


def start_xavier(module: nn.Module) -> None:
    """Start a layer as the published codes do: Xavier-uniform weights, zero biases."""
    if isinstance(module, nn.Linear | nn.Conv1d):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
