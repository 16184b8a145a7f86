"""The ImageNet networks behind the backbones, each without its classifier, with the normalisation it was trained with.

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
from extract.settings import EFFICIENTNET_LITE0, RESNET50, TIMM_PREFIX
from extract.weights import (
    efficientnet_lite0_weights,
    load_weights,
    read_weights,
    rename_in_order,
    resnet50_weights,
    tensors_sha256,
)

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
LITE_MEAN, LITE_STD = (127 / 255,) * 3, (128 / 255,) * 3  # of the TensorFlow recipe that trained the weights


@dataclass(frozen=True)
class Network:
    """A network (N, 3, S, S) -> (N, D) and the normalisation that it was trained with (RGB, pixels in [0, 1])."""

    module: nn.Module
    weights_sha256: str
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    input_px: int = 224


class PictureNetwork(nn.Module):
    """A network with its normalisation in front: what every engine computes.

    Args:
        network: its module is put into evaluation mode.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.module = network.module.eval().requires_grad_(False)
        self.input_px = network.input_px
        self.register_buffer("mean", torch.tensor(network.mean).mul(255).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(network.std).mul(255).view(3, 1, 1))

    def normalised(self, pictures: Tensor) -> Tensor:
        """Return (N, 3, S, S) float32 of (N, S, S, 3) uint8 RGB pictures."""
        return (pictures.permute(0, 3, 1, 2).float() - self.mean) / self.std

    def forward(self, pictures: Tensor) -> Tensor:
        """Return (N, D) of (N, S, S, 3) uint8 RGB pictures."""
        features: Tensor = self.module(self.normalised(pictures))
        return features


def load_network(name: str, weights: Path | None) -> Network:
    """Build the network of a backbone and load its weights.

    Args:
        name: as in ``ExtractSettings.backbone``.
        weights: a file to use instead of the backbone's own.

    Raises:
        WeightsError: weights are missing or wrong; the message says where to get them.
        ConfigError: no such model.
    """
    builders: dict[str, Callable[[Path | None], Network]] = {
        RESNET50: _resnet50,
        EFFICIENTNET_LITE0: _efficientnet_lite0,
    }
    if name.startswith(TIMM_PREFIX):
        return _timm(name.removeprefix(TIMM_PREFIX), weights)
    return builders[name](weights)


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
