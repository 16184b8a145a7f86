"""Pictures to features: an ImageNet network without its classifier, computed by one of the engines.

The network is ``extract.network``'s, the arithmetic ``extract.engines``'s; here they become what extraction asks for
features, with what must be recorded about them.

Axes: N pictures, S side of the input, D feature width.
"""

from __future__ import annotations

import logging
from importlib.util import find_spec

import torch
from torch import Tensor

from data.errors import ConfigError
from data.schemas import FeatureSpec
from extract.engines import Engine, OnnxRuntimeEngine, OpenVinoEngine, TorchEngine, export_onnx
from extract.frames import SAMPLING
from extract.int8 import calibration_pictures, int8_engine
from extract.network import Network, PictureNetwork, load_network
from extract.precision import recorded_precision
from extract.settings import AUTO, FP32, ONNXRUNTIME, OPENVINO, TORCH, ExtractSettings

LOG = logging.getLogger(__name__)


class Backbone:
    """A network on its device. ``at_once`` and ``lanes`` are its engine's.

    Args:
        name: as in ``ExtractSettings.backbone``.
        network: what makes features.
        device: where it runs.
        engine: what computes it; torch by default.
        precision: as in ``FeatureSpec``.
    """

    def __init__(
        self, name: str, network: Network, device: torch.device, engine: Engine | None = None, precision: str = FP32
    ) -> None:
        self.name = name
        self.weights_sha256 = network.weights_sha256
        self.input_px = network.input_px
        self.device = device
        self.precision = precision
        self._engine = engine or TorchEngine(PictureNetwork(network), device)
        self.at_once, self.lanes = self._engine.at_once, self._engine.lanes
        shape = self(self.empty_batch(1)).shape
        if len(shape) != 2:
            raise ConfigError(f"backbone {name}: gives features of shape {tuple(shape)}, expected one vector a picture")
        self.width = shape[1]

    def __call__(self, pictures: Tensor) -> Tensor:
        """Return the (N, D) float32 features on the CPU of (N, S, S, 3) uint8 RGB pictures on the CPU."""
        return self._engine(pictures)

    def empty_batch(self, count: int) -> Tensor:
        """Return memory for ``count`` pictures, (N, S, S, 3) uint8 zeros, from which the device reads fastest."""
        shape = (count, self.input_px, self.input_px, 3)
        return torch.zeros(shape, dtype=torch.uint8, pin_memory=self.device.type == "cuda")


def load_backbone(settings: ExtractSettings) -> Backbone:
    """Load the backbone that the settings name.

    Raises:
        WeightsError: weights are missing or wrong; the message says where to get them.
        ConfigError: no such device or model, an engine that is not installed, or int8 features too far from float32's.
    """
    device = _device(settings)
    network = load_network(settings.backbone, settings.weights)
    engine = _engine(network, settings, device)
    LOG.debug("backbone=%s device=%s engine=%s", settings.backbone, device, type(engine).__name__)
    return Backbone(settings.backbone, network, device, engine, recorded_precision(settings))


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
        precision=backbone.precision,
    )


def installed_engine() -> str:
    """Return the fastest engine on a CPU of those that are installed; without a look at whether they work."""
    for engine in (OPENVINO, ONNXRUNTIME):
        if find_spec("onnx") is not None and find_spec(engine) is not None:
            return engine
    return TORCH


def _engine(network: Network, settings: ExtractSettings, device: torch.device) -> Engine:
    """Build the engine that the settings name; for ``auto`` torch where another one cannot compute the network."""
    if settings.engine not in (AUTO, TORCH):
        return _exported_engine(network, settings, settings.engine)
    chosen = installed_engine() if settings.engine == AUTO and device.type == "cpu" else TORCH
    if chosen != TORCH:
        try:
            return _exported_engine(network, settings, chosen)
        except (ConfigError, ImportError, RuntimeError) as error:
            LOG.warning("engine=torch instead of %s, which cannot be used here: %s", chosen, error)
    return TorchEngine(PictureNetwork(network), device)


def _exported_engine(network: Network, settings: ExtractSettings, name: str) -> Engine:
    model = export_onnx(PictureNetwork(network), name)
    kind = OnnxRuntimeEngine if name == ONNXRUNTIME else OpenVinoEngine
    lanes = torch.get_num_threads()

    def make(model: bytes) -> Engine:
        return kind(model, lanes)

    if settings.calibration is None:
        return make(model)
    pictures = calibration_pictures(settings.calibration, settings.framing, network.input_px)
    return int8_engine(model, pictures, make, name)


def _device(settings: ExtractSettings) -> torch.device:
    name = settings.device
    if settings.engine not in (AUTO, TORCH):
        return torch.device("cpu")
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        found = torch.cuda.device_count()
        raise ConfigError(f"device {name!r}: torch sees {found} CUDA devices; use 'auto' or 'cpu', or check the driver")
    return device
