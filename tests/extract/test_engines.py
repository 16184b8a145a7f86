"""One contract for every engine: the features of plain, unfolded torch, whatever computes them."""

import builtins
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from data.errors import ConfigError
from extract import backbone as backbone_module
from extract.backbone import Backbone, load_backbone
from extract.engines import OnnxRuntimeEngine, OpenVinoEngine, TorchEngine, export_onnx
from extract.fold import fold_batch_norm
from extract.network import PictureNetwork, load_network
from extract.settings import ExtractSettings

ENGINES = ["torch", "onnxruntime", "openvino"]
OPTIONAL = ["onnxruntime", "openvino"]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def smooth_pictures(count, side=224):
    """Blurred noise of different brightness: nearer to photographs than noise, which is the same grey everywhere."""
    generator = torch.Generator().manual_seed(1)
    coarse = torch.rand((count, 3, 9, 9), generator=generator) * torch.linspace(0.3, 1, count).view(-1, 1, 1, 1)
    fine = nn.functional.interpolate(coarse, size=(side, side), mode="bicubic").clamp(0, 1)
    return fine.mul(255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


@pytest.fixture(scope="module")
def reference():
    pictures = smooth_pictures(5)
    with torch.inference_mode():
        return pictures, PictureNetwork(load_network("efficientnet-lite0", None))(pictures)


def backbone_of(engine, **options):
    for package in ("onnx", engine) if engine != "torch" else ():
        pytest.importorskip(package)
    return load_backbone(ExtractSettings(engine=engine, device="cpu", **options))


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_gives_the_features_of_plain_torch(engine, reference):
    pictures, expected = reference
    backbone = backbone_of(engine)
    assert (backbone.width, backbone.input_px, backbone.precision) == (1280, 224, "fp32")
    features = backbone(pictures)
    assert features.dtype == torch.float32 and features.shape == expected.shape and not features.requires_grad
    assert nn.functional.cosine_similarity(features, expected).min() >= 0.99999
    assert ((features - expected).norm(dim=1) <= 1e-4 * expected.norm(dim=1)).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_picture_has_the_same_features_in_any_company(engine):
    pictures = smooth_pictures(3)
    backbone = backbone_of(engine)
    alone = torch.cat([backbone(pictures[[index]]) for index in range(3)])
    torch.testing.assert_close(backbone(pictures), alone, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("engine", ENGINES)
def test_lanes_compute_at_the_same_time_what_one_would(engine):
    torch.set_num_threads(3)
    try:
        backbone = backbone_of(engine)
    finally:
        torch.set_num_threads(1)
    parts = torch.split(smooth_pictures(12), backbone.at_once)
    with ThreadPoolExecutor(backbone.lanes, initializer=torch.set_num_threads, initargs=(1,)) as lanes:
        together = list(lanes.map(backbone, parts))
    assert backbone.lanes == 3
    for part, features in zip(parts, together, strict=True):
        torch.testing.assert_close(features, backbone(part), rtol=0, atol=0)


@pytest.mark.parametrize("engine", OPTIONAL)
def test_results_are_not_overwritten_by_the_next_call(engine):
    backbone = backbone_of(engine)
    first = backbone(smooth_pictures(2))
    kept = first.clone()
    backbone(smooth_pictures(2).flip(1))
    assert torch.equal(first, kept)


@pytest.mark.parametrize("engine", OPTIONAL)
def test_an_engine_that_is_not_installed_says_how_to_get_it(engine, monkeypatch):
    real = builtins.__import__

    def without(name, *arguments, **options):
        if name == engine:
            raise ImportError(f"No module named {name!r}", name=name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    kind = {"onnxruntime": OnnxRuntimeEngine, "openvino": OpenVinoEngine}[engine]
    with pytest.raises(ConfigError) as raised:
        kind(b"", 1)
    assert str(raised.value) == (
        f"engine = '{engine}': the package {engine} is not installed; run pip install -c constraints.txt "
        f"'.[{engine}]' in the project's folder, or use engine = 'torch'"
    )


ENDS_IN_ANOTHER_THREAD = """
import os, signal, threading
from extract.engines import OpenVinoEngine, export_onnx
from extract.network import PictureNetwork, load_network

model = export_onnx(PictureNetwork(load_network("efficientnet-lite0", None)), "openvino")
engines = [OpenVinoEngine(model, 1)]
ending = threading.Thread(target=engines.clear)
ending.start()
ending.join()
signal.signal(signal.SIGTERM, lambda *_: print("told"))
os.kill(os.getpid(), signal.SIGTERM)
"""


def test_a_signal_arrives_after_an_engine_ended_in_another_thread():
    pytest.importorskip("onnx")
    pytest.importorskip("openvino")
    program = [sys.executable, "-c", ENDS_IN_ANOTHER_THREAD]
    ended = subprocess.run(program, check=False, capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stdout) == (0, "told\n"), ended.stderr


def test_export_without_onnx_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(ConfigError, match=r"engine = 'openvino': the package onnx is not .*'\.\[openvino\]'"):
        export_onnx(SimpleNamespace(), "openvino")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "onnx"}, "'torch', 'onnxruntime' or 'openvino'"),
        ({"engine": "openvino", "device": "cuda"}, "engine = 'openvino' runs on the CPU, not on 'cuda'"),
        ({"precision": "int8"}, "precision = 'int8' needs engine = 'onnxruntime' or 'openvino'"),
        ({"precision": "int8", "engine": "openvino"}, "go together"),
        ({"calibration": "frames"}, "go together"),
        ({"precision": "bf16"}, "'fp32' or 'int8'"),
    ],
)
def test_settings_that_do_not_go_together(options, message):
    with pytest.raises(ValidationError) as raised:
        ExtractSettings(**options)
    assert message in str(raised.value)


class Pair(nn.Module):
    """conv -> norm, and a second norm on the same convolution's result if ``shared``."""

    def __init__(self, shared=False, own_norm=None):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.norm, self.other = nn.Conv2d(3, 4, 3), own_norm or nn.BatchNorm2d(4), nn.BatchNorm2d(4)
        self.shared = shared
        for norm in (self.norm, self.other):
            nn.init.normal_(norm.running_mean)
            nn.init.uniform_(norm.running_var, 0.5, 2)

    def forward(self, inputs):
        maps = self.conv(inputs)
        return self.norm(maps) + self.other(maps) if self.shared else self.norm(maps)


class Doubling(nn.BatchNorm2d):
    """A norm that does more than its class says."""

    def forward(self, maps):
        return 2 * super().forward(maps)


def test_a_norm_goes_into_the_convolution_before_it():
    network, inputs = Pair().eval(), torch.randn(2, 3, 8, 8)
    folded = fold_batch_norm(network, inputs)
    assert isinstance(folded.norm, nn.Identity) and isinstance(network.norm, nn.BatchNorm2d)
    torch.testing.assert_close(folded(inputs), network(inputs), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("network", [Pair(shared=True), Pair(own_norm=Doubling(4)), nn.Conv2d(3, 4, 3)])
def test_what_cannot_be_folded_stays(network):
    assert fold_batch_norm(network.eval(), torch.randn(2, 3, 8, 8)) is network


def test_no_norm_is_left_in_a_folded_backbone():
    network = load_network("efficientnet-lite0", None)
    picture_network = PictureNetwork(network)
    engine = TorchEngine(picture_network, torch.device("cpu"))
    left = [part for part in engine._network.modules() if isinstance(part, nn.BatchNorm2d)]
    assert left == []
    assert any(isinstance(part, nn.BatchNorm2d) for part in network.module.modules())


class FirstPixel:
    at_once, lanes = 8, 3

    def __call__(self, pictures):
        return pictures[:, 0, 0, :2].float()


def test_an_engine_of_ones_own():
    network = load_network("efficientnet-lite0", None)
    backbone = Backbone("mine", network, torch.device("cpu"), FirstPixel(), "mine/1")
    assert (backbone.width, backbone.precision) == (2, "mine/1")
    assert (backbone.at_once, backbone.lanes) == (8, 3)


@pytest.mark.parametrize(
    ("installed", "expected"),
    [
        ({"onnx", "openvino", "onnxruntime"}, "openvino"),
        ({"onnx", "onnxruntime"}, "onnxruntime"),
        ({"openvino", "onnxruntime"}, "torch"),
        (set(), "torch"),
    ],
)
def test_auto_takes_the_fastest_engine_that_is_installed(installed, expected, monkeypatch):
    monkeypatch.setattr(backbone_module, "find_spec", lambda name: name if name in installed else None)
    assert backbone_module.installed_engine() == expected


def test_auto_goes_on_with_torch_where_the_other_engine_fails(monkeypatch, caplog, reference):
    def fail(*_):
        raise ConfigError("cannot be exported")

    monkeypatch.setattr(backbone_module, "installed_engine", lambda: "openvino")
    monkeypatch.setattr(backbone_module, "export_onnx", fail)
    backbone = load_backbone(ExtractSettings(device="cpu"))
    assert isinstance(backbone._engine, TorchEngine)
    assert "engine=torch instead of openvino" in caplog.text
    with pytest.raises(ConfigError, match="cannot be exported"):
        load_backbone(ExtractSettings(device="cpu", engine="openvino"))
