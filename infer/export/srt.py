"""SubRip: what every player shows. The first caption says what is known of the title, since SRT has no comments.

SRT has no escapes either, so characters that players take for markup (``<i>``, ``{\\an8}``) or that readers take for
timing (``-->``) become brackets.
"""

from __future__ import annotations

from infer.csv_export import clock
from infer.export.source import ExportTitle, milliseconds
from infer.export.statement import one_line, statement
from infer.export.webvtt import STATUS_SHOWN_S

_BRACKETS = str.maketrans({"<": "(", ">": ")", "{": "(", "}": ")"})


def render(title: ExportTitle) -> str:
    """Return one title's file."""
    captions = [(0, max(1, round(min(STATUS_SHOWN_S, title.end_s) * 1000)), statement(title))]
    for segment in title.segments:
        captions.append((*milliseconds(segment), f"{segment.label} {title.score_of(segment)} {segment.decision}"))
    blocks = [
        f"{head(number, start_ms, end_ms)}{one_line(text).translate(_BRACKETS)}\n"
        for number, (start_ms, end_ms, text) in enumerate(captions, 1)
    ]
    return "\n".join(blocks)


def head(number: int, start_ms: int, end_ms: int) -> str:
    """Return the lines of a caption that come before its text."""
    return f"{number}\n{_time(start_ms)} --> {_time(end_ms)}\n"


def _time(time_ms: int) -> str:
    return clock(time_ms / 1000).replace(".", ",")
