"""Titles and labels that look like the paper's catalogue (Sec. 4.1, Tables 1 and 2), drawn from a seed.

Scaling cannot be shown on films that nobody may share. What decides memory, time and imbalance is the *shape* of a
catalogue, and the paper prints that: how many titles hold which label, for how long, how often, how long titles are.
Title i depends on the seed and i alone, so a larger catalogue begins with the smaller one.

The paper's two rows of Table 2 cannot both hold: 0.2 % of all frames is 8 % of the 2.5 % foreground, not 3.4 %. Row 1
and the 2.5 % are met here. Not in the paper, chosen: which labels come together, how lengths spread around their means,
and where in a title events lie (anywhere).

Axes: C labels, P combinations of labels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from data.labels import Clip, TitleLabels
from data.settings import PAPER_LABELS

PAPER_TITLES = 41_234
PAPER_FIRSTS = {"sex": 12_241, "nudity": 2_164, "violence": 20_592, "drug-use": 14_578}
PAPER_FIRST_MEAN_S = {"sex": 23.2, "nudity": 18.9, "violence": 28.4, "drug-use": 19.3}
PAPER_FRAME_SHARE = {"sex": 0.008, "nudity": 0.002, "violence": 0.013, "drug-use": 0.007}
PAPER_FOREGROUND_SHARE = 0.025
PAPER_POSITIVE_SHARE = 26_726 / PAPER_TITLES
PAPER_MEAN_S = 38 * 60.0
MOVIE_SHARE = 0.14

NUDITY_GIVEN_SEX = 0.15
"""Share of the positive titles with sex that hold nudity, too; without sex it is what the paper's count leaves."""

TOGETHER = 0.66
"""Chance that an event begins inside one of another label: brings the 3.0 % of Table 2's row 1 to 2.5 % foreground."""

LENGTH_SPREAD = 0.6
"""Standard deviation of the logarithm of an event's length."""

GAP_S = 5.0
"""Least distance of two events of one label; nearer ones would be one."""

MINUTES = {"half-hour": (22.0, 2.0, 0.86 * 0.7), "hour": (42.0, 3.0, 0.86 * 0.3), "movie": (99.4, 15.0, MOVIE_SHARE)}
"""Mean, standard deviation (cut at three of them) and share of each kind of title: 38 minutes on average."""

TRIES = 50
LABELS_STREAM, FEATURES_STREAM, WORLD_STREAM = 0, 1, 2


@dataclass(frozen=True)
class SyntheticTitle:
    """One title.

    Args:
        index: its number in the catalogue.
        kind: ``movie`` or ``episode``.
        frames: T, its length in seconds.
        split: one of eight titles is ``val``, one ``test`` (the paper: 13.1 % test), so that few titles fill all three.
        labels: presence, first and all occurrences of the paper's four labels.
    """

    index: int
    title_id: str
    kind: str
    frames: int
    split: str
    labels: TitleLabels


def generator(seed: int, index: int, stream: int) -> np.random.Generator:
    """Return the generator of one title and purpose."""
    return np.random.default_rng([seed, index, stream])


def draw_title(seed: int, index: int) -> SyntheticTitle:
    """Draw title ``index`` of the catalogue ``seed``; the same whatever else is drawn."""
    rng = generator(seed, index, LABELS_STREAM)
    title_id = f"s{seed}-{index:06d}"
    lengths = list(MINUTES)
    length = lengths[rng.choice(len(lengths), p=[share for _, _, share in MINUTES.values()])]
    mean, deviation, _ = MINUTES[length]
    frames = round(60 * (mean + deviation * float(np.clip(rng.standard_normal(), -3, 3))))
    held_PC, chance_P = presence_table()
    present = [label for label, held in zip(PAPER_LABELS, held_PC[rng.choice(len(chance_P), p=chance_P)]) if held]
    occurrences = tuple(sorted(_draw_events(rng, present, frames), key=lambda clip: (clip.start_s, clip.end_s)))
    first = {label: next(clip for clip in occurrences if clip.label == label) for label in present}
    labels = TitleLabels(title_id, {label: label in present for label in PAPER_LABELS}, first, occurrences)
    kind = "movie" if length == "movie" else "episode"
    return SyntheticTitle(index, title_id, kind, frames, _split(index), labels)


@cache
def presence_table() -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    """Return (P, C) every combination of labels and (P,) its chance; marginals and "none" are the paper's.

    Given that a title holds anything, labels are drawn independently (nudity given sex) until there is one; the rates
    that make the outcome match the counts solve a fixed point.
    """
    wanted = {label: count / PAPER_TITLES / PAPER_POSITIVE_SHARE for label, count in PAPER_FIRSTS.items()}
    held_PC = np.array([[p >> c & 1 for c in range(len(PAPER_LABELS))] for p in range(2 ** len(PAPER_LABELS))], bool)
    anything = 1.0
    for _ in range(200):
        chance_P = _independent(held_PC, {label: share * anything for label, share in wanted.items()})
        anything = 1.0 - chance_P[0]
    chance_P = chance_P * (PAPER_POSITIVE_SHARE / anything)
    chance_P[0] = 1.0 - PAPER_POSITIVE_SHARE
    return held_PC, chance_P / chance_P.sum()


def mean_occurrences(label: str) -> float:
    """Return how often a label comes in a title that holds it: what Table 2's frame share asks for."""
    seconds_per_title = PAPER_FRAME_SHARE[label] * PAPER_MEAN_S
    return seconds_per_title / (PAPER_FIRSTS[label] / PAPER_TITLES * PAPER_FIRST_MEAN_S[label])


def _independent(held_PC: npt.NDArray[np.bool_], rate: dict[str, float]) -> npt.NDArray[np.float64]:
    """Return (P,) the chance of each combination when labels come independently, nudity given sex."""
    sex = rate["sex"]
    nudity_without = (rate["nudity"] - sex * NUDITY_GIVEN_SEX) / (1 - sex)
    chance_P = np.ones(len(held_PC))
    for c, label in enumerate(PAPER_LABELS):
        rate_P = np.full(len(held_PC), rate[label])
        if label == "nudity":
            rate_P = np.where(held_PC[:, PAPER_LABELS.index("sex")], NUDITY_GIVEN_SEX, nudity_without)
        chance_P *= np.where(held_PC[:, c], rate_P, 1 - rate_P)
    return chance_P


def _draw_events(rng: np.random.Generator, present: list[str], frames: int) -> list[Clip]:
    """Draw all events of a title: at least one of each label it holds, more in a longer title."""
    events: list[Clip] = []
    for label in present:
        count = 1 + rng.poisson((mean_occurrences(label) - 1) * frames / PAPER_MEAN_S)
        for _ in range(count):
            clip = _place(rng, label, frames, events)
            events += [] if clip is None else [clip]
    return events


def _place(rng: np.random.Generator, label: str, frames: int, events: list[Clip]) -> Clip | None:
    """Draw an event that keeps its distance from others of its label; None without room (not the first)."""
    mean_log = math.log(PAPER_FIRST_MEAN_S[label]) - LENGTH_SPREAD**2 / 2
    length_s = float(np.clip(rng.lognormal(mean_log, LENGTH_SPREAD), 2.0, frames / 4))
    hosts = [clip for clip in events if clip.label != label]
    own = [clip for clip in events if clip.label == label]
    together = bool(hosts) and rng.random() < TOGETHER
    for attempt in range(TRIES):
        start_s = rng.random() * (frames - length_s)
        if together and attempt < TRIES // 2:
            host = hosts[rng.integers(len(hosts))]
            start_s = min(host.start_s + rng.random() * 0.5 * (host.end_s - host.start_s), frames - length_s)
        start_s = round(start_s, 3)
        clip = Clip(label, start_s, round(start_s + length_s, 3))
        if all(clip.start_s >= other.end_s + GAP_S or clip.end_s + GAP_S <= other.start_s for other in own):
            return clip
    return None


def _split(index: int) -> str:
    return {3: "val", 7: "test"}.get(index % 8, "train")
