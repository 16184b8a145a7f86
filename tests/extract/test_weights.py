import hashlib
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from data.errors import WeightsError
from extract.weights import (
    Weights,
    efficientnet_lite0_weights,
    fetch_weights,
    load_weights,
    read_weights,
    rename_in_order,
    resnet50_weights,
    tensors_sha256,
)

UNREACHABLE = "http://127.0.0.1:9/net-0badc0de.pth"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The folder where torch keeps downloaded weights."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch" / "hub" / "checkpoints"


@pytest.fixture
def published(tmp_path):
    """A weights file named as its hash demands, at a URL; returns the URL and the hash."""
    draft = tmp_path / "draft.pth"
    torch.save({"weight": torch.arange(3.0)}, draft)
    sha256 = hashlib.sha256(draft.read_bytes()).hexdigest()
    return draft.rename(tmp_path / f"net-{sha256[:8]}.pth").as_uri(), sha256


def test_weights_are_downloaded_once_into_the_torch_cache(cache, published):
    url, sha256 = published
    assert fetch_weights(url, None).sha256 == sha256
    assert (cache / url.rpartition("/")[2]).exists()
    gone = url.replace("file:///", "file:///nowhere/")
    again = fetch_weights(gone, None)  # same name, so the cache answers
    assert again.tensors["weight"].tolist() == [0, 1, 2]


def test_no_network_says_what_to_fetch_and_where_to_put_it(cache):
    with pytest.raises(WeightsError) as raised:
        fetch_weights(UNREACHABLE, None)
    message = str(raised.value)
    assert f"{UNREACHABLE} cannot be downloaded" in message
    assert f"put it at {cache / 'net-0badc0de.pth'}" in message
    assert "set `weights` in [extract]" in message
    assert raised.value.systemic


def test_a_download_with_the_wrong_bytes_is_not_kept(cache, published, tmp_path):
    wrong = tmp_path / "net-0badc0de.pth"
    shutil.copy(published[0].removeprefix("file://"), wrong)
    with pytest.raises(WeightsError, match="invalid hash value"):
        fetch_weights(wrong.as_uri(), None)
    assert list(cache.iterdir()) == []


def test_a_damaged_file_in_the_cache_is_refused(cache):
    cache.mkdir(parents=True)
    (cache / "resnet50-0676ba61.pth").write_bytes(b"half a download")
    with pytest.raises(
        WeightsError, match=r"resnet50-0676ba61.pth: sha256 begins [0-9a-f]{8}, the official file's 0676"
    ):
        resnet50_weights(None)


def test_a_named_file_may_differ_but_is_recorded_by_its_own_hash(published, caplog):
    url, sha256 = published
    weights = fetch_weights(UNREACHABLE, Path(url.removeprefix("file://")))
    assert weights.sha256 == sha256
    assert "features are marked with this file's own hash" in caplog.text


def test_efficientnet_lite0_ships_with_its_package():
    weights = efficientnet_lite0_weights(None)
    assert weights.sha256 == "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
    assert tuple(weights.tensors["_fc.weight"].shape) == (1000, 1280)


class Bomb:
    def __reduce__(self):
        return (print, ("the pickle was run",))


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_a_pickle_is_never_run(tmp_path, capsys, suffix):
    path = tmp_path / f"bomb.{suffix}"
    path.write_bytes(pickle.dumps({"weight": Bomb()}, protocol=2))
    with pytest.raises(WeightsError, match="not a weights file"):
        read_weights(path)
    torch.save({"weight": Bomb()}, path)
    with pytest.raises(WeightsError, match="not a weights file"):
        read_weights(path)
    assert capsys.readouterr().out == ""


def test_safetensors_and_pth_give_the_same_tensors(tmp_path):
    tensors = {"weight": torch.arange(6.0).view(2, 3)}
    torch.save(tensors, tmp_path / "a.pth")
    save_file(tensors, tmp_path / "a.safetensors")
    for name in ("a.pth", "a.safetensors"):
        assert torch.equal(read_weights(tmp_path / name).tensors["weight"], tensors["weight"])


def test_a_file_that_is_missing_or_holds_something_else(tmp_path):
    with pytest.raises(WeightsError, match=r"none.pth: no such weights file; .* correct `weights` in \[extract\]"):
        read_weights(tmp_path / "none.pth")
    torch.save({"state_dict": {"weight": torch.zeros(1)}}, tmp_path / "checkpoint.pth")
    with pytest.raises(WeightsError, match="expected a flat dictionary of tensors"):
        read_weights(tmp_path / "checkpoint.pth")


def test_every_tensor_must_find_its_place():
    network = nn.Linear(2, 3)
    good = {"weight": torch.ones(3, 2), "bias": torch.ones(3)}
    load_weights(network, Weights({**good, "head.bias": torch.ones(9)}, ""), "f", may_be_left=("head.",))
    assert network.weight.tolist() == [[1, 1]] * 3
    for tensors, message in [
        ({"weight": good["weight"]}, "f: 1 tensors missing, first 'bias'"),
        ({**good, "extra": torch.ones(1)}, "f: 1 tensors unknown, first 'extra'"),
        ({**good, "bias": torch.ones(4)}, "f: 1 tensors of another shape, first 'bias'"),
    ]:
        with pytest.raises(WeightsError, match=message):
            load_weights(network, Weights(tensors, ""), "f")


def test_tensors_are_renamed_in_order_only_when_all_shapes_agree():
    network = nn.Linear(2, 3)
    foreign = Weights({"kernel": torch.ones(3, 2), "offset": torch.zeros(3)}, "ab")
    assert list(rename_in_order(foreign, network, "f").tensors) == ["weight", "bias"]
    with pytest.raises(WeightsError, match="do not match the network's one by one"):
        rename_in_order(Weights(dict(reversed(foreign.tensors.items())), "ab"), network, "f")


def test_the_hash_of_tensors_depends_on_values_and_names_not_on_order():
    a, b = torch.zeros(2), torch.ones(2)
    assert tensors_sha256({"a": a, "b": b}) == tensors_sha256({"b": b, "a": a})
    assert tensors_sha256({"a": a, "b": b}) != tensors_sha256({"a": b, "b": a})
    assert tensors_sha256({"a": torch.ones(1, dtype=torch.bfloat16)}) != tensors_sha256({"a": a})
