"""One run of a benchmark: train, infer and evaluate one method with one seed, in a folder of its own.

The folder's name says what the training was made from, and ``result.json``, written last, what all of it was made from:
a finished run of the same inputs is read instead of repeated, an interrupted one goes on where training was. This is
the border at which the failure of one run becomes a record, so that a night's other runs are not lost.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data.catalogue import Catalogue, read_catalogue
from data.errors import ModerationError, SchemaError
from data.files import atomic_path, fingerprint, write_json
from data.shards import ShardHeader, read_header, shard_path
from infer.evaluation import MEAN, MODEL, Resampled, as_json
from infer.settings import Protocol
from pipeline.benchmark.methods import Method, Plan, Variant
from pipeline.config import Config
from pipeline.runs.event_log import append_event

if TYPE_CHECKING:
    from infer.evaluation import Evaluation

log = logging.getLogger(__name__)
DONE, FAILED = "done", "failed"
RESULT_NAME, RESAMPLED_NAME, EVENTS_NAME = "result.json", "resampled.npz", "benchmark.jsonl"
SPLIT = "test"


@dataclass(frozen=True)
class Inputs:
    """Fingerprints of what all runs share.

    Args:
        training: titles, labels and features of the train and val splits.
        measuring: likewise of the test split.
    """

    training: str
    measuring: str

    def run_name(self, config: Config) -> str:
        """Return a name that stands for everything a training depends on."""
        sections = config.model_dump(mode="json", include={"model", "loss", "train", "tune"})
        made_of = [self.training, config.data.labels, config.infer.segment_score, sections]
        return f"seed-{config.train.seed}-{fingerprint(made_of)[:8]}"

    def result_id(self, config: Config) -> str:
        """Return what stands for everything a result depends on."""
        sections = config.model_dump(mode="json", include={"infer", "evaluate"})
        return fingerprint([self.run_name(config), self.training, self.measuring, sections])


@dataclass(frozen=True)
class Outcome:
    """What became of a run.

    Args:
        folder: the run's work folder.
        inputs: ``Inputs.result_id``.
        status: ``DONE`` or ``FAILED``.
        error: why it failed.
        val_score: what chose the epoch: AVG of the judged mAP on validation, 0 to 1.
        best_epoch: counted from 0.
        tiou_thresholds, results: of the evaluation on the test split, rows as in its JSON file.
        resampled: by protocol; empty if there is no bootstrap.
    """

    method: str
    variant: str
    seed: int
    folder: Path
    inputs: str
    status: str
    seconds: float
    error: str = ""
    val_score: float | None = None
    best_epoch: int | None = None
    tiou_thresholds: tuple[float, ...] = ()
    results: tuple[Mapping[str, Any], ...] = ()
    resampled: Mapping[str, Resampled] = field(default_factory=dict)

    @property
    def is_done(self) -> bool:
        return self.status == DONE

    def row(self, protocol: str, rule: str, *, method: str = MODEL, label: str = MEAN) -> Mapping[str, Any] | None:
        """Return a row of the evaluation; None if there is none."""
        wanted = (protocol, rule, method, label)
        for row in self.results:
            if (row["protocol"], row["rule"], row["method"], row["label"]) == wanted:
                return row
        return None


def read_inputs(config: Config) -> Inputs:
    """Fingerprint the catalogue and its features.

    Raises:
        ManifestError: with all that is wrong with titles and labels.
    """
    catalogue = read_catalogue(config.data)
    return Inputs(_titles_id(config, catalogue, ("train", "val")), _titles_id(config, catalogue, (SPLIT,)))


def run_once(plan: Plan, inputs: Inputs, method: Method, variant: Variant, seed: int) -> Outcome:
    """Run a method with a seed, or read what it reached before; a failure is an outcome, too.

    Raises:
        OSError: a full disk, a folder that cannot be written: no run's fault.
    """
    config = plan.configure(method, variant, seed)
    wanted = inputs.result_id(config)
    folder = plan.folder / "runs" / method.name / _folder_name(variant.name) / inputs.run_name(config)
    config = plan.configure(method, variant, seed, folder)
    key = (method.name, variant.name, seed, folder, wanted)
    kept = read_outcome(folder)
    if kept is not None and kept.is_done and kept.inputs == wanted:
        log.info("benchmark method=%s variant=%r seed=%d status=kept", method.name, variant.name, seed)
        return replace(kept, variant=variant.name)  # a renamed variant is the same run
    started_s = time.monotonic()
    try:
        outcome = _measured(config, key, started_s)
    except OSError:
        raise
    except Exception as error:  # a network that diverges, a GPU without memory: the other runs go on
        if not isinstance(error, ModerationError):
            log.exception("benchmark method=%s variant=%r seed=%d", method.name, variant.name, seed)
        reason = str(error) if isinstance(error, ModerationError) else f"{type(error).__name__}: {error}"
        outcome = Outcome(*key, FAILED, time.monotonic() - started_s, reason)
    _write_outcome(outcome)
    append_event(
        plan.folder / EVENTS_NAME,
        method=method.name,
        variant=variant.name,
        seed=seed,
        status=outcome.status,
        seconds=round(outcome.seconds, 3),
    )
    found = f"error={outcome.error!r}" if outcome.error else f"val_score={outcome.val_score:.4f}"
    log.info("benchmark method=%s variant=%r seed=%d status=%s %s", method.name, variant.name, seed, outcome.status,
             found)  # fmt: skip
    return read_outcome(folder) or outcome  # as it will be read the next time, to the last digit


def read_outcome(folder: Path) -> Outcome | None:
    """Read what a run left; None if it did not end, or left something else."""
    try:
        values = json.loads((folder / RESULT_NAME).read_text(encoding="utf-8"))
        values["tiou_thresholds"] = tuple(values["tiou_thresholds"])
        values["results"] = tuple(values["results"])
        resampled = _read_resampled(folder / RESAMPLED_NAME) if values["status"] == DONE else {}
        return Outcome(folder=folder, resampled=resampled, **values)
    except (FileNotFoundError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _measured(config: Config, key: tuple[str, str, int, Path, str], started_s: float) -> Outcome:
    from model.sidecar import read_checkpoint
    from pipeline.stages.evaluate import evaluate
    from pipeline.stages.infer import infer
    from pipeline.stages.train import train

    train(config)
    infer(config, SPLIT)
    evaluation = evaluate(config, SPLIT)[1]
    training = read_checkpoint(config.checkpoint_dir).training
    return Outcome(
        *key,
        DONE,
        time.monotonic() - started_s,
        val_score=training["val_score"],
        best_epoch=training["best_epoch"],
        tiou_thresholds=evaluation.tiou_thresholds,
        results=_rows(evaluation),
        resampled={str(protocol): resampled for protocol, resampled in evaluation.resampled.items()},
    )


def _rows(evaluation: Evaluation) -> tuple[Mapping[str, Any], ...]:
    kept = ("protocol", "rule", "method", "label", "ap_K", "average", "interval", "clips", "predictions")
    return tuple({name: row[name] for name in kept} for row in as_json(evaluation)["results"])


def _write_outcome(outcome: Outcome) -> None:
    if outcome.resampled:
        arrays: dict[str, Any] = {}
        for protocol, resampled in outcome.resampled.items():
            arrays[protocol] = resampled.ap_BKC.astype(np.float32)
            arrays[f"{protocol} columns"] = np.array([f"{rule} {tiou!r}" for tiou, rule in resampled.columns])
        with atomic_path(outcome.folder / RESAMPLED_NAME) as temporary, temporary.open("wb") as handle:
            np.savez_compressed(handle, **arrays)
    else:
        (outcome.folder / RESAMPLED_NAME).unlink(missing_ok=True)
    values = {name: value for name, value in vars(outcome).items() if name not in ("folder", "resampled")}
    write_json(outcome.folder / RESULT_NAME, values)


def _read_resampled(path: Path) -> dict[str, Resampled]:
    if not path.is_file():
        return {}
    found = {}
    with np.load(path, allow_pickle=False) as arrays:
        for protocol in map(str, Protocol):
            if protocol in arrays:
                pairs = [str(name).split() for name in arrays[f"{protocol} columns"]]
                columns = tuple((float(tiou), rule) for rule, tiou in pairs)
                found[protocol] = Resampled(columns, arrays[protocol].astype(np.float64))
    return found


def read_headers(features: Path, title_ids: Iterable[str]) -> dict[str, ShardHeader]:
    """Return the headers of the shards that are there and whole."""
    headers = {}
    for title_id in title_ids:
        try:
            headers[title_id] = read_header(shard_path(features, title_id))
        except SchemaError:  # a shard that is not there, too
            continue
    return headers


def _titles_id(config: Config, catalogue: Catalogue, splits: Sequence[str]) -> str:
    rows: list[object] = []
    for split in splits:
        titles = catalogue.in_split(split)
        headers = read_headers(config.features_dir, [title.title_id for title in titles])
        for title in titles:
            labels = asdict(catalogue.labels[title.title_id])
            header = headers.get(title.title_id)
            features = None if header is None else [header.spec.features_id, asdict(header.coverage)]
            rows.append([title.title_id, split, title.duration_s, labels, features])
    return fingerprint(rows)


def _folder_name(name: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-") or "variant"
