"""What lies at the end of a file, behind everything that was read of it.

A copy whose space was taken before its bytes came ends in zeros, a dying disk in 0xFF, and joining files byte by byte
puts a film where no player looks. A demuxer ends quietly before all of that. So what is behind the last packet must be
of the container's own making (an index, padding that its standard names), or it counts as unread. Not in the paper.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from data.counted import counted
from extract.ebml import ebml_end
from extract.structure import transport_packet_bytes

READ_BYTES = 1 << 22
LEAST_BYTES = 1024
"""As much, half a sector of a disc, is padding of no meaning."""
_TRANSPORT_SYNC = b"\x47"
_FLV_TAGS = frozenset({8, 9, 18})
_FLV_TAG_BYTES, _FLV_SIZE_BYTES = 11, 4
_BOX = re.compile(rb"[A-Za-z0-9 _\xa9-]{4}")
_PACK, _PROGRAM_END = 0xBA, 0xB9
_RIFF = (b"RIFF", b"AVI ", b"AVIX")
_INDEX_SHARE = 0.02
"""Of a file, in containers whose index is not read here."""
RAW = frozenset({"h264", "hevc", "vvc", "m4v", "mpegvideo"})
_FILLS = (b"\0", b"\xff")
_OUTGROWN = 4
"""A last picture so many times larger than any other of its kind is not only a picture."""


@dataclass(frozen=True)
class Reached:
    """How far a demuxer came in a file, in bytes.

    Args:
        last: where its last packet begins, of any stream.
        end: where the packets end that reach furthest.
        last_size: of the last packet of the video.
        largest: of its other packets that are key frames, or are none, as the last is.
    """

    last: int
    end: int
    last_size: int = 0
    largest: int = 0

    @property
    def is_outgrown(self) -> bool:
        """Whether the last packet of the video holds more than a picture."""
        return self.last_size > _OUTGROWN * self.largest > 0


@dataclass(frozen=True)
class Tail:
    """Bytes at the end of a file of which nothing was read.

    Args:
        size: how many.
        file_size: of the whole file.
        fill: what all of them are; None if they differ.
        appended: another film begins there.
    """

    size: int
    file_size: int
    fill: int | None = None
    appended: bool = False

    def is_film(self, span_s: float, tolerated_s: float) -> bool:
        """Whether so many bytes would be more than ``tolerated_s`` of a film of which the rest makes ``span_s``."""
        read = self.file_size - self.size
        return self.size > LEAST_BYTES and self.size * span_s > tolerated_s * read

    @property
    def words(self) -> str:
        """Say what was not read."""
        share = f"{counted(self.size, 'byte')}, {100 * self.size / self.file_size:.0f} % of it"
        if self.appended:
            return f"another film is appended to the file, and was not read ({share})"
        filled = "" if self.fill is None else f": all of them are 0x{self.fill:02X}"
        return f"the end of the file holds no picture or sound that can be read ({share}{filled})"


def unread_tail(path: Path, container: str, reached: Reached) -> Tail | None:
    """Return what lies behind the last packet and is not of the container's own making; None if there is nothing.

    Args:
        path: a file that was demuxed to its end.
        container: FFmpeg's name of its format.
    """
    size = path.stat().st_size
    with path.open("rb") as handle:
        find = _raw_end if container in RAW else _OWN_ENDS.get(container, _any_end)
        start = find(handle, size, reached)
        if size - start <= 0:
            return None
        handle.seek(start)
        first = handle.read(1)
        fill = first[0] if _is_all(handle, first) else None
        handle.seek(start)
        return Tail(size - start, size, fill, appended=_begins_film(handle.read(12)))


def _is_all(handle: BinaryIO, byte: bytes) -> bool:
    """Whether the rest of a file is of one byte."""
    while chunk := handle.read(READ_BYTES):
        if chunk.count(byte) < len(chunk):
            return False
    return True


def _begins_film(head: bytes) -> bool:
    """Whether bytes are how a file of a common container begins."""
    riff = head[:4] == b"RIFF" and head[8:12] == b"AVI "
    return riff or head[4:8] == b"ftyp" or head.startswith((b"FLV\x01", b"\x1a\x45\xdf\xa3", b"OggS\0\x02"))


def _transport_end(handle: BinaryIO, size: int, reached: Reached) -> int:
    """MPEG transport stream: whatever is in packets; their sync bytes tell."""
    packet_bytes = transport_packet_bytes(handle.read(204 * 8))
    if not packet_bytes:
        return size
    at = reached.last
    handle.seek(at)
    while chunk := handle.read(READ_BYTES // packet_bytes * packet_bytes):
        first = 4 if packet_bytes == 192 and chunk[:1] != _TRANSPORT_SYNC else 0
        syncs = chunk[first::packet_bytes]
        whole = len(syncs) - len(syncs.lstrip(_TRANSPORT_SYNC))
        if whole < len(syncs):
            return at + whole * packet_bytes
        at += len(chunk)
    return size


def _program_end(handle: BinaryIO, size: int, reached: Reached) -> int:
    """MPEG program stream: packets follow each other by their lengths (ISO/IEC 13818-1, 2.5.3); padding is one."""
    at = reached.last
    while at < size:
        handle.seek(at)
        head = handle.read(14)
        if head[:3] != b"\0\0\1" or len(head) < 4:
            return at
        if head[3] == _PROGRAM_END:
            at += 4
        elif head[3] == _PACK:
            at += 14 + (head[13] & 7) if len(head) == 14 and head[4] >> 6 == 1 else 12
        elif head[3] > _PACK and len(head) >= 6:
            at += 6 + int.from_bytes(head[4:6], "big")
        else:
            return at
    return size


def _mov_end(handle: BinaryIO, size: int, reached: Reached) -> int:
    """MP4: boxes follow each other by their lengths; a second film in one file has a second index, which is not read.

    Fragmented films may repeat their header before further fragments.
    """
    at, begun, header, fragmented, indexed = 0, 0, False, False, False
    while at + 8 <= size:
        handle.seek(at)
        head = handle.read(16)
        length, name = int.from_bytes(head[:4], "big"), head[4:8]
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if not _BOX.fullmatch(name) or (length < 8 and length != 0):
            return max(at, reached.end)
        if name == b"ftyp":
            begun, header = at, True
        fragmented = fragmented or name == b"moof"
        if name == b"moov":
            if indexed and not fragmented:
                return max(begun if header else at, reached.end)
            indexed, header = True, False
        at = size if length == 0 else at + length
    return size if at >= size else max(at, reached.end)


def _matroska_end(handle: BinaryIO, size: int, reached: Reached) -> int:
    """Matroska: nothing follows the Segment."""
    end = ebml_end(handle, size)
    return size if end is None or end.cut else max(end.at, reached.end)


def _riff_end(handle: BinaryIO, size: int, reached: Reached) -> int:
    """AVI: chunks of the RIFF form follow each other; a live recording leaves the size 0."""
    at = 0
    while at + 12 <= size:
        handle.seek(at)
        head = handle.read(12)
        length = int.from_bytes(head[4:8], "little")
        if at and head[:4] == _RIFF[0] and head[8:] == _RIFF[1] and reached.end > at:
            return size  # FFmpeg reads on in a film that is appended
        if head[:4] != _RIFF[0] or head[8:] not in _RIFF[1:] or (at and head[8:] == _RIFF[1]):
            break
        if length in (0, 0xFFFFFFFF):
            return _any_end(handle, size, reached)
        at += 8 + length + length % 2
    return min(size, max(at, reached.end))


def _flv_end(handle: BinaryIO, size: int, reached: Reached) -> int:
    """FLV: tags follow each other, each with its size behind it."""
    at = reached.last
    while at + _FLV_TAG_BYTES <= size:
        handle.seek(at)
        head = handle.read(_FLV_TAG_BYTES)
        length = int.from_bytes(head[1:4], "big")
        if head[0] not in _FLV_TAGS or at + _FLV_TAG_BYTES + length > size:
            return max(at, reached.end)
        at += _FLV_TAG_BYTES + length + _FLV_SIZE_BYTES
    return min(size, at)


def _raw_end(handle: BinaryIO, size: int, reached: Reached) -> int:
    """Streams without a container, whose last packet is all that follows its beginning: it is too large, or filled."""
    if reached.is_outgrown:
        return reached.end - reached.last_size + reached.largest
    handle.seek(max(0, size - READ_BYTES))
    end = handle.read()
    return size - max(len(end) - len(end.rstrip(fill)) for fill in _FILLS)


def _any_end(handle: BinaryIO, size: int, reached: Reached) -> int:
    """Other containers: an index of some size may follow, which is not of one byte."""
    if reached.is_outgrown:
        return reached.end - reached.last_size + reached.largest
    if reached.end <= 0 or size - reached.end <= size * _INDEX_SHARE:
        return size
    return reached.end


_OWN_ENDS = {
    "mpegts": _transport_end,
    "mpeg": _program_end,
    "mov,mp4,m4a,3gp,3g2,mj2": _mov_end,
    "matroska,webm": _matroska_end,
    "avi": _riff_end,
    "flv": _flv_end,
}
