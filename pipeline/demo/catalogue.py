"""A small catalogue of videos with rare labelled events, made on the spot for ``make demo``.

The demo shows the main job on real decoding and real weights, so it needs real video files, and no footage may be
committed or downloaded. The titles are therefore cut from photographs and a clip that installed packages carry
(``demo_imagery``), and labelled by construction with four harmless labels: cat, coffee, rabbit, rocket. A third of the
titles shows none of them, in the others they take less than a tenth of the time. Train and val titles carry only what
the paper's annotators note, yes or no and the first occurrence (Sec. 3.1); test titles have all occurrences too, to
judge by (Sec. 4.1).

What the numbers mean: train and test titles share pictures, though not the same parts of them (see ``SOURCES.txt``,
which is written beside the videos). A good score shows that the pipeline works, not that a model generalises.

The files vary as a real catalogue does: frame rates, containers, a letterboxed one, one that is stored on its side,
and, in the test split, one cut off in the middle of a transfer and one that is no video at all.
"""

from __future__ import annotations

import csv
import multiprocessing
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np

from data.files import atomic_path, write_text
from data.labels import Clip
from pipeline.demo.imagery import LABELS, SOURCES, source_path, sources_text
from pipeline.demo.render import title_frames
from pipeline.demo.shots import Shot, draw_labels, event_clips, plan_shots

SIZE_PX = (320, 180)
LETTERBOX_PX = 22
LENGTH_S = (50.0, 80.0)
SHARES = {"val": 0.19, "test": 0.27}
CUT_OFF_AT = 0.6
FULL_CAST = 12


@dataclass(frozen=True)
class Making:
    """How the file of a title is made, and the remark that says so in titles.csv."""

    note: str = ""
    suffix: str = ".mp4"
    fps: Fraction = Fraction(8)
    codec: str = "libx264"
    letterbox_px: int = 0
    rotation_deg: int = 0
    cut_off: bool = False


USUAL = Making()
# The second, third, ... title of the split; the first one is left as usual.
ODD: Mapping[str, Sequence[Making]] = {
    "train": (
        Making("24 frames per second", fps=Fraction(24)),
        Making("letterboxed", letterbox_px=LETTERBOX_PX),
        Making("Matroska", suffix=".mkv"),
        Making("WebM", suffix=".webm", codec="libvpx"),
        Making("stored on its side", rotation_deg=90),
    ),
    "val": (Making("25 frames per second", fps=Fraction(25)), Making("Matroska", suffix=".mkv")),
    "test": (
        Making("letterboxed", letterbox_px=LETTERBOX_PX),
        Making("23.976 frames per second", fps=Fraction(24000, 1001)),
        Making("stored on its side", rotation_deg=270),
        Making("cut off at 60 % of its bytes on purpose", suffix=".mkv", cut_off=True),
        Making("WebM", suffix=".webm", codec="libvpx"),
    ),
}
X264 = {"preset": "ultrafast", "crf": "31", "g": "120"}
VP8 = {"deadline": "realtime", "cpu-used": "8", "b": "150k", "g": "120"}


@dataclass(frozen=True)
class TitlePlan:
    """A title before it is made: its shots and its file."""

    title_id: str
    split: str
    making: Making
    shots: tuple[Shot, ...]

    @property
    def path(self) -> str:
        """Return the file's path relative to the catalogue."""
        return f"videos/{self.title_id}{self.making.suffix}"

    @property
    def duration_s(self) -> float:
        """Return the length of the whole title (also of one whose file is cut off)."""
        return float(sum(shot.frames for shot in self.shots) / self.making.fps)

    @property
    def clips(self) -> tuple[Clip, ...]:
        """Return the events in time order."""
        return event_clips(self.shots, self.making.fps)


def make_demo_catalogue(
    folder: Path,
    *,
    titles: int,
    seed: int,
    length_s: tuple[float, float] = LENGTH_S,
    workers: int | None = None,
    advance: Callable[[int, int, str], None] = lambda done, total, what: None,
) -> None:
    """Write videos/, titles.csv, video_labels.csv, clip_labels.csv and SOURCES.txt; equal arguments, equal files.

    Args:
        folder: the media root; made if it does not exist.
        titles: how many, at least 3 (one per split); from 12 on the odd files and the one that is no video are among
            them, from 18 on also the one that is cut off.
        seed: of everything that is drawn.
        length_s: shortest and longest title, in seconds.
        workers: processes that render and encode; 1 works in this process, None takes one per processor.
        advance: told (videos made, of how many, its path) after each video.

    Raises:
        ValueError: fewer than 3 titles.
        ConfigError: a package of the ``demo`` extra is missing.
    """
    if titles < 3:
        raise ValueError(f"{titles} titles; a catalogue with three splits needs at least 3")
    for name in SOURCES:
        source_path(name)
    broken = titles >= FULL_CAST
    plans = plan_titles(titles - broken, seed=seed, length_s=length_s)
    (folder / "videos").mkdir(parents=True, exist_ok=True)
    make = partial(_make_video, folder)
    count = min(workers or os.cpu_count() or 1, len(plans))
    if count == 1:
        for done, plan in enumerate(plans):
            advance(done + 1, len(plans), make(plan))
    else:
        with ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn")) as pool:
            # Longest first, so that no worker is left alone with a long one at the end.
            longest = sorted(plans, key=lambda plan: -sum(shot.frames for shot in plan.shots))
            for done, path in enumerate(pool.map(make, longest)):
                advance(done + 1, len(plans), path)
    write_text(folder / "SOURCES.txt", sources_text())
    _write_tables(folder, plans, broken=broken)


def plan_titles(titles: int, *, seed: int, length_s: tuple[float, float]) -> tuple[TitlePlan, ...]:
    """Return the plan of every playable title; each depends on the seed, its split and its place in the split only."""
    test = max(1, round(titles * SHARES["test"]))
    val = max(1, round(titles * SHARES["val"]))
    counts = {"train": titles - val - test, "val": val, "test": test}
    plans: list[TitlePlan] = []
    for number, (split, count) in enumerate(counts.items()):
        for place in range(count):
            rng = np.random.default_rng((seed, number, place))
            odd = ODD[split]
            making = odd[place - 1] if 1 <= place <= len(odd) and titles + 1 >= FULL_CAST else USUAL
            # Two of three titles have events; the labels take turns as the first event, so each split shows them all.
            labels = draw_labels(rng, LABELS[(place - place // 3) % len(LABELS)]) if place % 3 != 2 else ()
            shots = plan_shots(rng, split=split, fps=making.fps, length_s=rng.uniform(*length_s), labels=labels)
            plans.append(TitlePlan(f"demo-{split}-{place + 1:02d}", split, making, shots))
    return tuple(plans)


def _make_video(folder: Path, plan: TitlePlan) -> str:
    from extract.pyav_writer import write_video

    making = plan.making
    frames = title_frames(
        plan.shots,
        fps=making.fps,
        size_px=SIZE_PX,
        letterbox_px=making.letterbox_px,
        quarter_turns=making.rotation_deg // 90,
    )
    options = X264 if making.codec == "libx264" else VP8
    target = folder / plan.path
    with atomic_path(target) as temporary:
        write_video(
            temporary,
            frames,
            fps=making.fps,
            codec=making.codec,
            options=options,
            # Without it Matroska files carry a random number and no two are equal.
            muxer_options={"fflags": "+bitexact"},
            rotation_deg=making.rotation_deg,
        )
        if making.cut_off:
            os.truncate(temporary, int(temporary.stat().st_size * CUT_OFF_AT))
    return plan.path


def _write_tables(folder: Path, plans: Sequence[TitlePlan], *, broken: bool) -> None:
    titles: list[Sequence[object]] = [
        (plan.title_id, plan.path, f"{plan.duration_s:.3f}", plan.split, plan.making.note) for plan in plans
    ]
    present: list[Sequence[object]] = []
    rows: list[Sequence[object]] = []
    for plan in plans:
        seen = {clip.label for clip in plan.clips}
        present += [(plan.title_id, label, int(label in seen)) for label in LABELS]
        first = {clip.label: clip for clip in reversed(plan.clips)}
        rows += [_clip_row(plan, first[label], "first_occurrence") for label in LABELS if label in first]
        if plan.split == "test":
            rows += [_clip_row(plan, clip, "all_occurrence") for clip in plan.clips]
    if broken:
        title_id = "demo-test-not-a-video"
        write_text(folder / "videos" / f"{title_id}.mp4", "<html><body>404 Not Found</body></html>\n")
        titles.append((title_id, f"videos/{title_id}.mp4", "", "test", "an error page saved as .mp4 on purpose"))
        present += [(title_id, label, "") for label in LABELS]
    _write_csv(folder / "video_labels.csv", ("title_id", "label", "present"), present)
    _write_csv(folder / "clip_labels.csv", ("title_id", "label", "start_s", "end_s", "kind"), rows)
    # Last: whoever finds it finds everything.
    _write_csv(folder / "titles.csv", ("title_id", "path", "duration_s", "split", "note"), titles)


def _clip_row(plan: TitlePlan, clip: Clip, kind: str) -> Sequence[object]:
    return (plan.title_id, clip.label, f"{clip.start_s:.3f}", f"{clip.end_s:.3f}", kind)


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
