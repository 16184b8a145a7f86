"""Why each segment of a title is there, and what was nearly one: every threshold with the value that met it or did not.

Not in the paper: whoever acts on a segment asks why, and whoever misses one asks how close it was. Near misses are
sought at a fraction of the frame threshold, whatever the run's own review settings were.

Axes: T frames, C labels. When a frame is seen is said by the grid of the scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data.errors import SchemaError
from data.schemas import LabelThresholds, Segment
from data.time_grid import TimeGrid
from infer.segments import Runs, find_runs, lengths_s, merge_runs, run_scores
from infer.title_scores import TitleScores

REACH = 0.5  # of tau_f: what peaks lower is no near miss


@dataclass(frozen=True)
class Gate:
    """One threshold and what met it.

    Args:
        name: what was compared.
        value, needed: in the same unit: scores in [0, 1], or seconds.
    """

    name: str
    value: float
    needed: float

    @property
    def passed(self) -> bool:
        return self.value >= self.needed

    @property
    def shortfall(self) -> float:
        """How much of what is needed is missing, in [0, 1]; 0 if it passed."""
        return 0.0 if self.passed else (self.needed - self.value) / self.needed


@dataclass(frozen=True)
class Candidate:
    """An interval of one label with its evidence.

    Args:
        start_s, end_s: seconds.
        decision: ``flag`` or ``review`` as in the segments table; empty for what is not in it.
        action_peak, action_mean: highest and mean action score inside.
        peak_s: when it is highest.
        foreground_peak, conditional_peak: None for networks without the problem decomposition.
        gates: the thresholds, in the order in which they are applied.
    """

    label: str
    start_s: float
    end_s: float
    decision: str
    action_peak: float
    action_mean: float
    peak_s: float
    foreground_peak: float | None
    conditional_peak: float | None
    gates: tuple[Gate, ...]

    @property
    def shortfall(self) -> float:
        """The largest shortfall of its gates."""
        return max(gate.shortfall for gate in self.gates)


def explain_segments(
    scores: TitleScores,
    segments: Sequence[Segment],
    labels: Sequence[str],
    thresholds: Mapping[str, LabelThresholds],
    *,
    segment_score: str,
) -> list[Candidate]:
    """Return the evidence for a title's segments, in their order.

    Args:
        scores: scores of C labels.
        segments: of that title, flagged ones and near misses.
        labels: C names, in the order of the score columns.
        thresholds: of the run, by label.
        segment_score: as the run had it.

    Raises:
        SchemaError: a segment that these scores cannot have given.
    """
    found = []
    for segment in segments:
        grid, frames = scores.grid, len(scores.action_TC)
        if segment.label not in labels or grid.row(segment.start_s) not in range(frames):
            where = f"scores of {scores.title_id}"
            raise SchemaError(f"{where}: a segment of {segment.label!r:.100} is not within them; infer again")
        inside = grid.touched(segment.start_s, segment.end_s, frames)
        found.append(
            _candidate(
                scores,
                labels.index(segment.label),
                (inside.start, inside.stop),
                thresholds[segment.label],
                end_s=segment.end_s,
                label=segment.label,
                decision=segment.decision,
                segment_score=segment_score,
            )
        )
    return found


def nearest_misses(
    scores: TitleScores,
    segments: Sequence[Segment],
    labels: Sequence[str],
    thresholds: Mapping[str, LabelThresholds],
    *,
    segment_score: str,
    most: int,
) -> list[Candidate]:
    """Return at most ``most`` intervals that missed a threshold, the nearest first; arguments as ``explain_segments``.

    These are the runs of frames at half of tau_f; one that holds a flagged segment missed nothing.
    """
    misses = []
    for c, label in enumerate(labels):
        limits = thresholds[label]
        own = [segment for segment in segments if segment.label == label]
        above_T = scores.action_TC[:, c].astype(np.float64) >= max(limits.frame * REACH, np.finfo(np.float64).tiny)
        runs = merge_runs(find_runs(above_T), limits.merge_gap_s, scores.grid)
        for start, stop in zip(runs.start_R.tolist(), runs.stop_R.tolist()):
            start_s, end_s = scores.grid.time_s(start), scores.grid.time_s(stop)
            miss = _candidate(
                scores,
                c,
                (start, stop),
                limits,
                end_s=end_s,
                label=label,
                decision=next((s.decision for s in own if s.start_s < end_s and s.end_s > start_s), ""),
                segment_score=segment_score,
            )
            if miss.shortfall > 0:
                misses.append(miss)
    misses.sort(key=lambda miss: (miss.shortfall, miss.start_s, miss.label))
    return misses[:most]


def _candidate(
    scores: TitleScores,
    c: int,
    frames: tuple[int, int],
    limits: LabelThresholds,
    *,
    end_s: float,
    label: str,
    decision: str,
    segment_score: str,
) -> Candidate:
    start, stop = frames
    action_T = scores.action_TC[start:stop, c].astype(np.float64)
    peak = int(np.argmax(action_T))
    foreground_T, conditional_TC = scores.foreground_T, scores.conditional_TC
    gates = [
        Gate("title score", float(scores.title_score_C[c]), limits.title),
        Gate("frame score", float(action_T[peak]), limits.frame),
    ]
    start_s = scores.grid.time_s(start)
    gates += _nearest_run(action_T, limits, end_s - start_s, segment_score, scores.grid.step_s)
    return Candidate(
        label=label,
        start_s=start_s,
        end_s=float(end_s),
        decision=decision,
        action_peak=float(action_T[peak]),
        action_mean=float(action_T.mean()),
        peak_s=scores.grid.time_s(start + peak),
        foreground_peak=None if foreground_T is None else float(foreground_T[start:stop].max()),
        conditional_peak=None if conditional_TC is None else float(conditional_TC[start:stop, c].max()),
        gates=tuple(gates),
    )


def _nearest_run(
    action_T: npt.NDArray[np.float64], limits: LabelThresholds, length_s: float, segment_score: str, step_s: float
) -> list[Gate]:
    """Return length and score of the run at tau_f that came nearest to a segment, or the score of all frames."""
    grid = TimeGrid(step_s=step_s)  # of the interval alone
    runs = merge_runs(find_runs(action_T >= limits.frame), limits.merge_gap_s, grid)
    if not len(runs):
        whole = Runs(np.array([0]), np.array([len(action_T)]))
        return [Gate("segment score", float(run_scores(whole, action_T, segment_score)[0]), limits.flag)]
    measured = zip(lengths_s(runs, len(action_T), length_s, grid), run_scores(runs, action_T, segment_score))
    tried = [
        [
            Gate("length in seconds", float(seconds), limits.min_length_s),
            Gate("segment score", float(score), limits.flag),
        ]
        for seconds, score in measured
    ]
    return min(tried, key=lambda gates: max(gate.shortfall for gate in gates))
