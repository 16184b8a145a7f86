"""The ``[extract]`` section of the configuration: how videos become features.

``backbone``, ``weights``, ``framing``, ``letterbox`` and ``precision`` change the features and are recorded in every
shard; all other keys change only where and how fast they are computed.
"""

from __future__ import annotations

import os
import re
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from data.locations import LocalPath
from data.section import Section
from extract.sandbox import AVAILABLE, Level

RESNET50 = "resnet50"
EFFICIENTNET_LITE0 = "efficientnet-lite0"
TIMM_PREFIX = "timm:"
AUTO, TORCH, ONNXRUNTIME, OPENVINO = "auto", "torch", "onnxruntime", "openvino"
FP32, INT8 = "fp32", "int8"


def _core_count() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class ExtractSettings(Section):
    """How videos become features.

    Args:
        backbone: ``efficientnet-lite0`` (D = 1280, weights installed with the package, works offline), ``resnet50``
            (D = 2048, the paper's, Sec. 4.1) or ``timm:<name>`` for any model of timm.
        weights: a weights file (.pth or .safetensors) to use instead of the backbone's own; its hash is recorded.
        reader: ``pyav``, or ``decord`` (opt-in).
        decode: ``planned`` decodes what the sampled pictures need, ``full`` everything, which takes longer, gives the
            same features, and sees flipped bits in pictures that stand for no sample. Of ``pyav`` only.
        framing: ``full`` squeezes the whole picture into the square network input, so that nothing at the edges is
            lost; ``center-crop`` is the ImageNet recipe (short side to 256/224 of the input, then the centre).
        letterbox: remove black bars, found once for the whole title.
        device: ``auto`` (CUDA where there is one), ``cpu``, ``cuda`` or ``cuda:<index>``.
        engine: what computes the backbone: ``torch``, or ``onnxruntime`` or ``openvino``, which are extras and run on
            the CPU; ``auto`` takes, on a CPU, the fastest that is installed. All give the same features within 1e-4.
        precision: ``fp32``, or ``int8`` (with ``onnxruntime`` or ``openvino``), which takes half the time and gives
            other features; refused if they are too far from float32's (cosine below 0.99).
        calibration: a folder of 32 to 512 pictures of one's own titles, which ``int8`` needs and nothing else takes.
        batch_size: pictures per forward pass, filled from several titles; 1 to 4096.
        decode_workers: titles decoded at the same time, each by one process with one thread; 1 to 256, default: cores.
        no_progress_timeout_s: a title whose decoder gives no new sample for so long fails; seconds > 0.
        title_timeout_s: a title that takes longer in all fails; seconds > 0.
        decode_memory_mib: address space of one decode process, MiB >= 1024; None for no limit.
        sandbox: ``available`` confines decode processes by what the system offers (docs/security.md), ``required``
            refuses to decode where that is too little, ``off`` leaves the limits and timeouts only.
    """

    backbone: str = EFFICIENTNET_LITE0
    weights: LocalPath | None = None
    reader: Literal["pyav", "decord"] = "pyav"
    decode: Literal["planned", "full"] = "planned"
    framing: Literal["full", "center-crop"] = "full"
    letterbox: bool = True
    device: str = "auto"
    engine: Literal["auto", "torch", "onnxruntime", "openvino"] = "auto"
    precision: Literal["fp32", "int8"] = "fp32"
    calibration: LocalPath | None = None
    batch_size: int = Field(default=32, ge=1, le=4096)
    decode_workers: int = Field(default_factory=_core_count, ge=1, le=256)
    no_progress_timeout_s: float = Field(default=60.0, gt=0, allow_inf_nan=False)
    title_timeout_s: float = Field(default=6 * 3600.0, gt=0, allow_inf_nan=False)
    decode_memory_mib: int | None = Field(default=8192, ge=1024)
    sandbox: Level = AVAILABLE

    @field_validator("backbone")
    @classmethod
    def _known_backbone(cls, name: str) -> str:
        if name in (RESNET50, EFFICIENTNET_LITE0) or (name.startswith(TIMM_PREFIX) and len(name) > len(TIMM_PREFIX)):
            return name
        raise ValueError(f"{name!r} is not a backbone; use {EFFICIENTNET_LITE0!r}, {RESNET50!r} or 'timm:<name>'")

    @field_validator("device")
    @classmethod
    def _known_device(cls, name: str) -> str:
        if re.fullmatch(r"auto|cpu|cuda(:\d+)?", name):
            return name
        raise ValueError(f"{name!r} is not a device; use 'auto', 'cpu', 'cuda' or 'cuda:<index>'")

    @model_validator(mode="after")
    def _engine_can(self) -> Self:
        if self.engine in (ONNXRUNTIME, OPENVINO) and self.device not in ("auto", "cpu"):
            raise ValueError(f"engine = {self.engine!r} runs on the CPU, not on {self.device!r}; use engine = 'torch'")
        if self.precision == INT8 and self.engine not in (ONNXRUNTIME, OPENVINO):
            raise ValueError("precision = 'int8' needs engine = 'onnxruntime' or 'openvino'")
        if (self.precision == INT8) != (self.calibration is not None):
            raise ValueError("precision = 'int8' and calibration = '<folder>' go together; set both or none")
        return self
