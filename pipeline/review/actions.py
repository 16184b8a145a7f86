"""What a reviewer may do to a title: each action, checked against the title's state, becomes one line of the log.

Whoever corrects a segment says that it is there: adjusting edges, changing the label, merging, adding and *first
occurrence* accept it. A split keeps the verdict for its parts, because one splits to treat them differently.

Only complete statements are recorded: a title with undecided segments cannot be declared fully reviewed, and a first
occurrence with an accepted segment before it is none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, ValidationError

from data.errors import ModerationError
from pipeline.review.log import Action, Entry, Name, Note, ReviewedSegment, Seconds, new_id, now
from pipeline.review.state import TitleReview, undecided

SHORTEST_S = 0.04
"""A frame at 25 frames a second: what is shorter was a slip of the hand."""
MAX_SEGMENTS = 5000


class ActionError(ModerationError):
    """An action that cannot be done to this title."""

    default_code = "action"


class ActionRequest(BaseModel):
    """What the page asks for.

    Args:
        segment: id of the segment that is meant; for ``merge`` the first of the two.
        other: id of the second segment of a ``merge``.
        at_s: where to ``split``.
        text: a ``note``, of the segment if one is named, else of the title.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: Action
    segment: Name | None = None
    other: Name | None = None
    label: Name | None = None
    start_s: Seconds | None = None
    end_s: Seconds | None = None
    at_s: Seconds | None = None
    text: Note | None = None


@dataclass(frozen=True)
class Change:
    """What an action does, see ``Entry``."""

    segments: tuple[ReviewedSegment, ...] = ()
    removed: tuple[str, ...] = ()
    note: str | None = None
    undoes: str | None = None


@dataclass(frozen=True)
class OpenTitle:
    """A title under a reviewer's hands.

    Args:
        length_s: no segment reaches beyond.
        labels: that may be given.
        of_model: the run's segments by id.
    """

    title_id: str
    length_s: float
    labels: Sequence[str]
    review: TitleReview
    of_model: Mapping[str, ReviewedSegment] = field(default_factory=dict)

    def find(self, name: str | None) -> ReviewedSegment:
        """Return a segment as it is now."""
        if name is not None and name not in self.review.removed:
            found = self.review.segments.get(name) or self.of_model.get(name)
            if found is not None:
                return found
        raise ActionError(f"title {self.title_id}: no segment {name!r}; load the title again")

    def interval(self, start_s: float | None, end_s: float | None) -> tuple[float, float]:
        """Return times that fit the title, or say why they do not."""
        if start_s is None or end_s is None:
            raise ActionError("an interval needs start_s and end_s, in seconds")
        start_s, end_s = round(start_s, 3), round(min(end_s, self.length_s), 3)
        if end_s - start_s < SHORTEST_S:
            message = f"{start_s:g}-{end_s:g} s is no interval; the end must be after the start"
            raise ActionError(f"{message}, and both within the title's {self.length_s:g} s")
        return start_s, end_s

    def known_label(self, label: str | None) -> str:
        """Return a label that is configured, or say which there are."""
        if label is None or label not in self.labels:
            raise ActionError(f"label {label!r} is not one of {', '.join(self.labels)}")
        return label


def make_entry(request: ActionRequest, title: OpenTitle, *, reviewer: str, run_id: str) -> Entry:
    """Return the line of the log for an action.

    Raises:
        ActionError: it cannot be done; the message says why.
    """
    change = CHANGES[request.action](request, title)
    if len(title.review.segments) + len(change.segments) > MAX_SEGMENTS:
        raise ActionError(f"title {title.title_id}: more than {MAX_SEGMENTS} reviewed segments")
    return Entry(
        id=new_id(),
        at=now(),
        reviewer=reviewer,
        run_id=run_id,
        title_id=title.title_id,
        action=request.action,
        segments=change.segments,
        removed=change.removed,
        note=change.note,
        undoes=change.undoes,
    )


def changed(segment: ReviewedSegment, **values: object) -> ReviewedSegment:
    """Return a segment with other values, checked again."""
    try:
        return ReviewedSegment.model_validate({**segment.model_dump(), **values})
    except ValidationError as error:
        raise ActionError(error.errors()[0]["msg"].removeprefix("Value error, ")) from error


def _judge(verdict: str) -> Callable[[ActionRequest, OpenTitle], Change]:
    def change(request: ActionRequest, title: OpenTitle) -> Change:
        segment = title.find(request.segment)
        return Change((changed(segment, verdict=verdict, first=segment.first and verdict == "accepted"),))

    return change


def _adjust(request: ActionRequest, title: OpenTitle) -> Change:
    segment = title.find(request.segment)
    start_s = segment.start_s if request.start_s is None else request.start_s
    end_s = segment.end_s if request.end_s is None else request.end_s
    start_s, end_s = title.interval(start_s, end_s)
    return Change((changed(segment, verdict="accepted", start_s=start_s, end_s=end_s),))


def _split(request: ActionRequest, title: OpenTitle) -> Change:
    segment = title.find(request.segment)
    if request.at_s is None or not segment.start_s + SHORTEST_S <= request.at_s <= segment.end_s - SHORTEST_S:
        raise ActionError(
            f"cannot split {segment.start_s:g}-{segment.end_s:g} s at {request.at_s} s; choose a moment inside"
        )
    at_s = round(request.at_s, 3)
    before = changed(segment, id=new_id(), end_s=at_s)
    after = changed(segment, id=new_id(), start_s=at_s, first=False, note="")
    return Change((before, after), removed=(segment.id,))


def _merge(request: ActionRequest, title: OpenTitle) -> Change:
    one, other = title.find(request.segment), title.find(request.other)
    if one.id == other.id or one.label != other.label:
        raise ActionError("only two segments of one label can be merged; change the label of one first")
    whole = changed(
        one,
        id=new_id(),
        start_s=min(one.start_s, other.start_s),
        end_s=max(one.end_s, other.end_s),
        verdict="accepted",
        first=one.first or other.first,
        note="; ".join(filter(None, (one.note, other.note)))[:2000],
    )
    return Change((whole,), removed=(one.id, other.id))


def _add(request: ActionRequest, title: OpenTitle) -> Change:
    label = title.known_label(request.label)
    start_s, end_s = title.interval(request.start_s, request.end_s)
    return Change((ReviewedSegment(id=new_id(), label=label, start_s=start_s, end_s=end_s, verdict="accepted"),))


def _label(request: ActionRequest, title: OpenTitle) -> Change:
    label = title.known_label(request.label)
    segment = title.find(request.segment)
    return Change((changed(segment, label=label, verdict="accepted", first=segment.first and label == segment.label),))


def _first(request: ActionRequest, title: OpenTitle) -> Change:
    """Mark the first occurrence of a label; marking it again takes the mark away."""
    segment = title.find(request.segment)
    if segment.first:
        return Change((changed(segment, first=False),))
    earlier = [one for one in title.review.accepted(segment.label) if one.start_s < segment.start_s]
    if earlier:
        raise ActionError(
            f"{segment.label} at {segment.start_s:g} s is not the first: {earlier[0].start_s:g} s is accepted, too"
        )
    marked = [one for one in title.review.accepted(segment.label) if one.first and one.id != segment.id]
    cleared = [changed(one, first=False) for one in marked]
    return Change((*cleared, changed(segment, verdict="accepted", first=True)))


def _note(request: ActionRequest, title: OpenTitle) -> Change:
    text = (request.text or "").strip()
    if request.segment is None:
        return Change(note=text)
    return Change((changed(title.find(request.segment), note=text),))


def _complete(_: ActionRequest, title: OpenTitle) -> Change:
    waiting = undecided(title.review, title.of_model)
    if waiting:
        count = "1 segment is" if len(waiting) == 1 else f"{len(waiting)} segments are"
        raise ActionError(f"title {title.title_id}: {count} not decided; accept, reject or mark as unsure first")
    return Change()


def _undo(_: ActionRequest, title: OpenTitle) -> Change:
    if not title.review.done:
        raise ActionError(f"title {title.title_id}: nothing to undo")
    return Change(undoes=title.review.done[-1].id)


CHANGES: Mapping[Action, Callable[[ActionRequest, OpenTitle], Change]] = {
    "accept": _judge("accepted"),
    "reject": _judge("rejected"),
    "unsure": _judge("unsure"),
    "adjust": _adjust,
    "split": _split,
    "merge": _merge,
    "add": _add,
    "label": _label,
    "first": _first,
    "note": _note,
    "complete": _complete,
    "reopen": lambda _request, _title: Change(),
    "undo": _undo,
}
