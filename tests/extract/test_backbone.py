import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import nn

from data.errors import ConfigError, WeightsError
from extract.backbone import Backbone, Network, feature_spec, load_backbone
from extract.preprocess import WHOLE, to_input
from extract.settings import ExtractSettings
from extract.weights import efficientnet_lite0_weights

ON_CPU = ExtractSettings(device="cpu")


@pytest.fixture(scope="module")
def lite0():
    return load_backbone(ON_CPU)


@pytest.fixture(scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def noise(count, side=224):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, side, side, 3), dtype=torch.uint8, generator=generator)


# ImageNet class numbers; the photographs ship inside scikit-image's wheel.
TABBY, TIGER_CAT, EGYPTIAN_CAT, MISSILE, PROJECTILE, MOPED, TRIPOD, ESPRESSO = 281, 282, 285, 657, 744, 665, 872, 967


@pytest.mark.parametrize(
    ("name", "best", "also"),
    [
        ("chelsea.png", {TABBY, TIGER_CAT, EGYPTIAN_CAT}, {TABBY, TIGER_CAT, EGYPTIAN_CAT}),
        ("coffee.png", {ESPRESSO}, {ESPRESSO}),
        ("rocket.jpg", {MISSILE}, {MISSILE, PROJECTILE}),
        ("motorcycle_left.png", {MOPED}, {MOPED}),
        ("camera.png", {TRIPOD}, {TRIPOD}),
    ],
)
def test_efficientnet_lite0_knows_real_photographs(lite0, one_thread, name, best, also):
    """Whole path: framing, normalisation, network, weights; features times the file's own classifier."""
    skimage = pytest.importorskip("skimage")
    from PIL import Image

    photo = np.asarray(Image.open(Path(skimage.__file__).parent / "data" / name).convert("RGB"))
    pixels = to_input(photo, 1.0, crop=WHOLE, framing="center-crop", input_px=lite0.input_px)
    features = lite0(torch.from_numpy(pixels.copy())[None])
    tensors = efficientnet_lite0_weights(None).tensors
    logits = features[0] @ tensors["_fc.weight"].T + tensors["_fc.bias"]
    top5 = logits.topk(5).indices.tolist()
    assert top5[0] in best
    assert also <= set(top5)
    assert logits.softmax(0)[list(also)].sum() > 0.45  # the wrong normalisation or padding loses a third of it


def test_efficientnet_lite0_says_what_it_is(lite0):
    assert (lite0.name, lite0.width, lite0.input_px) == ("efficientnet-lite0", 1280, 224)
    spec = feature_spec(ON_CPU, lite0)
    assert spec.weights_sha256 == efficientnet_lite0_weights(None).sha256
    assert (spec.sampling, spec.framing, spec.letterbox) == ("presented-1fps/1", "full", True)
    other = feature_spec(ExtractSettings(framing="center-crop", letterbox=False), lite0)
    assert spec.difference(other) == "framing 'full' is not 'center-crop', letterbox True is not False"


def test_a_picture_gives_the_same_features_alone_and_in_a_batch(lite0, one_thread):
    pictures = noise(3)
    together = lite0(pictures)
    assert together.shape == (3, 1280) and together.dtype == torch.float32 and not together.requires_grad
    alone = torch.cat([lite0(pictures[[index]]) for index in range(3)])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)


def test_resnet50_features_are_the_average_pool_of_torchvisions_network(tmp_path, one_thread, caplog):
    from torchvision.models import resnet50

    torch.manual_seed(0)
    reference = resnet50(weights=None).eval()
    path = tmp_path / "mine.pth"
    torch.save(reference.state_dict(), path)
    backbone = load_backbone(ExtractSettings(backbone="resnet50", weights=path, device="cpu"))
    assert (backbone.width, backbone.input_px) == (2048, 224)
    assert backbone.weights_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert "the official file's 0676ba61" in caplog.text

    pooled = []
    reference.avgpool.register_forward_hook(lambda module, given, result: pooled.append(result.flatten(1)))
    pictures = noise(2)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.no_grad():
        reference(((pictures / 255 - mean) / std).permute(0, 3, 1, 2))
    torch.testing.assert_close(backbone(pictures), pooled[0], rtol=1e-3, atol=1e-3)


def test_weights_of_another_network_are_refused(tmp_path):
    path = tmp_path / "other.pth"
    torch.save({"weight": torch.zeros(1)}, path)
    with pytest.raises(WeightsError, match=r"other.pth: 318 tensors missing, first 'conv1.weight'"):
        load_backbone(ExtractSettings(backbone="resnet50", weights=path, device="cpu"))
    with pytest.raises(WeightsError, match=r"other.pth: its tensors do not match the network's one by one"):
        load_backbone(ExtractSettings(weights=path, device="cpu"))


def test_any_timm_model_from_a_local_file(tmp_path, one_thread):
    import timm
    from safetensors.torch import save_file

    torch.manual_seed(0)
    model = timm.create_model("test_resnet", pretrained=False).eval()
    path = tmp_path / "test_resnet.safetensors"
    save_file(model.state_dict(), path)
    backbone = load_backbone(ExtractSettings(backbone="timm:test_resnet", weights=path, device="cpu"))
    assert backbone.weights_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    side = model.pretrained_cfg["input_size"][1]
    assert backbone.input_px == side
    pictures = noise(2, side)
    mean, std = (torch.tensor(model.pretrained_cfg[key]) for key in ("mean", "std"))
    with torch.no_grad():
        inputs = ((pictures / 255 - mean) / std).permute(0, 3, 1, 2)
        expected = model.forward_head(model.forward_features(inputs), pre_logits=True)
    assert backbone.width == expected.shape[1]
    torch.testing.assert_close(backbone(pictures), expected, rtol=1e-3, atol=1e-4)


def test_timm_without_network_says_what_to_do(monkeypatch):
    import timm

    def offline(*arguments, **options):
        raise FileNotFoundError("cannot find the requested files in the local cache")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(WeightsError, match=r"timm:test_resnet.*allow the download, or set `weights` in \[extract\]"):
        load_backbone(ExtractSettings(backbone="timm:test_resnet", device="cpu"))


def test_a_misspelt_timm_model_names_near_ones():
    with pytest.raises(ConfigError, match=r"timm has no such model; near ones: .*resnet"):
        load_backbone(ExtractSettings(backbone="timm:test_resnet_wide", device="cpu"))


def test_a_device_that_is_not_there(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ConfigError, match="device 'cuda:3': torch sees 1 CUDA devices"):
        load_backbone(ExtractSettings(device="cuda:3"))


def test_a_network_must_give_one_vector_a_picture():
    with pytest.raises(ConfigError, match=r"backbone maps: gives features of shape \(1, 3, 8, 8\)"):
        Backbone("maps", Network(nn.Identity(), "", input_px=8), torch.device("cpu"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backbone": "resnet"}, "'resnet' is not a backbone; use 'efficientnet-lite0', 'resnet50' or 'timm:<name>'"),
        ({"backbone": "timm:"}, "'timm:' is not a backbone"),
        ({"device": "gpu"}, "'gpu' is not a device; use 'auto', 'cpu', 'cuda' or 'cuda:<index>'"),
        ({"batch_size": 0}, "greater than or equal to 1"),
        ({"decode_workers": 0}, "greater than or equal to 1"),
        ({"no_progress_timeout_s": 0}, "greater than 0"),
        ({"title_timeout_s": float("inf")}, "finite"),
        ({"decode_memory_mib": 100}, "greater than or equal to 1024"),
        ({"framing": "crop"}, "'full' or 'center-crop'"),
        ({"readr": "pyav"}, "Extra inputs are not permitted"),
    ],
)
def test_settings_out_of_range(options, message):
    with pytest.raises(ValidationError) as raised:
        ExtractSettings(**options)
    assert message in str(raised.value)
