"""The decoder of a video, chosen so that damage inside pictures does not pass for pictures.

VP8 and VP9 have no checksums. FFmpeg's own decoders of them read past the end of damaged data, or stop short of it,
and hand out what came of it without a word. libvpx does not: its VP9 decoder refuses a picture that did not use its
data to the last byte, and its VP8 decoder goes on differently behind the end of the data, while intact data give the
same picture in both, bit by bit. So VP9 is decoded by libvpx (of 8 bits, which is all that it is built for everywhere),
and VP8 by both, and pictures on which they differ are damaged. Where FFmpeg has no libvpx, its decoders stand alone.

What neither decoder of VP8 notices is a picture that leaves data unread. A key frame, which needs no other picture, is
therefore decoded once more with the last bytes of its coefficients changed: if that changes nothing, they were never
looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest

import av
import numpy as np
import numpy.typing as npt
from av.codec.context import ThreadType
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.stream import VideoStream

from extract.coded import vp8_key_partitions, vp9_frames, vp9_key_size
from extract.media import MAX_PIXELS, MEDIA_ERRORS, decoder_options

CHECKED_BY = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
# Of a partition of a VP8 picture: what encoders write to be rid of their last bits, and what is changed before that
_FLUSHED_BYTES, _TAIL_BYTES, _LEAST_BYTES = 4, 8, 64


@dataclass(frozen=True)
class Decoded:
    """A picture out of a decoder.

    Args:
        key: decoding may begin with it.
        corrupt: the decoder marked it, or its witness saw something else.
    """

    frame: VideoFrame
    key: bool
    corrupt: bool


class Decoder:
    """Decodes one video stream.

    Args:
        stream: with FFmpeg's own decoder open, see ``extract.media.open_stream``.
    """

    def __init__(self, stream: VideoStream) -> None:
        self._own = stream.codec_context
        self.codec = self._own.codec.canonical_name
        self.extradata = self._own.extradata
        self.threads = self._own.thread_count
        eight_bits = self.codec == "vp9" and self._own.pix_fmt == "yuv420p"
        verifying = _open(CHECKED_BY["vp9"] if eight_bits else None, self._own)
        self.verifies = verifying is not None
        self._codec = verifying or self._own
        self._witness = _open(CHECKED_BY["vp8"] if self.codec == "vp8" else None, self._own)
        self._again = _open(self._own.name if self.codec == "vp8" else None, self._own)

    def decode(self, packet: Packet[Stream] | None) -> list[Decoded]:
        """Decode a packet, or what is left at the end (None).

        Raises:
            one of ``extract.media.MEDIA_ERRORS``: the packet is refused.
        """
        if self.verifies:
            return self._verified(packet)
        witnessed = self._witnessed(packet)
        frames = self._codec.decode(packet)
        if witnessed is None:
            return [Decoded(frame, frame.key_frame, frame.is_corrupt) for frame in frames]
        return [
            Decoded(frame, frame.key_frame, frame.is_corrupt or not _same(frame, other) or self._unread(packet, frame))
            for frame, other in zip_longest(frames, witnessed[: len(frames)])
        ]

    def flush(self) -> None:
        """Forget everything decoded: the next packet is a key frame."""
        self._codec.flush_buffers()

    def skip_disposable(self, skip: bool) -> None:
        """Say whether pictures that no other one is predicted from are left out."""
        self._codec.skip_frame = "NONREF" if skip else "DEFAULT"

    def _verified(self, packet: Packet[Stream] | None) -> list[Decoded]:
        """Decode VP9 by libvpx, which tells neither of key frames nor of sizes before it decodes.

        A frame that is decoded for later ones only shares the packet of one that is shown, and libvpx looks behind the
        end of the last one alone: so each is handed to it by itself.
        """
        if packet is None:
            return [Decoded(frame, False, frame.is_corrupt) for frame in self._codec.decode(None)]
        data = bytes(packet)
        size_px = vp9_key_size(data)
        if size_px is not None and size_px[0] * size_px[1] > MAX_PIXELS:
            raise av.ArgumentError(22, f"a picture of {size_px[0]} x {size_px[1]} pixels")
        frames: list[VideoFrame] = []
        for part in vp9_frames(data) or [data]:
            single = Packet(part)
            single.pts, single.dts, single.duration = packet.pts, packet.dts, packet.duration
            frames += self._codec.decode(single)
        shown = [] if packet.is_discard else frames[-1:]  # an edit list takes a picture off the screen
        return [Decoded(frame, size_px is not None, frame.is_corrupt) for frame in shown]

    def _witnessed(self, packet: Packet[Stream] | None) -> list[VideoFrame] | None:
        """Return what the witness sees in a packet, nothing if it is refused; None if there is no witness."""
        return None if self._witness is None else _seen(self._witness, packet)

    def _unread(self, packet: Packet[Stream] | None, frame: VideoFrame) -> bool:
        """Whether the end of a partition of a key frame's coefficients is without influence on its picture."""
        if self._again is None or packet is None or not frame.key_frame:
            return False
        data = bytes(packet)
        for part in vp8_key_partitions(data):
            end = part.start + len(data[part.start : part.stop].rstrip(b"\0")) - _FLUSHED_BYTES
            if end - part.start < _LEAST_BYTES:  # a plain picture: too little to tell
                continue
            tail = bytes(byte ^ 0xFF for byte in data[end - _TAIL_BYTES : end])
            changed = data[: end - _TAIL_BYTES] + tail + data[end:]
            if any(_same(frame, other) for other in _seen(self._again, Packet(changed))):
                return True
        return False


def _open(name: str | None, own: VideoCodecContext) -> VideoCodecContext | None:
    """Open another decoder with the limits of the own one; None if there is none of that name."""
    if name is None or name not in av.codecs_available:
        return None
    codec = VideoCodecContext.create(name, "r")
    assert isinstance(codec, VideoCodecContext)
    codec.extradata = own.extradata
    codec.thread_count = own.thread_count
    if own.thread_count != 1:
        codec.thread_type = ThreadType.AUTO
    codec.options = decoder_options()
    codec.open(strict=False)
    return codec


def _seen(codec: VideoCodecContext, packet: Packet[Stream] | None) -> list[VideoFrame]:
    """Return the pictures of a packet; none if it is refused."""
    try:
        return codec.decode(packet)
    except MemoryError:
        raise
    except MEDIA_ERRORS:
        return []


def _same(ours: VideoFrame, theirs: VideoFrame | None) -> bool:
    """Whether two pictures are equal."""
    if theirs is None or (ours.width, ours.height) != (theirs.width, theirs.height):
        return False
    colours = zip(ours.planes[:3], theirs.planes[:3], strict=True)  # without a fourth plane, transparency
    return all(np.array_equal(_pixels(a), _pixels(b)) for a, b in colours)


def _pixels(plane: VideoPlane) -> npt.NDArray[np.uint8]:
    """Return a plane as (H, W), without the bytes that align its lines."""
    return np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
