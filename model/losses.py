"""The losses of Coarse2Fine, each a pure function named for the equation's symbol.

Every mean runs over what is known and real; where nothing is, the loss is 0, so a batch without any clip still trains.
Axes: N titles, T frames, C labels; for L_contrast also K compared frames of a title, M of all, A of them labelled, F
hidden units.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

Reduction = Literal["sum-time", "mean"]


def l_video(title_score_NC: Tensor, present_NC: Tensor, known_NC: Tensor) -> Tensor:
    """L_video: binary cross entropy of title scores in [0, 1], mean over the known title-label pairs (Sec. 3.2.5)."""
    loss_NC = functional.binary_cross_entropy(title_score_NC.clamp(0, 1), present_NC.float(), reduction="none")
    return masked_mean(loss_NC, known_NC)


def l_ce(
    foreground_logit_NT: Tensor,
    positive_NT: Tensor,
    negative_NT: Tensor,
    *,
    epsilon: float,
    literal: bool = False,
) -> Tensor:
    """L_ce: cross entropy of the foreground score on labelled and drawn background frames (Sec. 3.2.3).

    Scores below ``epsilon`` are set to zero first. For a background frame that means *good enough*: no loss, no
    gradient. For a foreground frame the literal reading gives log 0, the largest loss (100, where torch clamps) with no
    gradient, and such a frame never recovers; so positives are zeroed only if ``literal``.

    Args:
        foreground_logit_NT: (N, T) logits of the foreground score.
        positive_NT, negative_NT: (N, T) disjoint masks of the frames that take part.
        epsilon: in [0, 1).
        literal: zero positives, too.

    Returns:
        the mean over all frames that take part.
    """
    below_NT = torch.sigmoid(foreground_logit_NT) < epsilon
    positive_loss_NT = functional.softplus(-foreground_logit_NT)
    if literal:
        positive_loss_NT = positive_loss_NT.masked_fill(below_NT, 100.0)
    negative_loss_NT = functional.softplus(foreground_logit_NT).masked_fill(below_NT, 0.0)
    loss_NT = torch.where(positive_NT, positive_loss_NT, negative_loss_NT)
    return masked_mean(loss_NT, positive_NT | negative_NT)


def l_bg(foreground_NT: Tensor, valid_NT: Tensor, background_N: Tensor, *, reduction: Reduction) -> Tensor:
    """L_bg-only: total mass of the foreground score on titles without any activity (Eq. 3).

    Args:
        reduction: ``sum-time`` sums over a title's frames and averages over all N titles; ``mean`` averages over the
            frames of the background titles.
    """
    counted_NT = valid_NT & background_N.unsqueeze(1)
    if reduction == "mean":
        return masked_mean(foreground_NT, counted_NT)
    return (foreground_NT * counted_NT).sum() / len(background_N)


def l_lap(foreground_NT: Tensor, valid_NT: Tensor, *, reduction: Reduction, order: int = 1) -> Tensor:
    """L_laplacian: absolute difference of the foreground score in time (Sec. 3.2.3).

    Args:
        reduction: as in ``l_bg``, over the differences whose frames are all real.
        order: 1 as written (total variation); 2 takes the second difference.
    """
    difference_NT, counted_NT = foreground_NT, valid_NT
    for _ in range(order):
        difference_NT = difference_NT[:, 1:] - difference_NT[:, :-1]
        counted_NT = counted_NT[:, 1:] & counted_NT[:, :-1]
    if reduction == "mean":
        return masked_mean(difference_NT.abs(), counted_NT)
    return (difference_NT.abs() * counted_NT).sum() / len(valid_NT)


def l_cs(logit_NTC: Tensor, positive_NTC: Tensor, counted_NTC: Tensor) -> Tensor:
    """L_cs: multi-label cross entropy of per-frame label logits, mean over the counted frame-label pairs.

    For the conditional action scores (Sec. 3.2.4) the caller counts foreground frames only; the ablation FO counts
    drawn background frames as well.
    """
    loss_NTC = functional.binary_cross_entropy_with_logits(logit_NTC, positive_NTC.float(), reduction="none")
    return masked_mean(loss_NTC, counted_NTC)


def l_contrast(hidden_NKF: Tensor, compared_NK: Tensor, positive_NTC: Tensor, *, temperature: float) -> Tensor:
    """L_contrast: frames of one activity are alike, whatever title they are from, and unlike everything else.

    Not in the paper. The supervised contrastive loss of Khosla et al. (2020, their L_out) on the frames that are known:
    each frame of a first occurrence should find the frames that share a label with it among all that are compared, of
    all titles. Similarity is the cosine of hidden rows over ``temperature``.

    Args:
        hidden_NKF: (N, K, F) hidden rows of the compared frames; anything where there is none.
        compared_NK: (N, K) their frames; -1 where there is none. What has no label is background.
        positive_NTC: (N, T, C) labels.

    Returns:
        the mean over the labelled frames that have a partner; 0 where there is none.
    """
    real_NK = compared_NK >= 0
    index_NKC = compared_NK.clamp(min=0).unsqueeze(2).expand(-1, -1, positive_NTC.shape[2])
    label_MC = positive_NTC.gather(1, index_NKC)[real_NK].float()
    hidden_MF = functional.normalize(hidden_NKF[real_NK].float(), dim=1)
    anchor_M = label_MC.any(dim=1)
    itself_AM = torch.eye(len(label_MC), dtype=torch.bool, device=label_MC.device)[anchor_M]
    similarity_AM = (hidden_MF[anchor_M] @ hidden_MF.T / temperature).masked_fill(
        itself_AM, torch.finfo(torch.float32).min
    )
    found_AM = functional.log_softmax(similarity_AM, dim=1)
    partner_AM = (label_MC[anchor_M] @ label_MC.T > 0) & ~itself_AM
    partners_A = partner_AM.sum(dim=1)
    loss_A = -torch.where(partner_AM, found_AM, 0.0).sum(dim=1) / partners_A.clamp(min=1)
    return masked_mean(loss_A, partners_A > 0)


def masked_mean(value: Tensor, mask: Tensor) -> Tensor:
    """Mean of ``value`` where ``mask``; 0 (with a gradient of 0) where the mask is empty."""
    return torch.where(mask, value, torch.zeros_like(value)).sum() / mask.sum().clamp(min=1)
