"""Features for synthetic titles: scenes of shots, events that show and hide, scenes that only look like events.

Not in the paper. What a network has to cope with in films is put in, and nothing else: frames of a scene look alike and
cuts are sudden, an event changes the picture in most of its shots and not in its cutaways, and every label has a
look-alike (a wrestling match, a beach) that occurs everywhere and is no event.

Axes: T frames, D feature width, C labels, S scenes, H shots, L looks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data.settings import PAPER_LABELS
from data.synthetic_titles import FEATURES_STREAM, WORLD_STREAM, SyntheticTitle, generator
from data.targets import clip_frames

Matrix = npt.NDArray[np.float32]

LOOKS = 48
SHOT_S, SCENE_SHOTS = 5, 12
"""Mean seconds of a shot and mean shots of a scene."""

HARD_SCENE_SHARE = 0.2
"""Share of scenes that look like an event of some label and are none."""

SHOWN_SHARE, HARD_SHOWN_SHARE = 0.8, 0.6
"""Share of an event's shots that show it, the others are cutaways; and of a look-alike scene's that look like it."""

LIKENESS = 0.7
"""Cosine of a look-alike with the event."""

SHOT_SIZE, NOISE_SIZE, EVENT_SIZE = 0.5, 0.3, 3.0
"""Sizes against a look's 1 per dimension; an event's is the length of its whole vector, times 0.6 to 1.4 in a shot."""


@dataclass(frozen=True)
class World:
    """What all titles of a seed and width share.

    Args:
        look_LD: (L, D) how scenes look.
        event_CD: (C, D) what an event adds, length 1.
        alike_CD: (C, D) what its look-alike adds, length 1.
    """

    look_LD: Matrix
    event_CD: Matrix
    alike_CD: Matrix


def draw_world(seed: int, width: int) -> World:
    """Draw the looks, events and look-alikes of a catalogue."""
    rng = generator(seed, width, WORLD_STREAM)
    look_LD = rng.standard_normal((LOOKS, width), dtype=np.float32)
    event_CD, other_CD = (_unit(rng.standard_normal((len(PAPER_LABELS), width), dtype=np.float32)) for _ in range(2))
    other_CD = _unit(other_CD - (other_CD * event_CD).sum(axis=1, keepdims=True) * event_CD)
    return World(look_LD, event_CD, LIKENESS * event_CD + np.sqrt(np.float32(1 - LIKENESS**2)) * other_CD)


def draw_features(world: World, seed: int, title: SyntheticTitle) -> npt.NDArray[np.float16]:
    """Draw (T, D) features of a title; they depend on seed, width and the title alone."""
    rng = generator(seed, title.index, FEATURES_STREAM)
    width = world.look_LD.shape[1]
    shot_T = _cuts(rng, title.frames)
    shots = int(shot_T[-1]) + 1
    scene_H = np.cumsum(rng.random(shots) < 1 / SCENE_SHOTS)
    scenes = int(scene_H[-1]) + 1
    picture_HD = world.look_LD[rng.integers(LOOKS, size=scenes)][scene_H]
    picture_HD += SHOT_SIZE * rng.standard_normal((shots, width), dtype=np.float32)
    alike_S = np.where(rng.random(scenes) < HARD_SCENE_SHARE, rng.integers(len(PAPER_LABELS), size=scenes), -1)
    hard_H = (alike_S[scene_H] >= 0) & (rng.random(shots) < HARD_SHOWN_SHARE)
    picture_HD[hard_H] += _strengths(rng, shots)[hard_H] * world.alike_CD[alike_S[scene_H[hard_H]]]
    features_TD = picture_HD[shot_T]
    for c, label in enumerate(PAPER_LABELS):
        strength_H1 = _strengths(rng, shots) * (rng.random((shots, 1)) < SHOWN_SHARE)
        for clip in title.labels.occurrences or ():
            if clip.label == label:
                inside = clip_frames(clip, title.frames)
                features_TD[inside] += strength_H1[shot_T[inside]] * world.event_CD[c]
    features_TD += NOISE_SIZE * rng.standard_normal(features_TD.shape, dtype=np.float32)
    return features_TD.astype(np.float16)


def _cuts(rng: np.random.Generator, frames: int) -> npt.NDArray[np.int64]:
    """Return (T,) the shot of each frame, counted from 0."""
    cut_T = rng.random(frames) < 1 / SHOT_S
    cut_T[0] = False
    return np.cumsum(cut_T)


def _strengths(rng: np.random.Generator, shots: int) -> Matrix:
    """Return (H, 1) how strongly each shot shows what it shows."""
    strength_H1: Matrix = (EVENT_SIZE * (0.6 + 0.8 * rng.random((shots, 1)))).astype(np.float32)
    return strength_H1


def _unit(vectors: Matrix) -> Matrix:
    unit: Matrix = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
