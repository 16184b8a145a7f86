import torch
from hypothesis import given
from hypothesis import strategies as st

from model.aggregate import top_k_count, top_k_mean


def test_k_is_the_rounded_up_share_of_real_frames():
    valid_NT = torch.zeros(3, 100, dtype=torch.bool)
    valid_NT[0, :1] = valid_NT[1, :16] = valid_NT[2, :17] = True
    assert top_k_count(valid_NT, 8).tolist() == [1, 2, 3]


def test_mean_of_the_k_highest_by_hand():
    action_NTC = torch.tensor([[[0.1, 0.9], [0.4, 0.2], [0.3, 0.5], [0.8, 0.1]]])
    valid_NT = torch.ones(1, 4, dtype=torch.bool)
    # k = ceil(4 / 2) = 2: (0.8 + 0.4) / 2 and (0.9 + 0.5) / 2
    torch.testing.assert_close(top_k_mean(action_NTC, valid_NT, 2), torch.tensor([[0.6, 0.7]]))


def test_titles_of_one_batch_have_their_own_k():
    action_NTC = torch.tensor([[1.0, 0.5, 0.5, 0.0], [0.2, 0.4, 9.0, 9.0]]).unsqueeze(-1)
    valid_NT = torch.tensor([[True, True, True, True], [True, True, False, False]])
    torch.testing.assert_close(top_k_mean(action_NTC, valid_NT, 2), torch.tensor([[0.75], [0.4]]))


@given(st.integers(1, 30), st.integers(0, 20), st.integers(1, 64), st.integers(0, 2**31))
def test_padding_changes_nothing(frames, padding, divisor, seed):
    generator = torch.Generator().manual_seed(seed)
    action_NTC = torch.rand(1, frames, 2, generator=generator)
    padded_NTC = torch.cat([action_NTC, torch.ones(1, padding, 2)], dim=1)
    valid_NT = torch.arange(frames + padding).unsqueeze(0) < frames
    alone = top_k_mean(action_NTC, torch.ones(1, frames, dtype=torch.bool), divisor)
    torch.testing.assert_close(top_k_mean(padded_NTC, valid_NT, divisor), alone, rtol=0, atol=1e-6)
