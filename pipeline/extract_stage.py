"""Stage 1: videos, or feature files of one's own, to feature shards and the coverage table."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import DecodeError, SchemaError
from data.files import atomic_path, file_sha256
from data.manifest import read_titles
from data.schemas import COVERAGE, COVERAGE_SCHEMA, check_schema_name
from data.shards import read_header, shard_path
from data.titles import Title, media_path
from extract.settings import ExtractSettings
from pipeline.config import Config
from pipeline.progress import progress_bar
from pipeline.provenance import write_run
from pipeline.stage_result import StageResult

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Failure:
    """Why a title has no features."""

    error_code: str
    error: str
    seconds: float = 0.0


def extract(config: Config) -> StageResult:
    """Extract the features of every title whose shard is missing, damaged, or made from other bytes or settings.

    Raises:
        WeightsError, ConfigError, ManifestError: faults that are not one title's.
    """
    titles = list(read_titles(config.data.titles, config.data.media_root).values())
    failures, fresh = extract_titles_to(
        config.features_dir, titles, config.data.media_folder, config.extract, config.data.titles.name
    )
    return _finish(config, "extract", titles, failures, fresh)


def import_feature_files(config: Config, feature_root: Path, name: str) -> StageResult:
    """Turn per-title .npy, .npz or .pt files into shards; ``path`` in the manifest names the file of a title."""
    from data.import_features import import_features

    titles = list(read_titles(config.data.titles, feature_root).values())
    failures: dict[str, Failure] = {}
    fresh = 0
    with progress_bar("import") as advance:
        outcomes = import_features(titles, feature_root, name=name, folder=config.features_dir)
        for number, outcome in enumerate(outcomes, 1):
            fresh += outcome.status != "current"
            if outcome.status == "failed":
                failures[outcome.title_id] = Failure(outcome.error_code, outcome.error)
            advance(number, len(titles), outcome.title_id)
    return _finish(config, "import-features", titles, failures, fresh)


def extract_titles_to(
    folder: Path, titles: Sequence[Title], media_root: Path, settings: ExtractSettings, manifest: str
) -> tuple[dict[str, Failure], int]:
    """Extract what is not current; return the failures and how many titles were worked on.

    Args:
        manifest: its name, for messages.
    """
    from extract.backbone import feature_spec, load_backbone
    from extract.title import ExtractJob, extract_titles, is_current

    backbone = load_backbone(settings)
    spec = feature_spec(settings, backbone)
    failures: dict[str, Failure] = {}
    jobs = []
    for title in titles:
        try:
            path = _video_path(title, media_root, manifest)
        except DecodeError as error:
            failures[title.title_id] = Failure(error.code, str(error))
            continue
        job = ExtractJob(title.title_id, path, title.path or "", title.duration_s)
        if shard_path(folder, title.title_id).exists() and is_current(folder, job, spec, file_sha256(path)):
            continue
        jobs.append(job)
    folder.mkdir(parents=True, exist_ok=True)
    with progress_bar("extract") as advance, closing(extract_titles(jobs, settings, backbone, folder)) as outcomes:
        for number, outcome in enumerate(outcomes, 1):
            if outcome.status == "failed":
                failures[outcome.title_id] = Failure(outcome.error_code, outcome.error, outcome.seconds)
            advance(number, len(jobs), outcome.title_id)
    return failures, len(jobs)


def read_failures(coverage: Path) -> dict[str, Failure]:
    """Return why titles have no features, as the last extraction recorded it; empty when there was none."""
    if not coverage.is_file():
        return {}
    try:
        table = pq.read_table(coverage)
    except (OSError, pa.ArrowException) as error:
        raise SchemaError(f"{coverage}: not a readable Parquet file ({error}); extract again") from error
    check_schema_name(table.schema, COVERAGE, str(coverage))
    rows = table.select(["title_id", "error_code", "error", "seconds"]).to_pylist()
    return {
        row["title_id"]: Failure(row["error_code"], row["error"], row["seconds"] or 0.0)
        for row in rows
        if row["error_code"]
    }


def write_coverage(path: Path, folder: Path, titles: Iterable[Title], failures: Mapping[str, Failure]) -> int:
    """Write the coverage table, a row for every title, and return how many were not read to their end."""
    rows, not_read = [], 0
    for title in titles:
        failure = failures.get(title.title_id)
        if failure is not None:
            rows.append({"title_id": title.title_id, "source": title.path or "", "complete": False, **asdict(failure)})
        else:
            header = read_header(shard_path(folder, title.title_id))
            rows.append({**asdict(header.coverage), "features_id": header.spec.features_id})
        not_read += not rows[-1]["complete"]
    with atomic_path(path) as temporary:
        pq.write_table(pa.Table.from_pylist(rows, schema=COVERAGE_SCHEMA), temporary)
    return not_read


def _video_path(title: Title, media_root: Path, manifest: str) -> Path:
    if title.path is None:
        raise DecodeError(f"{title.title_id}: no path in {manifest}; name its video there", code="no_path")
    path = media_path(media_root, title.path)
    if not path.exists():
        raise DecodeError(f"{title.path}: no such file under {media_root}; correct its path", code="missing")
    return path


def _finish(
    config: Config, stage: str, titles: Sequence[Title], failures: Mapping[str, Failure], fresh: int
) -> StageResult:
    not_read = write_coverage(config.coverage_path, config.features_dir, titles, failures)
    counts = {"titles": len(titles), "worked_on": fresh, "failed": len(failures), "partial": not_read - len(failures)}
    write_run(config.work_dir / f"{stage}.run.json", stage, config.model_dump(mode="json"), **counts)
    what = "nothing to do" if not fresh else f"{fresh} worked on"
    summary = f"{stage}: {len(titles)} titles, {what}, {len(failures)} failed, {counts['partial']} partial"
    log.info("stage=%s %s", stage, " ".join(f"{key}={value}" for key, value in counts.items()))
    return StageResult(summary, config.coverage_path, not_read)
