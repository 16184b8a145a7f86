import math

import pytest
import torch
from torch.nn import functional

from data.errors import ConfigError
from model.build import build_network, pick_device, pick_precision
from model.packed import real_rows
from model.settings import ModelSettings

WIDTH, LABELS = 6, 3


def network(name="coarse2fine", **overrides):
    settings = ModelSettings(network=name, conv_channels=8, fc_channels=(7, 5), **overrides)
    return build_network(settings, width=WIDTH, labels=LABELS, seed=1).eval()


def batch(lengths, padding=0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    frames = max(lengths) + padding
    features_NTD = torch.zeros(len(lengths), frames, WIDTH)
    valid_NT = torch.zeros(len(lengths), frames, dtype=torch.bool)
    for n, length in enumerate(lengths):
        features_NTD[n, :length] = torch.randn(length, WIDTH, generator=generator)
        valid_NT[n, :length] = True
    return features_NTD, valid_NT


@pytest.mark.parametrize(("kernel", "dilation"), [(1, 1), (3, 1), (5, 1), (3, 2), (5, 3)])
def test_the_trunk_is_the_plain_padded_form(kernel, dilation):
    net = network(conv_kernel=kernel, conv_dilation=dilation)
    features_NTD, valid_NT = batch([9, 4, 1])
    trunk = net.trunk
    packed = trunk(features_NTD, valid_NT)
    rows = []
    for n, length in enumerate([9, 4, 1]):
        alone = features_NTD[n, :length].T.unsqueeze(0)
        reach = kernel // 2 * dilation
        hidden = torch.relu(
            functional.conv1d(alone, trunk.conv.weight, trunk.conv.bias, padding=reach, dilation=dilation)
        )
        rows.append(torch.relu(trunk.fc2(torch.relu(trunk.fc1(hidden[0].T)))))
    torch.testing.assert_close(packed, torch.cat(rows), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["coarse2fine", "fo", "fo-vl"])
def test_padding_and_neighbours_change_nothing(name):
    net = network(name)
    together = net(*batch([9, 4, 1], padding=5))
    for n, length in enumerate([9, 4, 1]):
        features_NTD, valid_NT = batch([9, 4, 1])
        alone = net(features_NTD[n : n + 1, :length], valid_NT[n : n + 1, :length])
        torch.testing.assert_close(together.action_NTC[n, :length], alone.action_NTC[0], rtol=1e-5, atol=1e-6)
        assert not together.action_NTC[n, length:].any()


def test_hidden_rows_of_the_frames_that_were_asked_for():
    net = network()
    features_NTD, valid_NT = batch([9, 4, 1], padding=2)
    rows = net.trunk(features_NTD, valid_NT)
    compared_NK = torch.tensor([[8, 0], [3, -1], [0, -1]])
    hidden_NKF = net(features_NTD, valid_NT, compared_NK=compared_NK).hidden_NKF
    assert hidden_NKF.shape == (3, 2, 5)
    torch.testing.assert_close(hidden_NKF[:, 0], rows[[8, 12, 13]])
    torch.testing.assert_close(hidden_NKF[0, 1], rows[0])
    assert net(features_NTD, valid_NT).hidden_NKF is None


def test_action_is_foreground_times_conditional():
    scores = network()(*batch([5, 3]))
    product = torch.sigmoid(scores.foreground_logit_NT).unsqueeze(-1) * torch.sigmoid(scores.label_logit_NTC)
    _, valid_NT = batch([5, 3])
    torch.testing.assert_close(scores.action_NTC, product * valid_NT.unsqueeze(-1))


def test_shapes_and_widths_of_the_paper():
    net = build_network(ModelSettings(), width=2048, labels=4, seed=0)
    shapes = {name: tuple(value.shape) for name, value in net.state_dict().items()}
    assert shapes["trunk.conv.weight"] == (2048, 2048, 3)
    assert shapes["trunk.fc1.weight"] == (1024, 2048)
    assert shapes["trunk.fc2.weight"] == (512, 1024)
    assert shapes["foreground.weight"] == (1, 512)
    assert shapes["conditional.weight"] == (4, 512)


def test_foreground_starts_at_its_prior():
    assert network(foreground_prior=0.02).foreground.bias.item() == pytest.approx(math.log(0.02 / 0.98))


def test_the_ablation_has_no_foreground():
    assert network("fo")(*batch([2])).foreground_logit_NT is None


def test_the_same_seed_gives_the_same_weights_and_leaves_the_global_generator():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one, two = network().state_dict(), network().state_dict()
    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_normalised_input_ignores_the_scale_of_a_frame():
    net = network(normalise_input=True)
    features_NTD, valid_NT = batch([6])
    scaled = net(features_NTD * 50, valid_NT)
    torch.testing.assert_close(net(features_NTD, valid_NT).action_NTC, scaled.action_NTC, rtol=1e-4, atol=1e-5)


def test_an_even_kernel_is_refused():
    with pytest.raises(ValueError, match="odd length"):
        network(conv_kernel=2)


@pytest.mark.parametrize("name", ["cuda:99", "quantum"])
def test_a_device_that_is_not_there_says_what_to_use(name):
    with pytest.raises(ConfigError, match=f"device '{name}'.*use auto"):
        pick_device(name)


@pytest.mark.parametrize("network", ["coarse2fine", "fo"])
def test_bfloat16_products_move_scores_by_less_than_a_hundredth_and_outputs_stay_float32(network: str) -> None:
    built = build_network(
        ModelSettings(network=network, conv_channels=16, fc_channels=(16, 8)), width=12, labels=3, seed=0
    )
    features = torch.randn(2, 40, 12, generator=torch.Generator().manual_seed(1))
    valid = torch.ones(2, 40, dtype=torch.bool)
    exact = built(features, valid)
    with torch.autocast("cpu", torch.bfloat16):
        rough = built(features, valid)
    assert rough.action_NTC.dtype == rough.label_logit_NTC.dtype == torch.float32
    assert 0 < float((rough.action_NTC - exact.action_NTC).detach().abs().max()) < 1e-2


def test_precision_is_what_was_asked_for_and_auto_only_takes_bfloat16_from_hardware(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cpu = torch.device("cpu")
    assert pick_precision("float32", cpu) == torch.float32
    assert pick_precision("bfloat16", cpu) == torch.bfloat16
    for amx, avx512, expected in (
        (True, False, torch.bfloat16),
        (False, True, torch.bfloat16),
        (False, False, torch.float32),
    ):
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda amx=amx: amx)
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda avx512=avx512: avx512)
        assert pick_precision("auto", cpu) == expected


def test_input_dropout_changes_training_only() -> None:
    dropped = network(input_dropout=0.5)
    features, valid = batch([9, 5])
    plain = network()
    assert torch.equal(dropped(features, valid).action_NTC, plain(features, valid).action_NTC)
    dropped.train()
    torch.manual_seed(0)
    first, second = (dropped(features, valid).action_NTC for _ in range(2))
    assert not torch.equal(first, second)


def test_input_dropout_zeroes_its_share_before_normalising() -> None:
    rows = real_rows(torch.ones(1, 50, 200), [50], normalise=True, dropout=0.75, seeds_N=[3])
    assert float((rows == 0).float().mean()) == pytest.approx(0.75, abs=0.02)
    assert torch.allclose(rows.square().mean(dim=1), torch.ones(50), atol=1e-4)
