"""Which FFmpeg is at work: PyAV's wheels bring their own, and its licence and decoders depend on how it was built."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path

import av

from extract.decoders import CHECKED_BY
from extract.media import CODECS

# What films are made with; the other allowed codecs are of older or rarer ones.
USUAL_CODECS = ("h264", "hevc", "av1", "vp9", "vp8", "mpeg2video", "mpeg4", "prores", "vc1")


@dataclass(frozen=True)
class FfmpegBuild:
    """An FFmpeg and what it can do here.

    Args:
        version: of FFmpeg.
        licence: of libavcodec as built; empty where it cannot be asked.
        decoders: how many of the allowed decoders there are.
        lacking: usual codecs without any.
        unchecked: codecs whose damaged pictures pass for whole, because libvpx is missing.
    """

    version: str
    licence: str
    decoders: int
    lacking: tuple[str, ...]
    unchecked: tuple[str, ...]


def find_ffmpeg() -> FfmpegBuild:
    """Return the FFmpeg that PyAV uses."""
    found = [name for name in CODECS.split(",") if name in av.codecs_available]
    lacking = tuple(name for name in USUAL_CODECS if name not in av.codecs_available)
    unchecked = tuple(codec for codec, name in CHECKED_BY.items() if name not in av.codecs_available)
    return FfmpegBuild(str(av.ffmpeg_version_info), _licence(), len(found), lacking, unchecked)


def _licence() -> str:
    """Ask the very library that this process has loaded."""
    maps = Path("/proc/self/maps")
    loaded = {line.split()[-1] for line in maps.read_text().splitlines()} if maps.exists() else set()
    for path in sorted(path for path in loaded if "libavcodec" in path):
        library = ctypes.CDLL(path)
        library.avcodec_license.restype = ctypes.c_char_p
        return str(library.avcodec_license().decode())
    return ""
