"""Stage 3: shards and a checkpoint to scores, segments and one status for every title.

A run's folder is named by what it was made from (model, thresholds, settings, every title's features), so the same
inputs are the same run: there is nothing to do, and a folder never changes after its ``run.json`` is written, last.
``<work_dir>/current`` points to the newest run.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from data.catalogue import read_catalogue
from data.errors import ConfigError, SchemaError
from data.files import fingerprint
from data.manifest import read_titles
from data.schemas import LabelThresholds, Segment
from data.shards import ShardHeader, read_header, read_shard, shard_path
from data.titles import Title
from infer.score import score_title
from infer.segments import find_segments
from infer.settings import InferSettings
from infer.title_scores import TitleScores
from infer.title_status import TitleRow, title_row
from infer.write import Origin, open_scores, write_results
from model.build import FrameNetwork, pick_device
from model.checkpoint import Checkpoint, load_network
from pipeline.config import Config
from pipeline.extract_stage import Failure, read_failures
from pipeline.progress import progress_bar
from pipeline.provenance import write_run
from pipeline.stage_result import NothingScoredError, StageResult

log = logging.getLogger(__name__)
NOT_EXTRACTED = Failure("not_extracted", "no features; run `coarse2fine extract` or `import-features`")


@dataclass(frozen=True)
class InferenceRun:
    """What one run scores, with what, and where it goes."""

    titles: Sequence[Title]
    features_dir: Path
    failures: Mapping[str, Failure]
    checkpoint_dir: Path
    settings: InferSettings
    work_dir: Path
    config: Mapping[str, object]


def infer(config: Config, split: str | None = None) -> StageResult:
    """Score the catalogue, or one split of it, and write segments, titles and scores.

    Raises:
        CheckpointError: no checkpoint, or features of another kind than it was trained on.
        NothingScoredError: no title has features.
    """
    if split is None:
        titles = list(read_titles(config.data.titles, config.data.media_root).values())
    else:
        titles = read_catalogue(config.data).in_split(split)
    return infer_titles(
        InferenceRun(
            titles,
            config.features_dir,
            read_failures(config.coverage_path),
            config.checkpoint_dir,
            config.infer,
            config.work_dir,
            config.model_dump(mode="json"),
        )
    )


def infer_titles(run: InferenceRun) -> StageResult:
    """Score titles one after another; memory holds one title and the segments found so far."""
    network, checkpoint = load_network(run.checkpoint_dir)
    checkpoint = replace(checkpoint, thresholds=_overridden(checkpoint, run.settings))
    headers, failures = _readable(run, checkpoint)
    if not headers:
        raise NothingScoredError(
            f"{run.features_dir}: none of the {len(run.titles)} titles could be scored "
            f"({_first_reason(run.titles, failures)}); nothing is said of any title"
        )
    run_id = _run_id(run, checkpoint, headers, failures)
    folder = run.work_dir / "runs" / run_id
    if _is_done(folder):
        _point_to(run.work_dir, run_id)
        return StageResult(f"infer: nothing to do, run {run_id} is current", folder, _not_read(headers, failures))
    origin = Origin(run_id, checkpoint.model_id, checkpoint.feature_spec.features_id)
    unread = len(failures)
    statuses = write_results(
        folder, _results(run, network, checkpoint, headers=headers, failures=failures, folder=folder), origin
    )
    write_run(
        folder / "run.json",
        "infer",
        run.config,
        run_id=run_id,
        model_id=checkpoint.model_id,
        features_id=checkpoint.feature_spec.features_id,
        thresholds={label: asdict(checkpoint.thresholds[label]) for label in checkpoint.labels},
        segment_score=run.settings.segment_score,
        statuses=statuses,
        damaged_shards=len(failures) - unread,
    )
    _point_to(run.work_dir, run_id)
    counted = ", ".join(f"{count} {status}" for status, count in sorted(statuses.items()))
    return StageResult(
        f"infer: {len(run.titles)} titles ({counted}), run {run_id}", folder, _not_read(headers, failures)
    )


def _results(
    run: InferenceRun,
    network: FrameNetwork,
    checkpoint: Checkpoint,
    *,
    headers: Mapping[str, ShardHeader],
    failures: dict[str, Failure],
    folder: Path,
) -> Iterator[tuple[TitleRow, list[Segment]]]:
    """Yield every title's row and segments; a shard that turns out damaged is added to ``failures``."""
    network = network.to(pick_device(run.settings.device))
    with ExitStack() as stack:
        advance = stack.enter_context(progress_bar("infer"))
        sink = None
        if run.settings.write_scores:
            sink = stack.enter_context(open_scores(folder / "scores.parquet", checkpoint.labels))
        for number, title in enumerate(run.titles, 1):
            header = headers.get(title.title_id)
            found: list[Segment] | None = None
            if header is not None:
                try:
                    scores = _score_one(network, checkpoint, header, run.settings)
                    found = _find(scores, checkpoint, header, run.settings)
                except SchemaError as error:
                    failures[title.title_id] = Failure(error.code, str(error))
                else:
                    if sink is not None:
                        sink.add(scores)
            row = _row(title, found, header, failures.get(title.title_id))
            log.info("scored title_id=%s status=%s segments=%d", title.title_id, row.status, row.segments)
            yield row, found or []
            advance(number, len(run.titles), title.title_id)


def _score_one(
    network: FrameNetwork, checkpoint: Checkpoint, header: ShardHeader, settings: InferSettings
) -> TitleScores:
    features_TD = read_shard(header.path).features
    return score_title(
        network,
        header.title_id,
        features_TD,
        window=settings.window_s,
        top_k_divisor=checkpoint.settings.top_k_divisor,
    )


def _find(scores: TitleScores, checkpoint: Checkpoint, header: ShardHeader, settings: InferSettings) -> list[Segment]:
    return find_segments(
        scores,
        checkpoint.thresholds,
        checkpoint.labels,
        segment_score=settings.segment_score,
        review_fraction=settings.review_fraction,
        duration_s=header.coverage.decoded_s,
    )


def _row(title: Title, found: list[Segment] | None, header: ShardHeader | None, failure: Failure | None) -> TitleRow:
    return title_row(
        title.title_id,
        found,
        header.coverage if header is not None else None,
        duration_s=title.duration_s,
        features_id=header.spec.features_id if header is not None else None,
        error_code=failure.error_code if failure else "",
        error=failure.error if failure else "",
    )


def _readable(run: InferenceRun, checkpoint: Checkpoint) -> tuple[dict[str, ShardHeader], dict[str, Failure]]:
    """Return the shards to score, and why each other title cannot be scored.

    Raises:
        CheckpointError: features of another kind; that is not a title's fault, so it ends the run.
    """
    headers: dict[str, ShardHeader] = {}
    failures: dict[str, Failure] = {}
    for title in run.titles:
        path = shard_path(run.features_dir, title.title_id)
        if title.title_id in run.failures or not path.exists():
            failures[title.title_id] = run.failures.get(title.title_id, NOT_EXTRACTED)
            continue
        try:
            header = read_header(path)
        except SchemaError as error:
            failures[title.title_id] = Failure(error.code, str(error))
            continue
        checkpoint.require_features(header.spec, str(path))
        headers[title.title_id] = header
    return headers, failures


def _is_done(folder: Path) -> bool:
    """Say whether the run is written, and nothing in it waits for a damaged shard to be mended."""
    path = folder / "run.json"
    return path.is_file() and json.loads(path.read_text(encoding="utf-8"))["damaged_shards"] == 0


def _overridden(checkpoint: Checkpoint, settings: InferSettings) -> dict[str, LabelThresholds]:
    unknown = sorted(set(settings.thresholds) - set(checkpoint.labels))
    if unknown:
        raise ConfigError(
            f"[infer.thresholds] {', '.join(unknown)}: not a label of the checkpoint, "
            f"which has {', '.join(checkpoint.labels)}"
        )
    result = dict(checkpoint.thresholds)
    for label, override in settings.thresholds.items():
        result[label] = replace(result[label], **override.model_dump(exclude_none=True))
    return result


def _run_id(
    run: InferenceRun,
    checkpoint: Checkpoint,
    headers: Mapping[str, ShardHeader],
    failures: Mapping[str, Failure],
) -> str:
    settings = run.settings.model_dump(mode="json", exclude={"device", "window_s"})
    titles = [
        [title.title_id, title.duration_s, asdict(headers[title.title_id].coverage)]
        if title.title_id in headers
        else [title.title_id, title.duration_s, failures[title.title_id].error_code]
        for title in run.titles
    ]
    thresholds = {label: asdict(value) for label, value in checkpoint.thresholds.items()}
    return fingerprint([checkpoint.model_id, thresholds, settings, titles])[:12]


def _point_to(work_dir: Path, run_id: str) -> None:
    """Replace ``current``, a relative link to the newest run, atomically."""
    temporary = work_dir / f".tmp-current-{os.getpid()}"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(Path("runs") / run_id)
    temporary.replace(work_dir / "current")


def _not_read(headers: Mapping[str, ShardHeader], failures: Mapping[str, Failure]) -> int:
    return len(failures) + sum(not header.coverage.complete for header in headers.values())


def _first_reason(titles: Sequence[Title], failures: Mapping[str, Failure]) -> str:
    for title in titles:
        if title.title_id in failures:
            return f"{title.title_id}: {failures[title.title_id].error}"
    return "there are no titles"
