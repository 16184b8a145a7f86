"""Videos to measure with: generated pictures that cost a decoder about what films do (motion, grain, cuts).

Three of four H.264 pictures come out as B-pictures, as in many films (45 to 82 % in nine real clips, none in two
others): with more grain the encoder falls back to P-pictures, which every later picture needs.

Files are made once per folder. FFmpeg's libraries for torchcodec come from PyAV's wheel, under the names they are
asked for by.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

from extract.pyav_writer import write_video

FPS = 24
SHOT_S = 4
GRAIN = 2  # standard deviation of levels, 0 to 255
SIZES = {"1080p": (1920, 1080), "480p": (854, 480)}
Picture = npt.NDArray[np.uint8]


def clip(folder: Path, name: str, size: str, seconds: int, *, codec: str = "libx264", vfr: bool = False) -> Path:
    """Return a clip, made if it is not there."""
    path = folder / f"{name}-{seconds}s.mp4"
    if not path.is_file():
        frames = FPS * seconds
        gaps = [Fraction(1, 30) if n % 48 < 24 else Fraction(1, 20) for n in range(frames)]
        times = [sum(gaps[:n], Fraction(0)) for n in range(frames)] if vfr else None
        options = {"crf": "19", "preset": "veryfast" if codec == "libx264" else "superfast", "bf": "3", "threads": "1"}
        if codec == "libx265":
            options = {"crf": "24", "preset": "superfast", "x265-params": "log-level=none:bframes=3:pools=1"}
        temporary = path.with_suffix(".part.mp4")
        write_video(temporary, pictures(*SIZES[size], frames), fps=FPS, times_s=times, codec=codec, options=options)
        temporary.rename(path)
    return path


def pictures(width: int, height: int, count: int) -> Iterator[Picture]:
    """Yield pictures of shots of four seconds: a textured scene that drifts, an object that moves, film grain."""
    rng = np.random.default_rng(0)
    grain = rng.normal(0, GRAIN, (height + 64, width + 64, 1)).astype(np.int16)
    scene = _scene(rng, width, height)
    for number in range(count):
        place = number % (FPS * SHOT_S)
        if place == 0:
            scene, angle = _scene(rng, width, height), rng.uniform(0, 2 * np.pi)
        dx, dy = int(60 + 0.5 * place * np.cos(angle)), int(60 + 0.5 * place * np.sin(angle))
        picture = scene[dy : dy + height, dx : dx + width].astype(np.int16)
        left = (place * width // 200) % (width // 2)
        picture[height // 3 : 2 * height // 3, left : left + width // 6] = np.roll(scene, place, 0)[
            : 2 * height // 3 - height // 3, : width // 6
        ]
        gx, gy = rng.integers(0, 64, 2)
        picture += grain[gy : gy + height, gx : gx + width]
        yield picture.clip(0, 255).astype(np.uint8)


def _scene(rng: np.random.Generator, width: int, height: int) -> Picture:
    """Noise at several scales, as natural pictures have it: the finer, the fainter."""
    size = (width + 130, height + 130)
    total = np.zeros((size[1], size[0], 3))
    for cells, weight in ((4, 1.0), (16, 0.5), (64, 0.2), (256, 0.08)):
        noise = rng.integers(0, 256, (cells * size[1] // size[0] + 1, cells, 3), dtype=np.uint8)
        total += weight * np.asarray(Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC), np.float64)
    return (total / 1.78).clip(0, 255).astype(np.uint8)


def repeated(folder: Path, source: Path, minutes: int) -> Path:
    """Return a film of so many minutes: the packets of a clip again and again, nothing encoded."""
    path = folder / f"{source.stem}-x{minutes}min.mkv"
    if path.is_file():
        return path
    temporary = path.with_suffix(".part.mkv")
    with av.open(str(source)) as given, av.open(str(temporary), "w") as film:
        stream = given.streams.video[0]
        copy = film.add_stream_from_template(stream)
        length = int(stream.duration or 0)
        base = stream.time_base
        assert base is not None and length > 0
        for turn in range(-(-minutes * 60 // round(length * base))):
            given.seek(0)
            for packet in given.demux(stream):
                if packet.dts is not None and packet.pts is not None:
                    packet.pts += turn * length
                    packet.dts += turn * length
                    packet.time_base = base
                    packet.stream = copy
                    film.mux(packet)
    temporary.rename(path)
    return path


def ffmpeg_libraries(folder: Path) -> Path:
    """Return a folder with the libraries of PyAV's wheel: as ``libavutil.so.60``, and as they name each other."""
    wheel = Path(av.__file__).parent.parent / "av.libs"
    folder.mkdir(exist_ok=True)
    for library in wheel.glob("lib*.so.*"):
        name = re.sub(r"-[0-9a-f]{8}(?=\.so)", "", library.name)
        for link in (folder / re.sub(r"(\.so\.\d+).*", r"\1", name), folder / library.name):
            if not link.exists():
                link.symlink_to(library)
    return folder
