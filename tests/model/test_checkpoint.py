import json
import pickle
import struct
from dataclasses import asdict, replace

import pytest
import torch
from safetensors.torch import load_file, save_file

import model.checkpoint
from data.errors import CheckpointError
from data.files import file_sha256
from data.schemas import FeatureSpec, LabelThresholds
from model.build import build_network
from model.checkpoint import load_network, save_checkpoint
from model.settings import ModelSettings
from model.sidecar import Checkpoint, read_checkpoint, write_sidecar

SPEC = FeatureSpec("resnet50", "ab" * 32, 4, "presented-1fps/1", "full", True, 224)
SETTINGS = ModelSettings(conv_channels=3, fc_channels=(3, 2))
THRESHOLDS = {"a": LabelThresholds(0.1, 0.25, 3.0, 2.0), "b": LabelThresholds(0.5, 0.5, 0.0, 0.0)}


@pytest.fixture
def saved(tmp_path):
    network = build_network(SETTINGS, width=4, labels=2, seed=7)
    return network, save_checkpoint(tmp_path, network, Checkpoint(SETTINGS, ("a", "b"), SPEC, THRESHOLDS))


def test_a_checkpoint_comes_back_whole(tmp_path, saved):
    network, checkpoint = saved
    loaded, read = load_network(tmp_path)
    assert read == checkpoint
    assert not loaded.training
    weights = loaded.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in network.state_dict().items())


def test_weights_in_float16_come_back_as_float32_rounded(tmp_path, saved):
    network, checkpoint = saved
    halved = save_checkpoint(tmp_path / "half", network, checkpoint, half=True)
    loaded, read = load_network(tmp_path / "half")
    assert read == halved
    assert read.model_id != checkpoint.model_id
    kept = load_file(tmp_path / "half" / "model.safetensors")
    for name, value in loaded.state_dict().items():
        assert (kept[name].dtype, value.dtype) == (torch.float16, torch.float32)
        assert torch.equal(value, network.state_dict()[name].half().float())


def test_weights_too_large_for_float16_are_refused(tmp_path, saved):
    network, checkpoint = saved
    with torch.no_grad():
        next(network.parameters()).fill_(1e6)
    with pytest.raises(CheckpointError, match="holds weights that float16 cannot hold"):
        save_checkpoint(tmp_path / "half", network, checkpoint, half=True)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.int32])
def test_weights_of_another_type_are_refused(tmp_path, saved, dtype):
    network, checkpoint = saved
    weights = tmp_path / "model.safetensors"
    save_file({name: value.to(dtype) for name, value in network.state_dict().items()}, weights)
    write_sidecar(tmp_path, replace(checkpoint, weights_sha256=file_sha256(weights)))
    with pytest.raises(CheckpointError, match=rf"is {dtype}, expected torch.float32"):
        load_network(tmp_path)


def test_what_a_checkpoint_asks_to_say_is_kept(tmp_path, saved):
    _, checkpoint = saved
    assert "notice" not in json.loads((tmp_path / "model.json").read_text())
    write_sidecar(tmp_path, replace(checkpoint, notice="a demonstration"))
    assert read_checkpoint(tmp_path) == replace(checkpoint, notice="a demonstration")


def test_thresholds_are_not_part_of_the_model(tmp_path, saved):
    _, checkpoint = saved
    other = Checkpoint(**{**vars(checkpoint), "thresholds": {**THRESHOLDS, "a": LabelThresholds(0.9, 0.9, 0, 0)}})
    write_sidecar(tmp_path, other)
    read = read_checkpoint(tmp_path)
    assert read.thresholds["a"].frame == 0.9
    assert read.model_id == checkpoint.model_id


def test_other_features_are_refused_and_the_difference_is_named(saved):
    _, checkpoint = saved
    checkpoint.require_features(SPEC, "tt1")
    other = FeatureSpec("efficientnet-lite0", "cd" * 32, 4, "presented-1fps/1", "center-crop", True, 224)
    with pytest.raises(CheckpointError) as caught:
        checkpoint.require_features(other, "tt1.parquet")
    message = str(caught.value)
    assert message.startswith("tt1.parquet: features ")
    assert "backbone 'efficientnet-lite0' is not 'resnet50'" in message
    assert "framing 'center-crop' is not 'full'" in message


def test_changed_weights_are_noticed(tmp_path, saved):
    path = tmp_path / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match="not the weights that"):
        load_network(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "coarse2fine.checkpoint/0"}, "expected 'coarse2fine.checkpoint/1'"),
        ({"labels": None}, "not a checkpoint sidecar"),
        ({"model": {"conv_channels": -1}}, "not a checkpoint sidecar"),
        ({"model": {"no_such_key": 1}}, "not a checkpoint sidecar"),
        ({"thresholds": {}}, "not a checkpoint sidecar"),
        ({"feature_spec": {"width": 4}}, "not a checkpoint sidecar"),
        ({"feature_spec": {**asdict(SPEC), "width": "4"}}, "not a checkpoint sidecar"),
        ({"labels": 7}, "not a checkpoint sidecar"),
        ({"thresholds": {label: {**asdict(THRESHOLDS[label]), "flag": float("nan")} for label in "ab"}}, "not finite"),
        ({"model": {**SETTINGS.model_dump(mode="json"), "conv_channels": 65_536}}, "do not fit the settings"),
        ({"model": {**SETTINGS.model_dump(mode="json"), "conv_channels": 10**18}}, "not a checkpoint sidecar"),
        ({"feature_spec": {**asdict(SPEC), "width": 2**40}}, "do not fit the settings"),
        ({"weights_sha256": ["x"]}, "not the weights"),
    ],
)
def test_a_hostile_sidecar_is_a_clear_error(tmp_path, saved, change, message):
    path = tmp_path / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(CheckpointError, match=message):
        load_network(tmp_path)


def test_weights_of_another_shape_are_a_clear_error(tmp_path, saved):
    path = tmp_path / "model.json"
    raw = json.loads(path.read_text())
    raw["model"]["conv_channels"] = 5
    path.write_text(json.dumps(raw))
    with pytest.raises(CheckpointError, match="do not fit the settings"):
        load_network(tmp_path)


def test_a_folder_without_a_checkpoint_says_so(tmp_path):
    with pytest.raises(CheckpointError, match="a folder that `coarse2fine train` wrote"):
        read_checkpoint(tmp_path / "nowhere")


class Evil:
    """Unpickling it creates a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("kind", ["pickle", "torch zip", "absurd header", "header beyond the file", "nested header"])
def test_weights_that_are_something_else_are_a_clear_error_and_nothing_runs(tmp_path, saved, kind):
    """Even when the sidecar vouches for their hash."""
    weights, trap = tmp_path / "model.safetensors", tmp_path / "trap"
    match kind:
        case "pickle":
            weights.write_bytes(pickle.dumps(Evil(trap)).ljust(1000, b"."))
        case "torch zip":
            torch.save({"evil": Evil(trap), "filler": torch.zeros(1000)}, weights)
        case "absurd header":
            weights.write_bytes(struct.pack("<Q", 2**63) + weights.read_bytes()[8:])
        case "header beyond the file":
            weights.write_bytes(struct.pack("<Q", 90_000_000) + weights.read_bytes()[8:])
        case "nested header":
            weights.write_bytes(struct.pack("<Q", 50_000) + b"[" * 50_000)
    sidecar = tmp_path / "model.json"
    sidecar.write_text(json.dumps({**json.loads(sidecar.read_text()), "weights_sha256": file_sha256(weights)}))
    with pytest.raises(CheckpointError, match="do not fit the settings"):
        load_network(tmp_path)
    assert not trap.exists()


@pytest.mark.parametrize("text", ["", "null", "[]", "{", "[" * 100_000, '{"a":' * 100_000, "9" * 10_000, "\0"])
def test_a_sidecar_that_is_no_sidecar(tmp_path, text):
    (tmp_path / "model.json").write_text(text)
    with pytest.raises(CheckpointError, match="not a checkpoint sidecar"):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize("killed_before", ["sidecar", "second copy of the weights"])
def test_a_kill_while_a_checkpoint_is_replaced_leaves_one_that_is_whole(tmp_path, saved, monkeypatch, killed_before):
    """Before the sidecar is written it is the old one, after that the new one, wherever its weights lie."""
    old, checkpoint = saved
    new, written = build_network(SETTINGS, width=4, labels=2, seed=8), []

    def killed(*_):
        raise KeyboardInterrupt

    def once(*arguments):
        written.append(save_file(*arguments) if not written else killed())

    if killed_before == "sidecar":
        monkeypatch.setattr(model.checkpoint, "write_sidecar", killed)
    else:
        monkeypatch.setattr(model.checkpoint, "save_file", once)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(tmp_path, new, checkpoint)
    monkeypatch.undo()
    loaded, read = load_network(tmp_path)
    stays = killed_before == "sidecar"
    assert (read.model_id == checkpoint.model_id) == stays
    expected = (old if stays else new).state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in loaded.state_dict().items())
    save_checkpoint(tmp_path, new, checkpoint)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "model.safetensors"]
