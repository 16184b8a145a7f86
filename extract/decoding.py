"""From packets to everything a viewer gets to see, decoded where it must be: by plan, or whole.

By plan (extract.planner), pictures that stand for no sample may be left undecoded; they are told of all the same, by
the times that their packets promise, so that coverage counts every picture of the film. What is decoded, and when it
is displayed, is exactly what decoding everything gives.

A plan holds only while everything looks intact. Every picture that is decoded must be the one that its packet
promised: undamaged, in order, of the same duration, none missing. At the first doubt, here or in the packets one group
ahead, the decoder is reset to the group before, and from there on everything is decoded, so that the damage is counted
as if there had been no plan. It is never planned again: damage seldom comes alone.

Not noticed is what only decoding could show of a picture that is not decoded: flipped bits that leave its headers and
lengths whole. No sample, and nothing that a sample is predicted from, can be such a picture.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame

from extract.coded import look_for
from extract.damage import DamageLedger
from extract.decoders import Decoded, Decoder
from extract.media import AVI, MEDIA_ERRORS
from extract.packets import Arrival, VideoPackets
from extract.planner import Coded, Group, GroupReader, plan
from extract.timing import FrameClock

_FLUSH_ATTEMPTS = 64


class _DoubtError(Exception):
    """Decoding by plan brought something that was not expected."""


@dataclass(frozen=True)
class _Picture:
    """A picture as decoded, or as promised (``frame`` None); times in ticks."""

    pts: int | None
    duration: int | None
    key: bool
    corrupt: bool
    frame: VideoFrame | None


class Decoding:
    """Decodes one title once.

    Args:
        decoder: of its video stream.
        container: FFmpeg's name of the container format.
        clock, ledger: of this title.
        planned: leave out what is not needed, where that is safe.
    """

    def __init__(
        self,
        decoder: Decoder,
        container: str,
        packets: VideoPackets,
        clock: FrameClock,
        ledger: DamageLedger,
        *,
        planned: bool,
    ) -> None:
        self.span_s = Fraction(0)
        self.first: Fraction | None = None
        self.faulty_start = False  # something was damaged before the first picture
        self.shown = 0
        self._last: Fraction | None = None
        self.longest_s = Fraction(0)
        self.decoded = 0
        self._decoder = decoder
        self._container = container
        self._arrivals = iter(packets)
        self._clock = clock
        self._ledger = ledger
        self._key_seen = False
        self._given_pts: int | None = None
        self._waiting: deque[Coded] = deque()
        self._sparing = False
        by_plan = planned and not clock.counted and decoder.threads == 1
        self._look = look_for(decoder.codec, decoder.extradata) if by_plan else None

    def displayed(self) -> Iterator[tuple[Fraction, VideoFrame | None]]:
        """Yield (time in seconds on the clock of the stream, frame) of everything displayed, times never falling.

        The frame is None where it stands for no sample and was not decoded.
        """
        for picture in self._of_one_clock() if self._clock.restarts else self._pictures():
            span = self._clock.frame(picture.pts, picture.duration)
            if span is None:
                self._ledger.dropped(self._clock.length_s(picture.duration))
                continue
            start, end = span
            if picture.corrupt:
                self._ledger.fault(start)
                continue
            if start < 0 and self._clock.trims:  # before the presentation begins
                continue
            if self.first is None:
                self.first, self.faulty_start = start, self._ledger.faults > 0
            self.span_s = max(self.span_s, end - self.first)
            self.shown += 1
            self.longest_s = max(self.longest_s, end - start, start - (start if self._last is None else self._last))
            self._last = start
            self._ledger.shown(start, end, key=picture.key)
            yield start, picture.frame

    def _of_one_clock(self) -> Iterator[_Picture]:
        """Yield all pictures, with the clock set anew before each that begins a new one."""
        doubtful: _Picture | None = None
        for picture in self._pictures():
            if doubtful is not None:
                self._settle_clock(doubtful, picture.pts)
                yield doubtful
                doubtful = None
            if self._clock.doubts(picture.pts):
                doubtful = picture
            else:
                yield picture
        if doubtful is not None:
            self._settle_clock(doubtful, None)
            yield doubtful

    def _settle_clock(self, doubtful: _Picture, following_pts: int | None) -> None:
        assert doubtful.pts is not None
        shift_s = self._clock.restart(doubtful.pts, following_pts)
        if shift_s:
            self._ledger.reclock(shift_s)

    def _pictures(self) -> Iterator[_Picture]:
        left = deque[Coded]()
        if self._look is not None:
            yield from self._by_plan(GroupReader(self._arrivals, self._clock, self._look), left)
            self._decoder.skip_disposable(False)
        while left:
            yield from self._whole(left.popleft())
        for arrival in self._arrivals:
            yield from self._whole(Coded(arrival))
        yield from self._rest()

    # By plan

    def _by_plan(self, reader: GroupReader, left: deque[Coded]) -> Iterator[_Picture]:
        """Decode by plan as far as that goes; ``left`` receives what must be decoded whole instead."""
        groups = iter(reader)
        before: Group | None = None
        group, after, proven = next(groups, None), next(groups, None), 0
        while group is not None:
            try:
                if not plan(group, before, after, self.first, proven):
                    break
                yield from self._play(group)
            except _DoubtError:
                break
            proven += len(group.coded)
            before, group, after = group, after, next(groups, None)
        if group is None:
            return
        self._decoder.flush()
        if before is not None:
            opens_title = proven == len(before.coded)
            left.extend(coded for coded in before.coded if opens_title or coded.start >= before.coded[0].start)
        left.extend(group.coded)
        left.extend(() if after is None else after.coded)
        left.extend(() if reader.pending is None else [reader.pending])

    def _play(self, group: Group) -> Iterator[_Picture]:
        self._waiting.extend(group.shown)
        for coded in group.coded[: group.fed]:
            self._register(coded, (coded.start, coded.end))
            if coded.spared != self._sparing:
                self._sparing = coded.spared
                self._decoder.skip_disposable(coded.spared)
            yield from self._checked(coded.arrival.packet)
        if group.drained:
            yield from self._checked(None)
            self._decoder.flush()
            if any(not (coded.spared or coded.loose) for coded in self._waiting):
                raise _DoubtError
        for coded in group.coded[group.fed :]:
            self._register(coded, (coded.start, coded.end))

    def _checked(self, packet: Packet[Stream] | None) -> Iterator[_Picture]:
        try:
            pictures = self._decoder.decode(packet)
        except MemoryError:
            raise
        except MEDIA_ERRORS as error:
            raise _DoubtError from error
        for picture in pictures:
            yield from self._matched(picture)

    def _matched(self, decoded: Decoded) -> list[_Picture]:
        """Return the frame and the pictures spared before it; doubt if it is not the next one that is due."""
        frame = decoded.frame
        pictures: list[_Picture] = []
        while self._waiting:
            coded = self._waiting.popleft()
            packet = coded.arrival.packet
            assert packet is not None
            if coded.pts == frame.pts:
                woven = frame.interlaced_frame and self._decoder.codec == "mpeg4"  # its B-frames count from the start
                if decoded.corrupt or woven or (frame.duration or 0) != (packet.duration or 0):
                    break
                self._given_pts = frame.pts
                return [*pictures, self._decoded_picture(decoded)]
            if coded.spared:
                self._register(coded, (coded.start, coded.end))
                pictures.append(_Picture(coded.pts, packet.duration, packet.is_keyframe, corrupt=False, frame=None))
            elif not coded.loose:
                break
        raise _DoubtError

    # Whole

    def _whole(self, coded: Coded) -> Iterator[_Picture]:
        """Decode one packet; what the decoder refuses is counted."""
        self._register(coded)
        packet = coded.arrival.packet
        if packet is None:
            return
        try:
            pictures = self._decoder.decode(packet)
        except MemoryError:
            raise
        except MEDIA_ERRORS:
            self._clock.refused()
            self._ledger.fault(None if coded.promised is None else coded.promised[0])
            return
        yield from self._not_given(pictures)

    def _rest(self) -> Iterator[_Picture]:
        """Empty the decoder."""
        for _ in range(_FLUSH_ATTEMPTS):
            try:
                pictures = self._decoder.decode(None)
            except EOFError:
                return
            except MemoryError:
                raise
            except MEDIA_ERRORS:
                self._ledger.fault(None)
                continue
            yield from self._not_given(pictures)
            return

    def _not_given(self, pictures: list[Decoded]) -> Iterator[_Picture]:
        """Yield the pictures that decoding by plan did not give already, if it was given up in their midst."""
        for decoded in pictures:
            pts = decoded.frame.pts
            if self._given_pts is None or pts is None or pts > self._given_pts:
                self._given_pts = None
                yield self._decoded_picture(decoded)
            elif decoded.corrupt:
                self._ledger.fault(self._clock.seconds(pts))

    def _decoded_picture(self, decoded: Decoded) -> _Picture:
        self.decoded += 1
        frame = decoded.frame
        return _Picture(frame.pts, frame.duration, decoded.key, decoded.corrupt, frame)

    def _register(self, coded: Coded, span: tuple[Fraction, Fraction] | None = None) -> None:
        """Tell clock and ledger of an arrival, once, before it is decoded; ``span`` is what the clock said before."""
        if coded.registered:
            return
        coded.registered = True
        packet = coded.arrival.packet
        if packet is None:
            self._ledger.fault(None)
            return
        coded.promised = span or self._clock.packet(packet.pts, packet.dts, packet.duration)
        if packet.is_keyframe:
            self._key_seen = True
            self._ledger.key_fed()
        shows = coded.promised is not None and (coded.promised[0] >= 0 or not self._clock.trims)
        if coded.promised is not None and shows and self._key_seen and not packet.is_discard:
            self._ledger.promise(*coded.promised)
        self._note_damage(coded.arrival, None if coded.promised is None else coded.promised[0])

    def _note_damage(self, arrival: Arrival, time: Fraction | None) -> None:
        if arrival.damaged:
            self._ledger.fault(time)
        if time is not None and arrival.skipped:
            self._ledger.skipped(time)
            if self._container == AVI:  # its pictures are numbered: what is missing leaves no gap in time
                self._ledger.fault(time)
            else:
                self._ledger.suspect(time)
