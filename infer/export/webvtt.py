"""WebVTT: a cue a segment, for players and for `<track kind="metadata">`.

The first cue, ``status``, says what is known of the title, so that no file is empty and none looks clear that is not.
``-->`` in a text would begin a new cue, ``<`` and ``&`` markup: they are escaped, in notes too.
"""

from __future__ import annotations

from infer.csv_export import clock
from infer.export.source import ExportRun, ExportTitle, milliseconds
from infer.export.statement import one_line, statement

STATUS_SHOWN_S = 5.0


def render(title: ExportTitle, run: ExportRun) -> str:
    """Return one title's file."""
    blocks = [
        f"WEBVTT - coarse2fine, run {_text(run.run_id)}",
        f"NOTE\ntitle {title.title_id}\n{_text(statement(title))}\ntimes count from where a player starts",
        _cue("status", 0, round(min(STATUS_SHOWN_S, title.end_s) * 1000), statement(title)),
    ]
    for number, segment in enumerate(title.segments):
        text = f"{segment.label} {title.score_of(segment)} {segment.decision}"
        blocks.append(_cue(f"segment-{number}", *milliseconds(segment), text))
    return "\n\n".join(blocks) + "\n"


def _cue(name: str, start_ms: int, end_ms: int, text: str) -> str:
    return f"{name}\n{clock(start_ms / 1000)} --> {clock(max(end_ms, start_ms + 1) / 1000)}\n{_text(text)}"


def _text(text: str) -> str:
    return one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
