"""Where a run is right and wrong on labelled titles: precision-recall curves, and the worst mistakes (Figure 4).

Only titles that training did not see tell anything, and only the spans that labels cover: each title by all its
occurrences where these are labelled; else what comes after a first occurrence was never looked at, so a segment there
is no mistake. Whether a prediction is right is decided by
``infer.average_precision.match``, as for mAP; a *mistake* is plainer: a flagged segment that touches no clip of its
label, or a clip that no flagged segment touches.

Axes: P predictions, K points of a curve.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from data.labels import Clip, TitleLabels
from data.schemas import LabelThresholds, Segment
from data.targets import clip_frames
from infer.average_precision import label_bounds, match, rank
from infer.protocol import cut_to_measured, fullest_clips, fullest_truth, index_predictions, refuse_invalid
from infer.segments import find_segments
from infer.settings import Rule
from infer.title_scores import TitleScores
from pipeline.report.signals import shown_second

OVERLAPS = (("any overlap", 0.0, Rule.GT), ("tIoU 0.1", 0.1, Rule.GE), ("tIoU 0.2", 0.2, Rule.GE))
MAX_POINTS = 200
FALSE, MISSED = "false positive", "false negative"


@dataclass(frozen=True)
class Curve:
    """Precision over recall of one label's segments, from the highest score down.

    Args:
        overlap: what counts as right, in words.
        recall_K, precision_K: (K,) shares.
        chosen: recall and precision at the flag threshold; None when nothing reaches it.
        clips: clips to be found.
    """

    label: str
    overlap: str
    recall_K: tuple[float, ...]
    precision_K: tuple[float, ...]
    chosen: tuple[float, float] | None
    clips: int


@dataclass(frozen=True)
class Mistake:
    """A false positive or false negative.

    Args:
        kind: ``FALSE`` or ``MISSED``.
        score: of the segment, or the highest action score inside the missed clip; None where there are no scores.
        moment_s: the second to look at: the peak of the segment, the middle of the clip.
    """

    kind: str
    title_id: str
    label: str
    start_s: float
    end_s: float
    score: float | None
    moment_s: int


def candidates(
    scores: TitleScores, thresholds: Mapping[str, LabelThresholds], segment_score: str, duration_s: float | None
) -> list[Segment]:
    """Return all segments of a title, whatever their score: a curve judges the whole ranking."""
    everything = {label: replace(limits, flag=0.0) for label, limits in thresholds.items()}
    return find_segments(
        scores,
        everything,
        tuple(thresholds),
        segment_score=segment_score,
        review_fraction=0,
        duration_s=duration_s,
    )


def curves(
    found: Sequence[Segment],
    truth: Mapping[str, TitleLabels],
    thresholds: Mapping[str, LabelThresholds],
) -> list[Curve]:
    """Return a curve per label that has clips, and way to be right."""
    labels = tuple(thresholds)
    measured = fullest_truth(truth, labels)
    rows = ((s.title_id, s.label, s.start_s, s.end_s, s.score) for s in found)
    predictions, _ = refuse_invalid(index_predictions(rows, measured.title_ids, labels), len(truth), len(labels))
    predictions, _ = cut_to_measured(predictions, measured, "clip")
    ranked = predictions.take(rank(predictions))
    hits_KP = match(ranked, measured.clips, [(tiou, rule) for _, tiou, rule in OVERLAPS])
    result = []
    for c, (begin, end) in enumerate(pairwise(label_bounds(ranked.label_P, len(labels)))):
        clips = int(measured.positives[c])
        for (overlap, _, _), hits_P in zip(OVERLAPS, hits_KP):
            if clips:
                points = _points(hits_P[begin:end], ranked.score_P[begin:end], clips, thresholds[labels[c]].flag)
                result.append(Curve(labels[c], overlap, *points, clips))
    return result


def mistakes(
    title_id: str,
    truth: TitleLabels,
    segments: Sequence[Segment],
    scores: TitleScores | None,
    *,
    labels: Sequence[str],
) -> list[Mistake]:
    """Return all mistakes in one labelled title.

    Args:
        segments: of that title; near misses are no mistakes.
        scores: None for a title that could not be scored: its clips are all missed.
        labels: in the order of the score columns.
    """
    result = []
    for c, label in enumerate(labels):
        measured = fullest_clips(truth, label)
        if measured is None:
            continue
        clips, end_s = measured
        flagged = [s for s in segments if s.label == label and s.decision == "flag" and s.start_s < end_s]
        for segment in flagged:
            if not any(_touch(segment, clip) for clip in clips):
                span = (segment.start_s, min(segment.end_s, end_s))
                result.append(Mistake(FALSE, title_id, label, *span, segment.score, shown_second(segment.peak_s)))
        for clip in clips:
            if not any(_touch(segment, clip) for segment in flagged):
                result.append(_missed(title_id, clip, scores, c))
    return result


def worst(found: Sequence[Mistake], labels: Sequence[str], per_label: int) -> list[Mistake]:
    """Return per label the false positives with the highest scores, then the misses with the lowest."""
    false = sorted((m for m in found if m.kind == FALSE), key=lambda m: (-(m.score or 0), m.title_id, m.start_s))
    missed = sorted((m for m in found if m.kind == MISSED), key=lambda m: (m.score or 0, m.title_id, m.start_s))
    result = []
    for label in labels:
        for ordered in (false, missed):
            result += [mistake for mistake in ordered if mistake.label == label][:per_label]
    return result


def _missed(title_id: str, clip: Clip, scores: TitleScores | None, c: int) -> Mistake:
    score = None
    if scores is not None:
        frames = len(scores.action_TC)
        if clip.start_s < scores.grid.time_s(frames) and clip.end_s > scores.grid.start_s:
            score = float(scores.action_TC[clip_frames(clip, frames, scores.grid), c].max())
    return Mistake(MISSED, title_id, clip.label, clip.start_s, clip.end_s, score, int((clip.start_s + clip.end_s) / 2))


def _touch(segment: Segment, clip: Clip) -> bool:
    return segment.start_s < clip.end_s and clip.start_s < segment.end_s


def _points(
    hit_P: np.ndarray[tuple[int], np.dtype[np.bool_]],
    score_P: np.ndarray[tuple[int], np.dtype[np.float64]],
    clips: int,
    flag: float,
) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, float] | None]:
    """Return recall and precision at every distinct score, thinned, and at the flag threshold."""
    found_P = np.cumsum(hit_P)
    last = np.flatnonzero(np.append(score_P[1:] != score_P[:-1], True)) if len(score_P) else np.zeros(0, np.int64)
    recall, precision = found_P[last] / clips, found_P[last] / (last + 1)
    reaching = int((score_P[last] >= flag).sum())
    chosen = (float(recall[reaching - 1]), float(precision[reaching - 1])) if reaching else None
    kept = np.unique(np.linspace(0, len(last) - 1, min(len(last), MAX_POINTS)).astype(np.int64)) if len(last) else last
    return tuple(map(float, recall[kept])), tuple(map(float, precision[kept])), chosen
