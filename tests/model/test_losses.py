"""Hand-worked numbers for every loss; ln 2 = 0.693147 is the cross entropy of a score of 0.5."""

import math

import pytest
import torch

from model.losses import l_bg, l_ce, l_contrast, l_cs, l_lap, l_video

LN2 = math.log(2)


def logit(p):
    return math.log(p / (1 - p))


def mask(*values):
    return torch.tensor(values, dtype=torch.bool)


def test_l_video_is_the_mean_over_known_pairs():
    score_NC = torch.tensor([[0.5, 0.9], [0.2, 0.7]])
    present_NC = mask([True, False], [False, True])
    known_NC = mask([True, True], [True, False])
    expected = (-math.log(0.5) - math.log(0.1) - math.log(0.8)) / 3
    assert l_video(score_NC, present_NC, known_NC).item() == pytest.approx(expected, rel=1e-5)


def test_l_ce_by_hand():
    # positive at 0.5: ln 2; negative at 0.25: -ln 0.75; the third frame takes no part
    logits_NT = torch.tensor([[0.0, logit(0.25), 5.0]])
    value = l_ce(logits_NT, mask([True, False, False]), mask([False, True, False]), epsilon=0.05)
    assert value.item() == pytest.approx((LN2 - math.log(0.75)) / 2, rel=1e-5)


def test_l_ce_background_below_epsilon_is_good_enough():
    logits_NT = torch.tensor([[logit(0.04), logit(0.06)]], requires_grad=True)
    value = l_ce(logits_NT, mask([False, False]), mask([True, True]), epsilon=0.05)
    value.backward()
    assert value.item() == pytest.approx(-math.log(0.94) / 2, rel=1e-4)
    assert logits_NT.grad is not None
    assert logits_NT.grad[0, 0] == 0
    assert logits_NT.grad[0, 1].item() == pytest.approx(0.06 / 2, rel=1e-4)


def test_l_ce_positive_below_epsilon_recovers_unless_literal():
    logits_NT = torch.tensor([[logit(0.01)]], requires_grad=True)
    l_ce(logits_NT, mask([True]), mask([False]), epsilon=0.05).backward()
    assert logits_NT.grad is not None
    assert logits_NT.grad.item() == pytest.approx(-0.99, rel=1e-4)
    logits_NT.grad = None
    literal = l_ce(logits_NT, mask([True]), mask([False]), epsilon=0.05, literal=True)
    literal.backward()
    # log 0, which torch clamps at -100: the largest loss, and no gradient to leave it
    assert literal.item() == 100
    assert logits_NT.grad.item() == 0


def test_l_bg_sums_time_and_averages_titles():
    foreground_NT = torch.tensor([[0.5, 0.25, 0.9], [0.1, 0.1, 0.1]])
    valid_NT = mask([True, True, False], [True, True, True])
    background_N = mask(True, False)
    assert l_bg(foreground_NT, valid_NT, background_N, reduction="sum-time").item() == pytest.approx(0.75 / 2)
    assert l_bg(foreground_NT, valid_NT, background_N, reduction="mean").item() == pytest.approx(0.75 / 2)
    both = mask(True, True)
    assert l_bg(foreground_NT, valid_NT, both, reduction="sum-time").item() == pytest.approx(1.05 / 2)
    assert l_bg(foreground_NT, valid_NT, both, reduction="mean").item() == pytest.approx(1.05 / 5)


def test_l_lap_is_total_variation_over_real_frames():
    foreground_NT = torch.tensor([[0.2, 0.5, 0.1, 0.9]])
    valid_NT = mask([True, True, True, False])
    assert l_lap(foreground_NT, valid_NT, reduction="sum-time").item() == pytest.approx(0.3 + 0.4)
    assert l_lap(foreground_NT, valid_NT, reduction="mean").item() == pytest.approx(0.7 / 2)
    # second difference: (0.1 - 0.5) - (0.5 - 0.2) = -0.7
    assert l_lap(foreground_NT, valid_NT, reduction="sum-time", order=2).item() == pytest.approx(0.7)


def test_l_cs_counts_only_what_is_asked():
    logit_NTC = torch.tensor([[[0.0, logit(0.8)], [3.0, -3.0]]])
    positive_NTC = mask([[[True, True], [False, False]]])[0]
    counted_NTC = mask([[[True, True], [False, False]]])[0]
    assert l_cs(logit_NTC, positive_NTC, counted_NTC).item() == pytest.approx((LN2 - math.log(0.8)) / 2, rel=1e-5)


@pytest.mark.parametrize("reduction", ["sum-time", "mean"])
def test_nothing_to_count_is_zero_with_a_gradient(reduction):
    logits_NT = torch.zeros(2, 3, requires_grad=True)
    none_NT = torch.zeros(2, 3, dtype=torch.bool)
    total = (
        l_ce(logits_NT, none_NT, none_NT, epsilon=0.05)
        + l_bg(torch.sigmoid(logits_NT), none_NT, mask(False, False), reduction=reduction)
        + l_lap(torch.sigmoid(logits_NT), none_NT, reduction=reduction)
        + l_cs(logits_NT.unsqueeze(-1), none_NT.unsqueeze(-1), none_NT.unsqueeze(-1))
    )
    total.backward()
    assert total.item() == 0
    assert torch.equal(logits_NT.grad, torch.zeros(2, 3))


EAST, NORTH = [1.0, 0.0], [0.0, 1.0]


def contrast(hidden, labels, temperature=1.0):
    """Titles with one compared frame each, the first: its hidden row, and its labels of two."""
    hidden_NKF = torch.tensor(hidden).unsqueeze(1).requires_grad_()
    frames_NK = torch.zeros(len(hidden), 1, dtype=torch.int64)
    positive_NTC = torch.tensor(labels, dtype=torch.bool).unsqueeze(1)
    return l_contrast(hidden_NKF, frames_NK, positive_NTC, temperature=temperature), hidden_NKF


def test_l_contrast_by_hand():
    # two alike of one label, background at a right angle: each finds the other among e^1 and e^0
    loss, _ = contrast([EAST, [3.0, 0.0], NORTH], [[1, 0], [1, 0], [0, 0]])
    assert loss.item() == pytest.approx(math.log(1 + math.exp(-1)))
    sharper, _ = contrast([EAST, EAST, NORTH], [[1, 0], [1, 0], [0, 0]], temperature=0.5)
    assert sharper.item() == pytest.approx(math.log(1 + math.exp(-2)))
    # a frame of another label repels as background does, and has no partner of its own
    other, _ = contrast([EAST, EAST, NORTH], [[1, 0], [1, 0], [0, 1]])
    assert other.item() == pytest.approx(loss.item())
    # one that shares a label is a partner: means of log p over partners, p of e^1, e^0 and of e^0, e^0
    shared, _ = contrast([EAST, EAST, NORTH], [[1, 0], [1, 0], [1, 1]])
    east = (math.log(1 + math.exp(-1)) + math.log(1 + math.exp(1))) / 2
    assert shared.item() == pytest.approx((2 * east + math.log(2)) / 3)


def test_l_contrast_takes_the_labels_of_the_compared_frames_and_no_others():
    hidden_NKF = torch.tensor([[EAST, NORTH, EAST], [EAST, [9.0, 9.0], [9.0, 9.0]]])
    compared_NK = torch.tensor([[2, 0, -1], [1, -1, -1]])
    positive_NTC = torch.tensor([[[0], [1], [1]], [[0], [1], [0]]], dtype=torch.bool)
    loss = l_contrast(hidden_NKF, compared_NK, positive_NTC, temperature=1.0)
    assert loss.item() == pytest.approx(math.log(1 + math.exp(-1)))


@pytest.mark.parametrize("labels", [[[1, 0]], [[0, 0]], [[1, 0], [0, 1], [0, 0]]])
def test_l_contrast_without_partners_is_zero_with_a_gradient(labels):
    loss, hidden = contrast([EAST, NORTH, EAST][: len(labels)], labels)
    loss.backward()
    assert loss.item() == 0
    assert torch.isfinite(hidden.grad).all() and not hidden.grad.any()


def test_l_contrast_of_nothing_is_zero():
    nothing = l_contrast(
        torch.zeros(2, 3, 4), torch.full((2, 3), -1), torch.zeros(2, 5, 1, dtype=torch.bool), temperature=0.1
    )
    assert nothing.item() == 0


def test_l_contrast_pulls_partners_together_and_pushes_background_away():
    loss, hidden = contrast([EAST, NORTH, [1.0, -1.0]], [[1, 0], [1, 0], [0, 0]], temperature=0.1)
    loss.backward()
    step = (hidden - 0.1 * hidden.grad).squeeze(1).detach()
    cosine = torch.nn.functional.cosine_similarity
    before = torch.tensor([EAST, NORTH, [1.0, -1.0]])
    assert cosine(step[0], step[2], dim=0) < cosine(before[0], before[2], dim=0)
    assert cosine(step[0], step[1], dim=0) > cosine(before[0], before[1], dim=0)
