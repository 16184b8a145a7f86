"""Everything an operator decides by, gathered in one pass over the titles of a run (SPEC.md, Evaluation).

Frames are counted, not kept (``infer.score_counts``); what grows with the catalogue is one number a title and label,
and the segments. Frames and segments are measured where the truth is known, by each test protocol: up to the end of the
first occurrence, or everything. Titles are measured by whether they hold the label at all, the same in both.

Axes: T frames, C labels, N titles, P segments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from data.labels import TitleLabels
from data.schemas import Segment
from infer.average_precision import Predictions
from infer.calibration import ReliabilityBin, calibration_sums, expected_calibration_error, reliability_bins
from infer.evaluation import known
from infer.frame_truth import frame_truth
from infer.protocol import GroundTruth, cut_to_measured, ground_truth, held_protocols
from infer.ranking import Ranking, auroc, precision_at_recall, rank_samples, step_average_precision
from infer.score_counts import ScoreCounts
from infer.segment_metrics import WANTED_RECALL, SegmentMetrics, segment_metrics
from infer.settings import Protocol
from infer.tiou import Floats
from infer.title_scores import TitleScores


@dataclass(frozen=True)
class RankingMetrics:
    """How well one label's scores tell its frames (or titles) from the others; None where it cannot be known.

    Args:
        samples, positives: how many are known, and hold the label.
        average_precision: step-wise; a random score reaches positives / samples.
        auroc: chance that one that holds the label scores above one that does not.
        precision_at_recall: the best precision of any threshold that finds 90 % of them.
        calibration_error: ECE, mean gap between score and truth over ten bins.
        reliability: those bins, without the empty ones.
    """

    samples: int
    positives: int
    average_precision: float | None
    auroc: float | None
    precision_at_recall: float | None
    calibration_error: float | None
    reliability: tuple[ReliabilityBin, ...]


@dataclass(frozen=True)
class LabelMetrics:
    """One label under one protocol: its frames, its titles, its segments at the chosen thresholds."""

    protocol: Protocol
    label: str
    frames: RankingMetrics
    titles: RankingMetrics
    segments: SegmentMetrics


@dataclass(frozen=True)
class OperatorMetrics:
    """All labels under all protocols that have anything to measure.

    Args:
        unscored: titles that the run has no scores of: their clips count as not found, their frames not at all.
    """

    rows: tuple[LabelMetrics, ...]
    unscored: int

    def row(self, protocol: Protocol, label: str) -> LabelMetrics:
        """Return one row; KeyError if there is none."""
        for row in self.rows:
            if (row.protocol, row.label) == (protocol, label):
                return row
        raise KeyError(f"no operator metrics for {protocol}, {label}")


class OperatorCollector:
    """Takes the titles of a run one by one, then says how good it was.

    Args:
        truth: labels of the titles to be measured; others are passed over.
        labels: C names, in the order of the score columns.
        flags: per label, the segment score from which it is flagged.
        protocols: which test protocols to report, as far as there is anything to find under them.
    """

    def __init__(
        self,
        truth: Mapping[str, TitleLabels],
        labels: Sequence[str],
        flags: Mapping[str, float],
        protocols: Sequence[Protocol] = tuple(Protocol),
    ) -> None:
        self._truth, self._labels, self._flags = truth, tuple(labels), flags
        protocols = held_protocols(truth, labels, protocols)
        self._measured = {protocol: ground_truth(truth, labels, protocol) for protocol in protocols}
        self._frames = {(protocol, label): ScoreCounts() for protocol in protocols for label in labels}
        self._title_scores: dict[str, Floats] = {}
        self._scored_s: dict[str, tuple[float, float]] = {}
        self._title_index = {title_id: n for n, title_id in enumerate(sorted(truth))}
        self._segments: list[tuple[int, Floats]] = []

    def add(self, scores: TitleScores, candidates: Sequence[Segment]) -> None:
        """Measure the frames of one title, and remember its title scores and segments.

        Args:
            candidates: its segments before the flag threshold.
        """
        labels = self._truth.get(scores.title_id)
        if labels is None:
            return
        frames = len(scores.action_TC)
        self._title_scores[scores.title_id] = scores.title_score_C.astype(np.float64)
        self._scored_s[scores.title_id] = scores.grid.start_s, scores.grid.time_s(frames)
        rows = [(self._labels.index(part.label), part.start_s, part.end_s, part.score) for part in candidates]
        self._segments.append((self._title_index[scores.title_id], np.array(rows, dtype=np.float64).reshape(-1, 4)))
        for (protocol, label), counts in self._frames.items():
            positive_T = frame_truth(labels, label, protocol, frames, scores.grid)
            if positive_T is not None:
                counts.add(scores.action_TC[: len(positive_T), self._labels.index(label)], positive_T)

    def metrics(self) -> OperatorMetrics:
        """Return what the titles so far reach."""
        rows = []
        titles = [self._title_metrics(c, label) for c, label in enumerate(self._labels)]
        candidates = self._candidates()
        for protocol, truth in self._measured.items():
            rows += [
                LabelMetrics(
                    protocol,
                    label,
                    _ranking_metrics(counts.ranking(), counts.calibration_sums),
                    titles[c],
                    self._segment_metrics(candidates.take(candidates.label_P == c), truth, c),
                )
                for c, label in enumerate(self._labels)
                for counts in [self._frames[protocol, label]]
            ]
        return OperatorMetrics(tuple(rows), len(self._truth) - len(self._scored_s))

    def _title_metrics(self, c: int, label: str) -> RankingMetrics:
        """Rank titles by their title score (Eq. 5); titles whose presence nobody knows are left out."""
        scores, present = [], []
        for title_id, title_score_C in self._title_scores.items():
            labels = self._truth[title_id]
            holds = True if label in labels.first else labels.present.get(label)
            if holds is not None:
                scores.append(title_score_C[c])
                present.append(holds)
        score_N, present_N = np.array(scores, dtype=np.float64), np.array(present, dtype=bool)
        return _ranking_metrics(rank_samples(score_N, present_N), calibration_sums(score_N, present_N))

    def _candidates(self) -> Predictions:
        """Return all segments as columns; titles are counted as in ``GroundTruth``."""
        title_P = np.repeat([n for n, _ in self._segments], [len(rows) for _, rows in self._segments])
        columns = np.concatenate([rows for _, rows in self._segments] or [np.zeros((0, 4))]).T
        return Predictions(title_P.astype(np.int64), columns[0].astype(np.int64), *columns[1:])

    def _segment_metrics(self, candidates: Predictions, truth: GroundTruth, c: int) -> SegmentMetrics:
        cut, _ = cut_to_measured(candidates, truth, "clip")
        scored_s_N2 = np.array([self._scored_s.get(title_id, (0.0, 0.0)) for title_id in truth.title_ids]).reshape(
            -1, 2
        )
        span_s_N = np.minimum(truth.end_s_NC[:, c], scored_s_N2[:, 1]) - scored_s_N2[:, 0]
        measured_s_N = np.where(truth.measured_NC[:, c], np.maximum(span_s_N, 0.0), 0.0)
        return segment_metrics(
            candidates,
            cut,
            truth.clips.take(np.flatnonzero(truth.clips.label_G == c)),
            flag=self._flags[self._labels[c]],
            hours=float(measured_s_N.sum()) / 3600,
        )


def _ranking_metrics(ranking: Ranking, sums_3B: Floats) -> RankingMetrics:
    return RankingMetrics(
        samples=ranking.samples,
        positives=ranking.positives,
        average_precision=known(step_average_precision(ranking)),
        auroc=known(auroc(ranking)),
        precision_at_recall=known(precision_at_recall(ranking, WANTED_RECALL)),
        calibration_error=known(expected_calibration_error(sums_3B)),
        reliability=reliability_bins(sums_3B),
    )
