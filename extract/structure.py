"""Whether a file is cut off, or holds holes, by the structure of its bytes: what demuxers pass over in silence.

FFmpeg ends quietly at the end of a cut Matroska, AVI, fragmented MP4 or transport stream, and steps over zeroed blocks
(an incomplete download, a bad disk) wherever the next header is found. These checks read a few headers only, and are
made to miss rather than to accuse an intact file. They cannot see a file that was cut exactly between two units (MP4
fragments, transport packets), because such a file is whole by its own account.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from extract.ebml import ebml_end

# Codecs whose packets never hold long runs of zeros: start codes must be unambiguous, or the payload is entropy coded.
# The first may be padded with zeros at the end of a packet.
PADDED_CODECS = frozenset({"h263", "h264", "hevc", "mpeg1video", "mpeg2video", "mpeg4", "vvc"})
UNPADDED_CODECS = frozenset({"av1", "vp8", "vp9"})
_ZERO_RUN = bytes(64)
_DV_HEADER = b"\x1f"  # IEC 61834: the first block of every picture is a header

# Longer than the payload of a transport packet: intact packets put their sync byte in between.
_ZERO_HOLE = bytes(188)
_AVI_CHUNKS = (b"JUNK", b"LIST", b"RIFF", b"idx1")
_HOLE_READ_BYTES = 1 << 22

_TRANSPORT_PACKET_BYTES = (188, 192, 204)
_TRANSPORT_SYNC = 0x47
_TAIL_BYTES = 1 << 20
_PACK_START = b"\x00\x00\x01\xba"
_PROGRAM_END = b"\x00\x00\x01\xb9"
_UNSIZED = 0xFFFFFFFF
_ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_HEAD_BYTES = 1 << 16


def holds_zeroed_block(data: bytes, codec: str) -> bool:
    """Whether a coded packet contains zeros that its codec cannot have written, or lacks what begins every packet."""
    if codec == "dvvideo":
        return not data.startswith(_DV_HEADER)
    if codec in UNPADDED_CODECS:
        return _ZERO_RUN in data
    return codec in PADDED_CODECS and _ZERO_RUN in data and _ZERO_RUN in data.rstrip(b"\0")


def zeroed_between(path: Path, start: int, stop: int) -> bool:
    """Whether the file's bytes [start, stop) hold a zeroed block; at most the first 4 MiB are read."""
    with path.open("rb") as handle:
        handle.seek(start)
        return _ZERO_HOLE in handle.read(max(0, min(stop - start, _HOLE_READ_BYTES)))


class TransportCounter:
    """Notices missing packets of one stream by the counter that each carries (ISO/IEC 13818-1, 2.4.3.3).

    Args:
        path: a transport stream; of other files nothing is missing.
        pid: the stream.
    """

    def __init__(self, path: Path, pid: int) -> None:
        with path.open("rb") as handle:
            self._packet_bytes = transport_packet_bytes(handle.read(204 * 8))
        self._path = path
        self._pid = pid
        self._last: int | None = None

    def jumps(self, start: int, stop: int) -> bool:
        """Whether packets are missing in the file's bytes [start, stop); ``start`` is where a packet begins."""
        if not self._packet_bytes:
            return False
        with self._path.open("rb") as handle:
            handle.seek(start)
            data = handle.read(max(0, min(stop - start, _HOLE_READ_BYTES)))
        size, jumped = self._packet_bytes, False
        sync = 4 if size == 192 and data[:1] != b"\x47" else 0
        heads = zip(data[sync + 1 :: size], data[sync + 2 :: size], data[sync + 3 :: size], strict=False)
        for number, (high, low, flags) in enumerate(heads):
            if (high & 31) << 8 | low != self._pid or not flags & 0x10:  # another stream, or no payload
                continue
            if self._last is not None and flags & 15 not in (self._last, self._last + 1 & 15):
                at = sync + number * size
                announced = flags & 0x20 and data[at + 4 : at + 5] > b"\0" and data[at + 5] & 0x80
                jumped = jumped or not announced
            self._last = flags & 15
        return jumped


def avi_chunk_missing(path: Path, start: int) -> bool:
    """Whether what follows a chunk of an AVI file, and is no picture or sound, is no padding, list or index either."""
    with path.open("rb") as handle:
        handle.seek(start)
        head = handle.read(5)
    return not any(head[odd : odd + 4] in _AVI_CHUNKS or head[odd : odd + 2] == b"ix" for odd in (0, 1))


def breaks_off(path: Path, container: str) -> bool:
    """Whether the file ends in the middle of a unit of its container (FFmpeg's name)."""
    checks = {
        "asf": _asf_breaks_off,
        "avi": _riff_breaks_off,
        "matroska,webm": _matroska_breaks_off,
        "mov,mp4,m4a,3gp,3g2,mj2": _fragments_break_off,
        "mpeg": _program_stream_breaks_off,
        "mpegts": _transport_stream_breaks_off,
    }
    check = checks.get(container)
    if check is None:
        return False
    with path.open("rb") as handle:
        return check(handle, path.stat().st_size)


def _asf_breaks_off(handle: BinaryIO, size: int) -> bool:
    """ASF and WMV: the header states the size of the file, unless it is being sent (File Properties Object)."""
    head = handle.read(_ASF_HEAD_BYTES)
    at = head.find(_ASF_FILE_PROPERTIES)
    if at < 0 or at + 92 > len(head):
        return False
    stated, flags = int.from_bytes(head[at + 40 : at + 48], "little"), head[at + 88]
    return not flags & 1 and stated > size


def _riff_breaks_off(handle: BinaryIO, size: int) -> bool:
    """AVI: RIFF chunks (several in large files) must fit; a live recording leaves its size 0."""
    at = 0
    while at + 8 <= size:
        handle.seek(at)
        name, length = struct.unpack("<4sI", handle.read(8))
        if name != b"RIFF" or length in (0, _UNSIZED):
            return False
        if at + 8 + length > size:
            return True
        at += 8 + length + length % 2
    return False


def _matroska_breaks_off(handle: BinaryIO, size: int) -> bool:
    """Matroska: the Segment must fit; where its size is unknown, every Cluster and block must."""
    end = ebml_end(handle, size)
    return end is not None and end.cut


def _fragments_break_off(handle: BinaryIO, size: int) -> bool:
    """Fragmented MP4: boxes must follow each other to the end (other MP4 states its duration in one place)."""
    at, fragmented = 0, False
    while at + 8 <= size:
        handle.seek(at)
        length, name = struct.unpack(">I4s", handle.read(8))
        if length == 1:
            length = int.from_bytes(handle.read(8), "big")
        fragmented = fragmented or name == b"moof"
        if length == 0 and name == b"mdat":
            return False
        if length < 8 or not name.isalnum():
            return fragmented
        at += length
    return fragmented and at != size


def _program_stream_breaks_off(handle: BinaryIO, size: int) -> bool:
    """MPEG program stream: the packets after the last pack header must fit."""
    handle.seek(max(0, size - _TAIL_BYTES))
    tail = handle.read()
    at = tail.rfind(_PACK_START)
    if at < 0 or at + 14 > len(tail):
        return at >= 0
    at += 14 + (tail[at + 13] & 7) if tail[at + 4] >> 6 == 1 else 12  # header of MPEG-2, of MPEG-1
    while at + 6 <= len(tail) and tail[at : at + 3] == b"\0\0\1" and tail[at + 3] > 0xB9:
        at += 6 + int.from_bytes(tail[at + 4 : at + 6], "big")
    header_cut = len(tail) - at < 6 and tail[at:] not in (b"", _PROGRAM_END)
    return at > len(tail) or header_cut


def _transport_stream_breaks_off(handle: BinaryIO, size: int) -> bool:
    """MPEG transport stream: packets of one size must fill the file."""
    packet_bytes = transport_packet_bytes(handle.read(204 * 8))
    return packet_bytes > 0 and size % packet_bytes != 0


def transport_packet_bytes(head: bytes) -> int:
    """Return the size of a transport stream's packets by its first ones; 0 if it is none."""
    for packet_bytes in _TRANSPORT_PACKET_BYTES:
        first = 4 if packet_bytes == 192 else 0
        syncs = head[first::packet_bytes][:8]
        if len(syncs) >= 4 and all(byte == _TRANSPORT_SYNC for byte in syncs):
            return packet_bytes
    return 0
