"""Hand-worked numbers for every loss of the baselines; ln 2 = 0.693147 is the cross entropy of one in two."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model.weak_losses import (
    attended_features,
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

LN2, LN3 = math.log(2), math.log(3)


def mask(*values):
    return torch.tensor(values, dtype=torch.bool)


def test_l_title_splits_the_target_over_the_labels_of_a_title():
    logit_NK = torch.tensor([[0.0, LN3, 0.0], [LN2, 0.0, 0.0]])  # shares 1/5 3/5 1/5, and 2/4 1/4 1/4
    target_NK = mask([True, True, False], [False, False, True])
    expected = ((math.log(5) + math.log(5 / 3)) / 2 + math.log(4)) / 2
    assert l_title(logit_NK, target_NK, torch.ones_like(target_NK)).item() == pytest.approx(expected, rel=1e-5)


def test_l_title_leaves_unknown_outputs_out_of_the_softmax_and_titles_without_target_out_of_the_mean():
    logit_NK = torch.tensor([[0.0, 0.0, 7.0], [3.0, 5.0, 1.0]], requires_grad=True)
    target_NK = mask([True, False, True], [False, False, False])
    known_NK = mask([True, True, False], [True, True, True])
    loss = l_title(logit_NK, target_NK, known_NK)
    loss.backward()
    assert loss.item() == pytest.approx(LN2, rel=1e-5)
    torch.testing.assert_close(logit_NK.grad, torch.tensor([[-0.5, 0.5, 0.0], [0.0, 0.0, 0.0]]))


def test_attention_is_a_softmax_over_real_frames_zeroed_below_its_mean():
    # shares 4/7, 2/7, 1/7 of three real frames: only the first reaches 1/3; then 1/2, 1/2: both are the mean
    logit_NTC = torch.tensor([[4.0, 2.0, 1.0, 9.0], [1.0, 1.0, 9.0, 9.0]]).log().unsqueeze(2)
    valid_NT = mask([True, True, True, False], [True, True, False, False])
    hidden_NTF = torch.arange(16.0).reshape(2, 4, 2)
    feature_NCF = attended_features(hidden_NTF, logit_NTC, valid_NT)
    torch.testing.assert_close(feature_NCF, torch.tensor([[[0.0, 1.0]], [[9.0, 10.0]]]))


def test_attention_weighs_what_is_left():
    logit_NTC = torch.tensor([[5.0, 3.0, 1.0, 1.0]]).log().unsqueeze(2)  # 0.5 and 0.3 pass 1/4
    feature_NCF = attended_features(torch.tensor([[[8.0], [16.0], [99.0], [99.0]]]), logit_NTC, mask([True] * 4))
    assert feature_NCF.item() == pytest.approx((5 * 8 + 3 * 16) / 8)


def test_l_centre_counts_every_label_alike_the_first_included():
    feature_NCF = torch.tensor([[[1.0, 2.0], [0.0, 0.0]], [[4.0, 4.0], [1.0, 1.0]]])
    centre_CF = torch.tensor([[0.0, 0.0], [1.0, 3.0]])
    counted_NC = mask([True, False], [False, True])
    # title 0, label 0: 1 + 4; title 1, label 1: 0 + 4
    assert l_centre(feature_NCF, centre_CF, counted_NC).item() == pytest.approx((5 + 4) / 2)
    assert l_centre(feature_NCF, centre_CF, mask([False] * 2, [False] * 2)).item() == 0


def test_moved_centres_by_hand():
    feature_NCF = torch.tensor([[[1.0, 2.0], [0.0, 0.0]], [[4.0, 4.0], [1.0, 1.0]]])
    centre_CF = torch.tensor([[0.0, 0.0], [1.0, 3.0]])
    moved_CF = moved_centres(centre_CF, feature_NCF, mask([True, False], [False, True]), rate=0.1)
    # the gradient is 2 (centre - feature) / 2 pairs
    torch.testing.assert_close(moved_CF, torch.tensor([[0.1, 0.2], [1.0, 2.8]]))


@given(seed=st.integers(0, 1000))
def test_moved_centres_is_gradient_descent_on_the_loss(seed):
    generator = torch.Generator().manual_seed(seed)
    feature_NCF = torch.randn(3, 2, 4, generator=generator)
    centre_CF = torch.randn(2, 4, generator=generator).requires_grad_()
    counted_NC = torch.rand(3, 2, generator=generator) < 0.6
    l_centre(feature_NCF, centre_CF, counted_NC).backward()
    moved_CF = moved_centres(centre_CF.detach(), feature_NCF, counted_NC, rate=0.3)
    torch.testing.assert_close(moved_CF, centre_CF.detach() - 0.3 * centre_CF.grad)


def test_l_count_is_relative_for_what_occurs_small_for_what_does_not_and_nothing_for_the_unknown():
    # equal logits over two real frames: attention 1/2 each, so the predicted count is the logit
    logit_NTC = torch.tensor([[[3.0, 5.0, 7.0]] * 2 + [[99.0] * 3]])
    valid_NT = mask([True, True, False])
    count_NC = torch.tensor([[2.0, 0.0, math.nan]])
    assert l_count(logit_NTC, valid_NT, count_NC).item() == pytest.approx((3 - 2) / 2 + 0.001 * 5)
    two_titles = l_count(logit_NTC.repeat(2, 1, 1), valid_NT.repeat(2, 1), torch.tensor([[2.0, 0.0, 4.0], [1.0] * 3]))
    assert two_titles.item() == pytest.approx((0.505 + 3 / 4 + 2 + 4 + 6) / 2)


def test_l_frame_takes_the_mean_of_one_hots_on_labelled_frames_only():
    logit_NTK = torch.tensor([[[0.0, LN2, 0.0], [0.0, 0.0, LN3], [50.0, -50.0, 0.0]]])  # shares by 4, by 5
    labelled_NTC = mask([[True, False], [True, True], [False, False]]).reshape(1, 3, 2)
    expected = (math.log(2) + (math.log(5) + math.log(5 / 3)) / 2) / 2
    assert l_frame(logit_NTK, labelled_NTC).item() == pytest.approx(expected, rel=1e-5)


def test_the_pool_before_the_first_occurrence_leaves_out_what_may_be_later_ones():
    # two labels, six frames: a on frames 2 and 3 (labelled: 2), b absent, the last frame padding
    positive_NTC = torch.zeros(1, 6, 2, dtype=torch.bool)
    positive_NTC[0, 2:4, 0] = True
    labelled_NTC = torch.zeros_like(positive_NTC)
    labelled_NTC[0, 2, 0] = True
    known_NTC = torch.ones_like(positive_NTC)
    known_NTC[0, 4:, 0] = False
    valid_NT = mask([True] * 5 + [False])
    parts = (labelled_NTC, positive_NTC, known_NTC, valid_NT)
    assert negative_pool(*parts, pool="all").tolist() == [[True, True, False, True, True, False]]
    assert negative_pool(*parts, pool="before_first").tolist() == [[True, True, False, False, False, False]]


def test_the_quota_is_seven_per_labelled_frame_or_what_there_is():
    labelled_NTC = torch.zeros(3, 20, 2, dtype=torch.bool)
    labelled_NTC[0, 3] = True  # two labels on one frame: n = 1, 7 wanted
    labelled_NTC[1, :3, 1] = True  # n = 3, 21 wanted, 17 there
    pool_NT = ~labelled_NTC.any(dim=2)
    assert negative_quota(labelled_NTC, pool_NT, 7) == 7 + 17 + 0


def test_l_background_ranks_the_pool_by_its_background_logit():
    logit_NTK = torch.tensor([[[LN3, 0.0, 0.0], [0.0, 0.0, 9.0], [LN2, 0.0, 0.0], [9.0, 0.0, 0.0]]])
    pool_NT = mask([True, True, True, False])
    # the two highest are frames 0 and 2: shares 3/5 and 2/4; divided by K = 3
    expected = (math.log(5 / 3) + math.log(2)) / 2 / 3
    assert l_background(logit_NTK, pool_NT, 2).item() == pytest.approx(expected, rel=1e-5)


def test_l_actionness_takes_the_most_active_of_the_pool():
    actionness_NT = torch.tensor([[0.0, LN3, 0.0, -LN3, 50.0]])
    labelled_NT = mask([False, True, False, False, False])
    pool_NT = mask([True, False, True, True, False])
    # labelled: probability 3/4; the two most active of the pool: 1/2 each
    expected = -math.log(3 / 4) + LN2
    assert l_actionness(actionness_NT, labelled_NT, pool_NT, 2).item() == pytest.approx(expected, rel=1e-5)


def test_nothing_to_count_is_zero_with_a_gradient():
    logit_NTK = torch.zeros(2, 3, 3, requires_grad=True)
    none_NTC, none_NT = torch.zeros(2, 3, 2, dtype=torch.bool), torch.zeros(2, 3, dtype=torch.bool)
    total = (
        l_title(logit_NTK[:, 0], torch.zeros(2, 3, dtype=torch.bool), torch.ones(2, 3, dtype=torch.bool))
        + l_frame(logit_NTK, none_NTC)
        + l_background(logit_NTK, none_NT, 0)
        + l_actionness(logit_NTK[..., 0], none_NT, none_NT, 5)
        + l_count(logit_NTK, ~none_NT, torch.full((2, 3), math.nan))
    )
    total.backward()
    assert total.item() == 0
    assert torch.equal(logit_NTK.grad, torch.zeros(2, 3, 3))
