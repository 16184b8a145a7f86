"""Write small videos: the demo's catalogue, and the clips that the tests of the readers count on.

The readers are held to exact presentation times, so the writer takes exact ones: a rate or a list of times, both
rational, stored in a time base that can express them. Nothing here is used to read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

# The usual MPEG clock: it divides 24, 25, 30, 24000/1001 and 30000/1001 frames per second without remainder.
TIME_BASE = Fraction(1, 90_000)


def write_video(
    path: Path,
    frames: Iterable[npt.NDArray[np.uint8]],
    *,
    fps: Fraction | int = 24,
    times_s: Sequence[Fraction | int] | None = None,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    options: Mapping[str, str] | None = None,
    muxer: str | None = None,
    muxer_options: Mapping[str, str] | None = None,
    rotation_deg: int = 0,
    mirrored: bool = False,
    sample_aspect: Fraction | int = 1,
) -> int:
    """Encode pictures to a video file without sound and return how many were written.

    Args:
        path: file to write; its suffix chooses the container unless ``muxer`` names one.
        frames: (H, W, 3) uint8 RGB pictures of one size; consumed one by one, so memory stays flat.
        fps: pictures per second; also the rate the encoder is told when ``times_s`` is given.
        times_s: presentation time of each picture in seconds, rising; rounded to 1/90000 s. None: ``fps`` apart from 0.
        codec: FFmpeg's encoder name.
        pix_fmt: pixel format in the file; yuv420p needs even sides, yuv444p takes any.
        options: encoder options, for example ``{"crf": "18", "g": "48"}``.
        muxer: FFmpeg's container name, for example ``mp4``.
        muxer_options: container options, for example ``{"movflags": "frag_keyframe"}``.
        rotation_deg: clockwise rotation that a player must apply: 0, 90, 180 or 270 (stored, not applied).
        mirrored: a player must also mirror the picture left to right after rotating it (stored, not applied).
        sample_aspect: width / height of one pixel.

    Raises:
        ValueError: there is no picture, there are fewer times than pictures, or ``codec`` is not a video encoder.
    """
    written = 0
    with av.open(str(path), "w", format=muxer, container_options=dict(muxer_options or {})) as container:
        stream = container.add_stream(codec, rate=Fraction(fps), options=dict(options or {}))
        if not isinstance(stream, av.VideoStream):
            raise ValueError(f"{codec}: not a video encoder; give one such as libx264")
        stream.pix_fmt = pix_fmt
        stream.thread_count = 1
        stream.codec_context.sample_aspect_ratio = Fraction(sample_aspect)
        if rotation_deg or mirrored:
            stream.set_display_rotation(-rotation_deg, hflip=mirrored)
        time_base = Fraction(1) / Fraction(fps) if times_s is None else TIME_BASE
        stream.codec_context.time_base = time_base
        for rgb in frames:
            if written == 0:
                stream.height, stream.width = rgb.shape[:2]
            if times_s is not None and written >= len(times_s):
                raise ValueError(f"{path.name}: {len(times_s)} times for more pictures; give one time per picture")
            picture = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            picture.time_base = time_base
            picture.pts = written if times_s is None else round(Fraction(times_s[written]) / time_base)
            container.mux(stream.encode(picture))
            written += 1
        if written == 0:
            raise ValueError(f"{path.name}: no picture to write; give at least one")
        container.mux(stream.encode(None))
    return written
