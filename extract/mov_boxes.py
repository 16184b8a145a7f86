"""The boxes of an MP4 that describe its tracks (ISO/IEC 14496-12, 4.2 and 6.2.3), read without the rest of the file."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import BinaryIO

_MASTERS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts"})
_NESTING = 8


def track_boxes(
    handle: BinaryIO, end: int, wanted: Mapping[bytes, int], *, at: int = 0, depth: int = 0
) -> Iterator[tuple[bytes, bytes]]:
    """Yield (name, first bytes of the content) of boxes in the order of the file; it ends where they make no sense.

    Args:
        handle: of the file; its place is changed.
        end: where the boxes end, the size of the file.
        wanted: how many bytes to return, at most, of the boxes of a name.
        at, depth: where the boxes begin, and in how many others they are.
    """
    while at + 8 <= end:
        handle.seek(at)
        length, name = struct.unpack(">I4s", handle.read(8))
        header = 8
        if length == 1:
            length, header = int.from_bytes(handle.read(8), "big"), 16
        stop = end if length == 0 else at + length
        if stop < at + header or stop > end:
            return
        if name in _MASTERS and depth < _NESTING:
            yield from track_boxes(handle, stop, wanted, at=at + header, depth=depth + 1)
        elif name in wanted:
            yield name, handle.read(min(wanted[name], stop - at - header))
        at = stop
