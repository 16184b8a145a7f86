"""Stage 4: a run's segments against labels, or foreign detections against foreign ground truth."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from data.activitynet import read_durations, read_ground_truth, read_predictions
from data.catalogue import read_catalogue
from data.counted import counted
from data.errors import ConfigError
from data.labels import TitleLabels
from data.record_file import read_record
from data.schemas import LabelThresholds, Segment
from infer.evaluate import evaluate as measure
from infer.evaluate import evaluate_activitynet
from infer.evaluation import Evaluation, write_evaluation_csv, write_evaluation_json
from infer.operator_metrics import OperatorCollector
from infer.operator_report import write_operator_csv, write_reliability_csv
from infer.segments import find_segments
from infer.settings import EvaluateSettings
from infer.title_scores import TitleScores
from infer.title_status import TitleRow
from infer.write import read_scores, read_segments, read_titles_table
from pipeline.config import Config
from pipeline.runs.pointer import current_folder
from pipeline.seen_truth import row_spans, seen_truth
from pipeline.stage_result import StageResult
from pipeline.stages.kept_evaluation import INPUTS, evaluation_inputs


def evaluate(
    config: Config,
    split: str = "test",
    run_dir: Path | None = None,
    *,
    official: bool = False,
    told: bool = False,
) -> tuple[StageResult, Evaluation]:
    """Measure a run on a split's labelled titles; write evaluation-<split>.json and CSV files into the run's folder.

    One pass over the frame scores serves the segments of the mAP and the operator metrics; no frame is kept. A
    labelled title that the run could not score counts as one in which nothing was found, and the summary says so; of a
    title that was read in part, what lies beyond is left out (``data.seen_labels``), and the summary says that too. It
    is measured whether or not that was done before: see ``kept_evaluation``.

    Args:
        split: ``test``, or another one while choosing settings.
        run_dir: a run's folder; by default the current one.
        official: as the official evaluator does: all occurrences of whole titles, also where less was read, and every
            segment however low its score; into ``official-<split>.json`` and ``.csv``, beside the other files.
        told: an earlier stage of the same command warned of labels that reach beyond what was read.
    """
    folder = run_dir or current_folder(config.work)
    if not (folder / "segments.parquet").is_file():
        raise ConfigError(f"{folder}: no segments.parquet in it; run `coarse2fine infer` first")
    inputs = evaluation_inputs(config, folder, split)
    catalogue = read_catalogue(config.data)
    whole = {title.title_id: catalogue.labels[title.title_id] for title in catalogue.in_split(split)}
    rows = read_titles_table(folder / "titles.parquet")
    truth, left_out = seen_truth(whole, row_spans(rows), catalogue.titles, None if told else "evaluate")
    missing = set(truth) - {row.title_id for row in rows}
    if len(missing) == len(truth):
        raise ConfigError(f"{folder}: this run holds no title of the {split} split; infer it, or name another split")
    stated = {title.title_id: title.duration_s for title in catalogue.titles.values()}
    run = _Run.read(folder, rows, stated, truth)
    if official:
        unread = set(whole) - {row.title_id for row in rows if row.decoded_s is not None}
        return _official(config, run, whole, split=split, unread=unread)
    evaluation = _measured(config, run, truth)
    _write(folder, split, evaluation, inputs)
    note = f" ({len(missing)} of them not in this run)" if missing else ""
    note += _unread_words(truth, rows)
    note += f"; {left_out}" if left_out else ""
    if split in run.record.get("trained_on", []):
        note += "; the model was trained on them, so this says nothing of other titles"
    files = f"evaluation-{split}.csv" + (f", operator-{split}.csv" if evaluation.operator is not None else "")
    said = f"evaluate: {counted(len(truth), 'title')} of the {split} split{note}; all numbers: {files}"
    return StageResult(said, folder), evaluation


@dataclass(frozen=True)
class _Run:
    """A run that is measured.

    Args:
        with_scores: it kept its frame scores; else only its segments can be judged.
        record: what its ``run.json`` says; empty where an older run without scores has none.
        durations: seconds of each title: those of the run, else what is stated.
        decoded_s: seconds read of each measured title that is in the run.
    """

    folder: Path
    with_scores: bool
    record: Mapping[str, Any]
    durations: Mapping[str, float | None]
    decoded_s: Mapping[str, float | None]

    @classmethod
    def read(
        cls, folder: Path, rows: Sequence[TitleRow], stated: Mapping[str, float | None], measured: Collection[str]
    ) -> _Run:
        """Read what a folder says of itself."""
        with_scores, run_file = (folder / "scores.parquet").is_file(), folder / "run.json"
        record = read_record(run_file, "thresholds", "segment_score") if with_scores or run_file.exists() else {}
        found = {row.title_id: row.duration_s for row in rows if row.duration_s is not None}
        decoded_s = {row.title_id: row.decoded_s for row in rows if row.title_id in measured}
        return cls(folder, with_scores, record, {**stated, **found}, decoded_s)

    def segments(self) -> pa.Table:
        """Return the segments as the run wrote them."""
        return read_segments(self.folder / "segments.parquet")


def _measured(config: Config, run: _Run, truth: Mapping[str, TitleLabels]) -> Evaluation:
    """Measure by our protocols; with frame scores in one pass that serves the operator metrics, too."""
    labels, settings = config.data.labels, config.evaluate
    if not run.with_scores:
        return measure(run.segments(), truth, labels, run.durations, settings)
    own_rule = _has_own_rule(run.record)
    flags = {label: 0.0 if own_rule else value["flag"] for label, value in run.record["thresholds"].items()}
    collector = OperatorCollector(truth, tuple(flags), flags, settings.protocols)
    found = _measured_on_the_way(_candidates(run.folder, run.record, run.decoded_s), collector)
    evaluation = measure(found, truth, labels, run.durations, settings)
    return replace(evaluation, operator=collector.metrics())


def _official(
    config: Config, run: _Run, truth: Mapping[str, TitleLabels], *, split: str, unread: Collection[str]
) -> tuple[StageResult, Evaluation]:
    """Measure as the official evaluator does, the titles whose occurrences are all labelled."""
    if all(title.occurrences is None for title in truth.values()):
        raise ConfigError(
            f"the official evaluator needs all occurrences, and no title of the {split} split has them labelled; "
            "leave --official out"
        )
    counted_titles = {title_id: title for title_id, title in truth.items() if title.occurrences is not None}
    segments = _all_candidates(run.folder, run.record, run.decoded_s) if run.with_scores else run.segments()
    evaluation = measure(segments, counted_titles, config.data.labels, run.durations, config.evaluate, official=True)
    write_evaluation_csv(run.folder / f"official-{split}.csv", evaluation)
    write_evaluation_json(run.folder / f"official-{split}.json", evaluation)
    said = f"evaluate: {counted(len(counted_titles), 'title')} of the {split} split as the official evaluator does"
    said += _missed_words([title for title_id, title in counted_titles.items() if title_id in unread])
    return StageResult(f"{said}; all numbers: official-{split}.csv", run.folder), evaluation


def _unread_words(truth: Mapping[str, TitleLabels], rows: Sequence[TitleRow]) -> str:
    """Say how many clips are missed because their titles could not be read at all."""
    return _missed_words([truth[row.title_id] for row in rows if row.title_id in truth and row.decoded_s is None])


def _missed_words(unread: Sequence[TitleLabels]) -> str:
    clips = sum(len({*title.first.values(), *(title.occurrences or ())}) for title in unread)
    return f"; {counted(clips, 'clip')} of {counted(len(unread), 'unread title')} count as missed" if clips else ""


def _write(folder: Path, split: str, evaluation: Evaluation, inputs: str) -> None:
    write_evaluation_csv(folder / f"evaluation-{split}.csv", evaluation)
    if evaluation.operator is not None:
        write_operator_csv(folder / f"operator-{split}.csv", evaluation.operator)
        write_reliability_csv(folder / f"reliability-{split}.csv", evaluation.operator)
    write_evaluation_json(folder / f"evaluation-{split}.json", evaluation, {INPUTS: inputs})


def _has_own_rule(record: Mapping[str, Any]) -> bool:
    """Say whether a run's segments were made by a baseline's own rule, which flags all that it finds."""
    return bool(record.get("rule", "thresholds") != "thresholds")


def _candidates(
    folder: Path, record: Mapping[str, Any], decoded_s: Mapping[str, float | None]
) -> Iterator[tuple[TitleScores, list[Segment]]]:
    """Yield the scores and all candidates of each title in ``decoded_s``, also what scored too low to be flagged.

    AP judges the whole ranking, so candidates are made again from the run's frame scores, as ``record`` says.
    """
    thresholds = {label: LabelThresholds(**value) for label, value in record["thresholds"].items()}
    unflagged = {label: replace(limits, flag=0.0) for label, limits in thresholds.items()}
    labels = tuple(thresholds)
    for scores in read_scores(folder / "scores.parquet"):
        if scores.title_id not in decoded_s:
            continue
        duration_s = decoded_s[scores.title_id]
        if _has_own_rule(record):
            from infer.published import find_published

            rule, gate = record["rule"], record["title_gate"]
            found = find_published(scores, labels, rule=rule, gate=gate, duration_s=duration_s)
        else:
            found = find_segments(
                scores,
                unflagged,
                labels,
                segment_score=record["segment_score"],
                review_fraction=0,
                duration_s=duration_s,
            )
        yield scores, found


def _all_candidates(
    folder: Path, record: Mapping[str, Any], decoded_s: Mapping[str, float | None]
) -> Iterator[Segment]:
    for _, candidates in _candidates(folder, record, decoded_s):
        yield from candidates


def _measured_on_the_way(
    titles: Iterator[tuple[TitleScores, Sequence[Segment]]], collector: OperatorCollector
) -> Iterator[Segment]:
    """Yield the candidates of all titles, each title handed to the collector as it passes."""
    for scores, candidates in titles:
        collector.add(scores, candidates)
        yield from candidates


def evaluate_foreign(
    ground_truth: Path, predictions: Path, *, subset: str | None, official: bool, settings: EvaluateSettings
) -> Evaluation:
    """Measure detections in ActivityNet JSON.

    Args:
        ground_truth, predictions: the two files.
        subset: only the ground truth of this subset; None takes all.
        official: reproduce the official evaluator's numbers exactly.
        settings: how to measure; the protocol is all occurrences.
    """
    return evaluate_activitynet(
        read_ground_truth(ground_truth, subset=subset),
        read_predictions(predictions),
        read_durations(ground_truth),
        settings,
        official=official,
    )
