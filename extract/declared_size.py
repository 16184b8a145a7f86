"""How large a container says that its pictures are: a second witness beside the headers of the codec.

FFmpeg believes the codec and forgets what the container said. But one flipped bit in a codec's header makes other
pictures of the same bytes, all of them wrong and none of them an error. Containers repeat the size, so that both would
have to be damaged alike. A transport stream does not, nor do others that are not read here.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from av.container import InputContainer
from av.video.stream import VideoStream

from extract.ebml import vint
from extract.media import AVI, MATROSKA, MOV
from extract.mov_boxes import track_boxes

Size = tuple[int, int]
# Coded pictures fill whole macroblocks: some writers state the size with what the decoder cuts off, some without.
_BLOCK_PX = 16
_HEAD_BYTES = 1 << 20
_PROTECTED = (b"encv", b"drmi")
_DESCRIPTION_BYTES = 1 << 16
COMMON_ENCRYPTION = frozenset({"cenc", "cens", "cbc1", "cbcs"})
"""Schemes whose packets FFmpeg marks (ISO/IEC 23001-7)."""

_SEGMENT, _TRACKS, _TRACK, _VIDEO, _WIDTH, _HEIGHT = 0x18538067, 0x1654AE6B, 0xAE, 0xE0, 0xB0, 0xBA
_MASTERS = frozenset({_SEGMENT, _TRACKS, _TRACK, _VIDEO})
_LISTS = frozenset({b"hdrl", b"strl"})


def declared_size(path: Path, container: InputContainer, stream: VideoStream) -> Size | None:
    """Return (width, height) in pixels as the container declares it; None if it does not, or not readably.

    Args:
        path: the file behind ``container``.
        stream: of its video streams.
    """
    if container.format.name not in _READERS:
        return None
    numbered, read = _READERS[container.format.name]
    wanted = stream.id if numbered else container.streams.video.index(stream)
    with path.open("rb") as handle:
        sizes = {size for number, size in read(handle, path.stat().st_size) if number == wanted}
    (size,) = sizes if len(sizes) == 1 else [(0, 0)]
    return size if min(size) > 0 else None


def protection(path: Path, track: int) -> str:
    """Return the scheme by which a track of an MP4 says to be encrypted (ISO/IEC 14496-12, 8.12); empty if it is not.

    FFmpeg tells of the common schemes only; of others it hands on what is encrypted as if it were pictures.
    """
    number = 0
    with path.open("rb") as handle:
        for name, body in track_boxes(
            handle, path.stat().st_size, dict.fromkeys((b"tkhd", b"stsd"), _DESCRIPTION_BYTES)
        ):
            if name == b"tkhd":
                number = _track_number(body)
            elif number == track and body[12:16] in _PROTECTED:
                at = body.find(b"schm")
                return body[at + 8 : at + 12].decode("ascii", "replace") if at >= 0 else "unknown"
    return ""


def same_size(a: Size, b: Size) -> bool:
    """Whether two sizes are of equally many macroblocks; also if one was written as seen after a quarter turn."""
    (width, height), theirs = ((-(-x // _BLOCK_PX), -(-y // _BLOCK_PX)) for x, y in (a, b))
    return theirs in ((width, height), (height, width))


def _matroska(handle: BinaryIO, size: int) -> Iterator[tuple[int, Size]]:
    """RFC 9559: PixelWidth and PixelHeight of the tracks that are video, in order."""
    number, width, height = -1, 0, 0
    for name, value in _elements(handle.read(_HEAD_BYTES)):
        if name == _VIDEO:
            number, width, height = number + 1, 0, 0
        elif name in (_WIDTH, _HEIGHT):
            width, height = (value, height) if name == _WIDTH else (width, value)
            if width and height:
                yield number, (width, height)


def _elements(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield (id, number in it) of elements in order, stepping into those that lead to a track's size."""
    at = 0
    while at < len(data):
        name, at = vint(data, at, keep_marker=True)
        size, at = vint(data, at, keep_marker=False)
        if name < 0 or size < 0:
            return
        inside = name in _MASTERS
        yield name, 0 if inside or size > 8 else int.from_bytes(data[at : at + size], "big")
        at += 0 if inside else size


def _mov(handle: BinaryIO, size: int) -> Iterator[tuple[int, Size]]:
    """ISO/IEC 14496-12: track_ID of the track header (8.3.2), size of its sample descriptions (12.1.3)."""
    track = 0
    for name, body in track_boxes(handle, size, {b"tkhd": 64, b"stsd": 64}):
        if name == b"tkhd":
            track = _track_number(body)
        if name == b"stsd" and len(body) >= 44:
            yield track, struct.unpack_from(">HH", body, 40)


def _track_number(body: bytes) -> int:
    """Return the track_ID of a track header; 0 if it is too short."""
    return int.from_bytes(body[20:24] if body[:1] == b"\1" else body[12:16], "big") if len(body) >= 24 else 0


def _avi(handle: BinaryIO, size: int) -> Iterator[tuple[int, Size]]:
    """AVI: biWidth and biHeight (negative: top down) of the streams that are video, in order."""
    number, kind = -1, b""
    data = handle.read(_HEAD_BYTES)
    at = 12
    while at + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, at)
        body = data[at + 8 : at + 8 + length]
        if name == b"LIST" and body[:4] in _LISTS:
            at += 12
            continue
        if name == b"LIST" and body[:4] == b"movi":
            return
        if name == b"strh":
            kind = body[:4]
            number += kind == b"vids"
        if name == b"strf" and kind == b"vids" and len(body) >= 12:
            width, height = struct.unpack_from("<ii", body, 4)
            yield number, (width, abs(height))
        at += 8 + length + length % 2


_Read = Callable[[BinaryIO, int], Iterator[tuple[int, Size]]]
# Whether what it yields is numbered as streams are, or counts the video streams; what reads it
_READERS: Mapping[str, tuple[bool, _Read]] = {MOV: (True, _mov), MATROSKA: (False, _matroska), AVI: (False, _avi)}
