"""Configuration of networks, losses and training; every open choice of the paper is a key here.

The defaults are the paper's (Sec. 4.2); the presets in ``pipeline/configs`` fill the sections before a user's file
does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, field_validator

from data.section import Section

WIDEST = 65_536
Width = Annotated[int, Field(ge=1, le=WIDEST)]
Network = Literal["coarse2fine", "fo", "fo-vl", "three-c-net", "sf-net-1", "sf-net-2"]
FRAMES_PER_CLIP: Mapping[Network, int] = {"sf-net-1": 1, "sf-net-2": 7}
"""Frames of each first occurrence that a network is told of (Sec. 4.3); all of them where it is not listed."""


class ModelSettings(Section):
    """The network.

    Args:
        network: ``coarse2fine`` (FO + VL + PD), or the ablations of Table 5: ``fo`` (one C-way sigmoid head trained on
            first occurrences only) and ``fo-vl`` (the same head, with title labels); or the baselines of Table 3:
            ``three-c-net``, ``sf-net-1`` and ``sf-net-2``.
        conv_channels: H, width of the temporal convolution; 2048 in the code that the paper cites.
        conv_kernel: how many frames it weighs, odd.
        conv_dilation: distance between those frames. Not in the paper (1): an event is a dozen shots of a few seconds,
            and frames further apart show more of them at the same cost.
        fc_channels: the two shared fully connected layers (Sec. 4.2: 1024 and 512).
        dropout: before each shared fully connected layer, while training; for the baselines, after the classifier's
            hidden layers. Not in the paper (0); 0.7 in the published codes of the baselines.
        input_dropout: share of a frame's feature values set to zero, while training (not in the baselines). Not in the
            paper (0): labelled sources are few, and no single value may give them away.
        hidden_channels: width of the baselines' hidden layers; 0 is the features' own, as published.
        top_k_divisor: k = ceil(valid frames / divisor) of Eq. 5. The cited code uses 8; an event is far shorter than an
            eighth of an episode.
        foreground_prior: start the foreground head at this probability; 0 starts it at 0.5. Not in the paper: a
            rare-event prior keeps the first steps from being spent on pushing every frame down.
        normalise_input: divide each frame's features by their root mean square. Not in the paper.
    """

    network: Network = "coarse2fine"
    conv_channels: int = Field(default=2048, ge=1, le=WIDEST)
    conv_kernel: int = Field(default=3, ge=1, le=999)
    conv_dilation: int = Field(default=1, ge=1, le=3600)
    fc_channels: tuple[Width, Width] = (1024, 512)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    input_dropout: float = Field(default=0.0, ge=0, lt=1)
    hidden_channels: int = Field(default=0, ge=0, le=WIDEST)
    top_k_divisor: int = Field(default=8, ge=1)
    foreground_prior: float = Field(default=0.02, ge=0, lt=1)
    normalise_input: bool = False

    @field_validator("conv_kernel")
    @classmethod
    def _odd(cls, length: int) -> int:
        if length % 2 == 0:
            raise ValueError("use an odd length, so that a frame is its own centre")
        return length


class ThreeCNetLossSettings(Section):
    """Losses of 3C-Net (the numbers are the published code's).

    Args:
        centre_weight, centre_rate: weight of the centre loss, and the step of the centres' own descent.
        count_weight: weight of the counting loss; 0 is off, because first-occurrence labels do not say how often an
            activity occurs. Titles with all occurrences labelled do; 1 in the published code.
    """

    centre_weight: float = Field(default=1e-3, ge=0)
    centre_rate: float = Field(default=0.1, ge=0, le=1)
    count_weight: float = Field(default=0.0, ge=0)


class SFNetLossSettings(Section):
    """Losses and frame mining of SF-Net (the numbers are the published code's).

    Args:
        neg_pool: where background frames are taken from, see ``weak_losses.negative_pool``; published: ``all``.
        negative_ratio: background frames per labelled frame.
        video_weight, actionness_weight: of these losses; the frame losses weigh 1.
        mine_after: share of the epochs after which labelled frames are grown, once, and training starts afresh; 0 is
            never. Published: 2000 of 8000 steps.
        mine_radius: most frames that a labelled frame grows to each side.
        mine_least: least probability of a grown frame as a share of its labelled frame's.
    """

    neg_pool: Literal["all", "before_first"] = "all"
    negative_ratio: float = Field(default=7.0, ge=0)
    video_weight: float = Field(default=1.0, ge=0)
    actionness_weight: float = Field(default=1.0, ge=0)
    mine_after: float = Field(default=0.25, ge=0, lt=1)
    mine_radius: int = Field(default=3, ge=1)
    mine_least: float = Field(default=0.95, ge=0, le=1)


class LossSettings(Section):
    """Weights and readings of the losses (Sec. 4.2 for the numbers).

    Args:
        alpha, beta, gamma, delta, epsilon: as in the paper.
        contrast: weight of L_contrast in Coarse2Fine's loss (see ``losses.l_contrast``). Not in the paper (0).
        contrast_temperature: what cosines are divided by there.
        epsilon_literal: zero foreground frames below epsilon, too (see ``losses.l_ce``).
        background_reduction, laplacian_reduction: ``sum-time`` or ``mean`` (see ``losses.l_bg``).
        laplacian_order: 1 or 2.
        unknown: what frames after a first occurrence are for the conditional scores: ``ignore`` or, literally,
            ``background``.
        background_share: share of the background candidates drawn per visit (Sec. 4.2: 20 %).
        background_titles_in_l_ce: draw background frames from titles without any activity, too.
        use_background_titles: whether the baselines learn from titles without any activity; the published codes skip
            them. For 3C-Net such a title's target is an output *none* whose logit is fixed at 0; for SF-Net it is the
            background output, and its frames join the background pool.
        regularise_single_head: the ablations FO and +VL take part in L_bg and L_lap, label by label, with the weights
            of the full loss. Not in the paper: the row that Table 5 lacks, regularisers without the decomposition.
        three_c_net, sf_net: of these baselines.
    """

    alpha: float = Field(default=0.5, ge=0)
    beta: float = Field(default=1.0, ge=0)
    gamma: float = Field(default=0.01, ge=0)
    delta: float = Field(default=0.1, ge=0)
    epsilon: float = Field(default=0.05, ge=0, lt=1)
    contrast: float = Field(default=0.0, ge=0)
    contrast_temperature: float = Field(default=0.1, gt=0)
    epsilon_literal: bool = False
    background_reduction: Literal["sum-time", "mean"] = "sum-time"
    laplacian_reduction: Literal["sum-time", "mean"] = "sum-time"
    laplacian_order: Literal[1, 2] = 1
    unknown: Literal["ignore", "background"] = "ignore"
    background_share: float = Field(default=0.2, gt=0, le=1)
    background_titles_in_l_ce: bool = False
    use_background_titles: bool = False
    regularise_single_head: bool = False
    three_c_net: ThreeCNetLossSettings = ThreeCNetLossSettings()
    sf_net: SFNetLossSettings = SFNetLossSettings()


class TrainSettings(Section):
    """Optimisation and stopping.

    Args:
        learning_rate, batch_size, window: Adam's rate, titles a step, T in frames (Sec. 4.2: 1e-5, 16, 3600).
        short_window: where > 0, every other batch uses this window instead (3C-Net's published code: short and long
            crops in turn).
        weight_decay: see ``decay``. Not in the paper (0).
        decay: ``decoupled`` (AdamW), or ``l2``, added to the gradient (Adam, as the published codes of the baselines).
        schedule: ``constant``, or ``cosine`` to zero over ``epochs``. Not in the paper (constant).
        gradient_clip: largest gradient norm; 0 is off. Not in the paper.
        weight_average: decay of an exponential moving average of the weights, which is what is validated and kept;
            0 is off. Not in the paper.
        occurrences: what training is told of: ``first``, or ``all``, the later ones, too, in titles that have them
            labelled. Not in the paper: the upper bound of what first occurrences can teach.
        epochs: most passes over the training titles.
        select: whose weights are kept: the epoch's with the ``best`` validation score, or the ``last`` one's, which no
            patience brings forward. Not in the paper: where validation holds few sources of an activity the best epoch
            is luck, and a rate that falls to zero makes the last one a good one.
        refit: once the epoch is chosen, train anew on train and val titles together for as many epochs, and keep
            those weights; for thresholds, each half of val is scored by a training on train and the other half, and
            what flags is no lower than without the refit. Four trainings in all. Not in the paper: labels are dear.
            Nothing can be measured on val afterwards.
        validate_every: validate after every so many epochs, and after the last.
        patience: stop after this many epochs without a better validation score.
        seed: of weights, order, windows and drawn frames.
        device: ``auto`` (GPU where there is one), ``cpu``, ``cuda``, ``cuda:1``.
        precision: of the matrix products; weights, scores and losses stay float32. ``auto`` takes ``bfloat16`` where
            the device multiplies it in hardware (elsewhere it is far slower). Not in the paper.
    """

    learning_rate: float = Field(default=1e-5, gt=0)
    batch_size: int = Field(default=16, ge=1)
    window: int = Field(default=3600, ge=2)
    short_window: int = Field(default=0, ge=0)
    weight_decay: float = Field(default=0.0, ge=0)
    decay: Literal["decoupled", "l2"] = "decoupled"
    schedule: Literal["constant", "cosine"] = "constant"
    gradient_clip: float = Field(default=0.0, ge=0)
    weight_average: float = Field(default=0.0, ge=0, lt=1)
    occurrences: Literal["first", "all"] = "first"
    epochs: int = Field(default=50, ge=1)
    select: Literal["best", "last"] = "best"
    refit: bool = False
    validate_every: int = Field(default=1, ge=1)
    patience: int = Field(default=10, ge=1)
    seed: int = Field(default=0, ge=0)
    device: str = "auto"
    precision: Literal["float32", "bfloat16", "auto"] = "float32"

    @property
    def most_epochs(self) -> int:
        """Return the epochs of all trainings that these settings ask for, at most: a refit makes it four."""
        return self.epochs * (4 if self.refit else 1)
