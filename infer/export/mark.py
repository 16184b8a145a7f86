"""The mark of a file that lies beside a film: by it alone a later call knows that nobody has touched the file since.

It stands in the file, where a format has a place for words, so it goes where the file goes: into a renamed folder, onto
another disk, and to calls that keep their results elsewhere. Kodi passes over lines that begin with ``##`` and goes on
after any that it cannot read; WebVTT has notes, MovieContentFilter comments in its cues. SubRip has no place for a word
that is not shown, so there it is a last caption of a millisecond.
"""

from __future__ import annotations

import hashlib
import re
from enum import Enum

from infer.export import srt
from infer.export.settings import Format
from infer.export.source import ExportTitle, milliseconds

_MARK = re.compile(rb"coarse2fine-sha256 ([0-9a-f]{64})")


class Hand(Enum):
    """Who had a hand in a file last: this program, somebody after it, or somebody else from the first."""

    OURS, CHANGED, FOREIGN = "ours", "changed", "foreign"


def marked(text: str, form: Format, title: ExportTitle) -> str:
    """Return a title's file with its mark: the SHA-256 of all the rest.

    Args:
        form: of the text; ``edl``, ``mcf``, ``webvtt`` or ``srt``.
    """
    before, after = _halves(text, form, title)
    return f"{before}coarse2fine-sha256 {_digest((before + after).encode()).decode()}{after}"


def hand_in(content: bytes) -> Hand:
    """Say whether a file is as ``marked`` returned it, whatever its place and its name."""
    found = list(_MARK.finditer(content))  # a film's own name may look like a mark: any of them may be it
    if any(_digest(content[: mark.start()] + content[mark.end() :]) == mark[1] for mark in found):
        return Hand.OURS
    return Hand.CHANGED if found else Hand.FOREIGN


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def _halves(text: str, form: Format, title: ExportTitle) -> tuple[str, str]:
    """Return what stands before and after the mark."""
    match form:
        case "edl":
            return "## ", f"\n{text}"
        case "webvtt":
            return f"{text}\nNOTE ", "\n"
        case "mcf":
            return f"{text.removesuffix(chr(10))}; ", "\n"
        case "srt":
            end_ms = max(round(title.end_s * 1000), *(milliseconds(segment)[1] for segment in title.segments), 0)
            return f"{text}\n{srt.head(len(title.segments) + 2, end_ms, end_ms + 1)}", "\n"
        case _:
            raise ValueError(f"{form} has no file beside a film")
