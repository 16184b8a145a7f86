"""Which title to look at next: the one whose outcome is least certain, because there a look changes most.

A segment is uncertain as far as its score is near the label's flag threshold, in either direction: a score of a half
and one of twice the threshold are equally uncertain (scores of a product of probabilities spread over decades). A title
is as uncertain as its most uncertain segment that waits for a decision. Titles without one come after, those first that
were not read to their end, then by how near their highest action score came to a threshold: that is where the model may
have missed something.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from data.schemas import LabelThresholds, Segment
from pipeline.review.log import ReviewedSegment
from pipeline.review.state import TitleReview, undecided


@dataclass(frozen=True)
class QueueRow:
    """A title in the queue.

    Args:
        waiting: segments to be decided.
        decided: segments that were.
        uncertainty: in [0, 1], see the module.
        complete: declared fully reviewed.
    """

    title_id: str
    waiting: int
    decided: int
    uncertainty: float
    complete: bool


def queue_row(
    title_id: str,
    review: TitleReview,
    of_model: Mapping[str, ReviewedSegment],
    uncertainty: Mapping[str, float],
    otherwise: float,
) -> QueueRow:
    """Return a title's place in the queue.

    Args:
        uncertainty: by id of the model's segments, see ``score_closeness``.
        otherwise: for a title without segments that wait, how near the model came to finding one; in [0, 1].
    """
    waiting = undecided(review, of_model)
    most = max((uncertainty.get(id_, 1.0) for id_ in waiting), default=otherwise)
    decided = sum(one.verdict != "open" for one in review.segments.values())
    return QueueRow(title_id, len(waiting), decided, most, review.complete)


def order(row: QueueRow) -> tuple[bool, bool, float]:
    """Return the key that sorts a queue: what is to be done first comes first."""
    return row.complete, not row.waiting, -row.uncertainty


def score_closeness(segment: Segment, thresholds: Mapping[str, LabelThresholds]) -> float:
    """Return how near a segment's score is to its flag threshold: 1 at the threshold, 1/2 at half or twice of it."""
    limits = thresholds.get(segment.label)
    return closeness(segment.score, max(limits.flag, limits.frame) if limits is not None else segment.threshold)


def closeness(score: float, threshold: float) -> float:
    """Return min(score / threshold, threshold / score); 0 where either is 0."""
    if not (score > 0 and threshold > 0):
        return 0.0
    return math.exp(-abs(math.log(score / threshold)))
