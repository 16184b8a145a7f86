"""The baselines' own inference: how 3C-Net and SF-Net make segments of frame scores in their published codes.

By default every network goes through the thresholds that were tuned on validation, so that methods are compared and not
their post-processing. These rules are here for the comparison the other way round. They have nothing to tune: each
title sets its own thresholds from its own scores.

What they say is in logits. The tables hold squashed logits (``model.squash``); they are unsquashed here, and the
segments' scores and thresholds squashed again, which changes no ranking.

Axes: T frames, C labels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from data.errors import ConfigError
from data.schemas import LabelThresholds, Segment
from infer.segments import Runs, check_scores, describe_runs, find_runs, in_order
from infer.settings import TitleGate
from infer.title_scores import TitleScores
from model.squash import squash, unsquash

PublishedRule = Literal["three-c-net", "sf-net"]
LEAST_FRAMES = 2
Logits = npt.NDArray[np.float64]


def find_published(
    scores: TitleScores,
    labels: Sequence[str],
    *,
    rule: PublishedRule,
    gate: TitleGate = "relative",
    duration_s: float | None = None,
) -> list[Segment]:
    """Turn one title's frame scores into segments by a baseline's own rule, in order of time; all are flagged.

    Per label: the title logit (top-k mean of frame logits; k = T / 8, for SF-Net T / 12) must pass the gate; frames
    above the label's threshold form runs; runs of at least two frames are segments, each with the score of its highest
    frame plus the title logit. 3C-Net judges logits and its threshold is the midpoint of their highest and lowest;
    SF-Net judges logit + 2 actionness and its threshold is their mean over time.

    Args:
        scores: of a network of that kind.
        gate: ``relative`` keeps labels whose title logit exceeds 0 and the highest of the title's divided by 2 (SF-Net:
            1.5); ``absolute`` those that exceed 0.
        duration_s: as in ``infer.segments.find_segments``.

    Raises:
        SchemaError: scores that are NaN, infinite or of the wrong shape.
        ConfigError: the rule is SF-Net's, the network was another.
    """
    check_scores(scores, labels)
    score_TC = unsquash(scores.action_TC)
    logit_TC = score_TC
    if rule == "sf-net":
        if scores.conditional_TC is None:
            raise ConfigError("[infer] rule: 'sf-net' needs scores of SF-Net; use 'thresholds' for other networks")
        logit_TC = unsquash(scores.conditional_TC)
    title_C = title_logits(logit_TC, rule)
    least = least_title_logit(title_C, rule, gate)
    found: list[Segment] = []
    for c, label in enumerate(labels):
        if title_C[c] <= least:
            continue
        threshold = frame_threshold(score_TC[:, c], rule)
        runs = find_runs(score_TC[:, c] > threshold)
        runs = runs.take(runs.stop_R - runs.start_R >= LEAST_FRAMES)
        limits = LabelThresholds(_squashed(least), _squashed(threshold), 0.0, float(LEAST_FRAMES))
        found += describe_runs(
            scores,
            c,
            runs,
            limits,
            label=label,
            decision="flag",
            score_R=_run_scores(runs, score_TC[:, c], float(title_C[c])),
            duration_s=duration_s,
        )
    return in_order(found)


def title_logits(logit_TC: Logits, rule: PublishedRule) -> Logits:
    """Return (C,) top-k means: k = ceil(T / 8) for 3C-Net, floor(T / 12) but at least 1 for SF-Net."""
    frames = len(logit_TC)
    k = math.ceil(frames / 8) if rule == "three-c-net" else max(frames // 12, 1)
    highest: Logits = np.sort(logit_TC, axis=0)[-k:].mean(axis=0)
    return highest


def least_title_logit(title_C: Logits, rule: PublishedRule, gate: TitleGate) -> float:
    """Return what a label's title logit must exceed."""
    divisor = 2.0 if rule == "three-c-net" else 1.5
    return 0.0 if gate == "absolute" else max(float(title_C.max()) / divisor, 0.0)


def frame_threshold(score_T: Logits, rule: PublishedRule) -> float:
    """Return what a frame's score must exceed."""
    if rule == "three-c-net":
        return float(score_T.max() + score_T.min()) / 2
    return float(score_T.mean())


def _run_scores(runs: Runs, score_T: Logits, title: float) -> npt.NDArray[np.float64]:
    return squash(runs.reduce(np.maximum, score_T) + title).astype(np.float64)


def _squashed(value: float) -> float:
    array: npt.NDArray[np.floating[Any]] = np.array([value])
    return float(squash(array)[0])
