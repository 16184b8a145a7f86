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
    "frame_ap": "frame\nAP",
    "frame_auroc": "frame\nAUROC",
    "frame_precision_at_90_recall": "frame\nP@90R",
    "frame_ece": "frame\nECE",
    "title_ap": "title\nAP",
    "title_auroc": "title\nAUROC",
    "title_precision_at_90_recall": "title\nP@90R",
    "title_ece": "title\nECE",
    "recall": "flags\nrecall",
    "precision": "flags\nprec.",
    "false_per_hour": "flags\nfalse/h",
    "precision_at_90_recall": "flags\nP@90R",
    "f1_10": "F1\n@10",
    "f1_25": "F1\n@25",
    "f1_50": "F1\n@50",
    "onset_median_s": "onset\n",
    "onset_median_absolute_s": "onset\nsize",
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
            rows.append(
                [str(protocol).removesuffix("-occurrence"), label, *(_cell(name, found[name]) for name in PRINTED)]
            )
    return rows


def operator_notes(metrics: OperatorMetrics) -> list[str]:
    """Return what the reader of the table must know, one line each."""
    lines = [
        "A clip is found when a flagged segment overlaps it; a segment is false when it overlaps no clip. "
        "P@90R: best precision at 90 % recall. onset: median seconds from the first clip of a title to its first "
        "flagged segment, early is negative; size: without the sign."
    ]
    if metrics.unscored:
        lines.append(
            f"titles without scores: {metrics.unscored}; their clips count as not found, their frames not at all"
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
