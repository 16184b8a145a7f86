"""How the losses of the baselines are put together, and what their switches change, by hand."""

import math

import numpy as np
import pytest
import torch

from data.labels import Clip, TitleLabels
from data.targets import frame_targets
from data.windows import Batch
from model.batch import to_tensors
from model.objective import loss_terms
from model.settings import LossSettings, ModelSettings, SFNetLossSettings, ThreeCNetLossSettings
from model.sf_net import SFNetScores
from model.three_c_net import ThreeCNetScores
from model.weak_losses import attended_features
from model.weak_objective import next_centres

LABELS = ("a", "b")
FRAMES = 8
LN2, LN3 = math.log(2), math.log(3)


@pytest.fixture
def batch():
    """Title 0 holds label a, first on frames 4 and 5 (told: frame 5), and not b; title 1 holds neither."""
    positive = TitleLabels("p", {"a": True, "b": False}, {"a": Clip("a", 4, 6)})
    clear = TitleLabels("c", {"a": False, "b": False})
    targets = [frame_targets(title, LABELS, FRAMES, frames_per_clip=1) for title in (positive, clear)]
    return to_tensors(
        Batch(
            features_NTD=np.zeros((2, FRAMES, 1), np.float16),
            valid_NT=np.ones((2, FRAMES), bool),
            positive_NTC=np.stack([t.positive_TC for t in targets]),
            known_NTC=np.stack([t.known_TC for t in targets]),
            background_NT=np.zeros((2, FRAMES), bool),
            present_NC=np.stack([t.present_C for t in targets]),
            present_known_NC=np.stack([t.present_known_C for t in targets]),
            background_N=np.array([t.background_title for t in targets]),
            labelled_NTC=np.stack([t.labelled_TC for t in targets]),
            count_NC=np.stack([t.count_C for t in targets]),
            seed_N=np.zeros(len(targets), np.int64),
            compared_NK=np.full((2, 1), -1),
        ),
        torch.device("cpu"),
    )


def three_c_scores():
    """Logits 0, twice as a multiplier of ln 3 on label a; hidden rows count the frames; k = 1."""
    logit_NTC = torch.zeros(2, FRAMES, 2)
    logit_NTC[..., 0] = LN3
    hidden_NTF = torch.arange(float(FRAMES)).reshape(1, FRAMES, 1).expand(2, -1, 1)
    raw_NTC = torch.zeros_like(logit_NTC)
    attended_NCF = attended_features(hidden_NTF, raw_NTC, torch.ones(2, FRAMES, dtype=torch.bool))
    return ThreeCNetScores(raw_NTC, raw_NTC, logit_NTC, attended_NCF, torch.zeros(2, 1))


def test_3c_net_by_hand(batch):
    terms = loss_terms(three_c_scores(), batch, ModelSettings(network="three-c-net"), LossSettings())
    assert set(terms) == {"l_title", "l_centre", "total"}
    # title 0 alone: shares of a are 1/2 and, multiplied, 3/4
    assert terms["l_title"].item() == pytest.approx(LN2 + math.log(4 / 3), rel=1e-5)
    # equal attention on all eight frames: the mean row is 3.5, the centre 0
    assert terms["l_centre"].item() == pytest.approx(3.5**2)
    assert terms["total"].item() == pytest.approx(LN2 + math.log(4 / 3) + 1e-3 * 3.5**2, rel=1e-5)


def test_3c_net_learns_from_background_titles_against_none_at_logit_0(batch):
    loss = LossSettings(use_background_titles=True)
    terms = loss_terms(three_c_scores(), batch, ModelSettings(network="three-c-net"), loss)
    # of none, a, b: 1/3 each, and multiplied 1/5, 3/5, 1/5; title 0 is a, title 1 none
    expected = (LN3 + LN3) / 2 + (math.log(5 / 3) + math.log(5)) / 2
    assert terms["l_title"].item() == pytest.approx(expected, rel=1e-5)


def test_the_counting_loss_is_switchable(batch):
    loss = LossSettings(three_c_net=ThreeCNetLossSettings(count_weight=0.5, centre_weight=0))
    terms = loss_terms(three_c_scores(), batch, ModelSettings(network="three-c-net"), loss)
    # a's count in title 0 is unknown; b's and all of title 1 are 0: there 0.001 |ln 3|, over two titles
    assert terms["l_count"].item() == pytest.approx(0.001 * LN3 / 2, rel=1e-4)
    assert terms["total"].item() == pytest.approx(terms["l_title"].item() + 0.5 * terms["l_count"].item(), rel=1e-6)


def test_the_next_centres_follow_the_labels_of_titles_that_hold_them(batch):
    centre_CF = next_centres(three_c_scores(), batch, LossSettings())
    assert centre_CF.flatten().tolist() == pytest.approx([0.1 * 2 * 3.5, 0.0])


def sf_scores():
    """Logits 0, multiplied: ln 2 on background; actionness ln 3 on frames 0 and 7 of both titles, else 0."""
    raw_NTK = torch.zeros(2, FRAMES, 3)
    logit_NTK = torch.zeros(2, FRAMES, 3)
    logit_NTK[..., 0] = LN2
    actionness_NT = torch.zeros(2, FRAMES)
    actionness_NT[:, [0, 7]] = LN3
    return SFNetScores(torch.zeros(2, FRAMES, 2), raw_NTK, logit_NTK, actionness_NT)


def sf_terms(batch, *, use_background_titles=False, **sf_net):
    loss = LossSettings(use_background_titles=use_background_titles, sf_net=SFNetLossSettings(**sf_net))
    return loss_terms(sf_scores(), batch, ModelSettings(network="sf-net-1"), loss)


def test_sf_net_by_hand(batch):
    terms = sf_terms(batch, video_weight=0.5, actionness_weight=2)
    assert terms["l_title"].item() == pytest.approx(LN3 + math.log(4), rel=1e-5)
    assert terms["l_frame"].item() == pytest.approx(LN3 + math.log(4), rel=1e-5)
    # shares of background 1/3 and 2/4, divided by 3 outputs
    assert terms["l_background"].item() == pytest.approx((LN3 + LN2) / 3, rel=1e-5)
    # the quota is 7, all unlabelled frames of title 0: two at 3/4, five at 1/2; the labelled one at 1/2
    assert terms["l_actionness"].item() == pytest.approx(LN2 + (2 * math.log(4) + 5 * LN2) / 7, rel=1e-5)
    parts = [terms[name].item() for name in ("l_title", "l_frame", "l_background", "l_actionness")]
    assert terms["total"].item() == pytest.approx(np.dot([0.5, 1, 1, 2], parts), rel=1e-5)


def test_before_first_takes_only_frames_that_surely_hold_nothing(batch):
    terms = sf_terms(batch, neg_pool="before_first")
    # frames 0 to 3 of title 0: one of them at 3/4
    assert terms["l_actionness"].item() == pytest.approx(LN2 + (math.log(4) + 3 * LN2) / 4, rel=1e-5)


def test_background_titles_aim_at_the_background_output_and_join_the_pool_but_not_the_quota(batch):
    terms = sf_terms(batch, use_background_titles=True)
    expected = (LN3 + LN3) / 2 + (math.log(4) + LN2) / 2
    assert terms["l_title"].item() == pytest.approx(expected, rel=1e-5)
    # still seven, now of fifteen: four at 3/4
    assert terms["l_actionness"].item() == pytest.approx(LN2 + (4 * math.log(4) + 3 * LN2) / 7, rel=1e-5)
