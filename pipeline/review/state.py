"""What a log says of each title, by replay: what every reviewer decided, with what was taken back left out.

The state of a title belongs to one reviewer (two who see each other's verdicts do not agree, they follow) and to no
run: what somebody saw in a film stays true when a new model finds other segments in it. Segments of a new run that
nearly coincide with a judged one of the same label count as judged; all others are still to be decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from data.labels import Clip
from data.schemas import Segment
from pipeline.review.log import Entry, ReviewedSegment
from pipeline.review.overlap import clip_tiou

SAME_TIOU = 0.5
"""Two segments of a label that overlap so much are one and the same for a person."""

Key = tuple[str, str]  # reviewer, title id


@dataclass
class TitleReview:
    """What one reviewer says of one title.

    Args:
        segments: by id, those that were touched, in the order in which they were first.
        removed: ids that are no more (split or merged into others).
        complete: the reviewer watched the whole title: what is not here is not in it.
        note: of the title.
        done: the actions in force, the last one last; the only one that may be undone next.
    """

    segments: dict[str, ReviewedSegment] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    complete: bool = False
    note: str = ""
    done: list[Entry] = field(default_factory=list)

    def accepted(self, label: str) -> list[ReviewedSegment]:
        """Return the accepted segments of a label, by start."""
        found = [one for one in self.segments.values() if one.label == label and one.verdict == "accepted"]
        return sorted(found, key=lambda one: (one.start_s, one.end_s))

    def doubtful(self, label: str) -> list[ReviewedSegment]:
        """Return the segments of a label that nobody decided: unsure ones, and open parts of split ones."""
        return [one for one in self.segments.values() if one.label == label and one.verdict in ("unsure", "open")]


def replay(entries: Iterable[Entry]) -> dict[Key, TitleReview]:
    """Return the state of every title by reviewer and title id."""
    by_title: dict[Key, list[Entry]] = {}
    for entry in entries:
        by_title.setdefault((entry.reviewer, entry.title_id), []).append(entry)
    return {key: replay_title(found) for key, found in by_title.items()}


def replay_title(entries: Sequence[Entry]) -> TitleReview:
    """Return the state after one reviewer's actions on one title. An undo that names no earlier line says nothing."""
    review = TitleReview(done=in_force(entries))
    for entry in review.done:
        for gone in entry.removed:
            review.segments.pop(gone, None)
            review.removed.add(gone)
        for segment in entry.segments:
            review.segments[segment.id] = segment
        if entry.note is not None:
            review.note = entry.note
        if entry.action in ("complete", "reopen"):
            review.complete = entry.action == "complete"
    return review


def in_force(entries: Sequence[Entry]) -> list[Entry]:
    """Return the actions that were not taken back. Seen from the end, so that an undo can be undone as well."""
    undone: set[str] = set()
    kept: list[Entry] = []
    for entry in reversed(entries):
        if entry.id in undone:
            continue
        if entry.undoes is not None:
            undone.add(entry.undoes)
        else:
            kept.append(entry)
    return kept[::-1]


def model_segments(run_id: str, found: Sequence[Segment]) -> dict[str, ReviewedSegment]:
    """Return a run's segments of a title as a reviewer finds them, by id."""
    ids = [f"{run_id}:{number}" for number in range(len(found))]
    return {
        id_: ReviewedSegment(id=id_, label=one.label, start_s=one.start_s, end_s=one.end_s)
        for id_, one in zip(ids, found)
    }


def undecided(review: TitleReview, of_model: Mapping[str, ReviewedSegment]) -> dict[str, ReviewedSegment]:
    """Return the segments of a title that wait for a decision: the model's, and open ones of the reviewer's own."""
    waiting = {id_: one for id_, one in review.segments.items() if one.verdict == "open"}
    for id_, one in of_model.items():
        if id_ not in review.segments and id_ not in review.removed and not _judged_already(one, review):
            waiting[id_] = one
    return waiting


def _judged_already(one: ReviewedSegment, review: TitleReview) -> bool:
    return any(
        other.label == one.label and other.verdict != "open" and clip_tiou(clip_of(one), clip_of(other)) >= SAME_TIOU
        for other in review.segments.values()
    )


def clip_of(segment: ReviewedSegment) -> Clip:
    """Return a segment as a labelled interval."""
    return Clip(segment.label, segment.start_s, segment.end_s)
