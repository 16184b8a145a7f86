"""Flagged segments as an operator meets them: recall and false flags at the chosen threshold, onset, segment F1.

Not in the paper (SPEC.md, Evaluation); definitions are in the docstrings.

Axes: P segments, G clips, K tIoU thresholds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from infer.average_precision import Clips, Predictions, match, rank
from infer.evaluation import known
from infer.operating_curve import OperatingCurve, operating_curve
from infer.settings import Rule
from infer.tiou import Floats

F1_TIOUS = (0.10, 0.25, 0.50)
WANTED_RECALL = 0.9


@dataclass(frozen=True)
class Onset:
    """How far the first detection of a title lies from the first clip, over the titles that have both.

    Args:
        titles: titles with a clip of the label.
        detected: those of them with any flagged segment of it.
        median_s: median of (start of the earliest flagged segment - start of the earliest clip); early is negative.
        median_absolute_s: median of its size.
    """

    titles: int
    detected: int
    median_s: float | None
    median_absolute_s: float | None


@dataclass(frozen=True)
class SegmentMetrics:
    """One label at its flag threshold; a value that cannot be known is None.

    Args:
        flag: the threshold.
        clips, found, recall: clips, those that a flagged segment overlaps, and their share.
        flagged, false, precision: flagged segments, those that overlap no clip, and the share of the others.
        hours, false_per_hour: measured time, and false segments in an hour of it.
        precision_at_recall: the best precision of any flag threshold that finds 90 % of the clips; None if none does.
        f1_K: segment F1 at tIoU 0.10, 0.25 and 0.50, see ``segment_f1``.
    """

    flag: float
    clips: int
    found: int
    recall: float | None
    flagged: int
    false: int
    precision: float | None
    hours: float
    false_per_hour: float | None
    precision_at_recall: float | None
    f1_K: tuple[float | None, ...]
    onset: Onset


def segment_metrics(
    candidates: Predictions, cut: Predictions, clips: Clips, *, flag: float, hours: float
) -> SegmentMetrics:
    """Measure one label.

    Args:
        candidates: all of its segments, also those below the flag threshold, whole.
        cut: the same, cut to the measured spans.
        clips: its clips.
        flag: least segment score of a flagged segment.
        hours: measured time.
    """
    curve = operating_curve(cut, clips, hours)
    reached = curve.from_score(flag)
    flagged, false, found = (
        int(counts[reached - 1]) if reached else 0 for counts in (curve.flagged_K, curve.false_K, curve.found_K)
    )
    return SegmentMetrics(
        flag=flag,
        clips=curve.clips,
        found=found,
        recall=found / curve.clips if curve.clips else None,
        flagged=flagged,
        false=false,
        precision=1 - false / flagged if flagged else None,
        hours=hours,
        false_per_hour=false / hours if hours else None,
        precision_at_recall=known(curve_precision_at_recall(curve, WANTED_RECALL)),
        f1_K=tuple(known(value) for value in segment_f1(cut.take(cut.score_P >= flag), clips)),
        onset=onset(candidates.take(candidates.score_P >= flag), clips),
    )


def curve_precision_at_recall(curve: OperatingCurve, recall: float) -> float:
    """Return the best precision of any threshold that finds at least this share of the clips; NaN if none does."""
    enough_K = curve.recall >= recall - 1e-12
    return float(curve.precision[enough_K].max()) if enough_K.any() else math.nan


def segment_f1(flagged: Predictions, clips: Clips) -> Floats:
    """Return (K,) F1 of one label's flagged segments at each tIoU: 2 hits / (segments + clips); NaN without either.

    A segment hits when it gets a clip of its own, by the matcher of mAP: in the order of scores each takes the free
    clip that it overlaps best.
    """
    total = len(flagged) + len(clips.title_G)
    if total == 0:
        return np.full(len(F1_TIOUS), math.nan)
    hits_KP = match(flagged.take(rank(flagged)), clips, [(tiou, Rule.GE) for tiou in F1_TIOUS])
    share: Floats = 2 * hits_KP.sum(axis=1) / total
    return share


def onset(flagged: Predictions, clips: Clips) -> Onset:
    """Compare each title's earliest flagged segment with its earliest clip, both of one label.

    Args:
        flagged: whole segments: a first detection after the end of the measured span is late, not absent.
    """
    titles = 1 + int(max(flagged.title_P.max(initial=-1), clips.title_G.max(initial=-1)))
    first_clip_N, first_found_N = np.full(titles, np.inf), np.full(titles, np.inf)
    np.minimum.at(first_clip_N, clips.title_G, clips.start_s_G)
    np.minimum.at(first_found_N, flagged.title_P, flagged.start_s_P)
    has_clip_N = np.isfinite(first_clip_N)
    both_N = has_clip_N & np.isfinite(first_found_N)
    error_s = first_found_N[both_N] - first_clip_N[both_N]
    if not len(error_s):
        return Onset(int(has_clip_N.sum()), 0, None, None)
    return Onset(int(has_clip_N.sum()), len(error_s), float(np.median(error_s)), float(np.median(np.abs(error_s))))
