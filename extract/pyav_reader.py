"""Read videos with PyAV (FFmpeg's libraries): the default reader, and the only module that opens media with it.

Every frame is decoded, only sampled frames become RGB. Input is assumed to be hostile or damaged: formats, protocols,
codecs and picture sizes are restricted before anything is parsed, every error that damaged files were seen to cause is
either counted or becomes a DecodeError, and a file is complete only if nothing speaks against it (extract.damage).

Not done here: hangs and memory are bounded by the child process that runs a reader (extract.sandbox); HDR pictures are
converted without tone mapping; interlaced pictures are not deinterlaced (both fields stay woven, as coded).
"""

from __future__ import annotations

import logging
import re
import stat
import struct
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import cast

import av
import numpy as np
import numpy.typing as npt
from av.codec.context import ThreadType
from av.container import InputContainer
from av.packet import Packet
from av.sidedata.sidedata import SideDataContainer
from av.sidedata.sidedata import Type as SideDataType
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from av.video.stream import VideoStream

from data.errors import DecodeError
from extract.damage import TOLERATED_S, DamageLedger
from extract.frames import Frame, ReadReport, VideoInfo, assign_samples
from extract.orientation import IDENTITY, DisplayMatrix, upright
from extract.structure import avi_chunk_missing, breaks_off, holds_zeroed_block, zeroed_between
from extract.timing import FrameClock

logger = logging.getLogger(__name__)

FORMATS = "asf,avi,dv,flv,h264,hevc,ivf,m4v,matroska,mov,mp4,mpeg,mpegts,mpegvideo,mxf,nut,obu,ogg,rm,vvc,webm"
CODECS = (
    "av1,cinepak,dnxhd,dvvideo,ffv1,flv,h261,h263,h263p,h264,hevc,huffyuv,indeo3,indeo5,libdav1d,libvpx,libvpx-vp9,mjpeg,"
    "mpeg1video,mpeg2video,mpeg4,msmpeg4,msmpeg4v1,msmpeg4v2,msvideo1,prores,rawvideo,rv10,rv20,rv30,rv40,svq1,svq3,"
    "theora,utvideo,vc1,vp3,vp6,vp6f,vp8,vp9,vvc,wmv1,wmv2,wmv3"
)
MATROSKA = "matroska,webm"
MOV = "mov,mp4,m4a,3gp,3g2,mj2"
AVI = "avi"
# 8K UHD is 33 megapixels; twice that leaves room for odd aspect ratios.
MAX_PIXELS = 2**26

# What damaged files were seen to raise out of FFmpeg and PyAV.
MEDIA_ERRORS = (av.FFmpegError, IndexError, UnicodeDecodeError, OSError, EOFError, MemoryError)

Rgb = npt.NDArray[np.uint8]

_COVER = Disposition.attached_pic | Disposition.timed_thumbnails
_FIRST_TEXT_BYTE = 9
_PROBE_PACKETS = 300
# Between two packets lie headers: in Matroska seldom more than 50 bytes, in AVI eight and a byte of padding.
_MATROSKA_HEADER_BYTES = 512
_AVI_HEADER_BYTES = 64
_READ_ERRORS_IN_A_ROW = 50
_FLUSH_ATTEMPTS = 64
# Colours that nobody specified: HD is BT.709 and SD is BT.601, as players assume.
_HD_HEIGHT_PX = 720
_UNSPECIFIED_COLORSPACE = 2


def open_container(path: Path) -> InputContainer:
    """Open a regular media file; anything but local files of known formats is refused.

    Raises:
        DecodeError: ``not_a_file``, ``refused_format`` (text, playlists, formats that hold no video) or ``unreadable``.
    """
    name = path.name
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise DecodeError(f"{name}: not a regular file; list a video file", code="not_a_file")
        with path.open("rb") as handle:
            head = handle.read(512)
    except (OSError, ValueError) as error:
        raise DecodeError(f"{name}: cannot be read ({_words(error)}); check the path", code="not_a_file") from error
    if not head:
        raise DecodeError(f"{name}: the file is empty; copy it again", code="unreadable")
    if head.isascii() and min(head) >= _FIRST_TEXT_BYTE:
        raise DecodeError(f"{name}: text or a playlist; list the video file itself", code="refused_format")
    limits = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
    try:
        return av.open(f"file:{path.absolute()}", container_options=limits, metadata_errors="replace")
    except av.ArgumentError as error:
        raise DecodeError(
            f"{name}: not one of the container formats that are read ({FORMATS}); convert it", code="refused_format"
        ) from error
    except MEDIA_ERRORS as error:
        raise DecodeError(
            f"{name}: not readable as video ({_words(error)}); copy or export it again", code="unreadable"
        ) from error


def open_stream(path: Path, threads: int) -> tuple[InputContainer, VideoStream]:
    """Open a file and the decoder of its main video stream: not a cover picture, the default one, then the largest.

    Raises:
        DecodeError: as ``open_container``, or ``no_video_stream``, ``unsupported_codec``, ``refused_codec``.
    """
    container = open_container(path)
    try:
        stream = _main_video(container, path.name)
        codec = stream.codec_context
        asked = f"{codec.name} video of {codec.width} x {codec.height}"
        codec.thread_count = threads
        if threads != 1:
            codec.thread_type = ThreadType.AUTO
        codec.options = {"codec_whitelist": CODECS, "max_pixels": str(MAX_PIXELS)}
        codec.open(strict=False)
    except MEDIA_ERRORS as error:
        container.close()
        raise DecodeError(
            f"{path.name}: {asked} is refused (allowed: {CODECS}; at most {MAX_PIXELS} pixels); convert it",
            code="refused_codec",
        ) from error
    except DecodeError:
        container.close()
        raise
    return container, stream


def _main_video(container: InputContainer, name: str) -> VideoStream:
    covers = [stream for stream in container.streams.video if stream.disposition & _COVER]
    candidates = [stream for stream in container.streams.video if not stream.disposition & _COVER]
    if not candidates:
        found = sorted({"cover picture" if stream in covers else stream.type for stream in container.streams})
        raise DecodeError(
            f"{name}: no video stream (found {', '.join(found) or 'nothing'}); list a file that holds video",
            code="no_video_stream",
        )
    decodable = [stream for stream in candidates if stream.codec_context is not None]
    if not decodable:
        raise DecodeError(
            f"{name}: no decoder for its video codec; convert it, for example to H.264", code="unsupported_codec"
        )

    def rank(stream: VideoStream) -> tuple[bool, int]:
        return bool(stream.disposition & Disposition.default), stream.width * stream.height

    return max(decodable, key=rank)


def declared_duration_s(container: InputContainer, stream: VideoStream, start_ticks: int = 0) -> float | None:
    """Return what the file promises for its video, in seconds; None if it promises nothing for the video alone.

    The stream's own duration, else its DURATION tag (Matroska; FFmpeg writes the end, so the start is subtracted,
    mkvmerge writes the length), else the container's if the video is its only stream (sound may be longer).
    ``start_ticks`` is the first picture's time, for containers that do not state it.
    """
    time_base = Fraction(stream.time_base or 1)
    start_s = float((start_ticks if stream.start_time is None else stream.start_time) * time_base)
    matroska = container.format.name == MATROSKA
    if container.format.name == AVI and stream.frames and stream.average_rate:  # else guessed from the file's size
        return float(stream.frames / stream.average_rate)
    if stream.duration and stream.duration > 0 and not matroska:  # Matroska has none: FFmpeg copies the container's
        return float(stream.duration * time_base)
    tagged_s = _clock_s(stream.metadata.get("DURATION", ""))
    if tagged_s is not None:
        return tagged_s if "NUMBER_OF_FRAMES" in stream.metadata else max(0.0, tagged_s - start_s)
    if container.duration and container.duration > 0 and len(container.streams) == 1:
        total_s = container.duration / av.time_base
        return max(0.0, total_s - start_s) if matroska else total_s
    return None


def _words(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error or type(error).__name__)


def _clock_s(text: str) -> float | None:
    """Read ``hh:mm:ss.fraction``; None if it is anything else."""
    match = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", text.strip())
    return None if match is None else int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3])


def display_matrix(frame: VideoFrame) -> DisplayMatrix:
    """Return the display matrix of a frame; the identity if it has none."""
    side_data = cast(SideDataContainer, frame.side_data)
    if SideDataType.DISPLAYMATRIX not in side_data:
        return IDENTITY
    a, b, _, c, d, *_ = struct.unpack_from("=9i", bytes(side_data[SideDataType.DISPLAYMATRIX]))
    return DisplayMatrix(a, b, c, d)


class RgbConverter:
    """Turns decoded frames into upright RGB arrays, with the matrix and range that the frame declares."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def __call__(self, frame: VideoFrame) -> Rgb:
        """Return (H, W, 3) uint8, full range."""
        source = None
        if frame.colorspace == _UNSPECIFIED_COLORSPACE and not frame.format.is_rgb:
            source = Colorspace.ITU709 if frame.height >= _HD_HEIGHT_PX else Colorspace.ITU601
        picture = self._reformatter.reformat(
            frame, format="rgb24", src_colorspace=source, dst_color_range=ColorRange.JPEG, threads=1
        )
        return upright(cast(Rgb, picture.to_ndarray()), display_matrix(frame))


class PyAvReader:
    """Reads one video once with PyAV; see ``extract.frames.VideoReader``.

    Args:
        path: a video file.
        threads: of the decoder; 1 costs the least CPU.

    Raises:
        DecodeError: the file cannot be opened as video (codes: see ``open_stream``).
    """

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        self._path = path
        first = next(_from_start(path), None)
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
        aspect = Fraction(self._stream.sample_aspect_ratio or 1)
        self.sample_aspect = float(1 / aspect if self.matrix.sideways else aspect)
        self._samples = 0
        self._span_s = Fraction(0)
        self._encrypted = False
        self._key_seen = False
        self._last_pos: int | None = None
        self._claimed_pos = -1
        self._claimed_end = 0
        self._failure = "reading was stopped before the end"

    def probe(self, count: int) -> list[Rgb]:
        """Return up to ``count`` upright pictures spread over the title, decoded from key frames of another handle."""
        return key_pictures(self._path, count)

    def frames(self) -> Iterator[Frame]:
        """Yield the samples in order; raises DecodeError if there is no sample at all."""
        convert = RgbConverter()
        held: tuple[Fraction, Rgb] | None = None
        for samples, since_s, frame in assign_samples(self._displayed()):
            try:
                held = since_s, convert(frame)
            except MEDIA_ERRORS as error:
                logger.warning("%s: picture at %.3f s cannot be converted: %s", self._path.name, since_s, _words(error))
                self._ledger.fault(None)
            if held is None:
                continue
            for t in samples:
                self._samples = t + 1
                yield Frame(t, float(held[0]), held[1], self.sample_aspect)
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
        reasons = [self._failure] if self._failure else []
        if self._ledger.lost_s > TOLERATED_S:
            reasons.append(f"{float(self._ledger.lost_s):.1f} s of video are damaged or missing")
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
        if self._encrypted or "enc_key_id" in self._stream.metadata:
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
        for packet in self._packets():
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
        if time is not None and self._skipped_bytes(packet):
            if self.info.container == AVI:  # its pictures are numbered: what is missing leaves no gap in time
                self._ledger.fault(time)
            else:
                self._ledger.suspect(time)
        self._last_pos = packet.pos
        return promised

    def _skipped_bytes(self, packet: Packet[Stream]) -> bool:
        """Whether the demuxer stepped over damage between the last video packet and this one."""
        if packet.pos is None or self._last_pos is None or self.info.container == MOV:
            return False  # MP4 addresses every packet: nothing is stepped over
        if self.info.container == MATROSKA:
            return packet.pos - self._claimed_end > _MATROSKA_HEADER_BYTES
        if self.info.container == AVI:
            skipped = packet.pos - self._claimed_end
            return skipped > _AVI_HEADER_BYTES and avi_chunk_missing(self._path, self._claimed_end)
        return zeroed_between(self._path, self._last_pos, packet.pos)

    def _claim(self, packet: Packet[Stream]) -> None:
        """Note how far the packets reach in the file; laced packets of one block share its position."""
        if packet.pos is None:
            return
        start = self._claimed_end if packet.pos == self._claimed_pos else packet.pos
        self._claimed_pos = packet.pos
        self._claimed_end = max(self._claimed_end, start + packet.size)

    def _packets(self) -> Iterator[Packet[Stream]]:
        """Yield the packets of the video that can go to the decoder, past read errors, and note how the file ended."""
        errors = 0
        packets = self._container.demux()
        while errors < _READ_ERRORS_IN_A_ROW:
            try:
                packet = next(packets)
            except StopIteration:
                broken = errors > 0 or breaks_off(self._path, self.info.container)
                self._failure = "the file breaks off" if broken else ""
                return
            except MEDIA_ERRORS:
                errors += 1
                self._ledger.fault(None)
                packets = self._container.demux()
                continue
            errors = 0
            if packet.stream_index != self._stream.index or packet.size == 0:
                self._claim(packet)
                continue  # an empty packet repeats the last picture, and closes the stream at the end
            if packet.has_sidedata("encryption_info"):
                self._encrypted = True
                self._ledger.fault(None)
                continue
            yield packet
            self._claim(packet)
        self._failure = "the file cannot be read to its end"


def first_picture(path: Path) -> Rgb | None:
    """Return the first picture that decodes, upright; None if none does."""
    frame = next(_from_start(path), None)
    return None if frame is None else RgbConverter()(frame)


def packet_times(path: Path) -> list[Fraction] | None:
    """Return the presentation times of all packets in seconds, sorted, without decoding.

    None if packets alone do not tell what is displayed: pictures discarded by an edit list, packets without time, two
    with the same time, or a read error.
    """
    container, stream = open_stream(path, 1)
    ticks: list[int] = []
    with container:
        try:
            for packet in container.demux(stream):
                if packet.size == 0:
                    continue
                if packet.pts is None or packet.pts < 0 or packet.is_discard:
                    return None
                ticks.append(packet.pts)
        except MEDIA_ERRORS:
            return None
        time_base = Fraction(stream.time_base or 1)
    return None if len(set(ticks)) < len(ticks) else [time_base * tick for tick in sorted(ticks)]


def key_pictures(path: Path, count: int) -> list[Rgb]:
    """Return up to ``count`` upright pictures, from the key frames before the middles of ``count`` equal parts."""
    container, stream = open_stream(path, 1)
    convert = RgbConverter()
    pictures: dict[int | None, Rgb] = {}
    with container:
        stream.codec_context.skip_frame = "NONKEY"
        declared_s = declared_duration_s(container, stream) or (container.duration or 0) / av.time_base
        for part in range(count if declared_s > 0 else 0):
            target_s = declared_s * (part + 0.5) / count
            with suppress(*MEDIA_ERRORS):
                container.seek(
                    round(target_s / Fraction(stream.time_base or 1)) + (stream.start_time or 0), stream=stream
                )
                frame = next(_good_frames(container, stream), None)
                if frame is not None and frame.pts not in pictures:
                    pictures[frame.pts] = convert(frame)
    if not pictures:
        for frame in islice(_from_start(path), count):
            with suppress(*MEDIA_ERRORS):
                pictures[len(pictures)] = convert(frame)
    return list(pictures.values())


def _from_start(path: Path) -> Iterator[VideoFrame]:
    container, stream = open_stream(path, 1)
    with container:
        yield from _good_frames(container, stream)


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
