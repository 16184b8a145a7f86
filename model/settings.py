"""Configuration of networks, losses and training; every open choice of the paper is a key here.

The presets fill these sections before a user's file does: ``paper`` is the literal setting of Sec. 4.2, ``tuned`` is
what validation chose on long titles with rare events (docs/experiments.md).
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from data.section import Section

Network = Literal["coarse2fine", "fo", "fo-vl"]
Preset = Literal["paper", "tuned"]


class ModelSettings(Section):
    """The network.

    Args:
        network: ``coarse2fine`` (FO + VL + PD), or the ablations of Table 5: ``fo`` (one C-way sigmoid head trained on
            first occurrences only) and ``fo-vl`` (the same head, with title labels).
        conv_channels: H, width of the temporal convolution; 2048 in the code that the paper cites.
        conv_kernel: its length in frames, odd.
        fc_channels: the two shared fully connected layers (Sec. 4.2: 1024 and 512).
        dropout: before each shared fully connected layer, while training. Not in the paper (0).
        top_k_divisor: k = ceil(valid frames / divisor) of Eq. 5. The cited code uses 8; an event is far shorter than an
            eighth of an episode.
        foreground_prior: start the foreground head at this probability; 0 starts it at 0.5. Not in the paper: a
            rare-event prior keeps the first steps from being spent on pushing every frame down.
        normalise_input: divide each frame's features by their root mean square. Not in the paper.
    """

    network: Network = "coarse2fine"
    conv_channels: int = Field(2048, ge=1)
    conv_kernel: int = Field(3, ge=1)
    fc_channels: tuple[int, int] = (1024, 512)
    dropout: float = Field(0.0, ge=0, lt=1)
    top_k_divisor: int = Field(8, ge=1)
    foreground_prior: float = Field(0.02, ge=0, lt=1)
    normalise_input: bool = False


class LossSettings(Section):
    """Weights and readings of the losses (Sec. 4.2 for the numbers).

    Args:
        alpha, beta, gamma, delta, epsilon: as in the paper.
        epsilon_literal: zero foreground frames below epsilon, too (see ``losses.l_ce``).
        background_reduction, laplacian_reduction: ``sum-time`` or ``mean`` (see ``losses.l_bg``).
        laplacian_order: 1 or 2.
        unknown: what frames after a first occurrence are for the conditional scores: ``ignore`` or, literally,
            ``background``.
        background_share: share of the background candidates drawn per visit (Sec. 4.2: 20 %).
        background_titles_in_l_ce: draw background frames from titles without any activity, too.
    """

    alpha: float = Field(0.5, ge=0)
    beta: float = Field(1.0, ge=0)
    gamma: float = Field(0.01, ge=0)
    delta: float = Field(0.1, ge=0)
    epsilon: float = Field(0.05, ge=0, lt=1)
    epsilon_literal: bool = False
    background_reduction: Literal["sum-time", "mean"] = "sum-time"
    laplacian_reduction: Literal["sum-time", "mean"] = "sum-time"
    laplacian_order: Literal[1, 2] = 1
    unknown: Literal["ignore", "background"] = "ignore"
    background_share: float = Field(0.2, gt=0, le=1)
    background_titles_in_l_ce: bool = False


class TrainSettings(Section):
    """Optimisation and stopping.

    Args:
        learning_rate, batch_size, window: Adam's rate, titles a step, T in frames (Sec. 4.2: 1e-5, 16, 3600).
        weight_decay: decoupled (AdamW) where > 0. Not in the paper (0).
        schedule: ``constant``, or ``cosine`` to zero over ``epochs``. Not in the paper (constant).
        gradient_clip: largest gradient norm; 0 is off. Not in the paper.
        weight_average: decay of an exponential moving average of the weights, which is what is validated and kept;
            0 is off. Not in the paper.
        epochs: most passes over the training titles.
        patience: stop after this many epochs without a better validation score.
        seed: of weights, order, windows and drawn frames.
        device: ``auto`` (GPU where there is one), ``cpu``, ``cuda``, ``cuda:1``.
    """

    learning_rate: float = Field(1e-5, gt=0)
    batch_size: int = Field(16, ge=1)
    window: int = Field(3600, ge=2)
    weight_decay: float = Field(0.0, ge=0)
    schedule: Literal["constant", "cosine"] = "constant"
    gradient_clip: float = Field(0.0, ge=0)
    weight_average: float = Field(0.0, ge=0, lt=1)
    epochs: int = Field(50, ge=1)
    patience: int = Field(10, ge=1)
    seed: int = Field(0, ge=0)
    device: str = "auto"


PRESETS: dict[Preset, dict[str, dict[str, Any]]] = {
    "paper": {"model": {}, "loss": {}, "train": {}},
    "tuned": {
        "model": {"conv_channels": 256, "top_k_divisor": 64},
        "loss": {"background_reduction": "mean", "laplacian_reduction": "mean"},
        "train": {"learning_rate": 1e-3, "epochs": 12, "patience": 6},
    },
}
"""Per preset, what differs from the defaults of the sections above (which are the paper's)."""
