"""Which of a file's video streams is the film.

Files hold covers that are not marked as such, angles, thumbnails, and the programmes of a broadcast; a flag or a larger
picture makes none of them the film. The longest one is, and only streams of like length are told apart by what the file
prefers. What is not read may be shown by a player all the same, so others are told of. Not in the paper.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction

from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from data.counted import counted
from data.errors import DecodeError

COVER = Disposition.attached_pic | Disposition.timed_thumbnails
ALIKE = 0.95
"""Streams are of like length from this share of the longest on."""
STILL_S = 1.0
"""A stream that is shorter is a picture, or a thumbnail."""
_STEP_S = Fraction(60)
"""Times that leap further are of another clock."""


@dataclass(frozen=True)
class Track:
    """How much a video stream holds; None for what nobody knows."""

    length_s: float | None
    pictures: int | None = None

    @property
    def is_still(self) -> bool:
        """Whether it is one picture."""
        return self.pictures == 1


Tracks = Mapping[int, Track]
"""By number of the stream."""


def films(container: InputContainer) -> list[VideoStream]:
    """Return the video streams that are not marked as covers."""
    return [stream for stream in container.streams.video if not stream.disposition & COVER]


def main_video(container: InputContainer, name: str, tracks: Tracks) -> VideoStream:
    """Return the stream that is the film: the longest that can be decoded, then the default one, then the largest.

    Args:
        name: of the file, for people.
        tracks: what is known of its streams; needed only where there are several.

    Raises:
        DecodeError: ``no_video_stream``, ``unsupported_codec``.
    """
    candidates = films(container)
    if not candidates:
        covers = {stream.index for stream in container.streams.video}
        found = sorted({"cover picture" if one.index in covers else one.type for one in container.streams})
        raise DecodeError(
            f"{name}: no video stream (found {', '.join(found) or 'nothing'}); list a file that holds video",
            code="no_video_stream",
        )
    decodable = [stream for stream in candidates if stream.codec_context is not None]
    if not decodable:
        raise DecodeError(
            f"{name}: no decoder for its video codec; convert it, for example to H.264", code="unsupported_codec"
        )
    unknown = Track(None)
    moving = [one for one in decodable if not tracks.get(one.index, unknown).is_still] or decodable
    longest_s = max(tracks.get(one.index, unknown).length_s or 0.0 for one in moving)
    alike = [one for one in moving if (tracks.get(one.index, unknown).length_s or 0.0) >= ALIKE * longest_s]

    def rank(stream: VideoStream) -> tuple[bool, int]:
        return bool(stream.disposition & Disposition.default), stream.width * stream.height

    return max(alike, key=rank)


def measure(container: InputContainer, errors: tuple[type[Exception], ...]) -> dict[int, Track]:
    """Return how much the streams of a file hold by their packets, which are read to the end and not decoded.

    Args:
        errors: end the reading; that it ended too early is told when the film is read.
    """
    wanted = films(container)
    lengths: dict[int, Fraction] = {stream.index: Fraction(0) for stream in wanted}
    counts: dict[int, int] = dict.fromkeys(lengths, 0)
    last: dict[int, Fraction] = {}
    with suppress(*errors):
        for packet in container.demux(wanted):
            if packet.size == 0:
                continue
            index, ticks = packet.stream_index, packet.pts if packet.dts is None else packet.dts
            counts[index] += 1
            if ticks is None or packet.time_base is None:
                continue
            time = ticks * packet.time_base
            step = time - last.get(index, time)
            lengths[index] += step if 0 < step <= _STEP_S else 0
            last[index] = time
    return {index: Track(float(lengths[index]), counts[index]) for index in lengths}


def others(container: InputContainer, chosen: VideoStream) -> list[VideoStream]:
    """Return the video streams that are not read, without covers."""
    return [stream for stream in films(container) if stream.index != chosen.index]


def longer_s(left: Sequence[VideoStream], tracks: Tracks, read_s: float) -> float | None:
    """Return how long the longest of some streams is, if that is much longer than what was read."""
    length_s = max((tracks.get(one.index, Track(None)).length_s or 0.0 for one in left), default=0.0)
    return length_s if read_s < ALIKE * length_s - STILL_S else None


def unseen_words(left: Sequence[VideoStream], tracks: Tracks) -> str:
    """Say which streams were not looked at, of those that may be films; empty if there is none."""
    lengths = [tracks.get(one.index, Track(None)).length_s for one in left]
    long = [length_s for length_s in lengths if length_s is None or length_s >= STILL_S]
    if not long:
        return ""
    known = ", ".join(f"{length_s:.1f} s" for length_s in long if length_s is not None)
    return f"{counted(len(long), 'other video stream')} not looked at{f' ({known})' if known else ''}"
