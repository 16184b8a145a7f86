"""A run as one HTML file that needs nothing else: no server, no network, no second file.

The page is safe to open for a run over hostile files: everything is escaped (Jinja2 with autoescape), titles travel as
JSON that no script is made of, and a content security policy lets only this page's own style and script run, named by
their hashes, and lets nothing be fetched. Titles wait as text until one is opened, so hundreds of them cost nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import resources
from typing import Any, TypeVar

from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from data.counted import counted, written_threshold
from data.schemas import STATUSES
from infer.flags_measured import KEY
from infer.shown_score import flag_thresholds
from infer.title_status import GONE, TitleRow
from pipeline.report.charts import marks, points, scaled, steps
from pipeline.report.drift import Drift
from pipeline.report.measures import Measures
from pipeline.report.mistakes import Curve, Mistake
from pipeline.report.run import Run, Truth
from pipeline.report.signals import shown_status
from pipeline.report.tables import Table
from pipeline.report.wording import heat, hours, moment, number_class, percent, score, shown_clock, threshold
from pipeline.runs.ledger import MISSING
from pipeline.trust import hard_to_believe, what_it_knows

Labelled = TypeVar("Labelled", Curve, Mistake)

MEANINGS = {
    "flagged": "read to the end; at least one segment passed the thresholds",
    "review": "read to the end; near misses only, or other video in its file",
    "clear": "read to the end; nothing found",
    "partial": "only part of it could be read; nothing is said of the rest",
    "quarantined": "could not be read, or its file is missing; nothing is said of it",
}
SCRIPTS = ("dom.js", "heat_bars.js", "time_axis.js", "report.js")
ORDER = ("flagged", "review", "partial", "quarantined", "clear")
SYMBOLS = {"flagged": "⚑", "review": "?", "partial": "◐", "quarantined": "✕", "clear": "✓"}
assert set(ORDER) == set(STATUSES)


@dataclass(frozen=True)
class Report:
    """Everything that goes on the page.

    Args:
        title_data: (title id, values) of ``report_signals.title_data``, in the order of ``run.titles``.
        title_scores: by title id, one title score a label.
        drift: None for a first run.
        curves, mistakes: empty where there are no labels.
        measured_by: by which occurrences they were looked at, in words.
        tables: of a benchmark; empty if there was none.
        pictures: whether pictures were asked for.
        inputs: fingerprint of what it shows, see ``pipeline.report.kept``.
    """

    run: Run
    truth: Truth
    title_data: Sequence[Mapping[str, Any]]
    title_scores: Mapping[str, Sequence[float]]
    measures: Sequence[Measures] = ()
    drift: Drift | None = None
    curves: Sequence[Curve] = ()
    mistakes: Sequence[Mistake] = ()
    measured_by: str = ""
    tables: Sequence[Table] = ()
    pictures: bool = True
    facts: Mapping[str, str] = field(default_factory=dict)
    inputs: str = ""


def render(report: Report) -> Iterator[str]:
    """Yield the page piece by piece."""
    environment = Environment(
        loader=PackageLoader("pipeline", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        clock=shown_clock, percent=percent, score=score, threshold=threshold, hours=hours, moment=moment, heat=heat
    )
    environment.filters["data"] = embedded
    environment.globals.update(
        points=points, counted=counted, number_class=number_class, zip=zip, symbols=SYMBOLS, meanings=MEANINGS
    )
    style, script = part("report.css"), "".join(map(part, SCRIPTS))
    told = report.run.record.get("notice") or report.run.record.get(KEY)
    context = {
        "report": report,
        "run": report.run,
        "style": Markup(style),
        "script": Markup(script),
        "policy": content_policy(style, script),
        "rows": _rows(report),
        "limits_of_titles": [
            report.run.asked[label].title if report.run.asked else None for label in report.run.labels
        ],
        "flags": flag_thresholds(report.run.record),
        "names": {row.title_id: row.shown for row in report.run.titles},
        "known": what_it_knows(report.run.record, report.run.titles, report.run.segments) if told else [],
        "doubts": hard_to_believe(report.run.titles, report.run.segments),
        "statuses": _statuses(report.run),
        "labels": _labels(report.run),
        "reading": _reading(report.run),
        "missing": _missing(report),
        "gone": _gone(report.run),
        "drift_tables": _drift_tables(report.drift),
        "configuration": json.dumps(report.run.record.get("config", {}), indent=2),
        "run_data": {"pictures": report.pictures, "symbols": SYMBOLS, "thresholds": drawn_limits(report.run)},
        "histograms": _histograms(report.drift),
        "charts": _by_label(report.curves),
        "galleries": _by_label(report.mistakes),
        "drawn": {
            label: [point[:2] for point in bins] for m in report.measures for label, bins in m.reliability.items()
        },
    }
    return environment.get_template("report.html").generate(context)


def content_policy(style: str, script: str) -> str:
    """Return the policy of a page with this style and script: nothing else runs, nothing is fetched."""
    return (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def part(name: str) -> str:
    """Return a style or script of the pages."""
    return resources.files("pipeline").joinpath("templates", name).read_text(encoding="utf-8")


def embedded(values: Mapping[str, Any]) -> Markup:
    """Return values as JSON that cannot end the element it stands in."""
    return htmlsafe_json_dumps(values, dumps=partial(json.dumps, separators=(",", ":"), allow_nan=False))


def _rows(report: Report) -> list[dict[str, Any]]:
    """Return the rows of the table of titles."""
    return [
        {
            "row": row,
            "status": shown_status(row),
            "review": sum(s.decision == "review" for s in report.run.segments.get(row.title_id, ())),
            "scores": report.title_scores.get(row.title_id) or [None] * len(report.run.labels),
            "marks": marks(row, report.run.segments.get(row.title_id, ())),
            "why": row.reason or row.error,
        }
        for row in report.run.titles
    ]


def _missing(report: Report) -> list[str]:
    """Say what this report could not show, and what would change that."""
    missing = []
    if report.drift is None:
        missing.append("drift (there is no earlier run over these titles)")
    if not report.measures and not report.curves:
        missing.append("measures (no labelled title outside the training split)")
    if not report.tables:
        missing.append("tables of a benchmark (none ran in this work folder)")
    return missing


def _gone(run: Run) -> tuple[int, int]:
    """Return how many titles are missing, and of how many of them a status from before stands."""
    known = sum(row.reason.startswith(GONE) for row in run.titles)
    return known + sum(row.error_code == MISSING for row in run.titles), known


def _statuses(run: Run) -> list[tuple[str, int]]:
    shown = [shown_status(row) for row in run.titles]
    return [(status, shown.count(status)) for status in ORDER]


def _labels(run: Run) -> list[dict[str, Any]]:
    found = [segment for segments in run.segments.values() for segment in segments]
    rows = []
    for label, limits in run.thresholds.items():
        flagged = [segment for segment in found if (segment.label, segment.decision) == (label, "flag")]
        rows.append(
            {
                "label": label,
                "titles": len({segment.title_id for segment in flagged}),
                "flagged": len(flagged),
                "review": sum((segment.label, segment.decision) == (label, "review") for segment in found),
                "minutes": sum(segment.end_s - segment.start_s for segment in flagged) / 60,
                "limits": limits,
            }
        )
    return rows


def _reading(run: Run) -> dict[str, Any]:
    """Return how much of the catalogue was read, in hours; ``unknown`` titles have no known length."""

    def total(values: list[float | None]) -> float:
        return sum(value for value in values if value is not None) / 3600

    promised, read = total([row.duration_s for row in run.titles]), total([row.decoded_s for row in run.titles])
    unread: list[TitleRow] = [row for row in run.titles if shown_status(row) in ("partial", "quarantined")]
    return {
        "promised": promised,
        "read": read,
        "share": min(1.0, read / promised) if promised else 0.0,
        "unknown": sum(row.duration_s is None for row in run.titles),
        "unread": len(unread),
    }


def drawn_limits(run: Run) -> dict[str, dict[str, Any]]:
    """Return the thresholds to draw; none where they were not used."""
    if run.has_own_rule:
        return {}
    return {
        label: {
            "tau_f": limits.frame,
            "flag": limits.flag,
            "words": {"τf": written_threshold(limits.frame), "flag": written_threshold(limits.flag)},
        }
        for label, limits in run.thresholds.items()
    }


def _drift_tables(drift: Drift | None) -> tuple[list[list[str]], list[list[str]]]:
    """Return statuses and labels before and now, as tables with a header."""
    if drift is None:
        return [], []
    statuses = [["status", "before", "now", "change"]]
    for name, (before, now) in drift.statuses.items():
        statuses.append([name, str(before), str(now), f"{now - before:+d}" if now != before else "0"])
    labels = [["label", "flagged before", "now", "near misses before", "now", "stability index", "reading"]]
    for row in drift.labels:
        index = "-" if row.stability_index is None else f"{row.stability_index:.3f}"
        labels.append([row.label, *(str(count) for count in (*row.flagged, *row.review)), index, row.reading])
    return statuses, labels


def _histograms(drift: Drift | None) -> dict[str, list[str]]:
    if drift is None:
        return {}
    return {
        row.label: [steps(values) for values in scaled(*row.histogram)]
        for row in drift.labels
        if row.stability_index is not None
    }


def _by_label(found: Sequence[Labelled]) -> dict[str, list[Labelled]]:
    by_label: dict[str, list[Labelled]] = {}
    for item in found:
        by_label.setdefault(item.label, []).append(item)
    return by_label
