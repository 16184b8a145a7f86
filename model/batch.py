"""A training step's input as tensors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from data.windows import Batch


@dataclass(frozen=True)
class TensorBatch:
    """A ``data.windows.Batch`` as tensors on the training device; the same names, shapes and meanings."""

    features_NTD: Tensor
    valid_NT: Tensor
    positive_NTC: Tensor
    known_NTC: Tensor
    background_NT: Tensor
    present_NC: Tensor
    present_known_NC: Tensor
    background_N: Tensor
    labelled_NTC: Tensor
    count_NC: Tensor
    seed_N: Tensor
    compared_NK: Tensor


def to_tensors(batch: Batch, device: torch.device) -> TensorBatch:
    """Move a batch to the device; from pinned memory where that is a GPU, so that copying overlaps computing."""

    def move(array: npt.NDArray[np.generic]) -> Tensor:
        tensor = torch.from_numpy(array)
        return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor

    return TensorBatch(**{name: move(array) for name, array in vars(batch).items()})
