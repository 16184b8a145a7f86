"""Read videos with decord, on request, held to the same contract as PyAV.

decord (last release 2021) was seen to shift pictures by one in transport streams, to ignore edit lists, to misdate
variable frame rates, to hand out duplicates for damaged pictures without a word, and to hang. So it is used where it
can be checked, and refuses the rest with a DecodeError that names the other reader:

- every packet's time comes from the container (PyAV, without decoding), and decord's timestamps must agree with it;
- the first picture must look like the one PyAV decodes; the rotation that decord leaves to its caller in Matroska (not
  in MP4) is applied here;
- whether the title was read to its end is decided by decoding it once more with PyAV, when ``report`` is called.

It must run in a child process that can be killed (``extract.decode_pool``): nothing in here can stop a hang.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from data.errors import DecodeError
from extract.frames import Frame, ReadReport, assign_samples
from extract.media import MATROSKA, MOV, packet_times
from extract.orientation import IDENTITY, upright
from extract.probe import first_picture, key_pictures
from extract.pyav_reader import FULL, PyAvReader
from extract.rgb import Rgb

try:
    import decord
except ImportError as error:
    raise ImportError("decord is not installed; pip install decord, or choose the reader pyav") from error

logger = logging.getLogger(__name__)

# Containers in which decord was found to keep time (not so in transport streams; no others were looked at).
CONTAINERS = (MOV, MATROSKA)
DECORD_ERRORS = (decord.DECORDError, RuntimeError, IndexError, OSError)

# decord's timestamps are float32; half a millisecond at two hours.
_TIME_TOLERANCE_S = 0.002
# Mean absolute difference of equal pictures through two decoders and colour conversions; different ones exceed it.
_PICTURE_TOLERANCE = 12.0


class DecordReader:
    """Reads one video once with decord; see ``extract.frames.VideoReader``.

    Args:
        path: a video file.

    Raises:
        DecodeError: it cannot be opened (codes as for PyAV), or decord cannot be trusted with it (``decord_refused``).
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with_pyav = PyAvReader(path)
        try:
            self.info = with_pyav.info
            self._sample_aspect = with_pyav.sample_aspect
            matrix = with_pyav.matrix
        finally:
            with_pyav.close()
        if self.info.container not in CONTAINERS:
            raise self._refusal(f"decord is not trusted with {self.info.container}")
        if matrix.mirrored:
            raise self._refusal("a mirrored picture, which decord leaves mirrored")
        self._left_to_apply = matrix if self.info.container == MATROSKA else IDENTITY
        self._times, self._end = self._trusted_times()
        try:
            self._video: Any = decord.VideoReader(str(path.absolute()), ctx=decord.cpu(0), num_threads=1)
            stamps = self._video.get_frame_timestamp(range(len(self._video)))
        except DECORD_ERRORS as error:
            raise self._refusal(f"decord cannot open it ({_first_line(error)})") from error
        self._check_times(stamps)
        self._samples = 0
        self._faults = 0
        self._exhausted = False

    def probe(self, count: int) -> Iterator[Rgb]:
        """Yield up to ``count`` upright pictures from key frames; taken with PyAV, which leaves this reader alone."""
        return key_pictures(self._path, count)

    def frames(self) -> Iterator[Frame]:
        """Yield the samples in order, each picture looked up by its time.

        Every picture is taken from decord in turn: where it seeks or skips, it was off by up to three (open GOP).
        """
        held: tuple[Fraction, Rgb] | None = None
        taken = 0
        for samples, since_s, index in self._assigned():
            try:
                for _ in range(index - taken):
                    self._video.next()
                rgb = upright(self._video.next().asnumpy(), self._left_to_apply)
                if held is None:
                    self._check_first_picture(rgb)
                held = since_s, rgb
            except (*DECORD_ERRORS, StopIteration) as error:
                logger.warning("%s: picture at %.3f s: %s", self._path.name, since_s, _first_line(error))
                self._faults += 1
            taken = index + 1
            if held is None:
                raise self._refusal("decord cannot decode its first picture")
            for t in samples:
                self._samples = t + 1
                yield Frame(t, float(held[0]), held[1], self._sample_aspect)
        self._exhausted = True

    def report(self) -> ReadReport:
        """Say how it went. decord cannot tell damaged pictures, so PyAV decodes the title again to find them."""
        with_pyav = PyAvReader(self._path, FULL)
        try:
            seen = with_pyav.measure()
        finally:
            with_pyav.close()
        reasons = [seen.reason] if seen.reason else []
        if not self._exhausted:
            reasons.append("reading was stopped before the end")
        if self._faults or seen.samples != self._samples:
            reasons.append(f"decord gave {self._samples} samples, {self._faults} failed; PyAV gives {seen.samples}")
        return replace(
            seen,
            samples=self._samples,
            corrupt_packets=seen.corrupt_packets + self._faults,
            complete=not reasons,
            reason="; ".join(reasons),
        )

    def close(self) -> None:
        """Release the file."""
        self._video = None

    def _refusal(self, what: str) -> DecodeError:
        return DecodeError(f"{self._path.name}: {what}; read it with the reader pyav", code="decord_refused")

    def _assigned(self) -> Iterator[tuple[range, Fraction, int]]:
        pictures = ((time, index) for index, time in enumerate(self._times))
        return assign_samples(pictures, lambda: self._end - self._times[0])

    def _trusted_times(self) -> tuple[list[Fraction], Fraction]:
        times = packet_times(self._path)
        if times is None:
            raise self._refusal("an edit list, hidden pictures or missing times, which decord ignores")
        return times

    def _check_times(self, stamps: npt.NDArray[np.float32]) -> None:
        """Compare decord's (N, 2) start and end times with the container's."""
        if len(stamps) != len(self._times):
            raise self._refusal(f"decord sees {len(stamps)} pictures where the file has {len(self._times)}")
        since_s = np.array([float(time - self._times[0]) for time in self._times])
        off_s = np.abs(stamps[:, 0].astype(np.float64) - float(stamps[0, 0]) - since_s).max()
        if off_s > _TIME_TOLERANCE_S:
            raise self._refusal(f"decord dates its pictures up to {off_s:.3f} s wrong")

    def _check_first_picture(self, rgb: Rgb) -> None:
        reference = first_picture(self._path)
        if reference is not None and rgb.shape == reference.shape:
            difference = np.abs(rgb.astype(np.int16) - reference.astype(np.int16)).mean()
            if difference <= _PICTURE_TOLERANCE:
                return
        raise self._refusal("decord gives another first picture than PyAV")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
