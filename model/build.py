"""From settings to a network."""

from __future__ import annotations

from typing import Literal

import torch

from data.errors import ConfigError
from model.coarse2fine import Coarse2Fine, SingleHead, Trunk
from model.settings import FRAMES_PER_CLIP, ModelSettings
from model.sf_net import Actionness, SFNet
from model.three_c_net import FrameClassifier, ThreeCNet

FrameNetwork = Coarse2Fine | SingleHead | ThreeCNet | SFNet


def build_network(settings: ModelSettings, *, width: int, labels: int, seed: int) -> FrameNetwork:
    """Build a network with weights drawn from ``seed``, the global generator left as it was.

    Args:
        width: D of the features.
        labels: C.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if settings.network == "three-c-net":
            return ThreeCNet(_frame_classifier(settings, width, labels))
        if settings.network in FRAMES_PER_CLIP:
            hidden_width = settings.hidden_channels or width
            return SFNet(_frame_classifier(settings, width, labels + 1), Actionness(width, hidden_width))
        trunk = Trunk(
            width,
            conv_channels=settings.conv_channels,
            conv_kernel=settings.conv_kernel,
            conv_dilation=settings.conv_dilation,
            fc_channels=settings.fc_channels,
            dropout=settings.dropout,
            input_dropout=settings.input_dropout,
            normalise_input=settings.normalise_input,
        )
        if settings.network == "coarse2fine":
            return Coarse2Fine(trunk, labels, settings.foreground_prior)
        return SingleHead(trunk, labels)


def _frame_classifier(settings: ModelSettings, width: int, outputs: int) -> FrameClassifier:
    return FrameClassifier(
        width,
        settings.hidden_channels or width,
        outputs,
        dropout=settings.dropout,
        normalise_input=settings.normalise_input,
    )


def pick_device(name: str) -> torch.device:
    """Return the device for ``auto`` (GPU where there is one), ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        ConfigError: the name is not a device, or this machine does not have it.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"device {name!r}: not a device; use auto, cpu, cuda or cuda:N") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigError(
            f"device {name!r}: this machine has {torch.cuda.device_count()} CUDA devices; use auto or cpu"
        )
    return device


def pick_precision(name: Literal["float32", "bfloat16", "auto"], device: torch.device) -> torch.dtype:
    """Return the type of matrix products; ``auto`` is bfloat16 only where the hardware multiplies it.

    That is: by a GPU, AMX or AVX-512 BF16, which takes 0.4 of float32's time. Elsewhere it is several times slower.
    """
    if name != "auto":
        return torch.float32 if name == "float32" else torch.bfloat16
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    return torch.bfloat16 if fast else torch.float32
