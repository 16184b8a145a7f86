"""Choose flag thresholds for what an operator wants, on validation, and store them in the checkpoint.

Thresholds are no part of ``model_id``: the network stays the same model. They are part of a run's identity, so the next
``infer`` makes a new run.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from data.catalogue import read_catalogue
from data.errors import ConfigError
from data.files import write_text
from data.label_names import label_slug
from data.labels import TitleLabels
from data.schemas import LabelThresholds, Segment
from data.seen_labels import ReadSpan
from data.shards import ShardHeader, read_header, read_shard, shard_path
from infer.average_precision import Predictions
from infer.certainty import CONFIDENCE, certainty
from infer.flags_measured import KEY, label_flags
from infer.operating_curve import OperatingCurve, operating_curve
from infer.operating_point import Choice, Dropped, FlaggedTitles, Goal, choose
from infer.protocol import GroundTruth, cut_to_measured, fullest_truth, index_predictions
from infer.score import score_title
from infer.segments import find_segments
from infer.tiou import Floats
from model.build import pick_device
from model.checkpoint import load_network
from model.sidecar import Checkpoint, read_checkpoint, write_sidecar
from pipeline.config import Config
from pipeline.progress import progress_bar
from pipeline.seen_truth import header_spans, seen_truth
from pipeline.stage_result import StageResult
from pipeline.stages.thresholds_figure import draw_curve
from pipeline.stages.validation import CHOSEN_THERE

CURVE_COLUMNS = ("threshold", "recall", "precision", "false_per_hour", "flagged", "false", "found")


def choose_thresholds(config: Config, labels: Sequence[str], goal: Goal) -> list[Choice]:
    """Choose the flag threshold of each label on the val split; write each curve as CSV and PNG.

    Args:
        labels: the labels to choose for; empty for all of the checkpoint's.

    Raises:
        ConfigError: a label that the checkpoint does not have or that the configuration overrides, a rule without
            thresholds, a checkpoint that was trained on val, or no usable title.
        CheckpointError: no checkpoint, or features of another kind than it was trained on.
    """
    checkpoint = read_checkpoint(config.checkpoint_dir)
    labels = list(dict.fromkeys(labels)) or list(checkpoint.labels)
    _check_choosable(config, checkpoint, labels)
    catalogue = read_catalogue(config.data)
    headers = [
        header
        for title in catalogue.in_split("val")
        if catalogue.labels[title.title_id].is_labelled
        for header in _usable(config.features_dir, title.title_id, checkpoint)
    ]
    if not headers:
        raise ConfigError(
            f"{config.data.titles}: no labelled title of the val split has complete features; extract or label some"
        )
    labelled = {header.title_id: catalogue.labels[header.title_id] for header in headers}
    known, _ = seen_truth(labelled, header_spans(headers), catalogue.titles, "thresholds")
    candidates = _candidates(config, headers, {title_id: title.name for title_id, title in catalogue.titles.items()})
    choices = _choose(headers, candidates, known, labels, goal=goal, thresholds=checkpoint.thresholds)
    for choice in choices:
        write_curve_csv(curves_folder(config) / f"{label_slug(choice.label)}.csv", choice.curve)
        draw_curve(curves_folder(config) / f"{label_slug(choice.label)}.png", choice)
    return choices


def store_thresholds(config: Config, choices: Sequence[Choice]) -> StageResult:
    """Write the chosen thresholds into the checkpoint, all or none, with a record of how they were chosen.

    Raises:
        ConfigError: a goal was not reached.
    """
    missed = [choice.label for choice in choices if not choice.reached]
    if missed:
        raise ConfigError(
            f"{config.checkpoint_dir}: nothing is written: no threshold reaches {choices[0].goal} for "
            f"{', '.join(missed)}; ask for less, or name the other labels with --label"
        )
    checkpoint = read_checkpoint(config.checkpoint_dir)
    thresholds = {**checkpoint.thresholds, **{choice.label: choice.after for choice in choices}}
    record = {choice.label: choice_record(choice) for choice in choices}
    training = {
        **checkpoint.training,
        "chosen": {**checkpoint.training.get("chosen", {}), **record},
        KEY: _measured_anew(checkpoint.training.get(KEY) or {"on": CHOSEN_THERE, "labels": {}}, choices),
    }
    write_sidecar(config.checkpoint_dir, replace(checkpoint, thresholds=thresholds, training=training))
    unsure = [label for label, values in record.items() if not values["promised"]]
    note = f" (too few clips to promise {choices[0].goal}: {', '.join(unsure)})" if unsure else ""
    return StageResult(
        f"thresholds: stored for {', '.join(record)}{note}; model {checkpoint.model_id} stays, the next infer is a new "
        "run",
        config.checkpoint_dir,
    )


def _measured_anew(before: Mapping[str, Any], choices: Sequence[Choice]) -> dict[str, Any]:
    """Return how right flags are, with what the new thresholds reach in the place of what those before them reached."""
    anew = {}
    for choice in choices:
        curve, row = choice.curve, choice.row
        assert row is not None  # a goal was reached
        found, flagged, false = (int(counts[row]) for counts in (curve.found_K, curve.flagged_K, curve.false_K))
        counts = label_flags(
            choice.after, found=found, clips=curve.clips, flagged=flagged, false=false, hours=curve.hours
        )
        anew[choice.label] = {"on": CHOSEN_THERE, **counts}
    return {**before, "labels": {**before["labels"], **anew}}


def curves_folder(config: Config) -> Path:
    """Return where the curves go."""
    return config.work_dir / "thresholds"


def choice_record(choice: Choice) -> dict[str, Any]:
    """Return how a threshold was chosen as JSON values: goal, what is reached on validation, how sure that is."""
    sure = certainty(choice)
    low, high = sure.interval
    return {
        **asdict(choice.goal),
        **_reached(choice),
        "low": low,
        "high": None if math.isinf(high) else high,
        "confidence": CONFIDENCE,
        "promised": choice.reached and sure.promised,
        "needed": sure.needed,
        "titles": None if choice.titles is None else asdict(choice.titles),
        "dropped": None if choice.dropped is None else asdict(choice.dropped),
    }


def _reached(choice: Choice) -> dict[str, float | None]:
    """Return what the chosen row reaches on validation; empty when there is no candidate, None what cannot be known."""
    if choice.row is None:
        return {}
    cells = _curve_rows(choice.curve)[choice.row]
    return {name: None if math.isnan(cell) else cell for name, cell in zip(CURVE_COLUMNS[1:], cells[1:])}


def write_curve_csv(path: Path, curve: OperatingCurve) -> None:
    """Write one line per distinct segment score, highest first, atomically; an unknown value is blank."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(CURVE_COLUMNS)
    for cells in _curve_rows(curve):
        writer.writerow("" if np.isnan(cell) else f"{cell:.9g}" for cell in cells)
    write_text(path, buffer.getvalue())


def _curve_rows(curve: OperatingCurve) -> list[list[float]]:
    columns = (curve.score_K, curve.recall, curve.precision, curve.false_per_hour)
    counts = (curve.flagged_K, curve.false_K, curve.found_K)
    return [[float(cell) for cell in cells] for cells in zip(*columns, *counts)]


def _check_choosable(config: Config, checkpoint: Checkpoint, labels: Sequence[str]) -> None:
    if "val" in checkpoint.trained_on:
        raise ConfigError(
            f"{config.checkpoint_dir}: was trained on val, too (train.refit), so what it scores there says nothing of "
            "other titles; choose thresholds with a checkpoint trained with train.refit = false"
        )
    if config.infer.rule != "thresholds":
        raise ConfigError(
            f"[infer] rule: {config.infer.rule!r} flags by a baseline's own rule and reads no thresholds; "
            "choose them with rule = 'thresholds'"
        )
    unknown = [label for label in labels if label not in checkpoint.labels]
    if unknown:
        known = ", ".join(checkpoint.labels)
        raise ConfigError(f"--label {', '.join(unknown)}: not a label of the checkpoint, which has {known}")
    overridden = [label for label in labels if label in config.infer.thresholds]
    if overridden:
        raise ConfigError(
            f"[infer.thresholds.{overridden[0]}]: the configuration overrides what would be chosen; remove it first"
        )


def _usable(features_dir: Path, title_id: str, checkpoint: Checkpoint) -> list[ShardHeader]:
    """Return the title's shard, or nothing if it has none or was read in part."""
    path = shard_path(features_dir, title_id)
    if not path.exists():
        return []
    header = read_header(path)
    checkpoint.require_features(header.spec, str(path))
    return [header] if header.coverage.complete else []


def _choose(
    headers: Sequence[ShardHeader],
    candidates: Sequence[Segment],
    known: Mapping[str, TitleLabels],
    labels: Sequence[str],
    *,
    goal: Goal,
    thresholds: Mapping[str, LabelThresholds],
) -> list[Choice]:
    truth = fullest_truth(known, labels)
    kept = [part for part in candidates if part.title_score >= thresholds[part.label].title]
    hours_C = _measured_hours(truth, header_spans(headers))
    every_curves, kept_curves = (_curves(part, truth, hours_C) for part in (candidates, kept))
    choices = [choose(label, thresholds[label], goal, *pair) for label, *pair in zip(labels, kept_curves, every_curves)]
    return [_counted(choice, candidates, known) for choice in choices]


def _counted(choice: Choice, candidates: Sequence[Segment], known: Mapping[str, TitleLabels]) -> Choice:
    """Count what a choice flags, and what its title threshold drops, anywhere, also after the end of what is measured.

    As ``infer.segments`` decides it, so that a run over these titles flags just these.
    """
    limits = choice.shown
    high = [part for part in candidates if part.label == choice.label and part.score >= limits.flag]
    flagged = {part.title_id for part in high if part.title_score >= limits.title}
    dropped = [part.title_id for part in high if part.title_score < limits.title]
    holding = [labels for labels in known.values() if choice.label in labels.first or labels.present.get(choice.label)]
    return replace(
        choice,
        titles=FlaggedTitles(len(flagged), len(known), len(holding)),
        dropped=Dropped(len(dropped), len(set(dropped))),
    )


def _candidates(config: Config, headers: Sequence[ShardHeader], names: Mapping[str, str]) -> list[Segment]:
    """Score the validation titles one after another and return all candidates, whatever their scores."""
    network, checkpoint = load_network(config.checkpoint_dir)
    network = network.to(pick_device(config.infer.device))
    every = {label: _unflagged(limits) for label, limits in checkpoint.thresholds.items()}
    found: list[Segment] = []
    with progress_bar("thresholds") as advance:
        for number, header in enumerate(headers, 1):
            scores = score_title(
                network,
                header.title_id,
                read_shard(header.path).features,
                window=config.infer.window_s,
                top_k_divisor=checkpoint.settings.top_k_divisor,
                grid=header.grid,
            )
            found += find_segments(
                scores,
                every,
                checkpoint.labels,
                segment_score=config.infer.segment_score,
                review_fraction=0,
                duration_s=header.coverage.decoded_s,
            )
            advance(number, len(headers), names[header.title_id])
    return found


def _unflagged(limits: LabelThresholds) -> LabelThresholds:
    return replace(limits, title=0.0, flag=0.0)


def _measured_hours(truth: GroundTruth, spans: Mapping[str, ReadSpan]) -> Floats:
    """Return (C,) hours that are measured for each label."""
    start_s_N, end_s_N = np.array([[spans[name].start_s, spans[name].end_s] for name in truth.title_ids]).T
    span_s_NC = np.maximum(np.minimum(truth.end_s_NC, end_s_N[:, None]) - start_s_N[:, None], 0.0)
    hours_C: Floats = np.where(truth.measured_NC, span_s_NC, 0.0).sum(axis=0) / 3600
    return hours_C


def _curves(found: Sequence[Segment], truth: GroundTruth, hours_C: Floats) -> list[OperatingCurve]:
    rows = [
        (part.title_id, part.label, part.start_s, part.end_s, part.score)
        for part in found
        if part.label in truth.labels
    ]
    cut: Predictions = cut_to_measured(index_predictions(rows, truth.title_ids, truth.labels), truth, "clip")[0]
    return [
        operating_curve(
            cut.take(cut.label_P == c), truth.clips.take(np.flatnonzero(truth.clips.label_G == c)), float(hours_C[c])
        )
        for c in range(len(truth.labels))
    ]
