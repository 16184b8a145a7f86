"""Why each segment of a title is there, and what was nearly one: every threshold with the value that met it or did not.

Not in the paper: whoever acts on a segment asks why, and whoever misses one asks how close it was. A segment of the
table is explained from its own row there: its edges, its scores and the thresholds that it was drawn at. A near miss
was drawn at lower thresholds than a flag, so what it missed is told of its *core*, the part that a flag would be. What
is not in the table, and peaks at half of tau_f at least, is sought here, whatever the run's own review settings were.

Axes: T frames, C labels. When a frame is seen is said by the grid of the scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from data.errors import SchemaError
from data.schemas import LabelThresholds, Segment
from infer.segments import ROUNDING_S, Runs, ends_s, find_runs, merge_runs, run_scores
from infer.title_scores import TitleScores

LENGTH = "length"
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
        return self.value >= self.needed - (ROUNDING_S if self.name == LENGTH else 0)

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
        score: the segment score: highest or mean action score inside.
        action_peak, action_mean: highest and mean action score inside; the peak is None where nobody kept it.
        peak_s: when it is highest.
        foreground_peak, conditional_peak: None for networks without the problem decomposition.
        gates: what a flag needs, in the order in which it is asked for; empty where the run asked for no thresholds.
        drawn: title score and frame score that a near miss was drawn from; None where that is what a flag needs.
        core_s: start and end of what the length and the score of ``gates`` are of; None if that is the whole interval.
    """

    label: str
    start_s: float
    end_s: float
    decision: str
    score: float
    action_peak: float | None
    action_mean: float
    peak_s: float
    foreground_peak: float | None
    conditional_peak: float | None
    gates: tuple[Gate, ...]
    drawn: tuple[float, float] | None = None
    core_s: tuple[float, float] | None = None

    @property
    def shortfall(self) -> float:
        """The largest shortfall of its gates."""
        return max((gate.shortfall for gate in self.gates), default=0.0)


def explain_segments(
    scores: TitleScores | None,
    segments: Sequence[Segment],
    labels: Sequence[str],
    thresholds: Mapping[str, LabelThresholds],
    *,
    segment_score: str,
    duration_s: float | None = None,
) -> list[Candidate]:
    """Return the evidence for a title's segments, in their order.

    Args:
        scores: scores of C labels; None where the run kept none: then only what stands in the table is told.
        segments: of that title, flagged ones and near misses.
        labels: C names, in the order of the score columns.
        thresholds: of the run, by label; empty for a baseline's own rule, which asks for none.
        segment_score: as the run had it.
        duration_s: how long the title is read, as ``find_segments`` had it.

    Raises:
        SchemaError: a segment that these scores cannot have given.
    """
    how = partial(_explain, scores, labels=labels, segment_score=segment_score, duration_s=duration_s)
    return [how(segment, limits=thresholds.get(segment.label)) for segment in segments]


def _explain(
    scores: TitleScores | None,
    segment: Segment,
    *,
    labels: Sequence[str],
    limits: LabelThresholds | None,
    segment_score: str,
    duration_s: float | None,
) -> Candidate:
    """Explain a segment from its row of the table, and a near miss from its frames, too."""
    peak, frames = (segment.score if segment_score == "max" else None), None
    if scores is not None:
        count = len(scores.action_TC)
        if segment.label not in labels or scores.grid.row(segment.start_s) not in range(count):
            where = f"scores of {scores.title_id}"
            raise SchemaError(f"{where}: a segment of {segment.label!r:.100} is not within them; infer again")
        inside = scores.grid.touched(segment.start_s, segment.end_s, count)
        frames = (inside.start, inside.stop)
        peak = float(scores.action_TC[inside.start : inside.stop, labels.index(segment.label)].max())
    gates, drawn, core_s = [], None, None
    if limits is not None:
        near = segment.decision != "flag"
        title, frame = (limits.title, limits.frame) if near else (segment.title_threshold, segment.threshold)
        gates = [Gate("title score", segment.title_score, title)]
        gates += [] if peak is None else [Gate("frame score", peak, frame)]
        if near and scores is not None and frames is not None:
            core = _nearest_run(
                scores, labels.index(segment.label), frames, limits, segment_score=segment_score, duration_s=duration_s
            )
            gates, core_s = gates + core[0], core[1]
        else:
            gates += [] if near else [Gate(LENGTH, segment.end_s - segment.start_s, limits.min_length_s)]
            gates.append(Gate("segment score", segment.score, limits.flag))
        drawn = (segment.title_threshold, segment.threshold) if near else None
    whole = (segment.start_s, segment.end_s)
    return Candidate(
        label=segment.label,
        start_s=segment.start_s,
        end_s=segment.end_s,
        decision=segment.decision,
        score=segment.score,
        action_peak=peak,
        action_mean=segment.score_mean,
        peak_s=segment.peak_s,
        foreground_peak=segment.foreground_peak,
        conditional_peak=segment.conditional_peak,
        gates=tuple(gates),
        drawn=drawn,
        core_s=None if core_s is None or np.allclose(core_s, whole, rtol=0, atol=ROUNDING_S) else core_s,
    )


def nearest_misses(
    scores: TitleScores,
    segments: Sequence[Segment],
    labels: Sequence[str],
    thresholds: Mapping[str, LabelThresholds],
    *,
    segment_score: str,
    duration_s: float | None = None,
) -> list[Candidate]:
    """Return the intervals that missed a threshold, the nearest first; arguments as ``explain_segments``.

    These are the near misses of the table, and runs of frames at half of tau_f that touch nothing in it.
    """
    near = [segment for segment in segments if segment.decision != "flag"]
    how = partial(_unlisted, scores, segment_score=segment_score, duration_s=duration_s)
    misses = explain_segments(scores, near, labels, thresholds, segment_score=segment_score, duration_s=duration_s)
    for c, label in enumerate(labels):
        limits = thresholds.get(label)
        if limits is None:
            continue
        own = [segment for segment in segments if segment.label == label]
        above_T = scores.action_TC[:, c].astype(np.float64) >= max(limits.frame * REACH, np.finfo(np.float64).tiny)
        runs = merge_runs(find_runs(above_T), limits.merge_gap_s, scores.grid)
        end_s_R = ends_s(runs, len(above_T), duration_s, scores.grid)
        for start, stop, end_s in zip(runs.start_R.tolist(), runs.stop_R.tolist(), end_s_R.tolist()):
            start_s = scores.grid.time_s(start)
            if not any(one.start_s <= end_s + ROUNDING_S and one.end_s >= start_s - ROUNDING_S for one in own):
                misses.append(how(c, (start, stop), limits=limits, label=label, end_s=end_s))
    misses = [miss for miss in misses if miss.decision or miss.shortfall > 0]
    return sorted(misses, key=lambda miss: (miss.shortfall, miss.start_s, miss.label))


def _unlisted(
    scores: TitleScores,
    c: int,
    frames: tuple[int, int],
    *,
    end_s: float,
    limits: LabelThresholds,
    label: str,
    segment_score: str,
    duration_s: float | None,
) -> Candidate:
    """Explain a run of frames that is not in the table."""
    start, stop = frames
    action_T = scores.action_TC[start:stop, c].astype(np.float64)
    peak = int(np.argmax(action_T))
    foreground_T, conditional_TC = scores.foreground_T, scores.conditional_TC
    gates, core_s = _nearest_run(scores, c, frames, limits, segment_score=segment_score, duration_s=duration_s)
    start_s = scores.grid.time_s(start)
    return Candidate(
        label=label,
        start_s=start_s,
        end_s=end_s,
        decision="",
        score=float(action_T.max() if segment_score == "max" else action_T.mean()),
        action_peak=float(action_T[peak]),
        action_mean=float(action_T.mean()),
        peak_s=scores.grid.time_s(start + peak),
        foreground_peak=None if foreground_T is None else float(foreground_T[start:stop].max()),
        conditional_peak=None if conditional_TC is None else float(conditional_TC[start:stop, c].max()),
        gates=(
            Gate("title score", float(scores.title_score_C[c]), limits.title),
            Gate("frame score", float(action_T[peak]), limits.frame),
            *gates,
        ),
        core_s=None if core_s is None or np.allclose(core_s, (start_s, end_s), rtol=0, atol=ROUNDING_S) else core_s,
    )


def _nearest_run(
    scores: TitleScores,
    c: int,
    frames: tuple[int, int],
    limits: LabelThresholds,
    *,
    segment_score: str,
    duration_s: float | None,
) -> tuple[list[Gate], tuple[float, float] | None]:
    """Return length and score of the run at tau_f that is nearest to a flag, and its place; else the whole's score."""
    start, stop = frames
    action_T = scores.action_TC[:, c].astype(np.float64)
    inside_T = np.zeros(len(action_T), dtype=bool)
    inside_T[start:stop] = True
    runs = merge_runs(find_runs(inside_T & (action_T >= limits.frame)), limits.merge_gap_s, scores.grid)
    if not len(runs):
        whole = Runs(np.array([start]), np.array([stop]))
        return [Gate("segment score", float(run_scores(whole, action_T, segment_score)[0]), limits.flag)], None
    start_s_R = scores.grid.times_s(runs.start_R).tolist()
    end_s_R = ends_s(runs, len(action_T), duration_s, scores.grid).tolist()
    tried = []
    for start_s, end_s, score in zip(start_s_R, end_s_R, run_scores(runs, action_T, segment_score).tolist()):
        gates = [Gate(LENGTH, end_s - start_s, limits.min_length_s), Gate("segment score", score, limits.flag)]
        tried.append((gates, (start_s, end_s)))
    return min(tried, key=lambda one: max(gate.shortfall for gate in one[0]))
