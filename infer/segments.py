"""Frame scores become segments, and segments decide what a title is called (Sec. 3.3).

A label whose title score is below tau_v is dropped; frames whose action score reaches tau_f form runs; runs with a
short gap are joined; short ones are dropped. What passes is flagged if its score reaches the label's flag threshold.
What would pass at a fraction of these thresholds, and touches nothing flagged, is a near miss for a reviewer: an
absence of segments must never hide a close call.

Axes: T frames, C labels, R runs. When a frame is seen is said by the grid of the scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from data.errors import ConfigError, SchemaError
from data.schemas import LabelThresholds, Segment
from data.time_grid import SECONDS, Floats, TimeGrid
from infer.title_scores import TitleScores

ROUNDING_S = 1e-9  # what a sum of seconds may be off by

Frames = npt.NDArray[np.int64]
Scores = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Runs:
    """Disjoint, ascending runs of frames ``[start, stop)``.

    Args:
        start_R, stop_R: (R,) frame indices.
    """

    start_R: Frames
    stop_R: Frames

    def __len__(self) -> int:
        return len(self.start_R)

    def take(self, rows: npt.NDArray[Any]) -> Runs:
        """Return the chosen runs."""
        return Runs(self.start_R[rows], self.stop_R[rows])

    def reduce(self, function: np.ufunc, values_T: Scores) -> npt.NDArray[np.float64]:
        """Apply ``function`` (``np.maximum``, ``np.add``) to the values inside each run, in float64."""
        edges = np.stack([self.start_R, self.stop_R], axis=1).reshape(-1)
        padded = np.append(values_T.astype(np.float64), 0.0)
        inside: npt.NDArray[np.float64] = function.reduceat(padded, edges)[::2] if len(edges) else np.zeros(0)
        return inside


def find_runs(above_T: npt.NDArray[np.bool_]) -> Runs:
    """Return the runs of consecutive True frames."""
    change = np.diff(above_T.astype(np.int8), prepend=0, append=0)
    return Runs(np.flatnonzero(change == 1), np.flatnonzero(change == -1))


def merge_runs(runs: Runs, gap_s: float, grid: TimeGrid = SECONDS) -> Runs:
    """Join neighbours with at most ``gap_s`` seconds between them; every gap is at least one frame."""
    gap = grid.whole_rows(gap_s)
    if len(runs) < 2 or gap < 1:
        return runs
    apart = runs.start_R[1:] - runs.stop_R[:-1] > gap
    return Runs(runs.start_R[np.append(True, apart)], runs.stop_R[np.append(apart, True)])


def find_segments(
    scores: TitleScores,
    thresholds: Mapping[str, LabelThresholds],
    labels: Sequence[str],
    *,
    segment_score: str = "max",
    review_fraction: float = 0.5,
    duration_s: float | None = None,
) -> list[Segment]:
    """Turn one title's frame scores into segments (Sec. 3.3), in order of time.

    Args:
        scores: scores of C labels.
        thresholds: what each label must reach.
        labels: C names, in the order of the score columns.
        segment_score: ``max`` (Sec. 3.3) or ``mean`` action score of the run.
        review_fraction: near misses are sought at this fraction of the thresholds, in [0, 1]; 0 seeks none.
        duration_s: how long the title is read, from its first picture: clips the end of the last frame, if it ends
            inside that frame.

    Returns:
        disjoint segments per label; ``segment_index`` counts over the title.

    Raises:
        SchemaError: scores that are NaN, infinite or of the wrong shape.
        ConfigError: a label without thresholds.
    """
    check_scores(scores, labels)
    found: list[Segment] = []
    for c, label in enumerate(labels):
        if label not in thresholds:
            known = ", ".join(sorted(thresholds)) or "none"
            raise ConfigError(f"label {label!r}: no thresholds (there are: {known}); tune them or set infer.thresholds")
        limits = thresholds[label]
        passing = partial(_passing, scores, c, segment_score=segment_score, duration_s=duration_s)
        flagged = passing(limits)
        describe = partial(_describe, scores, c, label=label, segment_score=segment_score, duration_s=duration_s)
        found += describe(flagged, limits, decision="flag")
        if review_fraction > 0:
            lower = replace(
                limits,
                title=limits.title * review_fraction,
                frame=limits.frame * review_fraction,
                flag=limits.flag * review_fraction,
            )
            near = passing(lower)
            near = near.take(~_touching(near, flagged))
            found += describe(near, lower, decision="review")
    return in_order(found)


def in_order(found: Sequence[Segment]) -> list[Segment]:
    """Return a title's segments in order of time, numbered."""
    ordered = sorted(found, key=lambda segment: (segment.start_s, segment.end_s))
    return [replace(segment, segment_index=index) for index, segment in enumerate(ordered)]


def lengths_s(runs: Runs, frames: int, duration_s: float | None, grid: TimeGrid = SECONDS) -> Floats:
    """Return (R,) seconds of each run; the last of T frames ends with the title."""
    return ends_s(runs, frames, duration_s, grid) - grid.times_s(runs.start_R)


def ends_s(runs: Runs, frames: int, duration_s: float | None, grid: TimeGrid = SECONDS) -> Floats:
    """Return (R,) end of each run in seconds on the player's clock; ``duration_s`` as in ``find_segments``."""
    end_s_R = grid.times_s(runs.stop_R)
    if duration_s is not None and (frames - 1) * grid.step_s < duration_s < frames * grid.step_s:
        end_s_R = np.minimum(end_s_R, grid.start_s + duration_s)
    return end_s_R


def long_enough(length_s_R: Floats, least_s: float) -> npt.NDArray[np.bool_]:
    """Say which lengths reach the least; sums of steps such as 0.64 s miss it by rounding only."""
    return np.asarray(length_s_R >= least_s - ROUNDING_S)


def check_scores(scores: TitleScores, labels: Sequence[str]) -> None:
    """Raise SchemaError unless the scores fit the labels and are finite."""
    where = f"scores of {scores.title_id}"
    shape = (scores.action_TC.shape[0] if scores.action_TC.ndim else 0, len(labels))
    if scores.action_TC.shape != shape or scores.title_score_C.shape != (len(labels),):
        got = f"{scores.action_TC.shape} frame and {scores.title_score_C.shape} title scores"
        raise SchemaError(f"{where}: {got} for {len(labels)} labels; expected (T, C) and (C,); score the title again")
    parts = (scores.action_TC, scores.title_score_C, scores.foreground_T, scores.conditional_TC)
    if not all(part is None or np.isfinite(part).all() for part in parts):
        raise SchemaError(
            f"{where}: NaN or infinite scores, they must lie in [0, 1]; check the features and checkpoint"
        )


def run_scores(runs: Runs, action_T: Scores, segment_score: str) -> npt.NDArray[np.float64]:
    """Return (R,) the score of each run: its highest (Sec. 3.3) or its mean action score."""
    if segment_score == "max":
        return runs.reduce(np.maximum, action_T)
    return runs.reduce(np.add, action_T) / (runs.stop_R - runs.start_R)


def _passing(
    scores: TitleScores, c: int, limits: LabelThresholds, *, segment_score: str, duration_s: float | None
) -> Runs:
    """Return the runs of label c that pass tau_v, tau_f, the gap, the minimum length and the flag threshold."""
    frames = len(scores.action_TC)
    if float(scores.title_score_C[c]) < limits.title:
        return find_runs(np.zeros(frames, dtype=bool))
    above_T = scores.action_TC[:, c].astype(np.float64) >= limits.frame
    runs = merge_runs(find_runs(above_T), limits.merge_gap_s, scores.grid)
    runs = runs.take(long_enough(lengths_s(runs, frames, duration_s, scores.grid), limits.min_length_s))
    return runs.take(run_scores(runs, scores.action_TC[:, c], segment_score) >= limits.flag)


def _touching(near: Runs, flagged: Runs) -> npt.NDArray[np.bool_]:
    """Say which near runs overlap or adjoin a flagged one."""
    if not len(flagged):
        return np.zeros(len(near), dtype=bool)
    candidate = np.minimum(np.searchsorted(flagged.stop_R, near.start_R), len(flagged) - 1)
    return (flagged.stop_R[candidate] >= near.start_R) & (flagged.start_R[candidate] <= near.stop_R)


def _describe(
    scores: TitleScores,
    c: int,
    runs: Runs,
    limits: LabelThresholds,
    *,
    label: str,
    decision: str,
    segment_score: str,
    duration_s: float | None,
) -> list[Segment]:
    score_R = run_scores(runs, scores.action_TC[:, c], segment_score)
    return describe_runs(
        scores, c, runs, limits, label=label, decision=decision, score_R=score_R, duration_s=duration_s
    )


def describe_runs(
    scores: TitleScores,
    c: int,
    runs: Runs,
    limits: LabelThresholds,
    *,
    label: str,
    decision: str,
    score_R: npt.NDArray[np.float64],
    duration_s: float | None,
) -> list[Segment]:
    """Gather the evidence for each run of label c, whose segment scores are ``score_R``."""
    if not len(runs):
        return []
    action_T = scores.action_TC[:, c]
    foreground_T = scores.foreground_T
    conditional_T = None if scores.conditional_TC is None else scores.conditional_TC[:, c]
    mean_R = run_scores(runs, action_T, "mean")
    foreground_R = None if foreground_T is None else runs.reduce(np.maximum, foreground_T)
    conditional_R = None if conditional_T is None else runs.reduce(np.maximum, conditional_T)
    start_s_R, end_s_R = scores.grid.times_s(runs.start_R), ends_s(runs, len(action_T), duration_s, scores.grid)
    return [
        Segment(
            title_id=scores.title_id,
            label=label,
            segment_index=0,
            start_s=float(start_s_R[r]),
            end_s=float(end_s_R[r]),
            score=float(score_R[r]),
            score_mean=float(mean_R[r]),
            foreground_peak=None if foreground_R is None else float(foreground_R[r]),
            conditional_peak=None if conditional_R is None else float(conditional_R[r]),
            title_score=float(scores.title_score_C[c]),
            threshold=limits.frame,
            title_threshold=limits.title,
            decision=decision,
            peak_s=scores.grid.time_s(int(start + np.argmax(action_T[start:stop]))),
        )
        for r, (start, stop) in enumerate(zip(runs.start_R, runs.stop_R))
    ]
