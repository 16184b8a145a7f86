"""What a title without segments means, in words: every format repeats it where it has a place, ``titles.csv`` always.

Reasons and errors come from decoders and files, so they are made one harmless line before they go anywhere.
"""

from __future__ import annotations

from data.counted import counted
from infer.export.source import ExportTitle

LONGEST_REASON = 200


def one_line(text: str, longest: int = 1000) -> str:
    """Return text without line breaks or control characters, of at most ``longest`` characters."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    line = " ".join(printable.split())
    return line if len(line) <= longest else f"{line[: longest - 3]}..."


def statement(title: ExportTitle) -> str:
    """Say in one line what is known of a title, beginning with its status; nothing unread ever reads as clear."""
    row = title.row
    if row.status == "quarantined":
        why = one_line(row.error or row.reason or row.error_code or "no reason recorded", LONGEST_REASON)
        return one_line(f"quarantined: could not be read ({why}); nothing is known of this title")
    parts = [_found(title)]
    if row.status == "partial":
        read = "" if row.decoded_s is None else f"{row.decoded_s:.1f} s"
        of = "" if row.duration_s is None else f" of {row.duration_s:.1f} s"
        why = f" ({one_line(row.reason, LONGEST_REASON)})" if row.reason else ""
        parts.insert(0, f"read in part only, {read}{of}{why}; what is not listed is unknown, not clear")
    elif row.reason:
        parts.append(one_line(row.reason, LONGEST_REASON))
    if title.held_back:
        parts.append(f"{counted(title.held_back, 'near miss')} not listed here, but by `{title.export_all}`")
    return one_line(f"{row.status}: {'; '.join(parts)}")


def _found(title: ExportTitle) -> str:
    count = len(title.segments)
    if not count:
        return "read to its end, nothing found" if title.row.status == "clear" else "no segment listed"
    labels = ", ".join(dict.fromkeys(segment.label for segment in title.segments))
    return f"{counted(count, 'segment')} of {labels}"
