"""Checkpoints: weights as safetensors, all else as a JSON sidecar (``model.sidecar``). No pickle is ever loaded.

Weights are kept in float32, or in float16 where a file must be small; a network always computes in float32.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import safetensors
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from data.errors import CheckpointError
from data.files import atomic_path, file_sha256, local_copy
from model.build import FrameNetwork, build_network
from model.sidecar import (
    NEXT_NAME,
    SIDECAR_NAME,
    WEIGHTS_NAME,
    Checkpoint,
    read_checkpoint,
    weights_path,
    write_sidecar,
)


def save_checkpoint(folder: Path, network: FrameNetwork, checkpoint: Checkpoint, *, half: bool = False) -> Checkpoint:
    """Write weights, then the sidecar, each atomically; return the checkpoint with its weights' hash.

    A checkpoint that is there already stays whole until the sidecar, the one step that counts, replaces it.

    Args:
        folder: made if it is not there.
        network: on any device.
        checkpoint: all but the weights.
        half: round float32 weights to float16, for half the bytes; another model, with another ``model_id``.

    Raises:
        CheckpointError: a weight is too large for float16.
    """
    tensors = {name: _kept(name, tensor, half) for name, tensor in network.state_dict().items()}
    replaces = (folder / SIDECAR_NAME).is_file()
    weights = folder / (NEXT_NAME if replaces else WEIGHTS_NAME)
    with atomic_path(weights) as temporary:
        save_file(tensors, temporary)
    saved = replace(checkpoint, weights_sha256=file_sha256(weights))
    write_sidecar(folder, saved)
    if replaces:
        with atomic_path(folder / WEIGHTS_NAME) as temporary:
            save_file(tensors, temporary)
        weights.unlink(missing_ok=True)
    return saved


def load_network(folder: Path) -> tuple[FrameNetwork, Checkpoint]:
    """Read a checkpoint and its network, in evaluation mode, on the CPU.

    Raises:
        CheckpointError: as ``read_checkpoint``; or the weights are missing, changed, or do not fit the settings.
    """
    checkpoint = read_checkpoint(folder)
    path = weights_path(folder, checkpoint)
    try:
        with torch.device("meta"):  # a sidecar can promise any size: no memory before the file is known to hold it
            _require_size(_build(checkpoint), path)
        network = _build(checkpoint)
        with local_copy(path) as weights:
            network.load_state_dict(_restored(load_file(weights), network))
    except (RuntimeError, TypeError, safetensors.SafetensorError) as error:
        raise CheckpointError(f"{path}: weights do not fit the settings in {SIDECAR_NAME}: {error}") from error
    return network.eval(), checkpoint


def _build(checkpoint: Checkpoint) -> FrameNetwork:
    width = checkpoint.feature_spec.width
    return build_network(checkpoint.settings, width=width, labels=len(checkpoint.labels), seed=0)


def _kept(name: str, tensor: Tensor, half: bool) -> Tensor:
    """Return a tensor as it is written."""
    kept = tensor.detach().cpu().contiguous()
    if not half or kept.dtype != torch.float32:
        return kept
    rounded = kept.half()
    if not rounded.isfinite().all():
        raise CheckpointError(f"{name}: holds weights that float16 cannot hold; save them in float32")
    return rounded


def _restored(tensors: dict[str, Tensor], network: FrameNetwork) -> dict[str, Tensor]:
    """Return tensors as the network computes with them: float16 becomes float32, any other type is refused."""
    restored = {}
    own = network.state_dict()
    for name, tensor in tensors.items():
        wanted = own[name].dtype if name in own else tensor.dtype  # a name too many is for load_state_dict to refuse
        if tensor.dtype != wanted and (wanted, tensor.dtype) != (torch.float32, torch.float16):
            raise RuntimeError(f"{name} is {tensor.dtype}, expected {wanted} (or float16 for float32)")
        restored[name] = tensor.to(wanted)
    return restored


def _require_size(network: FrameNetwork, path: Path) -> None:
    """Raise RuntimeError if a file is smaller than its weights in float16, the smallest type they are kept in."""
    needed = sum(tensor.numel() * min(tensor.element_size(), 2) for tensor in network.state_dict().values())
    held = path.stat().st_size
    if needed > held:
        raise RuntimeError(f"they ask for {needed} bytes at least, the file has {held}")
