"""Read videos with PyAV (FFmpeg's libraries): the default reader.

Only what samples need is decoded (extract.decoding), and only sampled frames become RGB. Input is assumed to be hostile
or damaged: what may be opened is restricted (extract.media), every error that damaged files were seen to cause is
either counted or becomes a DecodeError, and a file is complete only if nothing speaks against it (extract.damage).

Not done here: hangs and memory are bounded by the child process that runs a reader (extract.decode_worker) and by the
parent that watches it (extract.decode_pool).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from data.counted import brief_clock, counted
from data.errors import DecodeError
from extract.damage import TOLERATED_S, DamageLedger, Spot, damage_words
from extract.declared_size import COMMON_ENCRYPTION, declared_size, protection, same_size
from extract.decoders import Decoder
from extract.decoding import Decoding
from extract.frames import HELD_S, Frame, ReadReport, VideoInfo, assign_samples
from extract.media import (
    GUESSED,
    MATROSKA,
    MEDIA_ERRORS,
    MOV,
    container_duration_s,
    declared_duration_s,
    describe_streams,
    open_stream,
    picture_start_s,
    stream_start_ticks,
    video_tracks,
    words,
)
from extract.mov_times import contradiction
from extract.orientation import IDENTITY
from extract.packets import VideoPackets
from extract.probe import first_frame, key_pictures
from extract.rgb import Rgb, RgbConverter, display_matrix
from extract.timing import FrameClock
from extract.tracks import longer_s, others, unseen_words

logger = logging.getLogger(__name__)

PLANNED, FULL = "planned", "full"
DECLARING = frozenset({MOV, MATROSKA, "asf", "mxf", "nut", "rm"})
"""Containers whose declared duration is written with the film; others reckon it, or leave what an encoder guessed."""
LONGER_S, LONGER_SHARE = 2.0, 0.1
"""A film may be longer than it declares by the larger of these."""
MORE_S, MUCH_MORE_S = 1.0, 5.0
"""Sound that goes on for longer after the last picture is told of; if it is half of the file, that lacks its end."""
LONGEST_LEAD_IN_S = 10.0
"""A recording of a broadcast may begin so long before its first key frame."""
MOST_PICTURES = 1000
"""A second, of any camera whose films are displayed in real time."""


class PyAvReader:
    """Reads one video once with PyAV; see ``extract.frames.VideoReader``.

    Args:
        path: a video file.
        decode: ``planned`` decodes what samples need, ``full`` everything; the samples are the same.
        threads: of the decoder; 1 costs the least CPU.

    Raises:
        DecodeError: the file cannot be opened as video (codes: see ``extract.media.open_stream``).
    """

    def __init__(self, path: Path, decode: str = PLANNED, *, threads: int = 1) -> None:
        self._path = path
        first = first_frame(path)
        self.matrix = IDENTITY if first is None else display_matrix(first)
        self._container, self._stream = open_stream(path, threads)
        self._start_ticks = stream_start_ticks(
            path, self._container, self._stream, 0 if first is None or first.pts is None else first.pts
        )
        codec = self._stream.codec_context
        self.info = VideoInfo(
            container=self._container.format.name,
            codec=codec.codec.canonical_name,
            width_px=codec.width,
            height_px=codec.height,
            rotation_deg=self.matrix.rotation_deg,
            declared_duration_s=declared_duration_s(self._container, self._stream, self._start_ticks),
            container_s=container_duration_s(self._container),
            streams=describe_streams(self._container, self._stream),
        )
        self._tracks = video_tracks(path, self._container)
        self._others = others(self._container, self._stream)
        self._unseen = unseen_words(self._others, self._tracks)
        time_base = Fraction(self._stream.time_base or 1)
        self._first_s = 0.0 if first is None or first.pts is None else float(first.pts * time_base)
        declared = declared_size(path, self._container, self._stream)
        self._misshapen = ""
        if first is not None and declared is not None and not same_size(declared, (first.width, first.height)):
            self._misshapen = "its pictures are {} x {} pixels, but the file says {} x {}".format(
                first.width, first.height, *declared
            )
        self._scheme = protection(path, self._stream.id) if self.info.container == MOV else ""
        if self._scheme and self._scheme not in COMMON_ENCRYPTION:
            self._container.close()
            raise _encrypted(path.name)
        decoder = Decoder(self._stream)
        self._convert = RgbConverter(self.matrix if decoder.verifies else IDENTITY)
        self._clock = clock = FrameClock(
            self.info.container,
            time_base,
            self._stream.guessed_rate,
            self.info.declared_duration_s,
        )
        if clock.trims:
            self._first_s = max(0.0, self._first_s)
        self._ledger = DamageLedger()
        self._packets = VideoPackets(path, self._container, self._stream)
        self._decoding = Decoding(
            decoder, self.info.container, self._packets, clock, self._ledger, planned=decode == PLANNED
        )
        aspect = Fraction(self._stream.sample_aspect_ratio or 1)
        self.sample_aspect = float(1 / aspect if self.matrix.sideways else aspect)
        self._samples = 0
        self._unconverted = 0
        self._ended = False  # packets are read ahead: their end is not the end of the reading

    def probe(self, count: int) -> Iterator[Rgb]:
        """Yield up to ``count`` upright pictures spread over the title, decoded from key frames of another handle."""
        return key_pictures(self._path, count)

    def frames(self) -> Iterator[Frame]:
        """Yield the samples in order, from 0; raises DecodeError if there is no sample at all.

        A picture that cannot become RGB leaves its samples to the picture before it, or, if there is none, to the first
        one after it; those keep the time of the lost picture. Either way the title is not complete.
        """
        held: tuple[Fraction, Rgb] | None = None
        waiting: list[tuple[int, Fraction]] = []
        for samples, since_s, frame in assign_samples(self._decoding.displayed(), lambda: self._decoding.span_s):
            assert frame is not None  # a plan decodes what stands for samples
            try:
                held = since_s, self._convert(frame)
            except MemoryError:
                raise
            except MEDIA_ERRORS as error:
                logger.warning("%s: picture at %.3f s cannot be converted: %s", self._path.name, since_s, words(error))
                self._ledger.fault(None)
                self._unconverted += len(samples)
            waiting.extend((t, since_s) for t in samples)
            if held is None:
                continue
            for t, presented_s in waiting:
                self._samples = t + 1
                yield Frame(t, float(min(presented_s, held[0])), held[1], self.sample_aspect)
            waiting.clear()
        self._finish()
        if held is None:
            raise self._no_frames()

    def measure(self) -> ReadReport:
        """Decode without making pictures of it, in place of ``frames``, and report."""
        for samples, _, _ in assign_samples(self._decoding.displayed(), lambda: self._decoding.span_s):
            self._samples = samples.stop
        self._finish()
        return self.report()

    def report(self) -> ReadReport:
        """Say how it went; complete only if nothing speaks against it (see ``extract.damage``)."""
        decoding, ledger, span_s = self._decoding, self._ledger, float(self._decoding.span_s)
        failure = self._packets.failure if self._ended else "reading was stopped before the end"
        reasons = [f"{failure} (at {brief_clock(self._moment(span_s))})"] if failure else []
        if self._misshapen:
            reasons.append(self._misshapen)
        if self._scheme and not self._packets.encrypted:
            reasons.append("the file says that its video is encrypted")
        tail = self._packets.tail
        if tail is not None and tail.is_film(span_s, float(TOLERATED_S)):
            reasons.append(tail.words)
        spots = self._in_film(ledger.spots.first)
        if ledger.lost_s > TOLERATED_S:
            begins_s = self._declared_start_s()
            begins_s = self.picture_start_s if begins_s is None else begins_s
            end_s = max(self._moment(span_s), begins_s + (self._declared_s() or 0.0))
            reasons.append(damage_words(spots, ledger.spots.count, float(ledger.lost_s), end_s))
        if self._unconverted:
            reasons.append(f"the pictures of {self._unconverted} samples cannot be converted to RGB")
        declared_s = self._declared_s()
        if declared_s is not None and decoding.span_s < declared_s - TOLERATED_S:
            reasons.append(f"{span_s:.1f} s of {declared_s:.1f} s could be decoded")
        reasons += self._implausible(span_s, declared_s)
        return ReadReport(
            decoded_s=span_s,
            samples=self._samples,
            corrupt_packets=self._ledger.faults,
            complete=not reasons,
            reason="; ".join(reasons),
            cut_off=bool(failure),
            pictures=decoding.shown,
            longest_s=float(decoding.longest_s),
            damage=spots,
            damage_count=ledger.spots.count,
            stepped_over=self._in_film(ledger.stepped_over.first),
            stepped_over_count=ledger.stepped_over.count,
            picture_start_s=self.picture_start_s,
            declared_start_s=self._declared_start_s(),
            clock_changed=self._clock.changed,
            lead_s=self._lead_s(),
            remark="; ".join(self._remarks(span_s)),
            unseen=bool(self._unseen),
        )

    def _implausible(self, span_s: float, declared_s: float | None) -> Iterator[str]:
        """Say what contradicts the times of the pictures: far too long is as wrong as too short."""
        if self.info.container == MOV and (words := contradiction(self._path, self._stream.id)):
            yield words
        if declared_s is not None and self.info.container in DECLARING:
            most_s = declared_s + max(LONGER_S, LONGER_SHARE * declared_s)
            if span_s > most_s:
                yield f"{span_s:.1f} s were decoded, but the file declares {declared_s:.1f} s"
        if longer := longer_s(self._others, self._tracks, span_s):
            yield f"another video stream of the file lasts {longer:.1f} s"
        end_s, more_s = self._moment(span_s), self._sound_after_s(span_s)
        if more_s > MUCH_MORE_S and more_s >= end_s:
            yield f"its pictures end at {end_s:.1f} s, but the file lasts {end_s + more_s:.1f} s"
        if span_s > self._samples + HELD_S:
            yield f"its last picture is held to {span_s:.0f} s, which is not believed beyond {self._samples} s"
        if self._decoding.shown > MOST_PICTURES * max(1.0, span_s):
            yield f"{self._decoding.shown} pictures in {span_s:.1f} s are too many to be dated rightly"

    def _remarks(self, span_s: float) -> Iterator[str]:
        """Say what else is to be known of the file."""
        if self._unseen:
            yield self._unseen
        if (more_s := self._sound_after_s(span_s)) > MORE_S:
            yield f"the sound goes on for {more_s:.1f} s after the last picture"
        if lead_s := self._lead_s():
            yield f"the first picture that can be decoded comes {lead_s:.1f} s after the first packet"
        if self._packets.unsized:
            yield self._packets.unsized

    def _sound_after_s(self, span_s: float) -> float:
        """Return how long a file with sound goes on after its last picture; 0 if nobody knows."""
        file_s = self.info.container_s
        known = bool(self._container.streams.audio) and file_s is not None and not self._clock.changed
        return (file_s or 0.0) - self._moment(span_s) if known else 0.0

    def _declared_s(self) -> float | None:
        """Return the declared duration; FFmpeg reckons that of a stream from its last time, so a new clock voids it."""
        declared_s = self.info.declared_duration_s
        return None if self._clock.changed or declared_s is None else max(0.0, declared_s - self._lead_s())

    def _lead_s(self) -> float:
        """Return for how long a recording that begins within a group of pictures has none that can be decoded.

        A broadcast has no beginning, and no receiver shows what comes before the first key frame; where anything else
        is wrong there, that is a loss.
        """
        first = self._decoding.first
        if self.info.container not in GUESSED or first is None or self._decoding.faulty_start:
            return 0.0
        lead_s = float(first - self._start_ticks * Fraction(self._stream.time_base or 1))
        return lead_s if TOLERATED_S < lead_s <= LONGEST_LEAD_IN_S else 0.0

    def _in_film(self, spots: Sequence[Spot]) -> tuple[Spot, ...]:
        """Return spots on the clock of the film instead of the stream's."""
        first_s = float(self._decoding.first or 0)
        return tuple(replace(spot, start_s=self._moment(max(0.0, spot.start_s - first_s))) for spot in spots)

    @property
    def picture_start_s(self) -> float:
        """When the first picture is displayed on the player's clock, in seconds, as far as it is known by now."""
        return picture_start_s(
            self._container, self._first_s if (first := self._decoding.first) is None else float(first)
        )

    def _declared_start_s(self) -> float | None:
        """Return where the declared duration begins on the player's clock; None where it is with the first picture.

        It counts from the first picture of the stream, which may be one that cannot be decoded.
        """
        if self._stream.start_time is None or self._lead_s():
            return None
        start_s = picture_start_s(self._container, float(self._start_ticks * Fraction(self._stream.time_base or 1)))
        return start_s if start_s < self.picture_start_s else None

    def _moment(self, since_s: float) -> float:
        """Return what a person reads as the time of what is displayed so long after the first picture."""
        return self.picture_start_s + since_s

    def close(self) -> None:
        """Release the file."""
        self._container.close()

    def _finish(self) -> None:
        self._ledger.finish()
        self._ended = True

    def _no_frames(self) -> DecodeError:
        name = self._path.name
        if self._packets.encrypted or "enc_key_id" in self._stream.metadata or self._scheme:
            return _encrypted(name)
        if not self._packets.count and not self._ledger.faults:
            return DecodeError(
                f"{name}: describes {self.info.codec} video, but holds no picture of it; if it is the first part of a "
                "film in segments, join them, else export it again",
                code="no_frames",
            )
        return DecodeError(
            f"{name}: not one picture of its {self.info.codec} video can be decoded "
            f"({counted(self._ledger.faults, 'damaged packet')}); copy or export it again",
            code="no_frames",
        )


def _encrypted(name: str) -> DecodeError:
    return DecodeError(f"{name}: its video is encrypted; export it without protection", code="encrypted")
