"""Read videos with PyAV (FFmpeg's libraries): the default reader.

Every frame is decoded, only sampled frames become RGB. Input is assumed to be hostile or damaged: what may be opened
is restricted (extract.media), every error that damaged files were seen to cause is either counted or becomes a
DecodeError, and a file is complete only if nothing speaks against it (extract.damage, extract.packets).

Not done here: hangs and memory are bounded by the child process that runs a reader (extract.decode_worker) and by the
parent that watches it (extract.decode_pool).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame

from data.errors import DecodeError
from extract.damage import TOLERATED_S, DamageLedger
from extract.frames import Frame, ReadReport, VideoInfo, assign_samples
from extract.media import AVI, MEDIA_ERRORS, declared_duration_s, open_stream, words
from extract.orientation import IDENTITY
from extract.packets import VideoPackets
from extract.probe import first_frame, key_pictures
from extract.rgb import Rgb, RgbConverter, display_matrix
from extract.structure import holds_zeroed_block
from extract.timing import FrameClock

logger = logging.getLogger(__name__)

_FLUSH_ATTEMPTS = 64


class PyAvReader:
    """Reads one video once with PyAV; see ``extract.frames.VideoReader``.

    Args:
        path: a video file.
        threads: of the decoder; 1 costs the least CPU.

    Raises:
        DecodeError: the file cannot be opened as video (codes: see ``extract.media.open_stream``).
    """

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        self._path = path
        first = first_frame(path)
        self.matrix = IDENTITY if first is None else display_matrix(first)
        self._container, self._stream = open_stream(path, threads)
        codec = self._stream.codec_context
        self.info = VideoInfo(
            container=self._container.format.name,
            codec=codec.codec.canonical_name,
            width_px=codec.width,
            height_px=codec.height,
            rotation_deg=self.matrix.rotation_deg,
            declared_duration_s=declared_duration_s(
                self._container, self._stream, 0 if first is None or first.pts is None else first.pts
            ),
        )
        self._clock = FrameClock(
            self.info.container,
            Fraction(self._stream.time_base or 1),
            self._stream.guessed_rate,
            self.info.declared_duration_s,
        )
        self._ledger = DamageLedger()
        self._packets = VideoPackets(path, self._container, self._stream, self._ledger)
        aspect = Fraction(self._stream.sample_aspect_ratio or 1)
        self.sample_aspect = float(1 / aspect if self.matrix.sideways else aspect)
        self._samples = 0
        self._unconverted = 0
        self._span_s = Fraction(0)
        self._key_seen = False

    def probe(self, count: int) -> list[Rgb]:
        """Return up to ``count`` upright pictures spread over the title, decoded from key frames of another handle."""
        return key_pictures(self._path, count)

    def frames(self) -> Iterator[Frame]:
        """Yield the samples in order, from 0; raises DecodeError if there is no sample at all.

        A picture that cannot become RGB leaves its samples to the picture before it, or, if there is none, to the first
        one after it; those keep the time of the lost picture. Either way the title is not complete.
        """
        convert = RgbConverter()
        held: tuple[Fraction, Rgb] | None = None
        waiting: list[tuple[int, Fraction]] = []
        for samples, since_s, frame in assign_samples(self._displayed()):
            try:
                held = since_s, convert(frame)
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
        self._ledger.finish()
        if held is None:
            raise self._no_frames()

    def measure(self) -> ReadReport:
        """Decode everything without making pictures of it, in place of ``frames``, and report."""
        for samples, _, _ in assign_samples(self._displayed()):
            self._samples = samples.stop
        self._ledger.finish()
        return self.report()

    def report(self) -> ReadReport:
        """Say how it went; complete only if nothing speaks against it (see ``extract.damage``)."""
        reasons = [self._packets.failure] if self._packets.failure else []
        if self._ledger.lost_s > TOLERATED_S:
            reasons.append(f"{float(self._ledger.lost_s):.1f} s of video are damaged or missing")
        if self._unconverted:
            reasons.append(f"the pictures of {self._unconverted} samples cannot be converted to RGB")
        declared_s = self.info.declared_duration_s
        if declared_s is not None and self._span_s < declared_s - TOLERATED_S:
            reasons.append(f"{float(self._span_s):.1f} s of {declared_s:.1f} s could be decoded")
        return ReadReport(
            decoded_s=float(self._span_s),
            samples=self._samples,
            corrupt_packets=self._ledger.faults,
            complete=not reasons,
            reason="; ".join(reasons),
        )

    def close(self) -> None:
        """Release the file."""
        self._container.close()

    def _no_frames(self) -> DecodeError:
        name = self._path.name
        if self._packets.encrypted or "enc_key_id" in self._stream.metadata:
            return DecodeError(f"{name}: its video is encrypted; export it without protection", code="encrypted")
        return DecodeError(
            f"{name}: not one picture of its {self.info.codec} video can be decoded "
            f"({self._ledger.faults} damaged packets); copy or export it again",
            code="no_frames",
        )

    def _displayed(self) -> Iterator[tuple[Fraction, VideoFrame]]:
        """Yield (time, frame) of everything a viewer gets to see, times never falling."""
        first: Fraction | None = None
        for frame in self._decoded():
            span = self._clock.frame(frame.pts, frame.duration)
            if span is None or frame.is_corrupt:
                self._ledger.fault(None if span is None else span[0])
                continue
            start, end = span
            if start < 0:  # trimmed: before the presentation begins
                continue
            first = start if first is None else first
            self._span_s = max(self._span_s, end - first)
            self._ledger.shown(start, end, key=frame.key_frame)
            yield start, frame

    def _decoded(self) -> Iterator[VideoFrame]:
        """Yield every frame that the decoder gives; what it refuses is counted."""
        codec = self._stream.codec_context
        for packet in self._packets:
            promised = self._register(packet)
            try:
                frames = codec.decode(packet)
            except MEDIA_ERRORS:
                self._clock.refused()
                self._ledger.fault(None if promised is None else promised[0])
                continue
            yield from frames
        for _ in range(_FLUSH_ATTEMPTS):
            try:
                frames = codec.decode(None)
            except EOFError:
                return
            except MEDIA_ERRORS:
                self._ledger.fault(None)
                continue
            yield from frames
            return

    def _register(self, packet: Packet[Stream]) -> tuple[Fraction, Fraction] | None:
        """Tell clock and ledger of a packet before it is decoded."""
        promised = self._clock.packet(packet.pts, packet.dts, packet.duration)
        if packet.is_keyframe:
            self._key_seen = True
            self._ledger.key_fed()
        if promised is not None and promised[0] >= 0 and self._key_seen and not packet.is_discard:
            self._ledger.promise(*promised)
        time = None if promised is None else promised[0]
        if packet.is_corrupt or holds_zeroed_block(bytes(packet), self.info.codec):
            self._ledger.fault(time)
        if time is not None and self._packets.skipped_before(packet):
            if self.info.container == AVI:  # its pictures are numbered: what is missing leaves no gap in time
                self._ledger.fault(time)
            else:
                self._ledger.suspect(time)
        return promised
