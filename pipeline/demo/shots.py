"""The script of a demo title: which shots it is cut from and where its labelled events are, before a pixel exists.

A title is background shots of 2 to 8 seconds with 0 to 3 events between them; an event is a run of shots that all show
its label, in different framings and gradings. Everything is drawn from the generator that is passed in, so the same
seed gives the same script.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from data.labels import Clip
from pipeline.demo.imagery import LABELS, Region, regions

SHOT_S = (2.0, 8.0)
EVENT_S = (4.0, 25.0)
STYLES = ("full", "inset", "blend")


@dataclass(frozen=True)
class View:
    """A camera move over a region.

    Args:
        region: what is looked at.
        start, end: windows of the frame's shape at the first and last frame: size as a share of the largest window that
            the region holds, left and top as shares of the room that is left over; (left, top, size), in [0, 1].
        mirrored: left and right exchanged.
        brightness, contrast, colour: factors, 1 leaves the picture as it is.
        tint: (r, g, b) factors.
        blur_px: radius of a Gaussian blur.
        phase: where in the region's part of the clip to begin, in [0, 1); without meaning for photographs.
    """

    region: Region
    start: tuple[float, float, float]
    end: tuple[float, float, float]
    mirrored: bool
    brightness: float
    contrast: float
    colour: float
    tint: tuple[float, float, float]
    blur_px: float
    phase: float


@dataclass(frozen=True)
class Shot:
    """One uncut piece of a title.

    Args:
        frames: its length, > 0.
        view: what it shows.
        label: what is to be found in it, None for background.
        style: ``full``; ``inset`` (the view in a corner over ``backdrop``) or ``blend`` (both half transparent).
        backdrop: a second, unlabelled view for the two last styles.
        fades: from and to black, at most half a second each.
    """

    frames: int
    view: View
    label: str | None
    style: str
    backdrop: View | None
    fades: bool


def plan_shots(
    rng: np.random.Generator, *, split: str, fps: Fraction, length_s: float, labels: Sequence[str]
) -> tuple[Shot, ...]:
    """Return the shots of a title of ``length_s`` seconds that shows one event for each of ``labels``, in that order.

    Events are 4 to 25 s long (short ones are far more frequent; never above a sixth of the title) with at least 8 s of
    background (a tenth of a short title) before, between and after them.
    """
    total = round(length_s * fps)
    low, high = EVENT_S[0], max(EVENT_S[0], min(EVENT_S[1], length_s / 6))
    events = [round((low + (high - low) * rng.random() ** 4) * fps) for _ in labels]
    least = round(min(8.0, length_s / 10) * fps)
    spare = total - sum(events) - least * (len(events) + 1)
    if spare < 0:
        raise ValueError(f"a title of {length_s:g} s is too short for {len(events)} events; use at least 60 s")
    shares = rng.dirichlet(np.ones(len(events) + 1))
    gaps = [least + int(share * spare) for share in shares]
    gaps[-1] += total - sum(events) - sum(gaps)
    shots: list[Shot] = []
    for gap, event, label in zip(gaps, [*events, 0], [*labels, None]):
        shots += [_background(rng, frames, split) for frames in _cut(rng, gap, fps)]
        shots += [_event(rng, frames, split, label) for frames in _cut(rng, event, fps) if label is not None]
    return tuple(shots)


def event_clips(shots: Sequence[Shot], fps: Fraction) -> tuple[Clip, ...]:
    """Return the labelled intervals of a title, in time order: neighbouring shots of one label are one event."""
    clips: list[Clip] = []
    frame = 0
    for shot in shots:
        start_s, end_s = float(frame / fps), float((frame + shot.frames) / fps)
        if shot.label is not None:
            if clips and clips[-1].label == shot.label and clips[-1].end_s == start_s:
                start_s = clips.pop().start_s
            clips.append(Clip(shot.label, start_s, end_s))
        frame += shot.frames
    return tuple(clips)


def draw_labels(rng: np.random.Generator, first: str) -> tuple[str, ...]:
    """Return the events of a positive title: ``first`` and up to two more, often of the same label, shuffled."""
    labels = [first]
    for _ in range(int(rng.choice(3, p=(0.6, 0.3, 0.1)))):
        labels.append(first if rng.random() < 0.5 else str(rng.choice(LABELS)))
    return tuple(labels[index] for index in rng.permutation(len(labels)))


def _cut(rng: np.random.Generator, frames: int, fps: Fraction) -> list[int]:
    """Cut a run of frames into shots of 2 to 8 s (a run shorter than that is one shot)."""
    pieces = []
    while frames > SHOT_S[1] * fps:
        pieces.append(round(rng.uniform(SHOT_S[0], SHOT_S[1] - SHOT_S[0]) * fps))
        frames -= pieces[-1]
    return [*pieces, frames] if frames else pieces


def _background(rng: np.random.Generator, frames: int, split: str) -> Shot:
    style = str(rng.choice(STYLES, p=(0.7, 0.15, 0.15)))
    view = _view(rng, split, None)
    backdrop = None if style == "full" else _view(rng, split, None)
    return Shot(frames, view, None, style, backdrop, fades=bool(rng.random() < 0.15))


def _event(rng: np.random.Generator, frames: int, split: str, label: str | None) -> Shot:
    style = str(rng.choice(STYLES, p=(0.5, 0.25, 0.25)))
    view = _view(rng, split, label)
    backdrop = None if style == "full" else _view(rng, split, None)
    return Shot(frames, view, label, style, backdrop, fades=False)


def _view(rng: np.random.Generator, split: str, label: str | None) -> View:
    choices = regions(split, label)
    weights = np.array([region.weight for region in choices])
    region = choices[int(rng.choice(len(choices), p=weights / weights.sum()))]
    # Labelled things stay in sight: their windows are never small. Backgrounds may be looked at closely.
    least = 0.65 if label is not None else 0.45
    start = (rng.random(), rng.random(), rng.uniform(least, 1.0))
    # A quarter of the shots is still, half of them pan, a quarter zooms while panning.
    move = rng.random()
    scale = float(np.clip(start[2] * rng.uniform(0.8, 1.25), least, 1)) if move > 0.75 else start[2]
    end = start if move < 0.25 else (rng.random(), rng.random(), scale)
    # Most shots are lightly graded; one in four is a dark, washed-out or nearly colourless one.
    hard = rng.random() < 0.25
    spread = 3.0 if hard else 1.0
    return View(
        region=region,
        start=start,
        end=end,
        mirrored=bool(rng.random() < 0.5),
        brightness=float(np.clip(rng.normal(1.0, 0.12 * spread), 0.35, 1.6)),
        contrast=float(np.clip(rng.normal(1.0, 0.10 * spread), 0.4, 1.6)),
        colour=float(np.clip(rng.normal(1.0, 0.15 * spread), 0.1, 1.8)),
        tint=(rng.uniform(0.9, 1.1), rng.uniform(0.95, 1.05), rng.uniform(0.9, 1.1)),
        blur_px=float(rng.uniform(1.5, 5.0)) if rng.random() < 0.15 else 0.0,
        phase=rng.random(),
    )
