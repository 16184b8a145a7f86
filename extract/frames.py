"""The contract of all video readers, and which frame stands for each second.

Sampling rule: sample t = 0, 1, 2, ... is the last frame, in presentation order, whose time since the *first displayed
frame* is <= t + 1 ms, held over gaps; the last t is <= the last frame's time, or, if that frame is displayed for a
second or longer (slides, a closing title), before its end. That is what a viewer sees at t.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from extract.damage import Spot

SAMPLING = "presented-1fps/1"
SAMPLE_TOLERANCE_S = 0.001
HELD_S, MOST_HELD_S = 1, 6 * 3600
"""A last picture that is displayed for so long is held, and for how long at most that is believed."""
TOLD_STREAMS = 32
"""So many streams of a file are told of."""

# The same tolerance, exact: 0.001 as a float is a little more than a thousandth.
_TOLERANCE = Fraction(1, 1000)

Picture = TypeVar("Picture")


def samples_before(since_s: Fraction) -> int:
    """Return how many samples are settled once a picture is displayed so long after the first: they show earlier ones.

    So a picture stands for a sample exactly if this number grows until the next picture, or if it is the last.
    """
    return max(0, ceil(since_s - _TOLERANCE))


def assign_samples(
    displayed: Iterable[tuple[Fraction, Picture]], end_s: Callable[[], Fraction] = lambda: Fraction(0)
) -> Iterator[tuple[range, Fraction, Picture]]:
    """Say which samples each displayed picture stands for (the sampling rule of this module).

    The pictures may be decoded frames (a reader) or only their numbers (a planner that decides what to decode): the
    rule sees nothing but times. One picture is held at a time, so memory does not depend on the length.

    Args:
        displayed: (time in seconds from any origin, picture), times never falling; of equal times the last one counts.
        end_s: asked behind the last picture: when its display ends, seconds since the first; 0 if nobody knows.

    Yields:
        (samples t, time in seconds since the first picture, picture), for pictures that stand for at least one sample.
    """
    origin = Fraction(0)
    next_sample = 0
    held: tuple[Fraction, Picture] | None = None
    for time, picture in displayed:
        if held is None:
            origin = time
        else:
            stop = samples_before(time - origin)
            if stop > next_sample:
                yield range(next_sample, stop), *held
                next_sample = stop
        held = (time - origin, picture)
    if held is not None:
        stop = max(floor(held[0]) + 1, _samples_of_held(held[0], end_s()))
        if stop > next_sample:
            yield range(next_sample, stop), *held


def _samples_of_held(start_s: Fraction, end_s: Fraction) -> int:
    """Return how many samples there are if the last picture is held; what is longer than a slide is not believed."""
    if end_s - start_s < HELD_S:
        return 0
    return samples_before(min(end_s, start_s + MOST_HELD_S))


@dataclass(frozen=True)
class Frame:
    """One sample of a video.

    Args:
        frame_index: t, 0-based; also the sampling time in seconds.
        pts_s: real time of the picture, seconds since the first displayed frame; <= frame_index + 1 ms.
        rgb: (H, W, 3) uint8, upright (rotation applied), on the coded pixel grid. The same array object is yielded
            again when a picture is held over several samples.
        sample_aspect: width / height of one pixel after rotation; 1.0 for square pixels.
    """

    frame_index: int
    pts_s: float
    rgb: npt.NDArray[np.uint8]
    sample_aspect: float


@dataclass(frozen=True)
class StreamInfo:
    """One stream of a file: a video, audio, subtitle, data, attachment or cover (picture); the chosen one is read."""

    kind: str
    codec: str
    width_px: int = 0
    height_px: int = 0
    default: bool = False
    chosen: bool = False


@dataclass(frozen=True)
class VideoInfo:
    """What a container says of its video before anything is decoded. ``rotation_deg`` is clockwise, 0/90/180/270.

    ``declared_duration_s`` is what is promised for the video, which coverage is measured by; ``container_s`` is how
    long the file says to be in all. That may be the sound's, and serves only to say how long reading will take.
    """

    container: str
    codec: str
    width_px: int
    height_px: int
    rotation_deg: int
    declared_duration_s: float | None
    container_s: float | None = None
    streams: tuple[StreamInfo, ...] = ()


@dataclass(frozen=True)
class ReadReport:
    """How a reading went; see ``data.schemas.Coverage`` for the first fields.

    Args:
        cut_off: the end of the file was not reached, or it breaks off.
        pictures: of the video that are displayed, decoded or not; 0 if the reader does not count them.
        longest_s: the longest time that one of them is displayed.
        damage: the first spots of it, and how many there are (``extract.damage``), in seconds of the film.
        stepped_over: likewise where bytes were that belong to no picture.
        picture_start_s: when the first picture is displayed on the player's clock, see ``data.schemas.Coverage``.
        declared_start_s: where the declared duration begins, see there.
        lead_s: how much of the declared duration is before the first key frame of a recording of a broadcast.
        remark: what else is to be known of the file, in words, that is no damage.
        unseen: the file holds video that was not looked at, as the remark says.
        clock_changed: times begin anew within the stream, so that a duration reckoned from its last time means nothing.
    """

    decoded_s: float
    samples: int
    corrupt_packets: int
    complete: bool
    reason: str
    cut_off: bool = False
    pictures: int = 0
    longest_s: float = 0.0
    damage: tuple[Spot, ...] = ()
    damage_count: int = 0
    stepped_over: tuple[Spot, ...] = ()
    stepped_over_count: int = 0
    picture_start_s: float = 0.0
    declared_start_s: float | None = None
    clock_changed: bool = False
    lead_s: float = 0.0
    remark: str = ""
    unseen: bool = False


class VideoReader(Protocol):
    """Reads one video once. Opening raises DecodeError; after that damage is counted, not raised."""

    info: VideoInfo

    def probe(self, count: int) -> Iterator[npt.NDArray[np.uint8]]:
        """Yield up to ``count`` upright RGB pictures spread over the title, cheaply (key frames)."""
        ...

    def frames(self) -> Iterator[Frame]:
        """Yield the samples in order. Raises DecodeError if there is not a single decodable frame."""
        ...

    def report(self) -> ReadReport:
        """Say how it went, after ``frames`` is exhausted."""
        ...

    def close(self) -> None:
        """Release the file."""
        ...
