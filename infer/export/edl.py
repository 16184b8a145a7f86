"""EDL as Kodi and MPlayer read it: ``start end action`` in seconds, beside the video as ``<name>.edl``.

Kodi refuses edits that overlap, so segments of all labels are joined first. Comments begin with ``##`` and say the
status and what each edit is for. The default action is 3, which Kodi skips once and lets the viewer return to; nothing
is cut unless that is asked for.
"""

from __future__ import annotations

from typing import Literal

from data.schemas import Segment
from infer.export.source import ExportTitle, milliseconds
from infer.export.statement import one_line, statement

LONGEST_LINE_BYTES = 1000  # of the 1023 that Kodi reads at once
ACTIONS = {"cut": 0, "mute": 1, "scene": 2, "skip": 3}


def render(title: ExportTitle, action: Literal["skip", "mute", "scene", "cut"]) -> str:
    """Return one title's file; a title without segments has comments only."""
    named = [] if title.name == title.title_id else [_comment(f"name {title.name}")]
    lines = [_comment(f"title {title.title_id}"), *named, _comment(statement(title))]
    for start_ms, end_ms, segments in _joined(title.segments):
        said = ", ".join(f"{segment.label} {title.score_of(segment)} {segment.decision}" for segment in segments)
        lines.append(_comment(said))
        lines.append(f"{start_ms / 1000:.3f} {end_ms / 1000:.3f} {ACTIONS[action]}")
    return "\n".join(lines) + "\n"


def _comment(text: str) -> str:
    """Return a line of comment, short enough in UTF-8: Kodi takes the rest of a longer line for one of its own."""
    return f"## {one_line(text)}".encode()[:LONGEST_LINE_BYTES].decode(errors="ignore")


def _joined(segments: tuple[Segment, ...]) -> list[tuple[int, int, list[Segment]]]:
    """Return disjoint intervals in milliseconds with the segments inside; ``segments`` are in order of time."""
    joined: list[tuple[int, int, list[Segment]]] = []
    for segment in segments:
        start_ms, end_ms = milliseconds(segment)
        if joined and start_ms <= joined[-1][1]:
            earlier_ms, reached_ms, inside = joined[-1]
            joined[-1] = (earlier_ms, max(reached_ms, end_ms), [*inside, segment])
        else:
            joined.append((start_ms, end_ms, [segment]))
    return joined
