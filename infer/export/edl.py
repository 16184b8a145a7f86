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

ACTIONS = {"cut": 0, "mute": 1, "scene": 2, "skip": 3}


def render(title: ExportTitle, action: Literal["skip", "mute", "scene", "cut"]) -> str:
    """Return one title's file; a title without segments has comments only."""
    named = [] if title.name == title.title_id else [f"## name {one_line(title.name)}"]
    lines = [f"## title {title.title_id}", *named, f"## {statement(title)}"]
    for start_ms, end_ms, segments in _joined(title.segments):
        said = ", ".join(f"{segment.label} {title.score_of(segment)} {segment.decision}" for segment in segments)
        lines.append(f"## {one_line(said)}")
        lines.append(f"{start_ms / 1000:.3f} {end_ms / 1000:.3f} {ACTIONS[action]}")
    return "\n".join(lines) + "\n"


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
