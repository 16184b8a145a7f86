"""What a training step minimises: the losses of a network on a batch, weighted and summed.

Coarse2Fine: ``L = L_video + alpha (L_ce + gamma L_bg + delta L_lap) + beta L_cs`` (Sec. 3.2.5, Eq. 4), and where
``contrast`` is above 0 that times L_contrast, which is not in the paper. The ablations of Table 5: FO is the frame loss
alone, +VL adds L_video. For the baselines see ``model.weak_objective``.

Axes: N titles, T frames, C labels, R = C N rows of one label in one title.
"""

from __future__ import annotations

import torch
from torch import Tensor

from model.aggregate import top_k_mean
from model.batch import TensorBatch
from model.coarse2fine import FrameScores
from model.losses import l_bg, l_ce, l_contrast, l_cs, l_lap, l_video
from model.settings import LossSettings, ModelSettings
from model.sf_net import SFNetScores
from model.three_c_net import ThreeCNetScores
from model.weak_objective import sf_net_terms, three_c_net_terms

NetworkScores = FrameScores | ThreeCNetScores | SFNetScores


def loss_terms(
    scores: NetworkScores, batch: TensorBatch, model: ModelSettings, loss: LossSettings
) -> dict[str, Tensor]:
    """Return the loss terms of a batch, unweighted, and ``total``, their weighted sum.

    Background titles take part in L_ce and in the ablations' frame loss only with ``background_titles_in_l_ce``.
    """
    if isinstance(scores, ThreeCNetScores):
        return three_c_net_terms(scores, batch, loss, model.top_k_divisor)
    if isinstance(scores, SFNetScores):
        return sf_net_terms(scores, batch, loss, model.top_k_divisor)
    drawn_NT = batch.background_NT
    if not loss.background_titles_in_l_ce:
        drawn_NT = drawn_NT & ~batch.background_N.unsqueeze(1)
    foreground_NT = batch.positive_NTC.any(dim=2)
    terms: dict[str, Tensor] = {}
    if model.network != "fo":
        title_score_NC = top_k_mean(scores.action_NTC, batch.valid_NT, model.top_k_divisor)
        terms["l_video"] = l_video(title_score_NC, batch.present_NC, batch.present_known_NC)
    if scores.foreground_logit_NT is None:
        counted_NT = foreground_NT | drawn_NT
        counted_NTC = batch.known_NTC & counted_NT.unsqueeze(2)
        terms["l_cs"] = l_cs(scores.label_logit_NTC, batch.positive_NTC, counted_NTC)
        terms["total"] = terms["l_cs"] + terms.get("l_video", 0.0)
        if loss.regularise_single_head:
            terms |= _label_regularisers(scores.action_NTC, batch, loss)
            terms["total"] = terms["total"] + loss.alpha * (loss.gamma * terms["l_bg"] + loss.delta * terms["l_lap"])
        return terms
    logit_NT = scores.foreground_logit_NT
    score_NT = torch.sigmoid(logit_NT)
    terms["l_ce"] = l_ce(logit_NT, foreground_NT, drawn_NT, epsilon=loss.epsilon, literal=loss.epsilon_literal)
    terms["l_bg"] = l_bg(score_NT, batch.valid_NT, batch.background_N, reduction=loss.background_reduction)
    terms["l_lap"] = l_lap(score_NT, batch.valid_NT, reduction=loss.laplacian_reduction, order=loss.laplacian_order)
    counted_NTC = batch.known_NTC & foreground_NT.unsqueeze(2)
    terms["l_cs"] = l_cs(scores.label_logit_NTC, batch.positive_NTC, counted_NTC)
    foreground_loss = terms["l_ce"] + loss.gamma * terms["l_bg"] + loss.delta * terms["l_lap"]
    terms["total"] = terms["l_video"] + loss.alpha * foreground_loss + loss.beta * terms["l_cs"]
    if scores.hidden_NKF is not None:
        terms["l_contrast"] = l_contrast(
            scores.hidden_NKF, batch.compared_NK, batch.positive_NTC, temperature=loss.contrast_temperature
        )
        terms["total"] = terms["total"] + loss.contrast * terms["l_contrast"]
    return terms


def _label_regularisers(action_NTC: Tensor, batch: TensorBatch, loss: LossSettings) -> dict[str, Tensor]:
    """Return L_bg and L_lap of a single head: each label's score in the place of the foreground score, mean over them.

    Not in the paper: without the decomposition there is no foreground score to regularise.
    """
    labels = action_NTC.shape[2]
    score_RT = action_NTC.permute(2, 0, 1).flatten(0, 1)
    valid_RT = batch.valid_NT.repeat(labels, 1)
    background_R = batch.background_N.repeat(labels)
    return {
        "l_bg": l_bg(score_RT, valid_RT, background_R, reduction=loss.background_reduction),
        "l_lap": l_lap(score_RT, valid_RT, reduction=loss.laplacian_reduction, order=loss.laplacian_order),
    }
