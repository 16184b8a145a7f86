"""Elements of Matroska and WebM (EBML, RFC 8794 and 9559): where their structure ends in a file.

Recordings that were killed, and streams as they are sent, state no size of their Segment, so that the file cannot be
measured by it. But every Cluster and every block in it states its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

HEADER, SEGMENT, CLUSTER, CUES, VOID = 0x1A45DFA3, 0x18538067, 0x1F43B675, 0x1C53BB6B, 0xEC
_HEAD_BYTES = 12  # of an element: at most 4 of its name, 8 of its size
_NAME_BYTES = 4


@dataclass(frozen=True)
class EbmlEnd:
    """How a Matroska file ends.

    Args:
        at: where its last whole element ends.
        cut: the next one is of this film, and does not fit into the file.
        unsized: the Segment does not state its size.
        cues: there is an index of the film.
    """

    at: int
    cut: bool
    unsized: bool
    cues: bool


def vint(data: bytes, at: int, *, keep_marker: bool) -> tuple[int, int]:
    """Return (value of a number of variable length, position behind it); a negative value if it does not end."""
    width = 9 - data[at].bit_length() if at < len(data) and data[at] else 0
    if not width or at + width > len(data):
        return -1, at
    value = int.from_bytes(data[at : at + width], "big")
    return value if keep_marker else value - (1 << 7 * width), at + width


def ebml_end(handle: BinaryIO, size: int) -> EbmlEnd | None:
    """Return how the first document of a file of ``size`` bytes ends; None if it is none."""
    at, segment, cues = 0, False, False
    while at < size:
        handle.seek(at)
        head = handle.read(_HEAD_BYTES)
        name, behind = vint(head, 0, keep_marker=True)
        length, header = vint(head, behind, keep_marker=False) if name >= 0 and behind <= _NAME_BYTES else (-1, 0)
        if segment and name == HEADER:  # another document is appended
            break
        if length < 0:
            short = len(head) < _HEAD_BYTES and bool(head.strip(b"\0"))
            return EbmlEnd(at, cut=segment and short, unsized=segment, cues=cues) if segment else None
        unknown = length == (1 << 7 * (header - behind)) - 1
        end = at + header + length
        if name == SEGMENT and not segment:
            if not unknown:
                return EbmlEnd(min(end, size), cut=end > size, unsized=False, cues=True)
            segment, at = True, at + header
        elif unknown:
            if name != CLUSTER:
                return EbmlEnd(at, cut=False, unsized=segment, cues=cues) if segment else None
            at += header
        elif end > size:
            return EbmlEnd(at, cut=True, unsized=segment, cues=cues) if segment else None
        else:
            cues = cues or name == CUES
            at = end
    return EbmlEnd(at, cut=False, unsized=segment, cues=cues) if segment else None


def unsized_words(path: Path) -> str:
    """Say that a Matroska file does not state its size, so that it cannot be told whether more was recorded."""
    with path.open("rb") as handle:
        end = ebml_end(handle, path.stat().st_size)
    if end is None or not end.unsized:
        return ""
    index = "" if end.cues else " and has no index"
    return f"the file does not state its size{index}, as recordings that were not closed"
