"""Pictures to features: an ImageNet network without its classifier, the same code on CPU and GPU.

Everything that depends on the device is in ``_device`` and in ``Backbone``: fp16 autocast and pinned memory on CUDA,
float32 on CPU (bfloat16 without AMX is 12 times slower). The input is what the decode process makes, uint8 and
channels last; normalisation is part of the network's side.

Axes: N pictures, S side of the input, D feature width.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from data.errors import ConfigError, WeightsError
from data.schemas import FeatureSpec
from extract.frames import SAMPLING
from extract.settings import EFFICIENTNET_LITE0, RESNET50, TIMM_PREFIX, ExtractSettings
from extract.weights import (
    efficientnet_lite0_weights,
    load_weights,
    read_weights,
    rename_in_order,
    resnet50_weights,
    tensors_sha256,
)

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CPU_PICTURES = 2
"""Pictures at once on a CPU: more gain nothing there, and their large temporaries go back to the system after every
layer (efficientnet-lite0, one thread: 22 ms a picture by twos, 41 ms by 32, the difference in page faults)."""
LITE_MEAN, LITE_STD = (127 / 255,) * 3, (128 / 255,) * 3  # of the TensorFlow recipe that trained the weights


@dataclass(frozen=True)
class Network:
    """A network (N, 3, S, S) -> (N, D) and the normalisation that it was trained with (RGB, pixels in [0, 1])."""

    module: nn.Module
    weights_sha256: str
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    input_px: int = 224


class Backbone:
    """A network on its device.

    Args:
        name: as in ``ExtractSettings.backbone``.
        device: where it runs.
    """

    def __init__(self, name: str, network: Network, device: torch.device) -> None:
        self.name = name
        self.weights_sha256 = network.weights_sha256
        self.input_px = network.input_px
        self.device = device
        module = network.module.eval().requires_grad_(False)
        self._module = module.to(device).to(memory_format=torch.channels_last)
        self._mean = torch.tensor(network.mean, device=device).mul(255).view(3, 1, 1)
        self._std = torch.tensor(network.std, device=device).mul(255).view(3, 1, 1)
        shape = self(self.empty_batch(1)).shape
        if len(shape) != 2:
            raise ConfigError(f"backbone {name}: gives features of shape {tuple(shape)}, expected one vector a picture")
        self.width = shape[1]

    @torch.inference_mode()
    def __call__(self, pictures: Tensor) -> Tensor:
        """Return the (N, D) float32 features on the CPU of (N, S, S, 3) uint8 RGB pictures on the CPU."""
        if self.device.type == "cpu":
            return torch.cat([self._features(few) for few in torch.split(pictures, CPU_PICTURES)])
        return self._features(pictures)

    def _features(self, pictures: Tensor) -> Tensor:
        batch = pictures.to(self.device, non_blocking=True).permute(0, 3, 1, 2)
        with torch.autocast(self.device.type, torch.float16, enabled=self.device.type == "cuda"):
            features: Tensor = self._module((batch.float() - self._mean) / self._std)
        return features.float().cpu()

    def empty_batch(self, count: int) -> Tensor:
        """Return memory for ``count`` pictures, (N, S, S, 3) uint8 zeros, from which the device reads fastest."""
        shape = (count, self.input_px, self.input_px, 3)
        return torch.zeros(shape, dtype=torch.uint8, pin_memory=self.device.type == "cuda")


def load_backbone(settings: ExtractSettings) -> Backbone:
    """Load the backbone that the settings name.

    Raises:
        WeightsError: weights are missing or wrong; the message says where to get them.
        ConfigError: no such device or model.
    """
    device = _device(settings.device)
    builders: dict[str, Callable[[Path | None], Network]] = {
        RESNET50: _resnet50,
        EFFICIENTNET_LITE0: _efficientnet_lite0,
    }
    if settings.backbone.startswith(TIMM_PREFIX):
        network = _timm(settings.backbone.removeprefix(TIMM_PREFIX), settings.weights)
    else:
        network = builders[settings.backbone](settings.weights)
    return Backbone(settings.backbone, network, device)


def feature_spec(settings: ExtractSettings, backbone: Backbone) -> FeatureSpec:
    """Return what marks the features that this backbone makes under these settings."""
    return FeatureSpec(
        backbone=backbone.name,
        weights_sha256=backbone.weights_sha256,
        width=backbone.width,
        sampling=SAMPLING,
        framing=settings.framing,
        letterbox=settings.letterbox,
        input_px=backbone.input_px,
    )


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        found = torch.cuda.device_count()
        raise ConfigError(f"device {name!r}: torch sees {found} CUDA devices; use 'auto' or 'cpu', or check the driver")
    return device


def _resnet50(path: Path | None) -> Network:
    from torchvision.models import resnet50

    weights = resnet50_weights(path)
    module = resnet50(weights=None)
    module.fc = nn.Identity()
    load_weights(module, weights, str(path or RESNET50), may_be_left=("fc.",))
    return Network(module, weights.sha256)


def _efficientnet_lite0(path: Path | None) -> Network:
    """Build timm's network with TensorFlow's padding and batch norm epsilon (1e-3), as the weights were trained."""
    from timm import create_model

    weights = efficientnet_lite0_weights(path)
    module: Any = create_model("tf_efficientnet_lite0", pretrained=False)
    where = str(path or EFFICIENTNET_LITE0)
    load_weights(module, rename_in_order(weights, module, where), where)
    module.reset_classifier(0)
    return Network(module, weights.sha256, LITE_MEAN, LITE_STD)


def _timm(name: str, path: Path | None) -> Network:
    import timm

    if not timm.is_model(name):
        near = ", ".join(timm.list_models(f"*{name.partition('.')[0][:8]}*")[:5])
        raise ConfigError(f"backbone 'timm:{name}': timm has no such model; near ones: {near or 'none'}")
    module = _create_timm(name, pretrained=path is None)
    if path is None:
        sha256 = tensors_sha256(module.state_dict())
    else:
        weights = read_weights(path)
        classifier = _classifier_prefixes(module)
        load_weights(module, weights, str(path), may_be_left=classifier)
        sha256 = weights.sha256
    config = module.pretrained_cfg
    return Network(module, sha256, tuple(config["mean"]), tuple(config["std"]), int(config["input_size"][-1]))


def _create_timm(name: str, *, pretrained: bool) -> Any:
    import timm

    try:
        return timm.create_model(name, pretrained=pretrained, num_classes=0)
    except (OSError, RuntimeError, ValueError) as error:
        raise WeightsError(
            f"backbone 'timm:{name}': timm cannot get its weights ({error}); allow the download, or set `weights` in "
            f"[extract] to a .safetensors or .pth file of this model"
        ) from error


def _classifier_prefixes(module: Any) -> tuple[str, ...]:
    names = module.default_cfg.get("classifier") or ()
    return tuple(f"{name}." for name in ([names] if isinstance(names, str) else names))
