"""Open media files with FFmpeg's libraries, within limits, and choose the video: before anything of it is decoded.

Every file is untrusted. FFmpeg reads formats that are lists of other files, protocols that reach the network, and
codecs that few people test; so formats, protocols, codecs and picture sizes are restricted here, in one place, and
whoever reads media with PyAV (the reader, the probe, decord's checks) opens it through this module.
"""

from __future__ import annotations

import re
import stat
from fractions import Fraction
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import BinaryIO, cast

import av
import av.subtitles.stream  # PyAV imports it when it opens a file: once here, rather than once a title
from av.codec.context import ThreadType
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from data.errors import DecodeError
from data.store_path import StorePath
from extract.frames import TOLD_STREAMS, StreamInfo
from extract.tracks import COVER, Track, Tracks, films, main_video, measure

FORMATS = "asf,avi,dv,flv,h264,hevc,ivf,m4v,matroska,mov,mp4,mpeg,mpegts,mpegvideo,mxf,nut,obu,ogg,rm,vvc,webm"
CODECS = (
    "av1,cfhd,cinepak,dnxhd,dvvideo,ffv1,flv,h261,h263,h263p,h264,hap,hevc,huffyuv,indeo3,indeo5,jpeg2000,libdav1d,libvpx,"
    "libvpx-vp9,magicyuv,mjpeg,mpeg1video,mpeg2video,mpeg4,msmpeg4,msmpeg4v1,msmpeg4v2,msvideo1,prores,qtrle,r10k,r210,"
    "rawvideo,rv10,rv20,rv30,rv40,svq1,svq3,theora,utvideo,v210,v308,v408,v410,vc1,vp3,vp6,vp6f,vp8,vp9,vvc,wmv1,wmv2,wmv3"
)
MATROSKA = "matroska,webm"
MOV = "mov,mp4,m4a,3gp,3g2,mj2"
AVI = "avi"
TRANSPORT = "mpegts"
ASF = "asf"
GUESSED = (TRANSPORT, "mpeg")
"""Containers whose streams last from their first to their last time, as far as FFmpeg has seen them."""
# A film has a few; each costs memory before anything is read of it.
MAX_STREAMS = 256
# 8K UHD is 33 megapixels; twice that leaves room for odd aspect ratios.
MAX_PIXELS = 2**26

STREAM_KINDS = frozenset({"video", "audio", "subtitle", "data", "attachment"})

# What damaged files were seen to raise out of FFmpeg and PyAV.
MEDIA_ERRORS = (av.FFmpegError, IndexError, UnicodeDecodeError, OSError, EOFError, MemoryError)

NOTICED_S = 0.1  # that the picture begins later than the sound
LOOKED_AT_S = 1.0  # within what FFmpeg looks at first, a start that it found itself lies by the first picture
LONGEST_LEAD_S = 3600.0  # of sound before the first picture, in a file that does not say how long it is

HEAD_BYTES = 512
_TEXT_BYTES, _TAB = 16, 9
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
LOOK = "; `coarse2fine doctor FILE` shows what is in it"
_PRINTABLE_FORMATS = (b"RIFF", b"nut/multimedia container\0")  # the size after RIFF may look like text


def open_container(path: Path, file: BinaryIO | None = None) -> InputContainer:
    """Open a media file; anything but local, regular files of known formats is refused.

    Args:
        path: the file.
        file: an open, seekable file to read instead (then ``path`` only names it); nothing else may be opened then.

    Raises:
        DecodeError: ``not_a_file``, ``refused_format`` (text, playlists, formats that hold no video) or ``unreadable``.
        MemoryError: there is not enough memory, which is not said of the file.
    """
    name = path.name
    if file is None and isinstance(path, StorePath):
        file = cast(BinaryIO, path.open("rb"))
    if file is None:
        read_head(path)
    else:
        _refuse_text(name, file.read(HEAD_BYTES))
        file.seek(0)
    # FFmpeg decodes a few pictures, and sound, while it opens: these limits are for that
    probing = decoder_options()
    limits = {
        "format_whitelist": FORMATS,
        "protocol_whitelist": "file" if file is None else "none",
        "codec_whitelist": CODECS,
        "max_streams": str(MAX_STREAMS),
    }
    source = f"file:{path.absolute()}" if file is None else file
    try:
        return av.open(source, "r", options=probing, container_options=limits, metadata_errors="replace")
    except av.ArgumentError as error:
        raise DecodeError(
            f"{name}: not one of the container formats that are read ({FORMATS}); convert it{LOOK}",
            code="refused_format",
        ) from error
    except MemoryError:
        raise
    except MEDIA_ERRORS as error:
        raise DecodeError(
            f"{name}: not readable as video ({words(error)}); copy or export it again{LOOK}", code="unreadable"
        ) from error


def read_head(path: Path) -> bytes:
    """Return the first bytes of a regular file that is not text; what else is there is never handed to a decoder.

    Raises:
        DecodeError: ``not_a_file``, ``refused_format`` (text, playlists) or ``unreadable``.
    """
    name = path.name
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise DecodeError(f"{name}: not a regular file; list a video file", code="not_a_file")
        with path.open("rb") as handle:
            head = handle.read(HEAD_BYTES)
    except (OSError, ValueError) as error:
        raise DecodeError(f"{name}: cannot be read ({words(error)}); check the path", code="not_a_file") from error
    _refuse_text(name, head)
    return head


def _refuse_text(name: str, head: bytes) -> None:
    """Refuse what begins like text: FFmpeg takes some of it for lists of other files."""
    if not head:
        raise DecodeError(f"{name}: the file is empty; copy it again", code="unreadable")
    begins = head.removeprefix(b"\xef\xbb\xbf")[:_TEXT_BYTES]
    is_text = begins.isascii() and min(begins, default=0) >= _TAB
    if head.startswith(_UTF16) or (is_text and not head.startswith(_PRINTABLE_FORMATS)):
        raise DecodeError(
            f"{name}: text or a playlist, no video; name the video file itself, or copy it again if it was one{LOOK}",
            code="refused_format",
        )


def open_stream(path: Path, threads: int) -> tuple[InputContainer, VideoStream]:
    """Open a file and the decoder of its main video stream, see ``extract.tracks``.

    Raises:
        DecodeError: as ``open_container``, or ``no_video_stream``, ``unsupported_codec``, ``refused_codec``.
    """
    container = open_container(path)
    try:
        stream = main_video(container, path.name, video_tracks(path, container))
        codec = stream.codec_context
        asked = f"{codec.name} video of {codec.width} x {codec.height}"
        codec.thread_count = threads
        if threads != 1:
            codec.thread_type = ThreadType.AUTO
        codec.options = decoder_options()
        codec.open(strict=False)
    except MemoryError:
        container.close()
        raise
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


def decoder_options() -> dict[str, str]:
    """Return the limits that every decoder is opened with."""
    return {"codec_whitelist": CODECS, "max_pixels": str(MAX_PIXELS)}


def describe_streams(container: InputContainer, chosen: VideoStream) -> tuple[StreamInfo, ...]:
    """Return what a file holds, as far as it says so: the first streams, and the one that is read."""
    return tuple(_described(stream, chosen) for stream in islice(container.streams, TOLD_STREAMS))


def _described(stream: Stream, chosen: VideoStream) -> StreamInfo:
    codec = stream.codec_context
    name = "" if codec is None else codec.codec.canonical_name
    is_cover = stream.type == "video" and bool(stream.disposition & COVER)
    width_px, height_px = (stream.width, stream.height) if isinstance(stream, VideoStream) else (0, 0)
    return StreamInfo(
        kind="cover" if is_cover else stream.type if stream.type in STREAM_KINDS else "data",
        codec=name,
        width_px=width_px,
        height_px=height_px,
        default=bool(stream.disposition & Disposition.default),
        chosen=stream.index == chosen.index,
    )


def video_tracks(path: Path, container: InputContainer) -> Tracks:
    """Return how much each video stream holds that may be the film; nothing where there is only one.

    By what the file says of each, or by its packets, for which the file is read once without decoding it.
    """
    candidates = films(container)
    if len(candidates) < 2:
        return {}
    if container.format.name in (MOV, MATROSKA):
        said = {stream.index: _said(container, stream) for stream in candidates}
        if all(track.length_s for track in said.values()):
            return said
    state = path.stat()
    return _measured(path, state.st_size, state.st_mtime)


def _said(container: InputContainer, stream: VideoStream) -> Track:
    """Return what the header of a file says of one of its streams."""
    frames = stream.frames
    if container.format.name == MATROSKA:
        tagged = stream.metadata.get("NUMBER_OF_FRAMES", "")
        frames = int(tagged) if tagged.isdecimal() and len(tagged) < 10 else 0
    return Track(declared_duration_s(container, stream), frames or None)


@lru_cache(maxsize=2)
def _measured(path: Path, size: int, modified_s: float) -> Tracks:
    """Return what the packets of a file say; the same file is opened several times for one reading."""
    with open_container(path) as container:
        return measure(container, MEDIA_ERRORS)


def stream_start_ticks(path: Path, container: InputContainer, stream: VideoStream, first_ticks: int) -> int:
    """Return where the pictures of a file begin on its own clock.

    Where FFmpeg meets no picture in the seconds that it looks at first, since sound comes long before, it takes the
    container's start and duration for the stream's. Then the first packet says where the pictures begin.

    Args:
        first_ticks: time of the first picture that could be decoded; taken where nothing else is known.
    """
    ticks = stream.start_time
    if ticks is None:
        return first_ticks
    time_base = Fraction(stream.time_base or 1)
    start = cast("int | None", container.start_time)
    taken = start is not None and abs(float(ticks * time_base) - start / av.time_base) < NOTICED_S
    if not taken or (first_ticks - ticks) * time_base <= LOOKED_AT_S:
        return ticks
    again, same = open_stream(path, 1)
    with again:
        try:
            return next((packet.pts for packet in again.demux(same) if packet.pts is not None), ticks)
        except MemoryError:
            raise
        except MEDIA_ERRORS:
            return ticks


def declared_duration_s(container: InputContainer, stream: VideoStream, start_ticks: int | None = None) -> float | None:
    """Return what the file promises for its video, in seconds; None if it promises nothing for the video alone.

    The stream's own duration, else its DURATION tag (Matroska; FFmpeg writes the end, so the start is subtracted,
    mkvmerge writes the length), else the container's if the video is its only stream (sound may be longer).
    ``start_ticks`` is where the pictures begin (``stream_start_ticks``), by default where the stream says so.
    """
    time_base = Fraction(stream.time_base or 1)
    stated = stream.start_time
    begins = start_ticks if start_ticks is not None else stated or 0
    start_s = float(begins * time_base)
    is_taken = stated is not None and begins > stated  # start and duration are the container's, with all the sound
    alone = len(container.streams) == 1
    if container.format.name == ASF and not alone:
        return None  # FFmpeg takes the file's for each stream's
    matroska = container.format.name == MATROSKA
    if container.format.name == AVI and stream.frames and stream.average_rate:  # else guessed from the file's size
        return float(stream.frames / stream.average_rate)
    if stream.duration and stream.duration > 0 and not matroska:  # Matroska has none: FFmpeg copies the container's
        return None if is_taken else float(stream.duration * time_base)
    tagged_s = _clock_s(stream.metadata.get("DURATION", ""))
    if tagged_s is not None:
        return tagged_s if "NUMBER_OF_FRAMES" in stream.metadata else max(0.0, tagged_s - start_s)
    if container.duration and container.duration > 0 and alone:
        total_s = container.duration / av.time_base
        return max(0.0, total_s - start_s) if matroska else total_s
    return None


def container_duration_s(container: InputContainer) -> float | None:
    """Return how long a file says to be, whatever of it is longest, in seconds; None if it does not say."""
    return container.duration / av.time_base if container.duration and container.duration > 0 else None


def picture_start_s(container: InputContainer, first_s: float) -> float:
    """Return when the first picture is displayed on the player's clock, in seconds; 0 where pictures come first.

    Players begin with whatever begins first, mostly the sound, and call that 0, whatever the file's own clock says then
    (those built on FFmpeg; browsers where the file's own begins at 0). A tenth of a second is nothing that a person
    sees, and is often but the delay of a coder; what is longer than the whole file is a damaged time. Not in the paper.

    Args:
        first_s: time of the first displayed picture on the file's clock.
    """
    start_ticks = cast("int | None", container.start_time)  # raw streams have none
    if start_ticks is None:
        return 0.0
    late_s = first_s - start_ticks / av.time_base
    length_s = container_duration_s(container)
    longest_s = LONGEST_LEAD_S if length_s is None else length_s
    return round(late_s, 3) if NOTICED_S <= late_s <= longest_s else 0.0  # tables have milliseconds


def packet_times(path: Path) -> tuple[list[Fraction], Fraction] | None:
    """Return the presentation times of all packets in seconds, sorted, and when the last one ends, without decoding.

    None if packets alone do not tell what is displayed: pictures discarded by an edit list, packets without time, two
    with the same time, or a read error.
    """
    container, stream = open_stream(path, 1)
    ticks: list[int] = []
    ends: list[int] = []
    with container:
        try:
            for packet in container.demux(stream):
                if packet.size == 0:
                    continue
                if packet.pts is None or packet.pts < 0 or packet.is_discard:
                    return None
                ticks.append(packet.pts)
                ends.append(packet.pts + (packet.duration or 0))
        except MemoryError:
            raise
        except MEDIA_ERRORS:
            return None
        time_base = Fraction(stream.time_base or 1)
    if len(set(ticks)) < len(ticks):
        return None
    return [time_base * tick for tick in sorted(ticks)], time_base * max(ends, default=0)


def words(error: BaseException) -> str:
    """Return what an error of FFmpeg or of the system says, without the file's path."""
    return str(getattr(error, "strerror", None) or error or type(error).__name__)


def _clock_s(text: str) -> float | None:
    """Read ``hh:mm:ss.fraction``; None if it is anything else."""
    match = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", text.strip())
    return None if match is None else int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3])
