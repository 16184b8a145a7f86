"""A small catalogue of landscapes that are drawn, not filmed: no picture of anybody's is in it.

Each title is cut from shots of hills under a sky. Three harmless things happen in some of them and are labelled:
balloons drift, fireworks burst, rain falls. Night without fireworks and grey skies without rain are there too, so that
a model has something to learn. Equal seeds give equal pictures.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from extract.pyav_writer import write_video

LABELS = ("balloons", "fireworks", "rain")
SIZE_PX = (480, 270)
FPS = 4
SKIES = {  # at the zenith, at the horizon, and the hills in front of it
    "day": ((74, 134, 204), (196, 222, 240), (86, 128, 74)),
    "dusk": ((62, 50, 110), (240, 150, 96), (62, 58, 66)),
    "night": ((8, 10, 28), (30, 36, 66), (16, 20, 26)),
    "grey": ((120, 128, 138), (176, 182, 188), (74, 86, 76)),
}
EVENT_SKIES = {"balloons": ("day", "dusk"), "fireworks": ("night",), "rain": ("grey",)}


@dataclass(frozen=True)
class Shot:
    """A few seconds from one place; ``event`` is a label or empty."""

    seed: int
    sky: str
    start_s: int
    end_s: int
    event: str = ""


def plan_title(seed: int, events: Sequence[str], length_s: int) -> list[Shot]:
    """Return the shots of a title: each of ``events`` fills one of them, spread over its length."""
    rng = np.random.default_rng(seed)
    cuts = [0]
    while cuts[-1] < length_s:
        cuts.append(min(length_s, cuts[-1] + int(rng.integers(7, 14))))
    skies = list(SKIES)
    shots = [Shot(int(rng.integers(1 << 30)), str(rng.choice(skies)), *span) for span in pairwise(cuts)]
    places = rng.choice(np.arange(1, len(shots) - 1, 2), len(events), replace=False)
    for place, event in zip(sorted(places), events, strict=True):
        one = shots[place]
        sky = str(rng.choice(EVENT_SKIES[event]))
        shots[place] = Shot(one.seed, sky, one.start_s, one.end_s, event)
    return shots


def pictures(shots: Sequence[Shot]) -> Iterator[np.ndarray]:
    """Yield (H, W, 3) uint8 pictures, ``FPS`` a second."""
    for shot in shots:
        ground = _landscape(shot)
        for number in range((shot.end_s - shot.start_s) * FPS):
            picture = ground.copy()
            if shot.event:
                DRAW[shot.event](ImageDraw.Draw(picture, "RGBA"), np.random.default_rng(shot.seed), number / FPS)
            yield np.asarray(picture)


def _landscape(shot: Shot) -> Image.Image:
    rng = np.random.default_rng(shot.seed)
    width, height = SIZE_PX
    top, bottom, hill = (np.array(colour, float) for colour in SKIES[shot.sky])
    share_H1 = np.linspace(0, 1, height)[:, None]
    sky_HW3 = np.broadcast_to((top * (1 - share_H1) + bottom * share_H1)[:, None], (height, width, 3)).copy()
    x_W = np.arange(width)
    for layer in range(3):
        waves = sum(rng.uniform(4, 26) * np.sin(x_W * rng.uniform(0.004, 0.02) + rng.uniform(0, 6.3)) for _ in range(3))
        edge_W = height * (0.52 + 0.15 * layer) + waves
        below_HW = np.arange(height)[:, None] >= edge_W[None]
        sky_HW3[below_HW] = bottom * (0.5 - 0.22 * layer) + hill * (0.5 + 0.22 * layer)
    sky_HW3 += rng.normal(0, 2.5, sky_HW3.shape)
    image = Image.fromarray(np.clip(sky_HW3, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    if shot.sky == "night":
        for x, y in rng.integers((0, 0), (width, height // 2), (40, 2)).tolist():
            draw.point((x, y), (220, 224, 240))
    if shot.sky in ("dusk", "night"):
        x, y, radius = int(rng.integers(40, width - 40)), int(rng.integers(25, 90)), 12
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), (250, 226, 170))
    return image.filter(ImageFilter.GaussianBlur(0.8))


def _balloons(draw: ImageDraw.ImageDraw, rng: np.random.Generator, time_s: float) -> None:
    for _ in range(5):
        x, y, radius = rng.uniform(30, SIZE_PX[0] - 30), rng.uniform(60, 190), rng.uniform(13, 30)
        colour = tuple(rng.integers((190, 30, 30), (255, 200, 120)).tolist())
        x, y = x + 5 * np.sin(time_s + radius), y - 4 * time_s
        draw.ellipse((x - radius, y - 1.15 * radius, x + radius, y + 1.15 * radius), colour)
        draw.ellipse((x - 0.35 * radius, y - 1.15 * radius, x + 0.35 * radius, y + 1.15 * radius), (255, 255, 255, 90))
        draw.line((x, y + 1.15 * radius, x, y + 1.9 * radius), (60, 50, 40), 2)


def _fireworks(draw: ImageDraw.ImageDraw, rng: np.random.Generator, time_s: float) -> None:
    for _ in range(8):
        x, y, begins_s = rng.uniform(50, SIZE_PX[0] - 50), rng.uniform(30, 120), rng.uniform(-2, 12)
        colour = tuple(rng.integers((180, 90, 60), (255, 230, 255)).tolist())
        age_s = (time_s - begins_s) % 4
        for angle in np.linspace(0, 2 * np.pi, 26, endpoint=False):
            reach = 16 + 22 * age_s * rng.uniform(0.85, 1.1)
            end = (x + reach * np.cos(angle), y + reach * np.sin(angle) + 3 * age_s**2)
            begin = (x + 0.6 * (end[0] - x), y + 0.6 * (end[1] - y))
            draw.line((*begin, *end), (*colour, int(235 * max(0.15, 1 - age_s / 4))), 2)


def _rain(draw: ImageDraw.ImageDraw, _: np.random.Generator, time_s: float) -> None:
    drops = np.random.default_rng(int(1000 * time_s)).uniform((-20, -30), SIZE_PX, (260, 2))
    for x, y in drops.tolist():
        draw.line((x, y, x + 5, y + 22), (214, 222, 232, 150), 1)


DRAW = {"balloons": _balloons, "fireworks": _fireworks, "rain": _rain}
CAST = {  # what happens, title by title
    "train": (
        *(("balloons", "fireworks"), ("rain",), ("fireworks", "rain", "rain"), ()),
        *(("balloons",), ("rain", "balloons"), ("fireworks",), (), ("balloons", "rain")),
    ),
    "val": (("balloons", "rain"), ("fireworks", "balloons"), ("rain", "fireworks"), ()),
    "test": (("balloons", "fireworks", "rain"), ("rain", "balloons"), (), ("fireworks", "rain")),
}


def make_catalogue(folder: Path, length_s: int = 240) -> None:
    """Write the videos and their tables; one video breaks off, one is no video."""
    folder.mkdir(parents=True, exist_ok=True)
    titles = [["title_id", "path", "duration_s", "split"]]
    present, clips = [["title_id", "label", "present"]], [["title_id", "label", "start_s", "end_s", "kind"]]
    cast = [(split, events) for split, titles_of in CAST.items() for events in titles_of]
    for number, (split, events) in enumerate(cast):
        title_id, shots = f"{split}-{number + 1:02d}", plan_title(number, events, length_s)
        path = folder / f"{title_id}.mp4"
        write_video(path, pictures(shots), fps=FPS, options={"preset": "veryfast", "crf": "24", "g": "48"})
        titles.append([title_id, path.name, str(length_s), split])
        present += [[title_id, label, str(int(label in events))] for label in LABELS]
        happened = [shot for shot in shots if shot.event]
        first = {shot.event: shot for shot in reversed(happened)}
        clips += [_clip(title_id, shot, "first_occurrence") for shot in first.values()]
        if split != "train":
            clips += [_clip(title_id, shot, "all_occurrence") for shot in happened]
    _add_broken(folder, titles, length_s)
    for name, rows in (("titles", titles), ("video_labels", present), ("clip_labels", clips)):
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as handle:
            csv.writer(handle, lineterminator="\n").writerows(rows)


def _add_broken(folder: Path, titles: list[list[str]], length_s: int) -> None:
    path = folder / "test-cut-off.mkv"
    shots = plan_title(99, ("balloons", "rain"), length_s)
    write_video(path, pictures(shots), fps=FPS, options={"preset": "veryfast", "crf": "24", "g": "24"})
    path.write_bytes(path.read_bytes()[: int(0.55 * path.stat().st_size)])
    (folder / "test-no-video.mp4").write_text("<html><body>404 Not Found</body></html>\n")
    titles += [["test-cut-off", path.name, str(length_s), "test"], ["test-no-video", "test-no-video.mp4", "", "test"]]


def _clip(title_id: str, shot: Shot, kind: str) -> list[str]:
    return [title_id, shot.event, str(shot.start_s), str(shot.end_s), kind]
