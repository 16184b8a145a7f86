"""Checkpoints: weights as safetensors, all else as a JSON sidecar (``model.sidecar``). No pickle is ever loaded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import safetensors
import torch
from safetensors.torch import load_file, save_file

from data.errors import CheckpointError
from data.files import atomic_path, file_sha256, local_copy
from model.build import FrameNetwork, build_network
from model.sidecar import SIDECAR_NAME, Checkpoint, read_checkpoint, write_sidecar

WEIGHTS_NAME = "model.safetensors"


def save_checkpoint(folder: Path, network: FrameNetwork, checkpoint: Checkpoint) -> Checkpoint:
    """Write weights, then the sidecar, each atomically; return the checkpoint with its weights' hash."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    weights = folder / WEIGHTS_NAME
    with atomic_path(weights) as temporary:
        save_file(tensors, temporary)
    saved = replace(checkpoint, weights_sha256=file_sha256(weights))
    write_sidecar(folder, saved)
    return saved


def load_network(folder: Path) -> tuple[FrameNetwork, Checkpoint]:
    """Read a checkpoint and its network, in evaluation mode, on the CPU.

    Raises:
        CheckpointError: as ``read_checkpoint``; or the weights are missing, changed, or do not fit the settings.
    """
    checkpoint = read_checkpoint(folder)
    path = folder / WEIGHTS_NAME
    if not path.is_file():
        raise CheckpointError(f"{path}: weights are missing; copy the checkpoint folder whole")
    if file_sha256(path) != checkpoint.weights_sha256:
        raise CheckpointError(f"{path}: not the weights that {SIDECAR_NAME} was written for; copy the folder whole")
    try:
        with torch.device("meta"):  # a sidecar can promise any size: no memory before the file is known to hold it
            _require_size(_build(checkpoint), path)
        network = _build(checkpoint)
        with local_copy(path) as weights:
            network.load_state_dict(load_file(weights))
    except (RuntimeError, TypeError, safetensors.SafetensorError) as error:
        raise CheckpointError(f"{path}: weights do not fit the settings in {SIDECAR_NAME}: {error}") from error
    return network.eval(), checkpoint


def _build(checkpoint: Checkpoint) -> FrameNetwork:
    width = checkpoint.feature_spec.width
    return build_network(checkpoint.settings, width=width, labels=len(checkpoint.labels), seed=0)


def _require_size(network: FrameNetwork, path: Path) -> None:
    needed = sum(tensor.numel() * tensor.element_size() for tensor in network.state_dict().values())
    held = path.stat().st_size
    if needed > held:
        raise RuntimeError(f"they ask for {needed} bytes, the file has {held}")
