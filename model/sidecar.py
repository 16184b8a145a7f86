"""The sidecar of a checkpoint: everything but the weights, as JSON that a person can read. No torch here.

It names the hash of its weights file, so two files that do not belong together are noticed; thresholds live here,
outside ``model_id``, because another threshold is not another model.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from data.errors import CheckpointError
from data.files import atomic_path, file_sha256, fingerprint, local_copy, write_json
from data.schemas import FeatureSpec, LabelThresholds
from model.settings import ModelSettings

FORMAT = "coarse2fine.checkpoint/1"
SIDECAR_NAME = "model.json"
WEIGHTS_NAME = "model.safetensors"
NEXT_NAME = "next.safetensors"  # weights that replace others, until the sidecar speaks of them
_SPEC = TypeAdapter(FeatureSpec)


@dataclass(frozen=True)
class Checkpoint:
    """What a network is, apart from its weights.

    Args:
        settings: the network's architecture.
        labels: C names in the order of the outputs.
        feature_spec: the features it was trained on, and the only ones it accepts.
        thresholds: per label, chosen on validation.
        training: for the record: settings, epoch, validation scores, software versions.
        weights_sha256: hash of the weights file; empty before it is saved.
        notice: one line that every run with it prints and records; empty for a checkpoint of one's own.
    """

    settings: ModelSettings
    labels: tuple[str, ...]
    feature_spec: FeatureSpec
    thresholds: Mapping[str, LabelThresholds]
    training: Mapping[str, Any] = field(default_factory=dict)
    weights_sha256: str = ""
    notice: str = ""

    @property
    def model_id(self) -> str:
        """16 hex digits that stand for architecture, labels, features and weights."""
        return fingerprint(
            [self.settings.model_dump(mode="json"), self.labels, self.feature_spec.features_id, self.weights_sha256]
        )

    @property
    def trained_on(self) -> tuple[str, ...]:
        """The splits whose titles the weights have seen: nothing measured there speaks of others."""
        return tuple(self.training.get("trained_on", ("train",)))

    def require_features(self, spec: FeatureSpec, where: str) -> None:
        """Raise CheckpointError unless features of ``spec`` are the ones this network was trained on."""
        difference = spec.difference(self.feature_spec)
        if difference:
            raise CheckpointError(
                f"{where}: features {spec.features_id} do not fit the checkpoint, which was trained on "
                f"{self.feature_spec.features_id}: {difference}; extract with the checkpoint's settings or train anew"
            )


def write_sidecar(folder: Path, checkpoint: Checkpoint) -> None:
    """Write the sidecar alone: for thresholds that were chosen anew."""
    write_json(
        folder / SIDECAR_NAME,
        {
            "format": FORMAT,
            "model_id": checkpoint.model_id,
            **({"notice": checkpoint.notice} if checkpoint.notice else {}),
            "labels": list(checkpoint.labels),
            "model": checkpoint.settings.model_dump(mode="json"),
            "feature_spec": asdict(checkpoint.feature_spec),
            "features_id": checkpoint.feature_spec.features_id,
            "thresholds": {label: asdict(value) for label, value in checkpoint.thresholds.items()},
            "weights_sha256": checkpoint.weights_sha256,
            "training": dict(checkpoint.training),
        },
    )


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint's sidecar.

    Raises:
        CheckpointError: no such folder, another format, or fields that do not make sense.
    """
    path = folder / SIDECAR_NAME
    if not path.is_file():
        raise CheckpointError(f"{folder}: no {SIDECAR_NAME} in it; give a folder that `coarse2fine train` wrote")
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        if raw["format"] != FORMAT:
            raise CheckpointError(f"{path}: format {raw['format']!r}, expected {FORMAT!r}; train again")
        labels = tuple(str(label) for label in raw["labels"])
        thresholds = {label: LabelThresholds(**raw["thresholds"][label]) for label in labels}
        if not all(isfinite(value) for each in thresholds.values() for value in asdict(each).values()):
            raise ValueError("thresholds that are not finite")
        return Checkpoint(
            settings=ModelSettings.model_validate(raw["model"]),
            labels=labels,
            feature_spec=_SPEC.validate_json(json.dumps(raw["feature_spec"]), strict=True),
            thresholds=thresholds,
            training=raw["training"],
            weights_sha256=str(raw["weights_sha256"]),
            notice=str(raw.get("notice", "")),
        )
    except (KeyError, TypeError, ValueError, ValidationError, RecursionError) as error:
        raise CheckpointError(f"{path}: not a checkpoint sidecar ({error!r:.500}); train again") from error


def weights_path(folder: Path, checkpoint: Checkpoint) -> Path:
    """Return the file of a checkpoint's weights; another one if its replacement was interrupted.

    Raises:
        CheckpointError: they are missing, or are not those that the sidecar was written for.
    """
    found = [path for path in (folder / WEIGHTS_NAME, folder / NEXT_NAME) if path.is_file()]
    for path in found:
        if file_sha256(path) == checkpoint.weights_sha256:
            return path
    path = folder / WEIGHTS_NAME
    if not found:
        raise CheckpointError(f"{path}: weights are missing; copy the checkpoint folder whole")
    raise CheckpointError(f"{path}: not the weights that {SIDECAR_NAME} was written for; copy the folder whole")


def replace_checkpoint(folder: Path, weights: Path, checkpoint: Checkpoint) -> None:
    """Put a checkpoint in the place of another, which stays whole until the sidecar, the one step that counts.

    Args:
        weights: the file of its weights, elsewhere.
    """
    copy_file(weights, folder / NEXT_NAME)
    write_sidecar(folder, checkpoint)
    copy_file(weights, folder / WEIGHTS_NAME)
    (folder / NEXT_NAME).unlink(missing_ok=True)


def copy_file(source: Path, target: Path) -> None:
    """Copy a file of a checkpoint, atomically; either may be on a store."""
    with local_copy(source) as file, atomic_path(target) as temporary:
        shutil.copyfile(file, temporary)
