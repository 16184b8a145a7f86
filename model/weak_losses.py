"""The losses of 3C-Net and SF-Net, each a pure function on padded tensors; padding takes no part.

Axes: N titles, T frames, F hidden width, C labels, K outputs of a softmax (C, or C + 1 with background first).
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from model.losses import masked_mean

ABSENT = -1e9
"""Logit of an output that takes no part in a softmax."""


def l_title(title_logit_NK: Tensor, target_NK: Tensor, known_NK: Tensor) -> Tensor:
    """Softmax cross entropy of top-k mean logits, the targets of a title normalised to sum 1 (3C-Net).

    Args:
        title_logit_NK: (N, K) top-k mean logits.
        target_NK: (N, K) outputs that are right for the title.
        known_NK: (N, K) the others take no part in the softmax: whether they are right is unknown.

    Returns:
        the mean over the titles with at least one known target.
    """
    right_NK = (target_NK & known_NK).float()
    log_share_NK = title_logit_NK.masked_fill(~known_NK, ABSENT).log_softmax(dim=1)
    total_N = right_NK.sum(dim=1)
    loss_N = -(right_NK * log_share_NK).sum(dim=1) / total_N.clamp(min=1)
    return masked_mean(loss_N, total_N > 0)


def attended_features(hidden_NTF: Tensor, logit_NTC: Tensor, valid_NT: Tensor) -> Tensor:
    """Average a title's hidden rows by each label's attention (3C-Net).

    Attention is the softmax of the label's logits over the title's frames, zeroed below its mean.

    Returns:
        (N, C, F).
    """
    real_NT1 = valid_NT.unsqueeze(2)
    attention_NTC = logit_NTC.masked_fill(~real_NT1, ABSENT).softmax(dim=1)
    mean_N11 = 1 / valid_NT.sum(dim=1).reshape(-1, 1, 1)  # a softmax over T frames sums to 1
    attention_NTC = attention_NTC * ((attention_NTC >= mean_N11) & real_NT1)
    share_NTC = attention_NTC / attention_NTC.sum(dim=1, keepdim=True).clamp(min=1e-12)
    return share_NTC.transpose(1, 2) @ hidden_NTF


def l_centre(feature_NCF: Tensor, centre_CF: Tensor, counted_NC: Tensor) -> Tensor:
    """Squared distance of attended features to the centre of their label, mean over the counted pairs (3C-Net).

    The published code multiplies each distance by the index of its label, so that label 0 has no loss; we do not.
    """
    return masked_mean((feature_NCF - centre_CF).square().sum(dim=2), counted_NC)


def moved_centres(centre_CF: Tensor, feature_NCF: Tensor, counted_NC: Tensor, rate: float) -> Tensor:
    """Return the centres after one step of plain gradient descent on ``l_centre`` (their own SGD)."""
    apart_NCF = (centre_CF - feature_NCF) * counted_NC.unsqueeze(2)
    return centre_CF - rate * 2 * apart_NCF.sum(dim=0) / counted_NC.sum().clamp(min=1)


def l_count(logit_NTC: Tensor, valid_NT: Tensor, count_NC: Tensor) -> Tensor:
    """Attended logits, summed over time, against how often the label occurs (3C-Net).

    Relative error for labels that occur, 0.001 of the magnitude for those that do not, summed over labels, mean over
    titles. A label whose count is unknown (NaN) takes no part.
    """
    real_NT1 = valid_NT.unsqueeze(2)
    attention_NTC = logit_NTC.masked_fill(~real_NT1, ABSENT).softmax(dim=1)
    predicted_NC = (attention_NTC * logit_NTC * real_NT1).sum(dim=1)
    occurs_NC = count_NC > 0  # False for NaN
    known_NC = count_NC.nan_to_num(0.0)
    present_NC = (predicted_NC - known_NC).abs() / known_NC.clamp(min=1)
    loss_NC = torch.where(occurs_NC, present_NC, 0.001 * predicted_NC.abs())
    return (loss_NC * ~count_NC.isnan()).sum() / len(count_NC)


def l_frame(logit_NTK: Tensor, labelled_NTC: Tensor) -> Tensor:
    """Softmax cross entropy on labelled frames, the target the mean of their labels' one-hots (SF-Net).

    Args:
        logit_NTK: K = C + 1, background first.
    """
    share_NTC = labelled_NTC / labelled_NTC.sum(dim=2, keepdim=True).clamp(min=1)
    loss_NT = -(share_NTC * logit_NTK.log_softmax(dim=2)[..., 1:]).sum(dim=2)
    return masked_mean(loss_NT, labelled_NTC.any(dim=2))


def negative_pool(
    labelled_NTC: Tensor,
    positive_NTC: Tensor,
    known_NTC: Tensor,
    valid_NT: Tensor,
    *,
    pool: Literal["all", "before_first"],
) -> Tensor:
    """Return (N, T) the unlabelled frames that background is taken from.

    Args:
        pool: ``all`` unlabelled frames, as published, among which are the true frames of later occurrences (and what
            single-frame supervision does not know of the first); or those ``before_first``: before every first
            occurrence, where surely no label is present.
    """
    unlabelled_NT = valid_NT & ~labelled_NTC.any(dim=2)
    if pool == "all":
        return unlabelled_NT
    return unlabelled_NT & known_NTC.all(dim=2) & ~positive_NTC.any(dim=2)


def negative_quota(labelled_NTC: Tensor, pool_NT: Tensor, ratio: float) -> int:
    """Return how many background frames a batch takes: per title min(ratio n, pool), n its labelled frames, summed."""
    wanted_N = (ratio * labelled_NTC.any(dim=2).sum(dim=1)).long()
    return int(torch.minimum(wanted_N, pool_NT.sum(dim=1)).sum())


def l_background(logit_NTK: Tensor, pool_NT: Tensor, quota: int) -> Tensor:
    """Cross entropy to the background output on the ``quota`` frames of the pool where its logit is highest.

    As published, divided by K and ranked over the whole batch (SF-Net).
    """
    rows_PK = logit_NTK[pool_NT]
    chosen = rows_PK[:, 0].topk(min(quota, len(rows_PK))).indices
    loss = -rows_PK[chosen].log_softmax(dim=1)[:, 0].sum()
    return loss / max(len(chosen), 1) / logit_NTK.shape[2]


def l_actionness(actionness_NT: Tensor, labelled_NT: Tensor, pool_NT: Tensor, quota: int) -> Tensor:
    """Cross entropy of the actionness: labelled frames against the ``quota`` most active of the pool (SF-Net)."""
    active = masked_mean(functional.softplus(-actionness_NT), labelled_NT)
    pool_P = actionness_NT[pool_NT]
    hardest = pool_P.topk(min(quota, len(pool_P))).values
    return active + functional.softplus(hardest).sum() / max(len(hardest), 1)
