"""What a run was scored with, kept so that a rollback can take it back with the run.

A training replaces the checkpoint, and `thresholds --write` changes it. Without what was there before, the night after
a rollback would score with what was rolled back. Weights are kept once a model, as they are large; the sidecar, with
its thresholds, lies in each run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from data.errors import CheckpointError
from data.files import file_sha256
from model.sidecar import (
    SIDECAR_NAME,
    WEIGHTS_NAME,
    Checkpoint,
    copy_file,
    read_checkpoint,
    replace_checkpoint,
    weights_path,
    write_sidecar,
)
from pipeline.config import Config
from pipeline.runs.history import RunEntry
from pipeline.runs.inference_plan import made_otherwise, with_overrides
from pipeline.runs.own_checkpoint import found_checkpoint
from pipeline.runs.training_plan import INPUTS_NAME
from pipeline.work_folder import WorkFolder

BESIDE = (INPUTS_NAME, "run.json")
"""What else lies in the folder of a checkpoint that was trained here, and goes with it."""


def keep_model(work: WorkFolder, checkpoint_dir: Path, run: Path) -> None:
    """Keep what a run was scored with, if it is the checkpoint of this work folder and its weights are there.

    Args:
        run: folder of the run.
    """
    if checkpoint_dir.parent != work.root:
        return
    checkpoint = read_checkpoint(checkpoint_dir)
    if not (run / SIDECAR_NAME).is_file() or read_checkpoint(run) != checkpoint:
        write_sidecar(run, checkpoint)
    with suppress(CheckpointError):  # scores of before were enough for this run: there are no weights to keep
        _keep_weights(work, checkpoint_dir, checkpoint)


def take_back(config: Config, entry: RunEntry) -> Iterator[str]:
    """Put the model and thresholds of a run in the place of those that are there; yield what was done, in words."""
    named = config.checkpoint is not None
    now = found_checkpoint(config)
    if not named:
        words, now = _taken_back(config, entry, now)
        yield words
        if config.run.train == "changed":
            yield "[run] train = 'changed' trains anew in the next run; 'missing' keeps this model"
    if now is not None:
        differs = made_otherwise(entry.record, with_overrides(now, config.infer), config.infer)
        if differs:
            where = f"{config.checkpoint} or [infer]" if named else "[infer]"
            yield f"the next run will not be like this one: {differs}; see {where} in the configuration"


def take_model_along(config: Config, entry: RunEntry) -> Iterator[str]:
    """Do likewise when a rollback ends, but leave thresholds that were stored since with the model of this run."""
    now = found_checkpoint(config)
    if now is None or now.model_id != entry.record["model_id"]:
        yield from take_back(config, entry)


def _taken_back(config: Config, entry: RunEntry, now: Checkpoint | None) -> tuple[str, Checkpoint | None]:
    """Take a run's checkpoint back, if that can be; return what was done, and the checkpoint that is there then."""
    model_id = str(entry.record["model_id"])
    is_kept = (entry.folder / SIDECAR_NAME).is_file()
    if now is not None and now.model_id == model_id:
        if not is_kept:
            return f"model {model_id} is that of this run; it is of an earlier version: thresholds are not kept", now
        before = read_checkpoint(entry.folder)
        if now.thresholds == before.thresholds:
            return f"model {model_id} and its thresholds are those of this run", now
        write_sidecar(config.checkpoint_dir, before)
        return f"thresholds taken back; model {model_id} is that of this run", before
    if not is_kept:
        return _stays(now, f"model {model_id} is not kept, the run is of an earlier version"), now
    before = read_checkpoint(entry.folder)
    if obstacle := _obstacle(config.work, before, now):
        return _stays(now, obstacle), now
    _replace(config, before, now)
    instead = f", in the place of {now.model_id}" if now is not None else ""
    return f"model {model_id} and its thresholds taken back{instead}", before


def _obstacle(work: WorkFolder, before: Checkpoint, now: Checkpoint | None) -> str:
    """Say why a model cannot be put in the place of the one that is there; empty if it can."""
    if now is not None and (difference := before.feature_spec.difference(now.feature_spec)):
        return f"model {before.model_id} reads other features: {difference}"
    kept = work.models / before.model_id
    weights = kept / WEIGHTS_NAME
    if not weights.is_file() or file_sha256(weights) != before.weights_sha256:
        return f"the weights of model {before.model_id} are not kept in {kept}, or are damaged"
    return ""


def _replace(config: Config, before: Checkpoint, now: Checkpoint | None) -> None:
    """Put a kept model in the place of the one that is there, which is kept, too."""
    if now is not None:
        with suppress(CheckpointError):
            _keep_weights(config.work, config.checkpoint_dir, now)
    kept = config.work.models / before.model_id
    replace_checkpoint(config.checkpoint_dir, kept / WEIGHTS_NAME, before)
    for name in BESIDE:
        if (kept / name).is_file():
            copy_file(kept / name, config.checkpoint_dir / name)


def _stays(now: Checkpoint | None, why: str) -> str:
    there = f"model {now.model_id} stays and scores the next run" if now is not None else "there is no checkpoint"
    return f"{why}; {there}"


def _keep_weights(work: WorkFolder, checkpoint_dir: Path, checkpoint: Checkpoint) -> None:
    folder = work.models / checkpoint.model_id
    if (folder / WEIGHTS_NAME).is_file():
        return
    weights = weights_path(checkpoint_dir, checkpoint)
    for name in BESIDE:
        if (checkpoint_dir / name).is_file():
            copy_file(checkpoint_dir / name, folder / name)
    copy_file(weights, folder / WEIGHTS_NAME)  # last: with it the model counts as kept
