"""One title as data for the page: frame scores small enough for hundreds of films in one file.

Scores become at most ``BINS`` numbers a title, each the highest of its part: a peak of one second must not vanish in a
film of two hours. Each is one byte, the square root of the score times 255: thresholds of a product of two
probabilities are often below 0.01, where equal steps of 1/255 would be too coarse (the step is 0.0008 at 0.01).

Axes: T frames, C labels, B bins.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from data.counted import written_score, written_threshold
from data.errors import SchemaError
from data.labels import TitleLabels
from data.schemas import LabelThresholds, Segment
from data.time_grid import TimeGrid
from infer.explain import Candidate, explain_segments
from infer.title_scores import TitleScores
from infer.title_status import GONE, TitleRow
from pipeline import evidence

BINS = 600

Values = npt.NDArray[np.floating[Any]]


def shown_status(row: TitleRow) -> str:
    """Return the status to show: a film that was not read is never shown clear, whatever its row says."""
    unread = row.reason and not row.reason.startswith(GONE)
    if row.status == "clear" and (unread or row.error or not row.samples):
        return "partial" if row.samples else "quarantined"
    return row.status


def highest_per_bin(value_T: Values, bins: int = BINS) -> Values:
    """Return (B,) the highest value of each of ``min(bins, T)`` parts; part b begins at frame ``floor(b T / B)``."""
    frames = len(value_T)
    if frames <= bins:
        return value_T
    return np.asarray(np.maximum.reduceat(value_T, np.arange(bins) * frames // bins))


def quantise(value_B: Values) -> npt.NDArray[np.uint8]:
    """Return (B,) uint8: 255 times the square root of scores in [0, 1]."""
    level_B: npt.NDArray[np.uint8] = np.rint(255 * np.sqrt(np.clip(value_B, 0.0, 1.0))).astype(np.uint8)
    return level_B


def encode(value_T: Values) -> str:
    """Return the scores of a title as base64 of one byte a bin."""
    return base64.b64encode(quantise(highest_per_bin(value_T)).tobytes()).decode("ascii")


def title_data(
    row: TitleRow,
    scores: TitleScores | None,
    segments: Sequence[Segment],
    truth: TitleLabels | None,
    labels: Sequence[str],
    *,
    asked: Mapping[str, LabelThresholds] | None = None,
    segment_score: str = "max",
) -> dict[str, Any]:
    """Return one title as JSON values: what the page needs to draw it.

    Args:
        scores: None for a title that was not scored, or a run that kept no scores.
        truth: None where nobody labelled the title.
        labels: C names, in the order of the score columns.
        asked: what segments had to reach, by label; none for a baseline's own rule.
        segment_score: as the run had it.
    """
    asked = asked or {}

    def how(of: TitleScores | None) -> list[Candidate]:
        return explain_segments(of, segments, labels, asked, segment_score=segment_score, duration_s=row.decoded_s)

    frames = len(scores.action_TC) if scores is not None else row.samples or 0
    grid = scores.grid if scores is not None else TimeGrid(row.picture_start_s)
    length_s = max(row.duration_s or 0.0, grid.time_s(frames) if row.decoded_s is None else row.read_until_s)
    return {
        "id": row.title_id,
        "name": row.shown,
        "path": row.path,
        "status": shown_status(row),
        "why": row.reason or row.error,
        "frames": frames,
        "start_s": grid.start_s,
        "step_s": grid.step_s,
        "length_s": round(length_s, 3),
        "decoded_s": None if row.decoded_s is None else round(row.decoded_s, 3),
        "read_until_s": None if row.decoded_s is None else round(row.read_until_s, 3),
        "coverage": row.coverage,
        "flagged_s": round(row.flagged_s, 3),
        "fs": None if scores is None or scores.foreground_T is None else encode(scores.foreground_T),
        "labels": [_label_data(scores, c, label, truth, asked.get(label)) for c, label in enumerate(labels)],
        "segments": [segment_data(segment, found) for segment, found in zip(segments, _explained(scores, how))],
    }


def shown_second(peak_s: float) -> int:
    """Return the whole second at which a player shows the picture that was sampled at a time."""
    return math.ceil(peak_s - 1e-6)


def _explained(scores: TitleScores | None, how: Callable[[TitleScores | None], list[Candidate]]) -> list[Candidate]:
    """Explain a title's segments as `explain` does; from the table alone where the scores are of something else."""
    try:
        return how(scores)
    except SchemaError:
        return how(None)


def segment_data(segment: Segment, found: Candidate) -> dict[str, Any]:
    """Return a segment with the evidence for it, in the words of `explain`, as JSON values."""
    rows = [*evidence.parts(found), *evidence.reasons(found)]
    return {
        "label": segment.label,
        "start_s": round(segment.start_s, 3),
        "end_s": round(segment.end_s, 3),
        "peak_s": shown_second(segment.peak_s),
        "decision": segment.decision,
        "score": _rounded(segment.score),
        "span": evidence.span(found),
        "length": evidence.length(found),
        "shown": evidence.score_text(found),
        "why": [[reason.name, reason.value, reason.verdict] for reason in rows],
        "drawn": evidence.drawn(found),
    }


def truth_data(truth: TitleLabels | None, label: str) -> dict[str, Any]:
    """Return what is labelled of one label: ``present`` True, False or None; clips; and where knowledge ends.

    ``until_s`` is the end of the first occurrence where only that is labelled: what comes later, nobody looked at.
    """
    if truth is None:
        return {"present": None, "clips": [], "until_s": None}
    first = truth.first.get(label)
    located = [clip for clip in truth.occurrences or () if clip.label == label]
    if first is not None and first not in located:
        located.append(first)
    clips = sorted((clip.start_s, clip.end_s) for clip in located)
    only_first = truth.occurrences is None and first is not None
    return {
        "present": True if clips else truth.present.get(label),
        "clips": clips,
        "until_s": first.end_s if only_first and first is not None else None,
    }


def _label_data(
    scores: TitleScores | None, c: int, label: str, truth: TitleLabels | None, limits: LabelThresholds | None
) -> Mapping[str, Any]:
    value = None if scores is None else float(scores.title_score_C[c])
    said = "" if value is None else f"title score {written_score(value, limits.title if limits else None)}"
    conditional_TC = None if scores is None else scores.conditional_TC
    return {
        "label": label,
        "cs": None if conditional_TC is None else encode(conditional_TC[:, c]),
        "as": None if scores is None else encode(scores.action_TC[:, c]),
        "score": _rounded(value),
        "said": said if limits is None or not said else f"{said}, needed {written_threshold(limits.title)}",
        "truth": truth_data(truth, label),
    }


def _rounded(value: float | None) -> float | None:
    """Keep four significant digits: a score of 0.0007 must not become 0."""
    return None if value is None else float(f"{value:.4g}")
