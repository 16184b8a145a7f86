"""What computes the network: torch, or ONNX Runtime or OpenVINO from one exported ONNX model.

Every engine takes the decode process's pictures, (N, S, S, 3) uint8 RGB on the CPU, and gives (N, D) float32 features
on the CPU, equal to the others' within 1e-4 of their length. What depends on the device is in ``TorchEngine`` alone:
fp16 autocast on CUDA, float32 on a CPU. bfloat16 on a CPU that multiplies it (AMX) takes a third of the time but moved
ResNet50's features of photographs by 1.6 % (cosine 0.9999, where 0.99999 is asked for), so there is no such choice.

Axes: N pictures, S side of the input, D feature width.
"""

from __future__ import annotations

import functools
import threading
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from data.errors import ConfigError
from extract.fold import fold_batch_norm
from extract.network import PictureNetwork
from extract.settings import ONNXRUNTIME, OPENVINO

if TYPE_CHECKING:
    import openvino

CPU_PICTURES = 2
"""Pictures at once on a CPU: more gain nothing there, and their large temporaries go back to the system after every
layer (efficientnet-lite0, one thread: 22 ms a picture by twos, 41 ms by 32, the difference in page faults)."""
WHOLE_BATCH = 2**31
OPSET = 17


class Engine(Protocol):
    """Computes features of pictures.

    Args:
        at_once: how many pictures a call is best given: ``CPU_PICTURES``, or ``WHOLE_BATCH``.
        lanes: how many calls may compute at the same time, each in a thread of its own and on one core; 1 where it is
            not the CPU that computes.
    """

    at_once: int
    lanes: int

    def __call__(self, pictures: Tensor) -> Tensor:
        """Return (N, D) float32 on the CPU of (N, S, S, 3) uint8 RGB pictures on the CPU; N >= 1."""


class TorchEngine:
    """Channels last, batch norms folded.

    Not compiled: torch.compile needs a C++ compiler where it runs and minutes at every start; a traced and frozen
    network was no more than 5 % faster (docs/benchmarks.md).
    """

    def __init__(self, network: PictureNetwork, device: torch.device) -> None:
        self._device = device
        on_cpu = device.type == "cpu"
        self.at_once, self.lanes = (CPU_PICTURES, torch.get_num_threads()) if on_cpu else (WHOLE_BATCH, 1)
        network.module = fold_batch_norm(network.module, network.normalised(_noise(network.input_px)))
        self._network = network.to(device).to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def __call__(self, pictures: Tensor) -> Tensor:
        """See ``Engine``."""
        return torch.cat([self._features(few) for few in torch.split(pictures, self.at_once)])

    def _features(self, pictures: Tensor) -> Tensor:
        batch = pictures.to(self._device, non_blocking=True)
        with torch.autocast(self._device.type, torch.float16, enabled=self._device.type == "cuda"):
            features: Tensor = self._network(batch)
        return features.float().cpu()


class OnnxRuntimeEngine:
    """ONNX Runtime on the CPU.

    Args:
        model: see ``export_onnx``.
        lanes: see ``Engine``.

    Raises:
        ConfigError: it is not installed.
    """

    at_once = CPU_PICTURES

    def __init__(self, model: bytes, lanes: int) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise missing_extra(error, ONNXRUNTIME) from error
        self.lanes = lanes
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = 1, 1
        options.log_severity_level = 3  # errors: it warns of every constant that it finds unused
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def __call__(self, pictures: Tensor) -> Tensor:
        """See ``Engine``."""
        few = torch.split(pictures, CPU_PICTURES)
        return torch.cat([torch.from_numpy(self._session.run(None, {"pictures": some.numpy()})[0]) for some in few])


class OpenVinoEngine:
    """OpenVINO on the CPU, multiplying in float32 also where the processor would rather use bfloat16.

    Args:
        model: see ``export_onnx``.
        lanes: see ``Engine``.

    Raises:
        ConfigError: it is not installed.
    """

    at_once = CPU_PICTURES

    def __init__(self, model: bytes, lanes: int) -> None:
        try:
            import openvino  # noqa: F401  the core may be an earlier engine's
        except ImportError as error:
            raise missing_extra(error, OPENVINO) from error
        self.lanes = lanes
        hints = {"INFERENCE_NUM_THREADS": lanes, "NUM_STREAMS": lanes, "INFERENCE_PRECISION_HINT": "f32"}
        hints["ENABLE_CPU_PINNING"] = False  # decode processes want the same cores
        core = _openvino_core()
        self._compiled = core.compile_model(core.read_model(model, b""), "CPU", hints)
        self._own = threading.local()

    def __call__(self, pictures: Tensor) -> Tensor:
        """See ``Engine``."""
        request = self._request()
        few = torch.split(pictures, CPU_PICTURES)
        return torch.cat([torch.from_numpy(request.infer([some.numpy()])[0].copy()) for some in few])

    def _request(self) -> openvino.InferRequest:
        """Return the thread's own: one serves a single call at a time."""
        if not hasattr(self._own, "request"):
            self._own.request = self._compiled.create_infer_request()
        request: openvino.InferRequest = self._own.request
        return request


@functools.cache
def _openvino_core() -> openvino.Core:
    """Return the process's one core, which is never given up.

    Its CPU plugin gives the thread that makes it a stack for signal handlers, and frees that stack in whatever thread
    the plugin ends: after that the next signal, say SIGTERM, would be a segmentation fault.
    """
    import openvino

    return openvino.Core()


def export_onnx(network: PictureNetwork, engine: str) -> bytes:
    """Return the network, normalisation included, as an ONNX model of any number of pictures.

    Args:
        engine: which engine wants it, for the error.

    Raises:
        ConfigError: the package onnx is not installed, or ONNX has no words for this network.
    """
    try:
        import onnx  # noqa: F401  torch.onnx asks for it late and in its own words
    except ImportError as error:
        raise missing_extra(error, engine) from error
    with warnings.catch_warnings(), torch.no_grad(), TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # of sizes that become constants, which they are; of the exporter's age
        try:
            torch.onnx.export(
                network,
                (_noise(network.input_px).expand(2, -1, -1, -1),),
                Path(folder) / "model.onnx",
                input_names=["pictures"],
                output_names=["features"],
                dynamic_axes={"pictures": {0: "N"}, "features": {0: "N"}},
                opset_version=OPSET,
                dynamo=False,
            )
        except (torch.onnx.errors.OnnxExporterError, RuntimeError) as error:
            raise ConfigError(
                f"engine = {engine!r}: this backbone cannot be exported to ONNX ({error}); use engine = 'torch'"
            ) from error
        return (Path(folder) / "model.onnx").read_bytes()


def missing_extra(error: ImportError, *extras: str) -> ConfigError:
    """Say what to install."""
    return ConfigError(
        f"engine = {extras[0]!r}: the package {error.name} is not installed; run "
        f"pip install -c constraints.txt '.[{','.join(extras)}]' in the project's folder, or use engine = 'torch'"
    )


def _noise(input_px: int) -> Tensor:
    """Return (1, S, S, 3) uint8, always the same."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (1, input_px, input_px, 3), dtype=torch.uint8, generator=generator)
