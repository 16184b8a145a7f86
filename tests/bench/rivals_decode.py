"""Ways to one RGB picture a second: ours, and what one would otherwise run. Each gets ``{"video": path}``."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

Work = Callable[[], object]
Job = dict[str, Any]


def planned(job: Job) -> Work:
    from extract.pyav_reader import PyAvReader

    def work() -> None:
        reader = PyAvReader(Path(job["video"]))
        for _ in reader.frames():
            pass
        reader.close()

    return work


def naive_pyav(job: Job) -> Work:
    import av

    def work() -> None:
        with av.open(job["video"]) as container:
            due = 0.0
            for frame in container.decode(video=0):
                if frame.time >= due:
                    frame.to_image()
                    due += 1.0

    return work


def torchcodec(job: Job) -> Work:
    from torchcodec.decoders import VideoDecoder

    def work() -> None:
        decoder = VideoDecoder(job["video"], num_ffmpeg_threads=1)
        for second in range(int(decoder.metadata.end_stream_seconds)):
            decoder.get_frame_played_at(second)

    return work


def decord(job: Job) -> Work:
    from decord import VideoReader, cpu

    def work() -> None:
        reader = VideoReader(job["video"], ctx=cpu(0), num_threads=1)
        rate = reader.get_avg_fps()
        for second in range(int(len(reader) / rate)):
            reader[round(second * rate)].asnumpy()

    return work


def ffmpeg(job: Job) -> Work:
    """The program, one thread: pictures chosen by ``fps=1`` as RGB, or everything decoded and thrown away."""
    import imageio_ffmpeg

    sampled = ["-vf", "fps=1", "-pix_fmt", "rgb24", "-f", "rawvideo", "/dev/null"]
    output = sampled if job["sampled"] else ["-f", "null", "-"]
    program = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-threads", "1", "-filter_threads", "1"]

    def work() -> None:
        subprocess.run([*program, "-i", job["video"], "-an", "-threads", "1", *output], check=True)

    return work


RIVALS = {"planned": planned, "naive-pyav": naive_pyav, "torchcodec": torchcodec, "decord": decord, "ffmpeg": ffmpeg}
