"""The report of a run: one HTML file, beside the run's tables or where the caller wants it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from data.counted import counted
from data.errors import ConfigError
from data.files import atomic_path
from data.schemas import Segment
from infer.protocol import judged_protocol
from infer.settings import Protocol
from infer.title_scores import TitleScores
from infer.title_status import TitleRow
from pipeline.config import Config
from pipeline.report.drift import Drift, compare
from pipeline.report.kept import NAME, report_inputs
from pipeline.report.measures import measures
from pipeline.report.mistakes import Curve, Mistake, candidates, curves, mistakes, worst
from pipeline.report.page import Report, render
from pipeline.report.run import RUN_RECORD, Run, Truth, find_run, read_evaluations, read_run, read_truth
from pipeline.report.signals import title_data
from pipeline.report.stills import make_stills, wanted_seconds
from pipeline.report.tables import read_tables
from pipeline.report.wording import moment
from pipeline.runs.history import run_before
from pipeline.stage_result import StageResult

GALLERY = 6
"""False positives, and false negatives, shown of each label."""


@dataclass
class Gathered:
    """What one pass over the titles of a run leaves: a few kilobytes a title."""

    data: list[dict[str, Any]] = field(default_factory=list)
    title_scores: dict[str, list[float]] = field(default_factory=dict)
    candidates: list[Segment] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)


def report(
    config: Config,
    run_dir: Path | None = None,
    *,
    against: Path | None = None,
    out: Path | None = None,
    benchmark: Path | None = None,
    pictures: bool = True,
) -> StageResult:
    """Write the report of a run.

    Args:
        run_dir: a run's folder or id; by default the current run.
        against: the run to compare with; by default the one before it.
        out: file to write; by default ``report.html`` in the run's folder.
        benchmark: folder of tables to show; by default those of the benchmark that ran in this work folder, if any.
        pictures: decode pictures of what was found.

    Raises:
        ConfigError: no such run, or no tables in ``benchmark``.
        SchemaError: a table of the run that is not ours.
    """
    folder = find_run(config, run_dir)
    if run_dir is None:
        _require_own_run(config, folder)
    run = read_run(folder)
    inputs = report_inputs(config, run.folder)
    truth = read_truth(config).as_read(run.titles)
    own_tables = config.work.benchmark / "tables"
    tables = read_tables(benchmark or own_tables) if benchmark or own_tables.is_dir() else []
    gathered = gather(run, truth)
    shown = worst(gathered.mistakes, run.labels, GALLERY)
    if pictures:
        add_pictures(config, run, truth, gathered.data, shown)
    page = Report(
        run=run,
        truth=truth,
        title_data=gathered.data,
        title_scores=gathered.title_scores,
        measures=[measures(split, values) for split, values in read_evaluations(run.folder).items()],
        drift=previous_drift(config, run) if against is None else compare(read_run(find_run(config, against)), run),
        curves=judged_curves(run, truth, gathered),
        mistakes=shown,
        measured_by=measured_by(truth, run.labels),
        tables=tables,
        pictures=pictures,
        facts=_facts(run),
        inputs=inputs,
    )
    path = out or run.folder / NAME
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as handle:
        handle.writelines(render(page))
    size_mb = path.stat().st_size / 1e6
    return StageResult(f"report: {counted(len(run.titles), 'title')} of run {run.run_id}, {size_mb:.1f} MB", path)


def _require_own_run(config: Config, folder: Path) -> None:
    """Raise ConfigError where a benchmark ran and nothing else: there is no current run, but its runs are some."""
    tables = config.work.benchmark / "tables"
    if (folder / RUN_RECORD).is_file() or not tables.is_dir():
        return
    runs = sorted((config.work.benchmark / "runs").glob(f"*/*/*/current/{RUN_RECORD}"))
    one = f"; `coarse2fine report --run {runs[0].parent}` shows them with one of its runs" if runs else ""
    raise ConfigError(f"{folder}: no finished run but those of a benchmark, whose tables are in {tables}{one}")


def gather(run: Run, truth: Truth) -> Gathered:
    """Read the scores of a run once and keep what the page needs; memory holds the scores of one title."""
    rows = {row.title_id: row for row in run.titles}
    gathered = Gathered()
    data: dict[str, dict[str, Any]] = {}
    for scores in run.scores():
        row = rows.pop(scores.title_id, None)
        if row is not None:
            data[row.title_id] = _take(row, scores, run=run, truth=truth, into=gathered)
    for row in rows.values():
        data[row.title_id] = _take(row, None, run=run, truth=truth, into=gathered)
    gathered.data = [data[row.title_id] for row in run.titles]
    return gathered


def measured_by(truth: Truth, labels: Sequence[str]) -> str:
    """Say by which occurrences the titles that training did not see are looked at."""
    protocol = judged_protocol(truth.held_out, labels)
    if protocol is Protocol.ALL_OCCURRENCE:
        return "all occurrences"
    if any(title.occurrences for title in truth.held_out.values()):
        return "all occurrences where they are labelled, else up to the end of the first"
    return "first occurrences: up to the end of the first, what comes later nobody looked at"


def add_pictures(
    config: Config, run: Run, truth: Truth, data: Sequence[dict[str, Any]], shown: Sequence[Mistake]
) -> None:
    """Put pictures of what was found, and of the mistakes that are shown, into the titles' data."""
    stills = make_stills(config, truth.titles, wanted_seconds(run.segments, shown))
    for values in data:
        made = stills.get(values["id"])
        if made is not None:
            values["pictures"] = made.as_data()
            values["picture_error"] = made.error


def previous_drift(config: Config, run: Run) -> Drift | None:
    """Return what changed since the run before; None if there is none over some of these titles."""
    earlier = run_before(config.work, run.folder)
    drift = None if earlier is None else compare(read_run(earlier), run)
    # a run over other titles, another split perhaps, is no earlier state of this one
    return None if drift is None or drift.common == 0 else drift


def _take(row: TitleRow, scores: TitleScores | None, *, run: Run, truth: Truth, into: Gathered) -> dict[str, Any]:
    found = run.segments.get(row.title_id, ())
    labels = truth.held_out.get(row.title_id)
    if scores is not None:
        into.title_scores[row.title_id] = [float(score) for score in scores.title_score_C]
    if labels is not None:
        into.mistakes += mistakes(row.title_id, labels, found, scores, labels=run.labels)
        if scores is not None:
            into.candidates += candidates_of(run, scores, row.decoded_s)
    known = truth.labels.get(row.title_id)
    return title_data(row, scores, found, known, run.labels, asked=run.asked, segment_score=run.segment_score)


def candidates_of(run: Run, scores: TitleScores, duration_s: float | None) -> Sequence[Segment]:
    """Return the segments of a title before the flag threshold; a baseline's own rule has none to lower."""
    if run.has_own_rule:
        return run.segments.get(scores.title_id, ())
    return candidates(scores, run.thresholds, run.segment_score, duration_s)


def judged_curves(run: Run, truth: Truth, gathered: Gathered) -> list[Curve]:
    """Return the curves of the titles that are in the run, labelled, and outside the training split."""
    judged = {row.title_id: truth.held_out[row.title_id] for row in run.titles if row.title_id in truth.held_out}
    if not judged or not gathered.title_scores:
        return []
    limits = run.thresholds
    if run.has_own_rule:
        limits = {label: replace(values, flag=0.0) for label, values in limits.items()}
    return curves(gathered.candidates, judged, limits)


def _facts(run: Run) -> dict[str, str]:
    """Return what made the run, in words."""
    record = run.record
    software = record.get("software", {})
    facts = {
        "run": run.run_id,
        "finished": moment(str(record.get("finished_at", ""))),
        "model": str(record.get("model_id", "")),
        "features": str(record.get("features_id", "")),
        "segment score": str(record.get("segment_score", "")),
        "command": " ".join(map(str, record.get("command", []))),
    }
    if isinstance(software, Mapping):
        facts["software"] = ", ".join(f"{name} {version}" for name, version in software.items())
    return {name: value for name, value in facts.items() if value}
