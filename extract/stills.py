"""Single pictures of a video, for people: the frame that stands for a second, without decoding what lies before it.

A reviewer asks what was on screen at a peak, and must see the very frame that was scored. So the sampling rule is that
of ``extract.frames``; only the way there is shorter: seek to the key frame before the second and decode from it.
Containers that cannot be trusted to seek (their clocks may restart, or are counted) are read from the start.

A video is untrusted: like all decoding this happens in a child that can be killed (``extract.decode_pool``), which
hands over nothing but pixels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice, repeat
from pathlib import Path

from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from data.errors import DecodeError
from data.time_grid import TimeGrid
from extract.decode_pool import Limits, Sample, decode
from extract.decode_worker import WorkerConfig
from extract.frames import SAMPLE_TOLERANCE_S, Frame, ReadReport
from extract.media import MATROSKA, MEDIA_ERRORS, MOV, open_stream
from extract.preprocess import Picture
from extract.probe import first_frame
from extract.pyav_reader import PyAvReader
from extract.rgb import Rgb, RgbConverter

SAMPLE_TOLERANCE = Fraction(SAMPLE_TOLERANCE_S).limit_denominator(1000)
SEEKABLE = (MOV, MATROSKA)
READER = "extract.stills:StillReader"
MAX_FRAMES = 3000  # decoded from one key frame: more than two minutes of a film without another one


@dataclass(frozen=True)
class Stills:
    """Pictures of one video.

    Args:
        pictures: by second, each (S, S, 3) uint8, the whole picture squeezed to a square.
        aspect: width / height as displayed; 1.0 when there is no picture.
        error: why pictures are missing, in words; empty when none is.
    """

    pictures: dict[int, Picture]
    aspect: float = 1.0
    error: str = ""


def read_stills(
    path: Path, seconds: Sequence[int], *, input_px: int, timeout_s: float, memory_mib: int | None
) -> Stills:
    """Return the frames that stand for some seconds of a video; what cannot be read is said, not raised.

    Args:
        seconds: whole seconds of the player's clock, ascending, at least one.
        input_px: S, side of the pictures.
        timeout_s: the decoder is killed after so long.
        memory_mib: its address space; None for no limit.
    """
    config = WorkerConfig(READER, "full", False, input_px, memory_mib, arguments=(list(seconds),))
    limits = Limits(workers=1, no_progress_timeout_s=timeout_s, title_timeout_s=timeout_s)
    pictures: list[Picture] = []
    aspect, error = 1.0, ""
    for news in decode([path], config, limits):
        if isinstance(news, Sample):
            shown = pictures[-1] if news.pixels is None else news.pixels
            pictures.extend([shown] * news.count)
            continue
        if news.info is not None and news.info.width_px > 0 and news.info.height_px > 0:
            aspect = news.info.width_px / news.info.height_px
        if news.error is not None:
            error = str(news.error)
    if not error and len(pictures) < len(seconds):
        error = f"{path.name}: the video ends before second {seconds[len(pictures)]}"
    return Stills(dict(zip(seconds, pictures)), aspect, error)


class StillReader:
    """Yields the frames that a player shows at some seconds, numbered from 0, before the first picture that picture.

    A ``VideoReader`` for ``extract.decode_worker``. Its ``info`` gives width and height as displayed: upright, in
    square pixels.
    """

    def __init__(self, path: Path, seconds: Sequence[int]) -> None:
        self._path = path
        self._reader = PyAvReader(path)
        grid = TimeGrid(self._reader.picture_start_s)
        self._seconds = [max(0, grid.row(second)) for second in seconds]
        coded = self._reader.info
        width, height = coded.width_px, coded.height_px
        if self._reader.matrix.sideways:
            width, height = height, width
        self.info = replace(coded, width_px=round(width * self._reader.sample_aspect), height_px=height, rotation_deg=0)
        self._given = 0
        self._last_s = 0.0

    def probe(self, count: int) -> Iterator[Rgb]:
        """Yield pictures spread over the title, see ``VideoReader``."""
        return self._reader.probe(count)

    def frames(self) -> Iterator[Frame]:
        """Yield one frame a wanted second, as long as the video lasts."""
        for frame in self._sought() if self.info.container in SEEKABLE else self._from_start(self._seconds):
            self._last_s = max(self._last_s, frame.pts_s)
            yield replace(frame, frame_index=self._given, pts_s=self._last_s)
            self._given += 1
        if self._given == 0:
            raise DecodeError(f"{self._path.name}: no picture at second {self._seconds[0]}", code="no_frames")

    def report(self) -> ReadReport:
        """Say how many were given; nothing is said of the rest of the video."""
        return ReadReport(self._last_s, self._given, 0, complete=True, reason="")

    def close(self) -> None:
        """Release the file."""
        self._reader.close()

    def _from_start(self, seconds: Sequence[int]) -> Iterator[Frame]:
        wanted = Counter(seconds)
        for frame in islice(self._reader.frames(), max(wanted) + 1):
            yield from repeat(frame, wanted[frame.frame_index])

    def _sought(self) -> Iterator[Frame]:
        """Seek to every second; the first one for which that fails, and all after it, are read from the start."""
        first = first_frame(self._path)
        container, stream = open_stream(self._path, 1)
        with container:
            for number, second in enumerate(self._seconds):
                found = None if first is None else _seek(container, stream, first.pts, second)
                if found is None:
                    yield from self._from_start(self._seconds[number:])
                    return
                yield Frame(second, *found, self._reader.sample_aspect)


def _seek(
    container: InputContainer, stream: VideoStream, first_pts: int | None, second: int
) -> tuple[float, Rgb] | None:
    """Return time and picture of the last frame at ``second`` or before; None where seeking does not lead there."""
    if first_pts is None or first_pts < 0:  # trimmed by an edit list: the origin is a later frame
        return None
    time_base = Fraction(stream.time_base or 1)
    held: tuple[Fraction, VideoFrame] | None = None
    with suppress(*MEDIA_ERRORS):
        container.seek(first_pts + int(second / time_base), stream=stream)
        for frame in islice(container.decode(stream), MAX_FRAMES):
            if frame.pts is None or frame.is_corrupt:
                return None
            since_s = (frame.pts - first_pts) * time_base
            if since_s > second + SAMPLE_TOLERANCE:
                return None if held is None else (float(held[0]), RgbConverter()(held[1]))
            held = since_s, frame
        if held is not None and held[0] >= second:  # the last frame of the video
            return float(held[0]), RgbConverter()(held[1])
    return None
