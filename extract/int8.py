"""A network in int8, if it is still the network: quantised on half of the calibration pictures, measured on the rest.

int8 halves the time of a picture and moves features, for some networks by so much (cosine 0.84) that nothing trained
on them could be compared with anything. So it is asked for by name, needs frames of one's own titles, and is refused
below a cosine of 0.99 to the float32 features on the worst frame that it was not calibrated with.

Not in the paper. Axes: N pictures, S side of the input, D feature width.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor
from torch.nn import functional

from data.errors import ConfigError
from extract.engines import Engine, missing_extra
from extract.precision import calibration_files
from extract.preprocess import WHOLE, to_input
from extract.settings import ONNXRUNTIME

LOG = logging.getLogger(__name__)
LEAST_COSINE = 0.99


def int8_engine(model: bytes, pictures: Tensor, make: Callable[[bytes], Engine], engine: str) -> Engine:
    """Return an engine that computes in int8.

    Args:
        model: float32, see ``export_onnx``.
        pictures: (N, S, S, 3) uint8, N >= 2: even ones calibrate, odd ones measure.
        make: builds an engine of an ONNX model.
        engine: its name, for errors.

    Raises:
        ConfigError: the features are not close enough to float32's, or what quantises is not installed.
    """
    reference = make(model)
    quantised = make(_quantised(model, pictures[::2], engine))
    cosine = least_cosine(reference(pictures[1::2]), quantised(pictures[1::2]))
    LOG.debug("int8 engine=%s pictures=%d least_cosine=%.5f", engine, len(pictures[1::2]), cosine)
    if not cosine >= LEAST_COSINE:
        raise ConfigError(
            f"precision = 'int8': features of the calibration pictures come as far as cosine {cosine:.4f} from "
            f"float32's, at least {LEAST_COSINE} is asked for; use precision = 'fp32', or another backbone"
        )
    return quantised


def least_cosine(reference_ND: Tensor, features_ND: Tensor) -> float:
    """Return the cosine of the picture whose features differ most in direction, -1 to 1."""
    return float(functional.cosine_similarity(reference_ND.double(), features_ND.double(), dim=1).min())


def calibration_pictures(folder: Path, framing: str, input_px: int) -> Tensor:
    """Read the calibration pictures as the network would see them, (N, S, S, 3) uint8.

    Raises:
        ConfigError: too few, too many, or one that cannot be read.
    """
    inputs = []
    for path in calibration_files(folder):
        try:
            picture = np.asarray(Image.open(path).convert("RGB"))
        except (OSError, UnidentifiedImageError) as error:
            raise ConfigError(f"{path}: not a picture ({error}); remove it from the calibration folder") from error
        inputs.append(to_input(picture, 1.0, crop=WHOLE, framing=framing, input_px=input_px))
    return torch.from_numpy(np.stack(inputs))


class _Reader:
    """Hands calibration pictures to ONNX Runtime, one at a time."""

    def __init__(self, pictures: Tensor) -> None:
        self._pictures: Iterator[Tensor] = iter(torch.split(pictures, 1))

    def get_next(self) -> dict[str, npt.NDArray[np.uint8]] | None:
        picture = next(self._pictures, None)
        return None if picture is None else {"pictures": picture.numpy()}


def _quantised(model: bytes, pictures: Tensor, engine: str) -> bytes:
    """Return the model with convolutions and products in int8, weights per channel."""
    try:
        import onnx
        from onnxruntime import quantization
    except ImportError as error:
        raise missing_extra(error, *dict.fromkeys((engine, ONNXRUNTIME))) from error
    with TemporaryDirectory() as folder:
        path = Path(folder) / "int8.onnx"
        quantization.quantize_static(
            onnx.load_from_string(model),
            path,
            _Reader(pictures),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "Gemm", "MatMul"],
            per_channel=True,
        )
        return path.read_bytes()
