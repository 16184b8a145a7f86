from typing import get_args

import numpy as np
import pytest

from infer.score import score_title
from model.build import build_network
from model.settings import ModelSettings, Network


@pytest.fixture
def features_TD():
    return np.random.default_rng(0).normal(size=(50, 6)).astype(np.float16)


@pytest.mark.parametrize("name", get_args(Network))
@pytest.mark.parametrize("window", [1, 7, 49, 50])
def test_windowed_and_whole_scores_agree(features_TD, name, window):
    settings = ModelSettings(network=name, conv_channels=5, conv_kernel=5, conv_dilation=2, fc_channels=(4, 4))
    network = build_network(settings, width=6, labels=2, seed=0).eval()
    whole = score_title(network, "t", features_TD, window=1000, top_k_divisor=8)
    windowed = score_title(network, "t", features_TD, window=window, top_k_divisor=8)
    np.testing.assert_allclose(windowed.action_TC, whole.action_TC, atol=1e-6)
    np.testing.assert_allclose(windowed.title_score_C, whole.title_score_C, atol=1e-6)
    # Eq. 5 by hand: the mean of the ceil(50 / 8) = 7 highest
    by_hand_C = np.sort(whole.action_TC, axis=0)[-7:].mean(axis=0)
    np.testing.assert_allclose(whole.title_score_C, by_hand_C, atol=1e-6)
    assert (whole.foreground_T is None) == (name in ("fo", "fo-vl", "three-c-net"))


def test_action_is_the_product_of_what_is_reported(features_TD):
    network = build_network(ModelSettings(conv_channels=5, fc_channels=(4, 4)), width=6, labels=2, seed=0).eval()
    scores = score_title(network, "t", features_TD, window=20, top_k_divisor=8)
    assert scores.foreground_T is not None
    assert scores.conditional_TC is not None
    np.testing.assert_allclose(scores.action_TC, scores.foreground_T[:, None] * scores.conditional_TC, atol=1e-6)
