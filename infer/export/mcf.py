"""MovieContentFilter 1.0.0 (``.mcf``), a strict subset of WebVTT: ``category=severity # comment`` a cue.

The format has no place for a note but the comments of its cues, and refuses a file without cues. So a title without
segments gets *no* file, and what is known of an unread title stands in every comment of its file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from data.errors import ConfigError
from infer.csv_export import clock
from infer.export.settings import ExportSettings
from infer.export.source import ExportRun, ExportTitle, milliseconds
from infer.export.statement import one_line, statement

CATEGORIES = {
    "sex": "sex",
    "nudity": "nudity",
    "violence": "violence",
    "drug-use": "drugs",
    "intimacy": "kissing",
    "smoking": "cigarettes",
}
"""By label: those of the paper, and those of the starter, whose intimacy is kisses and hugs."""


def cue_prefixes(run: ExportRun, settings: ExportSettings) -> dict[str, str]:
    """Return ``category=severity`` per exported label.

    Raises:
        ConfigError: a label without a category or a severity; all of them at once.
    """
    labels = {segment.label for title in run.titles for segment in title.segments}
    require_settings(labels, settings)
    categories = {**CATEGORIES, **settings.mcf_category}
    return {label: f"{categories[label]}={settings.severity[label]}" for label in sorted(labels)}


def require_settings(labels: Iterable[str], settings: ExportSettings) -> None:
    """Raise ConfigError if a label has no category or no severity; with all of them."""
    categories = {**CATEGORIES, **settings.mcf_category}
    labels, faults = sorted(labels), []
    for label in labels:
        if not re.fullmatch("[A-Za-z]+", categories.get(label, "")):
            said = repr(categories[label]) if label in categories else "not set"
            faults.append(f"[export.mcf_category] {label}: {said}; name a category of MovieContentFilter")
        if label not in settings.severity:
            faults.append(f"[export.severity] {label}: not set; write low, medium or high, a score is no severity")
    if faults:
        raise ConfigError("\n".join(faults))


def render(title: ExportTitle, prefixes: Mapping[str, str]) -> str | None:
    """Return one title's file; None for a title without segments."""
    if not title.segments:
        return None
    cues = [(*milliseconds(segment), segment) for segment in title.segments]
    end_ms = max(round(title.end_s * 1000), *(stop_ms for _, stop_ms, _ in cues))
    note = f"; {_comment(statement(title))}" if title.unread else ""
    blocks = [
        "WEBVTT MovieContentFilter 1.0.0",
        f"NOTE\nSTART {clock(0)}\nEND {clock(end_ms / 1000)}",
        *(
            f"{clock(start_ms / 1000)} --> {clock(stop_ms / 1000)}\n"
            f"{prefixes[segment.label]} # score {title.score_of(segment)}, {segment.decision}{note}"
            for start_ms, stop_ms, segment in cues
        ),
    ]
    return "\n\n".join(blocks) + "\n"


def _comment(text: str) -> str:
    return one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
