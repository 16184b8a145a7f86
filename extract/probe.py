"""A few pictures of a video, cheaply: from key frames, through a handle of their own.

Letterbox bars and the display matrix must be known before reading begins, and looking ahead must not disturb a reading,
whose damage is counted from the first packet to the last. So a probe opens the file again. It is no judgement of the
file: damage is passed over in silence here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from extract.media import MEDIA_ERRORS, declared_duration_s, open_stream
from extract.rgb import Rgb, RgbConverter

_PROBE_PACKETS = 300


def first_frame(path: Path) -> VideoFrame | None:
    """Return the first frame that decodes; None if none does."""
    return next(_from_start(path), None)


def first_picture(path: Path) -> Rgb | None:
    """Return the first picture that decodes, upright; None if none does."""
    frame = first_frame(path)
    return None if frame is None else RgbConverter()(frame)


def key_pictures(path: Path, count: int) -> Iterator[Rgb]:
    """Yield up to ``count`` upright pictures, from the key frames before the middles of ``count`` equal parts."""
    container, stream = open_stream(path, 1)
    convert = RgbConverter()
    seen: set[int | None] = set()
    with container:
        stream.codec_context.skip_frame = "NONKEY"
        declared_s = declared_duration_s(container, stream) or (container.duration or 0) / av.time_base
        for part in range(count if declared_s > 0 else 0):
            target_s = declared_s * (part + 0.5) / count
            with suppress(*MEDIA_ERRORS):
                container.seek(
                    round(target_s / Fraction(stream.time_base or 1)) + (stream.start_time or 0), stream=stream
                )
                frame = _key_frame(container, stream)
                if frame is not None and frame.pts not in seen:
                    picture = convert(frame)
                    seen.add(frame.pts)
                    yield picture
    if not seen:
        for frame in islice(_from_start(path), count):
            with suppress(*MEDIA_ERRORS):
                yield convert(frame)


def _from_start(path: Path) -> Iterator[VideoFrame]:
    container, stream = open_stream(path, 1)
    with container:
        yield from _good_frames(container, stream)


def _key_frame(container: InputContainer, stream: VideoStream) -> VideoFrame | None:
    """Return the first key frame of the next packets, without decoding more to push it out of the decoder."""
    codec = stream.codec_context
    for packet in islice(container.demux(stream), _PROBE_PACKETS):
        if packet.has_sidedata("encryption_info"):
            continue
        with suppress(*MEDIA_ERRORS):
            frames = codec.decode(packet)
            if packet.is_keyframe and not frames:
                frames = codec.decode(None)
                codec.flush_buffers()
            for frame in frames:
                if not frame.is_corrupt:
                    return frame
    return None


def _good_frames(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Yield undamaged frames of the next packets; gives up quietly after a few hundred."""
    packets = islice(container.demux(stream), _PROBE_PACKETS)
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                return
            frames = [] if packet.has_sidedata("encryption_info") else stream.codec_context.decode(packet)
        except MEDIA_ERRORS:
            continue
        yield from (frame for frame in frames if not frame.is_corrupt)
