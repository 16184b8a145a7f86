import math

import numpy as np
import pytest
import torch

from data.labels import Clip, TitleLabels
from data.targets import frame_targets
from data.windows import Batch
from model import objective
from model.batch import to_tensors
from model.coarse2fine import FrameScores
from model.objective import loss_terms
from model.settings import LossSettings, ModelSettings

LABELS = ("a", "b")
LN2 = math.log(2)


def batch_of(titles, frames, background):
    """Unpadded batch of equally long titles, with the given frames drawn as background."""
    targets = [frame_targets(title, LABELS, frames) for title in titles]
    drawn_NT = np.zeros((len(titles), frames), bool)
    drawn_NT[:, background] = True
    return to_tensors(
        Batch(
            features_NTD=np.zeros((len(titles), frames, 1), np.float16),
            valid_NT=np.ones((len(titles), frames), bool),
            positive_NTC=np.stack([t.positive_TC for t in targets]),
            known_NTC=np.stack([t.known_TC for t in targets]),
            background_NT=drawn_NT,
            present_NC=np.stack([t.present_C for t in targets]),
            present_known_NC=np.stack([t.present_known_C for t in targets]),
            background_N=np.array([t.background_title for t in targets]),
            labelled_NTC=np.stack([t.labelled_TC for t in targets]),
            count_NC=np.stack([t.count_C for t in targets]),
            seed_N=np.zeros(len(targets), np.int64),
            compared_NK=np.array([[2, 0, -1], [0, -1, -1]]),
        ),
        torch.device("cpu"),
    )


@pytest.fixture
def batch():
    positive = TitleLabels("p", {"a": True, "b": False}, {"a": Clip("a", 2, 3)})
    clear = TitleLabels("c", {"a": False, "b": False})
    return batch_of([positive, clear], frames=4, background=[0])


def test_the_contrast_is_added_with_its_weight(batch):
    hidden_NKF = torch.tensor([[[1.0, 0], [0, 1], [9, 9]], [[1.0, 1], [9, 9], [9, 9]]])
    scores = flat_scores()._replace(hidden_NKF=hidden_NKF)
    loss = LossSettings(contrast=0.25)
    without = loss_terms(flat_scores(), batch, ModelSettings(), loss)
    assert "l_contrast" not in without
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(objective, "l_contrast", lambda hidden, frames, labels, temperature: torch.tensor(temperature))
        terms = loss_terms(scores, batch, ModelSettings(), loss)
    assert terms["total"].item() == pytest.approx(without["total"].item() + 0.25 * 0.1)
    assert loss_terms(scores, batch, ModelSettings(), loss)["l_contrast"] == 0  # its one event frame has no partner


def flat_scores(foreground=True):
    """All logits 0: FS = CS = 0.5, AS = 0.25 (Eq. 1); for a single head AS = 0.5."""
    label_logit_NTC = torch.zeros(2, 4, 2)
    if not foreground:
        return FrameScores(torch.full((2, 4, 2), 0.5), label_logit_NTC, None)
    return FrameScores(torch.full((2, 4, 2), 0.25), label_logit_NTC, torch.zeros(2, 4))


def test_coarse2fine_terms_by_hand(batch):
    terms = loss_terms(flat_scores(), batch, ModelSettings(), LossSettings())
    l_video = (-math.log(0.25) - 3 * math.log(0.75)) / 4
    assert terms["l_video"].item() == pytest.approx(l_video, rel=1e-5)
    # frame 2 is foreground, frame 0 drawn background of the positive title; the clear title's is not in L_ce
    assert terms["l_ce"].item() == pytest.approx(LN2, rel=1e-5)
    # the clear title: 4 frames x 0.5, averaged over 2 titles
    assert terms["l_bg"].item() == pytest.approx(1.0)
    assert terms["l_lap"].item() == 0
    # on frame 2: a is positive, b known absent
    assert terms["l_cs"].item() == pytest.approx(LN2, rel=1e-5)
    total = l_video + 0.5 * (LN2 + 0.01 * 1.0 + 0.1 * 0) + 1.0 * LN2
    assert terms["total"].item() == pytest.approx(total, rel=1e-5)


def test_fo_is_the_frame_loss_alone_and_vl_adds_the_title_loss(batch):
    fo = loss_terms(flat_scores(foreground=False), batch, ModelSettings(network="fo"), LossSettings())
    assert set(fo) == {"l_cs", "total"}
    assert fo["total"].item() == pytest.approx(LN2, rel=1e-5)
    vl = loss_terms(flat_scores(foreground=False), batch, ModelSettings(network="fo-vl"), LossSettings())
    assert vl["total"].item() == pytest.approx(2 * LN2, rel=1e-5)


def test_background_titles_enter_l_ce_only_on_request(batch):
    scores = FrameScores(torch.zeros(2, 4, 2), torch.zeros(2, 4, 2), torch.tensor([[0.0] * 4, [2.0] * 4]))
    without = loss_terms(scores, batch, ModelSettings(), LossSettings())["l_ce"]
    with_them = loss_terms(scores, batch, ModelSettings(), LossSettings(background_titles_in_l_ce=True))["l_ce"]
    assert without.item() == pytest.approx(LN2, rel=1e-5)
    assert with_them.item() == pytest.approx((2 * LN2 + math.log1p(math.exp(2))) / 3, rel=1e-5)


def test_a_single_head_is_regularised_label_by_label_on_request(batch):
    action_NTC = torch.full((2, 4, 2), 0.5)
    action_NTC[0, 1:, 1] = 0.75  # one step of 0.25, in the positive title
    scores = FrameScores(action_NTC, torch.zeros(2, 4, 2), None)
    model = ModelSettings(network="fo-vl")
    plain = loss_terms(scores, batch, model, LossSettings())
    terms = loss_terms(scores, batch, model, LossSettings(regularise_single_head=True))
    assert "l_bg" not in plain
    # four rows: two labels in two titles; four frames of 0.5 for each label of the clear title
    assert terms["l_bg"].item() == pytest.approx(2 * 4 * 0.5 / 4)
    assert terms["l_lap"].item() == pytest.approx(0.25 / 4)
    expected = plain["total"].item() + 0.5 * (0.01 * 1.0 + 0.1 * 0.0625)
    assert terms["total"].item() == pytest.approx(expected, rel=1e-6)
