"""Measurements for the page, read from the JSON that ``evaluate`` wrote.

Read leniently: a report must open for a run that was evaluated by an older version, or by a newer one that says more.
What is not there is left out; what is there in another form than expected is left out, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infer.evaluation import JUDGED, MEAN, MODEL
from infer.trivial import said_of_trivial

OPERATING = (
    ("segments", "flag", "flagged from", "score"),
    ("segments", "recall", "recall", "share"),
    ("segments", "precision", "precision", "share"),
    ("segments", "false_per_hour", "false / hour", "number"),
    ("segments", "precision_at_recall", "precision at 90 % recall", "share"),
    ("frames", "average_precision", "frame AP", "share"),
    ("frames", "auroc", "frame AUROC", "share"),
    ("frames", "calibration_error", "frame ECE", "share"),
    ("titles", "average_precision", "title AP", "share"),
    ("titles", "auroc", "title AUROC", "share"),
)


@dataclass(frozen=True)
class Measures:
    """One split's measurements as tables of text.

    Args:
        precision: header of mAP, then its rows; empty if there is none.
        above: that an arbitrary segment scores higher than the model, a line a protocol; empty where none does.
        operating: header of the operating points, then their rows; empty if there are none.
        reliability: per protocol and label: (mean score, share that is true, samples) per bin.
    """

    split: str
    precision: Sequence[Sequence[str]]
    above: Sequence[str]
    operating: Sequence[Sequence[str]]
    reliability: Mapping[str, Sequence[tuple[float, float, int]]]


def measures(split: str, evaluation: Mapping[str, Any]) -> Measures:
    """Return what an evaluation says, as tables."""
    rows = list(_operator_rows(evaluation))
    return Measures(split, _precision_table(evaluation), _above(evaluation), _operating_table(rows), _reliability(rows))


def _precision_table(evaluation: Mapping[str, Any]) -> list[list[str]]:
    """Return mAP by the judged reading, the model's labels and the trivial rows."""
    thresholds = [value for value in _list(evaluation.get("tiou_thresholds")) if isinstance(value, (int, float))]
    header = ["protocol", "method", "label", *(f"tIoU {value:g}" for value in thresholds), "mean", "95 % interval"]
    table = [[*header, "clips"]]
    for row in _list(evaluation.get("results")):
        if not isinstance(row, Mapping) or row.get("rule") != JUDGED:
            continue
        precision = [_share(value) for value in _list(row.get("ap_K"))]
        interval = _list(row.get("interval"))
        span = f"{_share(interval[0])} to {_share(interval[1])}" if len(interval) == 2 else "-"
        names = [str(row.get(key, "")) for key in ("protocol", "method", "label")]
        if len(precision) == len(thresholds):
            table.append([*names, *precision, _share(row.get("average")), span, str(row.get("clips", "-"))])
    return table if len(table) > 1 else []


def _above(evaluation: Mapping[str, Any]) -> list[str]:
    """Say by which protocol an arbitrary segment scores higher than the model."""
    means: dict[str, dict[str, float]] = {}
    for row in _list(evaluation.get("results")):
        if isinstance(row, Mapping) and (row.get("rule"), row.get("label")) == (JUDGED, MEAN):
            average = row.get("average")
            if isinstance(average, (int, float)):
                means.setdefault(str(row.get("protocol", "")), {})[str(row.get("method", ""))] = float(average)
    lines = []
    for protocol, found in means.items():
        if said := said_of_trivial(found.get(MODEL), {name: found[name] for name in found if name != MODEL}):
            lines.append(f"{protocol}: {said}")
    return lines


def _operator_rows(evaluation: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of the part that holds one row per protocol and label, whatever that part is called."""
    for part in evaluation.values():
        rows = part.get("rows") if isinstance(part, Mapping) else part
        for row in _list(rows):
            if isinstance(row, Mapping) and "label" in row and any(key in row for key in ("frames", "segments")):
                yield row


def _operating_table(rows: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    if not rows:
        return []
    formats = {"share": _share, "number": _number, "score": _score}
    table = [["protocol", "label", *(heading for _, _, heading, _ in OPERATING)]]
    for row in rows:
        cells = [formats[kind](_mapping(row.get(part)).get(key)) for part, key, _, kind in OPERATING]
        table.append([str(row.get("protocol", "")), str(row["label"]), *cells])
    return table


def _reliability(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[tuple[float, float, int]]]:
    found = {}
    for row in rows:
        bins = [_mapping(part) for part in _list(_mapping(row.get("frames")).get("reliability"))]
        points = [
            (float(part["mean_score"]), float(part["positive_share"]), int(part["samples"]))
            for part in bins
            if all(isinstance(part.get(key), (int, float)) for key in ("mean_score", "positive_share", "samples"))
        ]
        if points:
            found[f"{row['label']}, {row.get('protocol', '')}"] = points
    return found


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _share(value: Any) -> str:
    return f"{100 * value:.1f} %" if isinstance(value, (int, float)) else "-"


def _number(value: Any) -> str:
    return f"{value:.1f}" if isinstance(value, (int, float)) else "-"


def _score(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, (int, float)) else "-"
