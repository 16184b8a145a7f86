"""What a step of the baselines minimises: the losses of 3C-Net and SF-Net on a batch, weighted and summed.

Both judge the classifier's logits twice, before and after the learned multipliers, as the published codes do.
"""

from __future__ import annotations

import torch
from torch import Tensor

from model.aggregate import top_k_mean
from model.batch import TensorBatch
from model.settings import LossSettings
from model.sf_net import SFNetScores
from model.three_c_net import ThreeCNetScores
from model.weak_losses import (
    l_actionness,
    l_background,
    l_centre,
    l_count,
    l_frame,
    l_title,
    moved_centres,
    negative_pool,
    negative_quota,
)


def three_c_net_terms(
    scores: ThreeCNetScores, batch: TensorBatch, loss: LossSettings, top_k_divisor: int
) -> dict[str, Tensor]:
    """Return the loss terms of 3C-Net, unweighted, and ``total``: L_title + centre_weight L_centre + ... L_count."""
    logits = (scores.raw_logit_NTC, scores.logit_NTC)
    titles_NC = [top_k_mean(logit_NTC, batch.valid_NT, top_k_divisor) for logit_NTC in logits]
    present_NC, known_NC = batch.present_NC, batch.present_known_NC
    if loss.use_background_titles:
        titles_NC = [torch.cat([torch.zeros_like(title_NC[:, :1]), title_NC], dim=1) for title_NC in titles_NC]
        present_NC, known_NC = _with_none(batch, none=batch.background_N)
    raw, multiplied = (l_title(title_NC, present_NC, known_NC) for title_NC in titles_NC)
    centre = l_centre(scores.attended_NCF, scores.centre_CF, _counted(batch))
    terms = {"l_title": raw + multiplied, "l_centre": centre}
    terms["total"] = terms["l_title"] + loss.three_c_net.centre_weight * terms["l_centre"]
    if loss.three_c_net.count_weight > 0:
        terms["l_count"] = l_count(scores.logit_NTC, batch.valid_NT, batch.count_NC)
        terms["total"] = terms["total"] + loss.three_c_net.count_weight * terms["l_count"]
    return terms


def next_centres(scores: ThreeCNetScores, batch: TensorBatch, loss: LossSettings) -> Tensor:
    """Return (C, F) the centres after the step that scored this batch."""
    return moved_centres(scores.centre_CF, scores.attended_NCF.detach(), _counted(batch), loss.three_c_net.centre_rate)


def sf_net_terms(scores: SFNetScores, batch: TensorBatch, loss: LossSettings, top_k_divisor: int) -> dict[str, Tensor]:
    """Return the loss terms of SF-Net, unweighted, and ``total``, their weighted sum."""
    settings = loss.sf_net
    background_N = batch.background_N & loss.use_background_titles
    pool_NT = negative_pool(
        batch.labelled_NTC, batch.positive_NTC, batch.known_NTC, batch.valid_NT, pool=settings.neg_pool
    )
    pool_NT = pool_NT & (batch.labelled_NTC.flatten(1).any(dim=1) | background_N).unsqueeze(1)
    quota = negative_quota(batch.labelled_NTC, pool_NT, settings.negative_ratio)
    present_NK, known_NK = _with_none(batch, none=background_N)
    pairs = [
        (
            l_title(top_k_mean(logit_NTK, batch.valid_NT, top_k_divisor), present_NK, known_NK),
            l_frame(logit_NTK, batch.labelled_NTC),
            l_background(logit_NTK, pool_NT, quota),
        )
        for logit_NTK in (scores.raw_logit_NTK, scores.logit_NTK)
    ]
    names = ("l_title", "l_frame", "l_background")
    terms = {name: raw + multiplied for name, raw, multiplied in zip(names, *pairs)}
    terms["l_actionness"] = l_actionness(scores.actionness_NT, batch.labelled_NTC.any(dim=2), pool_NT, quota)
    terms["total"] = (
        settings.video_weight * terms["l_title"]
        + terms["l_frame"]
        + terms["l_background"]
        + settings.actionness_weight * terms["l_actionness"]
    )
    return terms


def _counted(batch: TensorBatch) -> Tensor:
    """Return (N, C) the pairs of the centre loss: the title, or its window, surely holds the label."""
    return batch.present_NC & batch.present_known_NC


def _with_none(batch: TensorBatch, *, none: Tensor) -> tuple[Tensor, Tensor]:
    """Return (N, K) targets and whether they are known, with an output for *none of the labels* in front."""
    present_NK = torch.cat([none.unsqueeze(1), batch.present_NC], dim=1)
    known_NK = torch.cat([torch.ones_like(none).unsqueeze(1), batch.present_known_NC], dim=1)
    return present_NK, known_NK
