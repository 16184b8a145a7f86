"""When each decoded picture is displayed: exact times out of what containers and decoders say.

Most containers store a presentation time (pts) per picture and the decoder hands it on. Where they do not, a player
falls back, and so does this module, in this order:

1. AVI and raw streams carry no presentation times (what FFmpeg reports there is a guess that runs backwards around
   B-frames): pictures leave the decoder in presentation order, so the k-th takes the k-th smallest decoding time.
2. A single picture without pts follows its predecessor by the predecessor's duration.
3. A picture without duration lasts 1 / rate, and 1/25 s if nobody states a rate.

Transport and program streams may change their clock (recordings joined end to end, inserted advertisements, segments of
a live stream; ISO/IEC 13818-1, 2.4.3.5): the new clock continues where the old ended. Pictures leave a decoder in the
order of their display, so a step back is a new clock, and so is a leap that nothing holds a picture for; but if the
next picture is of the old clock again, one time was damaged.
"""

from __future__ import annotations

import heapq
from fractions import Fraction

# Containers of rule 1, and those whose clock may restart, by FFmpeg's names.
WITHOUT_PRESENTATION_TIMES = frozenset({"avi", "h264", "hevc", "vvc", "m4v", "mpegvideo", "obu", "dv", "mjpeg"})
WITH_CLOCK_RESTARTS = frozenset({"mpegts", "mpeg"})
WITH_EDIT_LISTS = frozenset({"mov,mp4,m4a,3gp,3g2,mj2"})

FALLBACK_DURATION_S = Fraction(1, 25)
# A leap this far beyond everything declared is a damaged timestamp; without a declared duration, a leap of a day.
LEAP_S = Fraction(60)
UNDECLARED_LEAP_S = Fraction(86_400)
# No codec delays pictures by more: beyond it, decoding times belong to pictures that will never come.
MAX_DELAY = 64


class FrameClock:
    """Presentation times of one stream's pictures, in the order in which the decoder gives them.

    Args:
        container: FFmpeg's name of the container format.
        time_base: seconds per tick.
        rate: pictures per second if known.
        declared_s: declared duration in seconds if known; bounds how far a timestamp may leap.
    """

    def __init__(self, container: str, time_base: Fraction, rate: Fraction | None, declared_s: float | None) -> None:
        self.nominal_s = 1 / rate if rate else FALLBACK_DURATION_S
        self.counted = container in WITHOUT_PRESENTATION_TIMES
        self.restarts = container in WITH_CLOCK_RESTARTS
        # Only an edit list takes what is before 0 off the screen; FFmpeg puts there, too, what precedes a wrapped clock
        self.trims = container in WITH_EDIT_LISTS
        self._time_base = time_base
        self._declared_s = None if declared_s is None else Fraction(declared_s)
        self._pending: list[Fraction] = []
        self._next_packet = Fraction(0)
        self._shift = Fraction(0)
        self._first: Fraction | None = None
        self._last: Fraction | None = None
        self._last_end = Fraction(0)

    def seconds(self, ticks: int) -> Fraction:
        """Convert stream ticks to exact seconds."""
        return Fraction(ticks * self._time_base.numerator, self._time_base.denominator)

    def packet(self, pts: int | None, dts: int | None, duration: int | None) -> tuple[Fraction, Fraction] | None:
        """Register a packet that goes to the decoder; return (start, end) of its picture if the packet tells."""
        length = self._length(duration)
        if not self.counted:
            if pts is None:
                return None
            start = self._shifted(pts)
            return start, start + length
        start = self._next_packet if dts is None else self.seconds(dts)
        heapq.heappush(self._pending, start)
        self._next_packet = start + length
        if len(self._pending) > MAX_DELAY:
            heapq.heappop(self._pending)
        return start, start + length

    def refused(self) -> None:
        """Forget the newest packet: the decoder refused it, so no picture will take its time."""
        if self._pending:
            self._pending.remove(max(self._pending))
            heapq.heapify(self._pending)

    def length_s(self, duration: int | None) -> Fraction:
        """Return how long a picture of so many ticks is displayed, in seconds."""
        return self._length(duration)

    def frame(self, pts: int | None, duration: int | None) -> tuple[Fraction, Fraction] | None:
        """Return (start, end) of the next picture in seconds; starts never fall.

        None: a damaged time, earlier than a picture already shown or leaping far beyond the declared duration.
        """
        length = self._length(duration)
        if self.counted and self._pending:
            start = heapq.heappop(self._pending)
        elif pts is not None and not self.counted:
            start = self._shifted(pts)
        else:
            start = self._last_end
        if (self._last is not None and start < self._last) or self._leaps(start):
            return None
        self._first = start if self._first is None else self._first
        self._last, self._last_end = start, start + length
        return start, start + length

    @property
    def changed(self) -> bool:
        """Whether a new clock began."""
        return self._shift != 0

    def doubts(self, pts: int | None) -> bool:
        """Whether the next picture may be of a new clock, which only the one after it can tell."""
        if not self.restarts or pts is None or self._last is None:
            return False
        return self._is_off(self._shifted(pts))

    def restart(self, pts: int, following: int | None) -> Fraction:
        """Begin a new clock with a picture that is in doubt, if the picture that follows it is of the new one, too.

        Args:
            following: of the picture after it; None if there is none, or it has no time.

        Returns:
            by how many seconds times move; 0 if the clock goes on.
        """
        assert self._last is not None
        start, then = self._shifted(pts), self._shifted(pts if following is None else following)
        if not (self._is_off(then) and start <= then <= start + LEAP_S):
            return Fraction(0)
        moved_s = self._last_end - start
        self._shift += moved_s
        return moved_s

    def _is_off(self, start: Fraction) -> bool:
        """Whether a time is not of the clock so far."""
        return self._last is not None and (start < self._last or start > self._last_end + LEAP_S)

    def _shifted(self, ticks: int) -> Fraction:
        return self.seconds(ticks) + self._shift if self._shift else self.seconds(ticks)

    def _length(self, ticks: int | None) -> Fraction:
        return self.seconds(ticks) if ticks and ticks > 0 else self.nominal_s

    def _leaps(self, start: Fraction) -> bool:
        if self._last is None or self._first is None:
            return False
        if self._declared_s is None:
            return start - self._last > UNDECLARED_LEAP_S
        return start - self._last_end > LEAP_S and start - self._first > self._declared_s + LEAP_S
