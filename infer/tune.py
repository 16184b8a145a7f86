"""Choose each label's thresholds on the validation split: tau_f, gap merge, minimum length, then tau_v and flag.

Not in the paper, which only says "pre-defined" (Sec. 3.3). The action score is a product of two sigmoids, so a fixed
0.5 would lose most of the accuracy. What is maximised is the mean AP that methods are judged by (SPEC.md, Evaluation):
strict 0.0, 0.1 and 0.2 (or what ``[tune] tiou_thresholds`` says), on all occurrences where they are labelled and else
on the first-occurrence span.

The best cell of a fine grid on some hundred titles is partly luck, so the grid is smoothed with its neighbours and the
best *plateau* is taken. tau_v is *not* tuned by AP, because a few positive titles with low scores would decide it: it
is the highest value that keeps 95 % of the titles that hold the label. Both were measured with a linear frame scorer on
composed reels, tuned on one split and judged on another of other sources (mean of six): smoothing 47.3 mAP, plain
argmax 44.9; no tau_v 47.1, tau_v by AP 40.1 (it gained 3 where it was tuned), by recall 47.3 with a third fewer false
positives than none.

Speed: frames of all titles lie in one array; runs are found once per tau_f, merging and minimum length work on runs,
and all (gap, length) cells of one tau_f are matched and ranked in one call, each cell standing in for a label.

Axes: T frames of all titles, R runs, S segments, N titles, F tau_f candidates, M gaps, L lengths.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from data.errors import SchemaError
from data.labels import TitleLabels
from data.schemas import LabelThresholds
from data.time_grid import TimeGrid
from infer.average_precision import Clips, Predictions, label_average_precision, match
from infer.operating_point import below_all
from infer.protocol import fullest_truth
from infer.segments import Runs, find_runs, lengths_s, long_enough, merge_runs, run_scores
from infer.settings import PAPER_TIOU, Rule, TuneSettings
from infer.tiou import Floats, Indices
from infer.title_scores import TitleScores

log = logging.getLogger(__name__)

NOTHING_KNOWN = LabelThresholds(title=0.5, frame=0.5, merge_gap_s=0.0, min_length_s=0.0, flag=0.5)


@dataclass(frozen=True)
class Validation:
    """One label's scores and truth, all titles in one array.

    Args:
        action_T: (T,) action scores; after each title enough frames of -inf that no gap merge reaches the next.
        offset_N: (N,) where each title begins.
        start_s_N: (N,) when its first frame is seen.
        step_s: seconds from a frame to the next, the same in all titles.
        title_score_N: (N,) its title score.
        end_s_N: (N,) measured up to here; infinite for the end of the title.
        clips: all of label 0.
    """

    action_T: Floats
    offset_N: Indices
    start_s_N: Floats
    step_s: float
    title_score_N: Floats
    end_s_N: Floats
    clips: Clips


def tune_thresholds(
    scores: Iterable[TitleScores],
    truth: Mapping[str, TitleLabels],
    labels: Sequence[str],
    settings: TuneSettings | None = None,
    *,
    segment_score: str = "max",
) -> dict[str, LabelThresholds]:
    """Choose the thresholds of each label, independently, on the validation titles.

    Args:
        scores: validation titles; held in memory (4 bytes a frame and label).
        truth: their labels; titles that are not in it are ignored.
        labels: C names, in the order of the score columns.
        segment_score: as in ``find_segments``.

    Returns:
        thresholds per label. A label without any clip in validation cannot be tuned: it gets
        thresholds just above everything that was seen there (all of it negative), or 0.5 when nothing was seen.
    """
    settings = settings or TuneSettings()
    kept = [title for title in scores if title.title_id in truth]
    for title in kept:
        if not (np.isfinite(title.action_TC).all() and np.isfinite(title.title_score_C).all()):
            raise SchemaError(f"scores of {title.title_id}: NaN or infinite; check the features and the checkpoint")
    chosen = {}
    for c, label in enumerate(labels):
        validation = gather(kept, truth, c, label, gap=max(settings.merge_gaps_s))
        if len(validation.clips.title_G):
            chosen[label] = tune_label(validation, settings, label=label, segment_score=segment_score)
        else:
            chosen[label] = _fallback(validation)
            log.debug("tune label=%s clips=0 thresholds=%s: no clip in validation, not tuned", label, chosen[label])
    return chosen


def gather(
    scores: Sequence[TitleScores], truth: Mapping[str, TitleLabels], c: int, label: str, *, gap: float
) -> Validation:
    """Collect one label's scores and truth from the titles that say something about it.

    A title counts by all its occurrences where they are known, else up to the end of its first occurrence.
    """
    known = fullest_truth({title.title_id: truth[title.title_id] for title in scores}, [label])
    row = {title_id: n for n, title_id in enumerate(known.title_ids)}
    used = [title for title in scores if known.measured_NC[row[title.title_id], 0]]
    order = np.array([row[title.title_id] for title in used], dtype=np.int64)
    place = np.full(len(row), -1)
    place[order] = np.arange(len(used))
    clips = known.clips
    steps_s = {title.grid.step_s for title in used} or {1.0}
    if len(steps_s) > 1:
        raise SchemaError(f"titles with a frame every {sorted(steps_s)} s cannot be judged together; import them anew")
    (step_s,) = steps_s
    wall = np.full(TimeGrid(step_s=step_s).whole_rows(gap) + 1, -np.inf)
    frames = [np.append(title.action_TC[:, c].astype(np.float64), wall) for title in used]
    lengths = np.array([len(part) for part in frames], dtype=np.int64)
    return Validation(
        action_T=np.concatenate(frames) if frames else np.zeros(0),
        offset_N=np.cumsum(lengths) - lengths,
        start_s_N=np.array([title.grid.start_s for title in used], dtype=np.float64),
        step_s=step_s,
        title_score_N=np.array([title.title_score_C[c] for title in used], dtype=np.float64),
        end_s_N=known.end_s_NC[order, 0],
        clips=replace(clips, title_G=place[clips.title_G]),
    )


def tune_label(validation: Validation, settings: TuneSettings, *, label: str, segment_score: str) -> LabelThresholds:
    """Choose one label's thresholds; it has at least one clip."""
    frames = frame_candidates(validation.action_T, settings.frame_candidates)
    grid_FML = np.array([_objective_cells(validation, frame, settings, segment_score) for frame in frames])
    smooth_FML = smooth(grid_FML)
    best = np.unravel_index(int(np.argmax(smooth_FML)), smooth_FML.shape)
    frame, gap = float(frames[best[0]]), settings.merge_gaps_s[best[1]]
    length = settings.min_lengths_s[best[2]]
    title = choose_title_threshold(validation.title_score_N, np.unique(validation.clips.title_G), settings.title_recall)
    grid = TimeGrid(step_s=validation.step_s)
    runs = merge_runs(find_runs(validation.action_T >= frame), gap, grid)
    runs = runs.take(long_enough(lengths_s(runs, len(validation.action_T), None, grid), length))
    flag = choose_flag_threshold(_cut_segments(validation, runs, segment_score)[0], validation.clips, frame)
    log.debug(
        "tune label=%s clips=%d objective=%.4f tau_v=%.4g tau_f=%.4g merge_gap_s=%g min_length_s=%g flag=%.4g",
        *(label, len(validation.clips.title_G), float(grid_FML[best]), title, frame, gap, length, flag),
    )
    return LabelThresholds(title=title, frame=frame, merge_gap_s=float(gap), min_length_s=float(length), flag=flag)


def frame_candidates(action_T: Floats, count: int) -> Floats:
    """Return candidates for tau_f, ascending: half by the share of frames they keep, half evenly in log score.

    Shares run from 30 % down to five frames: an event lasts seconds in hours, so the useful values lie in the far
    tail, where even steps in the score would be too coarse for one label and too fine for the next. Rounded to six
    digits, so that what is printed is what is used.
    """
    ascending = np.sort(action_T[np.isfinite(action_T)])
    least_share = min(0.3, 5 / len(ascending))
    shares = np.geomspace(0.3, least_share, count - count // 2)
    by_share = ascending[np.minimum((len(ascending) * (1 - shares)).astype(np.int64), len(ascending) - 1)]
    top = max(float(ascending[-1]), 1e-6)
    bottom = min(max(float(np.quantile(ascending, 0.7)), top * 1e-3), top * 0.5)
    by_score = np.geomspace(bottom, top * 0.95, count // 2)
    rounded = [float(f"{value:.6g}") for value in (*by_share, *by_score) if value > 0]
    return np.unique(rounded)


def smooth(grid: Floats) -> Floats:
    """Average each cell with its neighbours along every axis, weights 1:2:1; at an edge only what is there."""
    result = grid.astype(np.float64)
    for axis in range(grid.ndim):
        values = np.moveaxis(result, axis, 0)
        total, weight = 2 * values, np.full((len(values),) + (1,) * (grid.ndim - 1), 2.0)
        total[1:] += values[:-1]
        total[:-1] += values[1:]
        weight[1:] += 1
        weight[:-1] += 1
        result = np.moveaxis(total / weight, 0, axis)
    return result


def objective(ranked: Predictions, clips: Clips, cells: int, tiou_thresholds: Sequence[float] = PAPER_TIOU) -> Floats:
    """Return (cells,) mean AP over the thresholds, strict at 0; the label index of a prediction or clip is its cell.

    Args:
        ranked: by cell, then in the order of judgement.
    """
    hits = match(ranked, clips, [(tiou, Rule.GE if tiou else Rule.GT) for tiou in tiou_thresholds])
    positives = np.bincount(clips.label_G, minlength=cells)
    mean: Floats = label_average_precision(hits, ranked.label_P, positives).mean(axis=1)
    return mean


def _objective_cells(validation: Validation, frame: float, settings: TuneSettings, segment_score: str) -> Floats:
    """Return (M, L) objective of all gaps and minimum lengths at one tau_f."""
    runs = find_runs(validation.action_T >= frame)
    shape = (len(settings.merge_gaps_s), len(settings.min_lengths_s))
    parts, cells = [], []
    grid = TimeGrid(step_s=validation.step_s)
    for m, gap in enumerate(settings.merge_gaps_s):
        merged = merge_runs(runs, gap, grid)
        segments, kept = _cut_segments(validation, merged, segment_score)
        length_s = lengths_s(merged, len(validation.action_T), None, grid)[kept]
        for k, least in enumerate(settings.min_lengths_s):
            parts.append(segments.take(long_enough(length_s, least)))
            cells.append(m * shape[1] + k)
    label_S = np.repeat(cells, [len(part) for part in parts])
    title_S, start_s_S, end_s_S, score_S = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("title_P", "start_s_P", "end_s_P", "score_P")
    )
    clips, count = validation.clips, len(cells)
    label_G = np.repeat(cells, len(clips.title_G))
    repeated = Clips(
        np.tile(clips.title_G, count), label_G, np.tile(clips.start_s_G, count), np.tile(clips.end_s_G, count)
    )
    ranked = Predictions(title_S, label_S, start_s_S, end_s_S, score_S)
    return objective(ranked, repeated, count, settings.tiou_thresholds).reshape(shape)


def _cut_segments(validation: Validation, runs: Runs, segment_score: str) -> tuple[Predictions, Indices]:
    """Return runs as predictions in their titles' seconds, cut to the measured spans, in the order of judgement.

    Returns:
        predictions, and the run of each.
    """
    title_R = np.searchsorted(validation.offset_N, runs.start_R, side="right") - 1
    offset_R = validation.offset_N[title_R]
    score_R = run_scores(runs, validation.action_T, segment_score)
    first_s_R, step_s = validation.start_s_N[title_R], validation.step_s
    start_s_R = first_s_R + (runs.start_R - offset_R) * step_s
    end_s_R = np.minimum(first_s_R + (runs.stop_R - offset_R) * step_s, validation.end_s_N[title_R])
    order = np.argsort(-score_R, kind="stable")
    kept = order[start_s_R[order] < end_s_R[order]]
    segments = Predictions(title_R, np.zeros(len(runs), dtype=np.int64), start_s_R, end_s_R, score_R)
    return segments.take(kept), kept


def choose_flag_threshold(ranked: Predictions, clips: Clips, floor: float) -> float:
    """Return the segment score above which flagging finds most at the least cost: the highest F1 at tIoU 0.1.

    AP never falls when candidates are added at the end of a ranking, so thresholds chosen for it are far too low to act
    on. The value lies halfway to the next lower score, see ``choose_title_threshold``.

    Args:
        ranked: candidates of one label in the order of judgement.
        clips: all of that label, at least one.
        floor: tau_f, the least that a candidate scores; what is returned without any.
    """
    if not len(ranked):
        return floor
    found_P = np.cumsum(match(ranked, clips, [(0.1, Rule.GE)])[0])
    f1_P = 2 * found_P / (np.arange(1, len(ranked) + 1) + len(clips.title_G))
    last = int(np.argmax(f1_P))
    lower = ranked.score_P[ranked.score_P < ranked.score_P[last]]
    score = float(ranked.score_P[last])
    return float((score + lower.max()) / 2) if len(lower) else below_all(score, floor)


def choose_title_threshold(title_score_N: Floats, positive_N: Indices, least_recall: float) -> float:
    """Return the highest tau_v that keeps at least this share of the titles that hold the label.

    It lies halfway to the next lower title score: a threshold that equals a title's score would flip with the last
    digit of a recomputed score.

    Args:
        positive_N: indices of the titles that hold the label, at least one.
    """
    ascending = np.sort(title_score_N[positive_N])
    lowest_kept = ascending[int((1 - least_recall) * len(ascending) + 1e-9)]
    lower = title_score_N[title_score_N < lowest_kept]
    return float((lowest_kept + lower.max()) / 2) if len(lower) else 0.0


def _fallback(validation: Validation) -> LabelThresholds:
    """Return thresholds that nothing seen in validation reaches; see ``tune_thresholds``."""
    seen = validation.action_T[np.isfinite(validation.action_T)]
    if not len(seen):
        return NOTHING_KNOWN
    frame, title = (min(1.0, float(np.nextafter(value, 2.0))) for value in (seen.max(), validation.title_score_N.max()))
    return LabelThresholds(title=title, frame=frame, merge_gap_s=0.0, min_length_s=0.0, flag=frame)
