"""The result of an evaluation, as values, as a printable table, and as JSON and CSV files.

Axes: K tIoU thresholds.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.files import write_json, write_text
from infer.settings import Protocol

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from infer.operator_metrics import OperatorMetrics

MEAN = "mAP"
MODEL = "model"
JUDGED = "judged"


@dataclass(frozen=True)
class Result:
    """One row: a method under one protocol and one rule, for one label or as the mean over labels.

    Args:
        rule: ``ge``, ``gt``, or ``judged``: strict at threshold 0, official above, the number methods are compared by.
        method: ``model``, or the name of a trivial row (average over its random draws).
        label: a label, or ``mAP`` for the mean over the labels that have ground truth.
        ap_K: average precision at each threshold, 0 to 1; None for a label without ground truth.
        average: mean over the thresholds (AVG).
        interval: bootstrap confidence interval of ``average`` over titles; None where it was not asked for.
        clips, predictions: how many there were.
        recall_K: share of the clips that are found at each threshold.
        false_positives_per_hour: predictions that match nothing at the first threshold, per measured hour; None where
            durations are unknown.
    """

    protocol: Protocol
    rule: str
    method: str
    label: str
    ap_K: tuple[float | None, ...]
    average: float | None
    interval: tuple[float, float] | None
    clips: int
    predictions: int
    recall_K: tuple[float | None, ...]
    false_positives_per_hour: float | None


@dataclass(frozen=True)
class Resampled:
    """AP under resampled titles; equal titles, draws and seed give equal resamples, so methods can be paired.

    Args:
        columns: K' pairs (tIoU threshold, rule), the rule ``ge`` or ``gt``.
        ap_BKC: (B, K', C) average precision; NaN where a resample holds no clip of the label.
    """

    columns: tuple[tuple[float, str], ...]
    ap_BKC: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Evaluation:
    """Everything that was measured.

    Args:
        tiou_thresholds: K thresholds of every row.
        results: the rows; means before labels, the model before the trivial rows.
        refused: invalid predictions by reason; they are not scored.
        left_out: per protocol, what its measured spans leave out, by reason.
        protocol: the one to judge by, see ``infer.protocol.judged_protocol``.
        operator: what an operator decides by; None where there are no frame scores (foreign predictions).
        resampled: the model's AP under the bootstrap, by protocol; not written to files.
    """

    tiou_thresholds: tuple[float, ...]
    results: tuple[Result, ...]
    refused: Mapping[str, int]
    left_out: Mapping[Protocol, Mapping[str, int]]
    protocol: Protocol
    operator: OperatorMetrics | None = None
    resampled: Mapping[Protocol, Resampled] = field(default_factory=dict, compare=False, repr=False)

    def result(self, protocol: Protocol, rule: str, *, method: str = MODEL, label: str = MEAN) -> Result:
        """Return one row; KeyError if there is none."""
        for row in self.results:
            if (row.protocol, row.rule, row.method, row.label) == (protocol, rule, method, label):
                return row
        raise KeyError(f"no result for {protocol}, {rule}, {method}, {label}")

    def judged(self, protocol: Protocol | None = None) -> float | None:
        """Return the model's mean of mAP at the strict 0.0, 0.1 and 0.2 (or what thresholds were set).

        Args:
            protocol: by default the one to judge by.
        """
        return self.result(protocol or self.protocol, JUDGED).average


def table(evaluation: Evaluation, *, per_label: bool = True) -> list[list[str]]:
    """Return the rows as text, header first; AP in percent with two decimals, ``-`` where there is none."""
    header = ["protocol", "rule", "method", "label", *(f"@{t:g}" for t in evaluation.tiou_thresholds), "AVG"]
    rows = [[*header, "interval", "clips", "predictions", "recall", "FP/h"]]
    for row in evaluation.results:
        if row.label != MEAN and (not per_label or row.method != MODEL):
            continue
        interval = "-" if row.interval is None else f"{percent(row.interval[0])} to {percent(row.interval[1])}"
        hourly = "-" if row.false_positives_per_hour is None else f"{row.false_positives_per_hour:.2f}"
        numbers = [percent(value) for value in (*row.ap_K, row.average)]
        counts = [str(row.clips), str(row.predictions), percent(row.recall_K[0]), hourly]
        rows.append([str(row.protocol), row.rule, row.method, row.label, *numbers, interval, *counts])
    return rows


def notes(evaluation: Evaluation) -> list[str]:
    """Return what was refused or left out, one line each, for printing below the table."""
    lines = [f"refused: {count} predictions, {reason}" for reason, count in evaluation.refused.items()]
    for protocol, counts in evaluation.left_out.items():
        lines += [f"{protocol}: left out {count}: {reason}" for reason, count in counts.items()]
    return lines


def percent(value: float | None) -> str:
    """Return a share as percent with two decimals."""
    return "-" if value is None else f"{100 * value:.2f}"


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """Return the evaluation as plain JSON values."""
    return {
        "judged_protocol": str(evaluation.protocol),
        "tiou_thresholds": list(evaluation.tiou_thresholds),
        "results": [asdict(row) for row in evaluation.results],
        "refused": dict(evaluation.refused),
        "left_out": {str(protocol): dict(counts) for protocol, counts in evaluation.left_out.items()},
        "operator": None if evaluation.operator is None else asdict(evaluation.operator),
    }


def write_evaluation_json(path: Path, evaluation: Evaluation, facts: Mapping[str, Any] | None = None) -> None:
    """Write the evaluation as one JSON object, atomically; ``facts`` come before what was measured."""
    write_json(path, {**(facts or {}), **as_json(evaluation)})


def write_evaluation_csv(path: Path, evaluation: Evaluation) -> None:
    """Write one line per row and threshold, and one with tiou ``AVG``, atomically; shares with six decimals."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    names = ["protocol", "rule", "method", "label", "tiou", "ap", "recall", "low", "high", "clips", "predictions"]
    writer.writerow([*names, "false_positives_per_hour"])
    for row in evaluation.results:
        low, high = row.interval or (None, None)
        lines = [
            (f"{t:g}", ap, recall, None, None)
            for t, ap, recall in zip(evaluation.tiou_thresholds, row.ap_K, row.recall_K)
        ]
        for tiou, *shares in [*lines, ("AVG", row.average, None, low, high)]:
            cells = ["" if share is None else f"{share:.6f}" for share in shares]
            hourly = "" if row.false_positives_per_hour is None else f"{row.false_positives_per_hour:.6f}"
            key = [str(row.protocol), row.rule, row.method, row.label, tiou]
            writer.writerow([*key, *cells, row.clips, row.predictions, hourly])
    write_text(path, buffer.getvalue())


def known(value: float) -> float | None:
    """Return None for NaN: a label without ground truth has no AP, and JSON has no NaN."""
    return None if math.isnan(value) else float(value)
