"""What inference would do, and why: which titles have to be scored, and whether segments have to be made anew.

Decided from the checkpoint's sidecar, shard headers and the names of kept scores; no torch is imported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from data.errors import ConfigError, MissingShardError, SchemaError
from data.files import fingerprint
from data.record_file import read_record
from data.shards import ShardHeader, read_header, shard_path
from data.store_path import in_parallel
from data.titles import Title, whole_root
from infer.settings import InferSettings
from model.sidecar import Checkpoint, read_checkpoint
from pipeline.coverage_table import NOT_EXTRACTED
from pipeline.runs.extraction_plan import Failure
from pipeline.runs.history import is_finished, newest_run
from pipeline.runs.pointer import current_run
from pipeline.score_store import ScoreStore
from pipeline.settings import RunSettings
from pipeline.work_folder import WorkFolder

DAMAGED_RUN = "remove this folder of a run, `coarse2fine infer` makes it anew"


@dataclass(frozen=True)
class InferenceRun:
    """What one run scores, with what, and where it goes; the engine is named in ``run_settings``.

    Args:
        failures: why titles have no features.
        headers: of shards, as far as the caller has read them already.
        media_root: folder that the titles' paths are relative to, to say where they are.
    """

    titles: Sequence[Title]
    work: WorkFolder
    failures: Mapping[str, Failure]
    checkpoint_dir: Path
    settings: InferSettings
    config: Mapping[str, object]
    run_settings: RunSettings = field(default_factory=RunSettings)
    headers: Mapping[str, ShardHeader] = field(default_factory=dict)
    media_root: Path | None = None

    def path_of(self, title: Title) -> str:
        """Return where a title's file is: below the media root, or whole where that is the machine or a bucket."""
        if title.path is None:
            return ""
        root = self.media_root
        return str(root / title.path) if root is not None and root == whole_root(root) else title.path


GONE_LETTERS = len("gone since 2026-11-27")
SEGMENT_SETTINGS = ("segment_score", "review_fraction", "rule", "title_gate")
"""Keys of ``[infer]`` that decide how scores become segments, as ``run.json`` records them."""


@dataclass(frozen=True)
class InferencePlan:
    """An inference run, decided but not begun.

    Args:
        checkpoint: with the thresholds that will be used.
        headers: of the shards to score, by title.
        failures: why the other titles cannot be scored; inference adds shards that turn out damaged.
        gone: titles whose file is gone, with what is said of them; they are scored with the features of before.
        run_id: what the run will be called: equal for equal inputs.
        store: where scores are kept.
    """

    run: InferenceRun
    checkpoint: Checkpoint
    headers: Mapping[str, ShardHeader]
    failures: dict[str, Failure]
    run_id: str
    store: ScoreStore
    gone: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.run.work.runs / self.run_id

    @property
    def is_done(self) -> bool:
        """Whether the run is written, and nothing in it waits for a damaged shard to be mended."""
        if not is_finished(self.folder):
            return False
        record = read_record(self.folder / "run.json", "damaged_shards", to_do=DAMAGED_RUN)
        return bool(record["damaged_shards"] == 0)

    @property
    def is_newest(self) -> bool:
        """Whether the run was the last to be made, as it is unless what changed was changed back."""
        return newest_run(self.run.work) in (None, self.run_id)

    def to_score(self) -> list[str]:
        """Return the titles whose scores by this model are not kept."""
        kept = in_parallel(self.run.work.scores, self.store.has, self.headers.values())
        return [title_id for title_id, has_scores in zip(self.headers, kept) if not has_scores]

    def segments_reason(self) -> str:
        """Say why the segments of every title must be made anew; empty if those of the current run stand."""
        current = current_run(self.run.work)
        path = self.run.work.runs / (current or "") / "run.json"
        if current is None or not path.is_file():
            return "no current run"
        record = read_record(path, "model_id", "thresholds", to_do=DAMAGED_RUN)
        return made_otherwise(record, self.checkpoint, self.run.settings)


def made_otherwise(record: Mapping[str, Any], checkpoint: Checkpoint, settings: InferSettings) -> str:
    """Say what a run was made with that would be another now; empty if nothing.

    Args:
        record: its ``run.json``.
        checkpoint: with the thresholds that are used now.
    """
    if record["model_id"] != checkpoint.model_id:
        return f"model {checkpoint.model_id} instead of {record['model_id']}"
    wanted = thresholds_record(checkpoint)
    changed = [label for label in wanted if record["thresholds"].get(label) != wanted[label]]
    if changed:
        return f"thresholds changed: {', '.join(changed)}"
    values = settings.model_dump()
    changed = [key for key in SEGMENT_SETTINGS if record.get(key) != values[key]]
    return f"{' and '.join(changed)} changed" if changed else ""


def plan_inference(run: InferenceRun) -> InferencePlan:
    """Decide what a run is.

    Raises:
        CheckpointError: no checkpoint, or features of another kind than it was trained on; that is not a title's fault.
    """
    checkpoint = read_checkpoint(run.checkpoint_dir)
    checkpoint = with_overrides(checkpoint, run.settings)
    headers, failures = _readable(run, checkpoint)
    store = ScoreStore(run.work.scores, checkpoint.model_id, checkpoint.labels)
    gone = {title_id: run.failures[title_id].error for title_id in headers if title_id in run.failures}
    return InferencePlan(
        run, checkpoint, headers, failures, _run_id(run, checkpoint, headers, failures, gone), store, gone
    )


def thresholds_record(checkpoint: Checkpoint) -> dict[str, dict[str, float]]:
    """Return the thresholds as ``run.json`` holds them."""
    return {label: asdict(checkpoint.thresholds[label]) for label in checkpoint.labels}


def _readable(run: InferenceRun, checkpoint: Checkpoint) -> tuple[dict[str, ShardHeader], dict[str, Failure]]:
    """Return the shards to score, and why each other title cannot be scored."""
    headers: dict[str, ShardHeader] = {}
    failures: dict[str, Failure] = {}

    def look(title: Title) -> ShardHeader | Failure:
        failure = run.failures.get(title.title_id)
        if failure is not None and not failure.kept:
            return failure
        if title.title_id in run.headers:
            return run.headers[title.title_id]
        try:
            return read_header(shard_path(run.work.features, title.title_id))
        except MissingShardError:
            return NOT_EXTRACTED
        except SchemaError as error:
            return Failure(error.code, str(error))

    for title, found in zip(run.titles, in_parallel(run.work.features, look, run.titles)):
        if isinstance(found, Failure):
            failures[title.title_id] = found
            continue
        failure = run.failures.get(title.title_id)
        if failure is not None and found.spec.difference(checkpoint.feature_spec):  # no file to make others from
            failures[title.title_id] = failure
            continue
        checkpoint.require_features(found.spec, str(found.path))
        headers[title.title_id] = found
    return headers, failures


def with_overrides(checkpoint: Checkpoint, settings: InferSettings) -> Checkpoint:
    """Return a checkpoint with the thresholds that ``[infer.thresholds]`` puts in the place of its own.

    Raises:
        ConfigError: of a label that the checkpoint does not have.
    """
    unknown = sorted(set(settings.thresholds) - set(checkpoint.labels))
    if unknown:
        raise ConfigError(
            f"[infer.thresholds] {', '.join(unknown)}: not a label of the checkpoint, "
            f"which has {', '.join(checkpoint.labels)}"
        )
    thresholds = dict(checkpoint.thresholds)
    for label, override in settings.thresholds.items():
        thresholds[label] = replace(thresholds[label], **override.model_dump(exclude_none=True))
    return replace(checkpoint, thresholds=thresholds)


def _run_id(
    run: InferenceRun,
    checkpoint: Checkpoint,
    headers: Mapping[str, ShardHeader],
    failures: Mapping[str, Failure],
    gone: Mapping[str, str],
) -> str:
    settings = run.settings.model_dump(mode="json", exclude={"device", "window_s"})
    titles = [
        [title.title_id, title.duration_s, title.name, title.path, vars(headers[title.title_id].coverage)]
        if title.title_id in headers
        else [title.title_id, title.duration_s, title.name, title.path, failures[title.title_id].error_code]
        for title in run.titles
    ]
    thresholds = {label: asdict(value) for label, value in checkpoint.thresholds.items()}
    known = {title_id: error[:GONE_LETTERS] for title_id, error in gone.items()}
    return fingerprint([checkpoint.model_id, thresholds, settings, titles, *([known] if known else [])])[:12]
