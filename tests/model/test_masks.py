import numpy as np
import pytest
import torch

from model.build import build_network
from model.masks import MaskStream, RowDropout, title_seeds
from model.packed import CHUNK_ROWS, real_rows
from model.settings import ModelSettings, Network

CPU = torch.device("cpu")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.7])
def test_a_mask_drops_its_share_and_scales_what_is_left(share: float) -> None:
    mask = MaskStream(1, 0, share, CPU).take(401, 999)  # not a multiple of the four values that 64 bits give
    assert mask.unique().tolist() == pytest.approx([0, 1 / (1 - share)])
    assert float((mask == 0).float().mean()) == pytest.approx(share, abs=0.004)
    assert float((mask == 0).float().mean(dim=0).std()) == pytest.approx(np.sqrt(share * (1 - share) / 401), rel=0.2)


def test_a_mask_goes_on_where_it_was_and_depends_on_seed_and_layer_alone() -> None:
    stream = MaskStream(7, 1, 0.5, CPU)
    first, second = stream.take(8, 16), stream.take(8, 16)
    assert not torch.equal(first, second)
    assert torch.equal(MaskStream(7, 1, 0.5, CPU).take(8, 16), first)
    for other in (MaskStream(8, 1, 0.5, CPU), MaskStream(7, 2, 0.5, CPU)):
        assert not torch.equal(other.take(8, 16), first)


def test_hidden_rows_are_dropped_in_training_only_and_their_gradient_with_them() -> None:
    rows = torch.ones(5, 64, requires_grad=True)
    layer = RowDropout(0.5, layer=1)
    dropped = layer(rows, [3, 2], [10, 11])
    dropped.sum().backward()
    assert rows.grad is not None
    assert torch.equal(rows.grad, dropped)
    assert torch.equal(layer.eval()(rows, [3, 2], [10, 11]), rows)


@pytest.mark.parametrize("network", ["coarse2fine", "fo", "three-c-net", "sf-net-1"])
def test_a_title_is_dropped_alike_alone_and_beside_others(network: Network) -> None:
    settings = ModelSettings(
        network=network, conv_channels=8, fc_channels=(8, 8), hidden_channels=8, dropout=0.4, input_dropout=0.3
    )
    built = build_network(settings, width=6, labels=2, seed=0).train()
    lengths = (CHUNK_ROWS + 9, 40, 3)
    features = torch.randn(3, max(lengths), 6, generator=torch.Generator().manual_seed(0))
    valid = torch.arange(max(lengths)) < torch.tensor(lengths).unsqueeze(1)
    seeds = torch.tensor([5, 6, 7])
    together = built(features, valid, seeds).action_NTC
    alone = built(features[1:], valid[1:], seeds[1:]).action_NTC
    torch.testing.assert_close(together[1:], alone, rtol=1e-5, atol=1e-6)
    assert not torch.equal(built(features, valid, seeds + 1).action_NTC, together)


def test_seeds_come_with_the_batch_or_from_torch_and_evaluation_takes_none() -> None:
    assert title_seeds(torch.tensor([4, 5]), 2, training=True) == [4, 5]
    torch.manual_seed(0)
    drawn = title_seeds(None, 3, training=True)
    assert len(set(drawn)) == 3
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    assert title_seeds(None, 3, training=False) == []
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize("gap", [0, 2])
def test_rows_are_those_of_the_plain_form_and_the_features_stay_as_they_were(gap: int) -> None:
    features = torch.randn(2, 300, 5, generator=torch.Generator().manual_seed(0))
    before = features.clone()
    packed = real_rows(features, [300, 7], normalise=True, gap=gap)
    plain = before / (before.square().mean(dim=2, keepdim=True) + 1e-6).sqrt()
    zeros = torch.zeros(gap, 5)
    torch.testing.assert_close(packed, torch.cat([zeros, plain[0], zeros, plain[1, :7], zeros]))
    assert torch.equal(features, before)
