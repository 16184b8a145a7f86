"""What changed since the previous run: statuses, segments, and the distribution of frame scores per label.

A model roll-out or a new kind of film shows first as a shift of scores, before anybody has labelled anything. Only
titles that both runs scored are compared: a larger catalogue alone is no drift.

Axes: T frames, C labels, H histogram bins.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from infer.title_scores import TitleScores
from pipeline.report.run import Run
from pipeline.report.signals import shown_status

HISTOGRAM_BINS = 20
RARE_SHARE = 1e-4  # an empty bin counts as this share, so that the index stays finite
STABLE, SHIFTED = 0.1, 0.25  # what credit scoring, where the index comes from, calls stable and shifted
LISTED = 100

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class LabelDrift:
    """One label in both runs, the previous one first.

    Args:
        flagged, review: number of segments.
        histogram: frames per bin of the action score's square root, H equal bins over [0, 1]; shares.
        stability_index: PSI of the two histograms; None where a run kept no scores.
        reading: the index in a word.
    """

    label: str
    flagged: tuple[int, int]
    review: tuple[int, int]
    histogram: tuple[tuple[float, ...], tuple[float, ...]]
    stability_index: float | None
    reading: str


@dataclass(frozen=True)
class Drift:
    """Two runs compared.

    Args:
        previous_id, previous_at: the run before, and when it was finished.
        same_model: whether both used the same checkpoint.
        statuses: by status, number of titles in each run, over the titles of both.
        changed: (title id, status before, status now) of titles whose status changed; at most ``LISTED``.
        changes: how many there are in all.
        added, removed: titles that only one of the runs has.
    """

    previous_id: str
    previous_at: str
    same_model: bool
    common: int
    added: int
    removed: int
    statuses: dict[str, tuple[int, int]]
    changed: tuple[tuple[str, str, str], ...]
    changes: int
    labels: tuple[LabelDrift, ...]


def compare(previous: Run, run: Run) -> Drift:
    """Compare a run with the one before it, over the titles of both."""
    before = {row.title_id: shown_status(row) for row in previous.titles}
    now = {row.title_id: shown_status(row) for row in run.titles}
    common = before.keys() & now.keys()
    changed = [(title_id, before[title_id], now[title_id]) for title_id in sorted(common)]
    changed = [change for change in changed if change[1] != change[2]]
    counts = [Counter(status[title_id] for title_id in common) for status in (before, now)]
    return Drift(
        previous_id=previous.run_id,
        previous_at=str(previous.record.get("finished_at", "")),
        same_model=previous.record.get("model_id") == run.record.get("model_id"),
        common=len(common),
        added=len(now.keys() - before.keys()),
        removed=len(before.keys() - now.keys()),
        statuses={status: (counts[0][status], counts[1][status]) for status in sorted(counts[0] | counts[1])},
        changed=tuple(changed[:LISTED]),
        changes=len(changed),
        labels=_label_drift(previous, run, common),
    )


def score_histograms(scores: Iterable[TitleScores], titles: Collection[str], labels: int) -> Counts:
    """Return (C, H) frames per bin of the square root of the action score, over some titles."""
    histogram_CH = np.zeros((labels, HISTOGRAM_BINS), dtype=np.int64)
    for title in scores:
        if title.title_id in titles:
            bin_TC = np.minimum((np.sqrt(title.action_TC) * HISTOGRAM_BINS).astype(np.int64), HISTOGRAM_BINS - 1)
            for c in range(labels):
                histogram_CH[c] += np.bincount(bin_TC[:, c], minlength=HISTOGRAM_BINS)
    return histogram_CH


def stability_index(before_H: Sequence[int] | Counts, now_H: Sequence[int] | Counts) -> float | None:
    """Return the population stability index, sum of (q - p) ln(q / p) over the bins; None if a side is empty.

    Not in the paper: the usual measure of drift; 0 for equal shares.
    """
    before, now = np.asarray(before_H, dtype=np.float64), np.asarray(now_H, dtype=np.float64)
    if not before.sum() or not now.sum():
        return None
    p, q = np.maximum(before / before.sum(), RARE_SHARE), np.maximum(now / now.sum(), RARE_SHARE)
    return float(((q - p) * np.log(q / p)).sum())


def _label_drift(previous: Run, run: Run, common: Collection[str]) -> tuple[LabelDrift, ...]:
    histograms = [score_histograms(one.scores(), common, len(one.labels)) for one in (previous, run)]
    found = [
        Counter((s.label, s.decision) for title_id in common for s in one.segments.get(title_id, ()))
        for one in (previous, run)
    ]
    rows = []
    for label in [label for label in run.labels if label in previous.labels]:
        before_H, now_H = (h[one.labels.index(label)] for h, one in zip(histograms, (previous, run)))
        index = stability_index(before_H, now_H)
        rows.append(
            LabelDrift(
                label,
                (found[0][label, "flag"], found[1][label, "flag"]),
                (found[0][label, "review"], found[1][label, "review"]),
                (_shares(before_H), _shares(now_H)),
                index,
                _reading(index),
            )
        )
    return tuple(rows)


def _shares(count_H: Counts) -> tuple[float, ...]:
    return tuple(float(count) for count in count_H / max(1, int(count_H.sum())))


def _reading(index: float | None) -> str:
    if index is None:
        return "no scores"
    return "stable" if index < STABLE else "moved" if index < SHIFTED else "shifted"
