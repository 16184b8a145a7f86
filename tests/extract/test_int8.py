"""int8: refused unless it stays close to float32 on pictures that it was not calibrated with."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from data.errors import ConfigError
from extract.backbone import feature_spec, load_backbone
from extract.int8 import calibration_pictures, int8_engine, least_cosine
from extract.precision import calibration_files, recorded_precision
from extract.settings import ExtractSettings


def frames(folder, count=32, side=64):
    """Write crops of photographs."""
    folder.mkdir()
    skimage = pytest.importorskip("skimage")
    data = Path(skimage.__file__).parent / "data"
    names = ("chelsea.png", "coffee.png", "rocket.jpg")
    photos = [np.asarray(Image.open(data / name).convert("RGB")) for name in names]
    for number in range(count):
        photo = photos[number % 3]
        top, left = number * 5 % (photo.shape[0] - 200), number * 7 % (photo.shape[1] - 200)
        crop = Image.fromarray(photo[top : top + 200, left : left + 200]).resize((side, side))
        crop.save(folder / f"{number:03d}.png")
    return folder


def int8_settings(folder, engine="onnxruntime", **options):
    return ExtractSettings(engine=engine, precision="int8", calibration=folder, device="cpu", **options)


def test_the_least_cosine_is_that_of_the_worst_picture():
    reference = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    assert least_cosine(reference, torch.tensor([[5.0, 0.0], [3.0, 4.0]])) == pytest.approx(0.6)


def test_features_that_turn_are_refused(monkeypatch):
    """Half of the pictures calibrate, the others are measured: (1, 0) against (0.6, 0.8) is cosine 0.6."""
    seen = {}
    monkeypatch.setattr("extract.int8._quantised", lambda model, pictures, engine: seen.update(given=pictures) or b"q")
    measured = []

    def make(model):
        def engine(pictures):
            measured.append(pictures[:, 0].tolist())
            return torch.tensor([[1.0, 0.0] if model == b"m" else [0.6, 0.8]]).expand(len(pictures), -1)

        return engine

    pictures = torch.arange(4).view(4, 1)
    with pytest.raises(ConfigError) as raised:
        int8_engine(b"m", pictures, make, "onnxruntime")
    assert str(raised.value) == (
        "precision = 'int8': features of the calibration pictures come as far as cosine 0.6000 from float32's, at "
        "least 0.99 is asked for; use precision = 'fp32', or another backbone"
    )
    assert seen["given"][:, 0].tolist() == [0, 2] and measured == [[1, 3], [1, 3]]


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_a_network_that_bears_int8_is_taken_and_recorded(engine, tmp_path):
    """With the real quantiser; few layers, so that little error adds up."""
    for package in ("onnx", "onnxruntime", engine):
        pytest.importorskip(package)
    import timm
    from safetensors.torch import save_file

    torch.manual_seed(0)
    weights = tmp_path / "test_resnet.safetensors"
    save_file(timm.create_model("test_resnet", pretrained=False).state_dict(), weights)
    folder = frames(tmp_path / "frames")
    settings = int8_settings(folder, engine, backbone="timm:test_resnet", weights=weights)
    backbone = load_backbone(settings)
    spec = feature_spec(settings, backbone)
    assert spec.precision == recorded_precision(settings)
    assert spec.precision.startswith(f"int8:{engine}:")
    pictures = calibration_pictures(folder, "full", backbone.input_px)[1::2]
    plain = load_backbone(ExtractSettings(backbone="timm:test_resnet", weights=weights, device="cpu"))
    assert 0.99 <= least_cosine(plain(pictures), backbone(pictures)) < 0.9999999


def test_efficientnet_lite0_does_not_bear_int8(tmp_path):
    for package in ("onnx", "onnxruntime"):
        pytest.importorskip(package)
    with pytest.raises(ConfigError, match=r"as far as cosine 0\.[78]\d* from float32's, at least 0.99 is asked for"):
        load_backbone(int8_settings(frames(tmp_path / "frames")))


def test_what_is_recorded_depends_on_engine_and_pictures(tmp_path):
    folder = frames(tmp_path / "frames")
    one = recorded_precision(int8_settings(folder))
    assert one.startswith("int8:onnxruntime:") and len(one.rpartition(":")[2]) == 16
    assert recorded_precision(int8_settings(folder, "openvino")) != one
    Image.new("RGB", (8, 8)).save(folder / "000.png")
    assert recorded_precision(int8_settings(folder)) != one
    assert recorded_precision(ExtractSettings(engine="openvino")) == "fp32"


def test_too_few_pictures(tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    (folder / "a.PNG").touch()
    (folder / "notes.txt").touch()
    with pytest.raises(ConfigError, match=r"holds 1 picture \(.bmp, .*\), expected 32 to 512; put frames of your own"):
        calibration_files(folder)


def test_a_picture_that_is_none(tmp_path):
    folder = frames(tmp_path / "frames")
    (folder / "010.png").write_text("no")
    with pytest.raises(ConfigError, match=r"010.png: not a picture .*remove it from the calibration folder"):
        calibration_pictures(folder, "full", 32)
