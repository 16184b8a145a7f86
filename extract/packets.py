"""The packets of one video stream, past read errors, and what the file itself says of damage.

A demuxer passes over damage in silence: it steps to the next header that it recognises, and it ends quietly where a
file was cut. Both show in the file rather than in the packets, so this module notes which bytes the packets claim, and
looks at the rest (extract.structure). What the packets promise, and what the decoder makes of them, is the reader's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from extract.ebml import unsized_words
from extract.media import AVI, MATROSKA, MEDIA_ERRORS, MOV, TRANSPORT
from extract.structure import TransportCounter, avi_chunk_missing, breaks_off, holds_zeroed_block, zeroed_between
from extract.tail import Reached, Tail, unread_tail

# Between two packets lie headers: in Matroska seldom more than 50 bytes, in AVI eight and a byte of padding.
_MATROSKA_HEADER_BYTES = 512
_AVI_HEADER_BYTES = 64
_READ_ERRORS_IN_A_ROW = 50


@dataclass(frozen=True)
class Arrival:
    """What comes next in the file.

    Args:
        packet: for the decoder; None for what cannot be read, or is encrypted.
        damaged: the demuxer marked the packet, or it holds a zeroed block.
        skipped: the demuxer stepped over damage before it.
    """

    packet: Packet[Stream] | None
    damaged: bool = True
    skipped: bool = False


class VideoPackets:
    """The packets of a video that can go to its decoder, in the order of the file; iterate once.

    Args:
        path: the file behind ``container``.
        container, stream: see ``extract.media.open_stream``.
    """

    def __init__(self, path: Path, container: InputContainer, stream: VideoStream) -> None:
        self.failure = "its end was not reached"  # how the file ended; empty when it was read to its end
        self.tail: Tail | None = None  # what was not read behind the last packet
        self.unsized = ""  # that a Matroska does not state its size
        self.encrypted = False
        self.count = 0  # of packets of the video
        self._path = path
        self._container = container
        self._format = container.format.name
        self._stream = stream
        self._counter = TransportCounter(path, stream.id) if self._format == TRANSPORT else None
        self._codec = stream.codec_context.codec.canonical_name
        self._last_pos: int | None = None
        self._claimed_pos = -1
        self._last_begin = 0
        self._last = (False, 0)  # whether it is a key frame, and its size in bytes
        self._largest = {False: 0, True: 0}
        self._claimed_end = 0

    def __iter__(self) -> Iterator[Arrival]:
        """Yield what arrives."""
        errors = 0
        packets = self._container.demux()
        while errors < _READ_ERRORS_IN_A_ROW:
            try:
                packet = next(packets)
            except StopIteration:
                broken = errors > 0 or breaks_off(self._path, self._format)
                self.failure = "the file breaks off" if broken else ""
                self.unsized = unsized_words(self._path) if self._format == MATROSKA else ""
                self.tail = unread_tail(self._path, self._format, self._reached())
                return
            except MemoryError:
                raise
            except MEDIA_ERRORS:
                errors += 1
                yield Arrival(None)
                packets = self._container.demux()
                continue
            errors = 0
            if packet.stream_index != self._stream.index or packet.size == 0:
                self._claim(packet)
                continue  # an empty packet repeats the last picture, and closes the stream at the end
            self.count += 1
            key, size = self._last
            self._largest[key] = max(self._largest[key], size)
            self._last = packet.is_keyframe, packet.size
            if packet.has_sidedata("encryption_info"):
                self.encrypted = True
                yield Arrival(None)
                continue
            damaged = packet.is_corrupt or holds_zeroed_block(bytes(packet), self._codec)
            yield Arrival(packet, damaged, self._skipped_before(packet))
            self._last_pos = packet.pos
            self._claim(packet)
        self.failure = "the file cannot be read to its end"

    def _skipped_before(self, packet: Packet[Stream]) -> bool:
        """Whether the demuxer stepped over damage between the video packet before and this one, the newest."""
        if packet.pos is None or self._last_pos is None or self._format == MOV:
            return False  # MP4 addresses every packet: nothing is stepped over
        if self._format == MATROSKA:
            return packet.pos - self._claimed_end > _MATROSKA_HEADER_BYTES
        if self._format == AVI:
            skipped = packet.pos - self._claimed_end
            return skipped > _AVI_HEADER_BYTES and avi_chunk_missing(self._path, self._claimed_end)
        jumps = self._counter is not None and self._counter.jumps(self._last_pos, packet.pos)
        return jumps or zeroed_between(self._path, self._last_pos, packet.pos)

    def _reached(self) -> Reached:
        """Return how far the packets came."""
        key, size = self._last
        return Reached(self._last_begin, self._claimed_end, size, self._largest[key])

    def _claim(self, packet: Packet[Stream]) -> None:
        """Note how far the packets reach in the file; laced packets of one block share its position."""
        if packet.pos is None:
            return
        start = self._claimed_end if packet.pos == self._claimed_pos else packet.pos
        self._claimed_pos = packet.pos
        self._last_begin = max(self._last_begin, packet.pos)
        self._claimed_end = max(self._claimed_end, start + packet.size)
