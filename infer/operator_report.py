"""Operator metrics as a compact table and as CSV; JSON holds them whole, beside the mAP."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from data.files import write_text
from infer.operator_metrics import LabelMetrics, OperatorMetrics, RankingMetrics
from infer.segment_metrics import F1_TIOUS

Value = float | int | None
MEAN = "mean"

PRINTED = {
    "frame_ap": "frame AP",
    "frame_auroc": "AUROC",
    "frame_precision_at_90_recall": "P@90R",
    "frame_ece": "ECE",
    "title_ap": "title AP",
    "title_auroc": "AUROC",
    "title_precision_at_90_recall": "P@90R",
    "recall": "recall",
    "precision": "prec.",
    "false_per_hour": "false/h",
    "precision_at_90_recall": "P@90R",
    "f1_10": "F1@10",
    "f1_25": "@25",
    "f1_50": "@50",
    "onset_median_s": "onset",
    "onset_median_absolute_s": "|onset|",
}
"""Columns of the printed table: name in the CSV, heading."""

IN_UNITS = ("false_per_hour", "onset_median_s", "onset_median_absolute_s")


def operator_table(metrics: OperatorMetrics) -> list[list[str]]:
    """Return the table as text, header first: shares in percent, onset in seconds; after each protocol its mean row."""
    rows = [["protocol", "label", *PRINTED.values()]]
    for protocol in dict.fromkeys(row.protocol for row in metrics.rows):
        values = {row.label: columns(row) for row in metrics.rows if row.protocol == protocol}
        values[MEAN] = {name: _mean([found[name] for found in values.values()]) for name in PRINTED}
        for label, found in values.items():
            rows.append([str(protocol), label, *(_cell(name, found[name]) for name in PRINTED)])
    return rows


def operator_notes(metrics: OperatorMetrics) -> list[str]:
    """Return what the reader of the table must know, one line each."""
    lines = [
        "A clip is found when a flagged segment overlaps it; a segment is false when it overlaps no clip. "
        "onset: median seconds from the first clip of a title to its first flagged segment."
    ]
    if metrics.unscored:
        lines.append(
            f"{metrics.unscored} titles have no scores: their clips count as not found, their frames not at all"
        )
    return lines


def columns(row: LabelMetrics) -> dict[str, Value]:
    """Return one row's numbers by the name of their CSV column."""
    segments, onset = row.segments, row.segments.onset
    return {
        **_ranking_columns("frame", row.frames),
        **_ranking_columns("title", row.titles),
        "flag": segments.flag,
        "clips": segments.clips,
        "found": segments.found,
        "recall": segments.recall,
        "flagged": segments.flagged,
        "false": segments.false,
        "precision": segments.precision,
        "hours": segments.hours,
        "false_per_hour": segments.false_per_hour,
        "precision_at_90_recall": segments.precision_at_recall,
        **{f"f1_{100 * tiou:.0f}": value for tiou, value in zip(F1_TIOUS, segments.f1_K)},
        "onset_titles": onset.titles,
        "onset_detected": onset.detected,
        "onset_median_s": onset.median_s,
        "onset_median_absolute_s": onset.median_absolute_s,
    }


def write_operator_csv(path: Path, metrics: OperatorMetrics) -> None:
    """Write one line per protocol and label, atomically; an unknown value is blank."""
    lines = [{"protocol": str(row.protocol), "label": row.label, **columns(row)} for row in metrics.rows]
    _write(path, lines)


def write_reliability_csv(path: Path, metrics: OperatorMetrics) -> None:
    """Write one line per protocol, label, kind (frame or title) and bin of the reliability diagram, atomically."""
    lines = [
        {
            "protocol": str(row.protocol),
            "label": row.label,
            "of": kind,
            "lower": part.lower,
            "upper": part.upper,
            "samples": part.samples,
            "mean_score": part.mean_score,
            "positive_share": part.positive_share,
        }
        for row in metrics.rows
        for kind, ranking in (("frame", row.frames), ("title", row.titles))
        for part in ranking.reliability
    ]
    _write(path, lines)


def _ranking_columns(kind: str, ranking: RankingMetrics) -> dict[str, Value]:
    return {
        f"{kind}s": ranking.samples,
        f"positive_{kind}s": ranking.positives,
        f"{kind}_ap": ranking.average_precision,
        f"{kind}_auroc": ranking.auroc,
        f"{kind}_precision_at_90_recall": ranking.precision_at_recall,
        f"{kind}_ece": ranking.calibration_error,
    }


def _mean(values: list[Value]) -> float | None:
    numbers = [value for value in values if value is not None]
    return sum(numbers) / len(numbers) if numbers else None


def _cell(name: str, value: Value) -> str:
    if value is None:
        return "-"
    return f"{value:.1f}" if name in IN_UNITS else f"{100 * value:.1f}"


def _write(path: Path, lines: Sequence[Mapping[str, object]]) -> None:
    buffer = io.StringIO()
    names = list(lines[0]) if lines else []
    writer = csv.DictWriter(buffer, names, lineterminator="\n")
    writer.writeheader()
    for line in lines:
        writer.writerow({name: f"{value:.6f}" if isinstance(value, float) else value for name, value in line.items()})
    write_text(path, buffer.getvalue())
