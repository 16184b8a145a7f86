"""What one reviewer's state of a title says as labels, and no more than that.

- **accepted**: the label is in the title. Where it is seen *first* is known only if the reviewer said so, or watched
  the whole title: training takes all that comes before a first occurrence as free of the label.
- **rejected**: there is no such clip here. Of the rest of the title it says nothing.
- **unsure** or not decided: nothing is known of the label beyond what was accepted, nor whether that comes first.
- **fully reviewed**: the accepted segments are all there is. Labels without one are absent, unless a segment of them is
  unsure; with any unsure segment the title has first occurrences, but no list of all.
- a title without any of these is **unknown**, never absent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from data.labels import Clip
from pipeline.review.state import TitleReview, clip_of


@dataclass(frozen=True)
class LabelOpinion:
    """One label of one title.

    Args:
        present: None where nothing is known.
        first: the first occurrence, where it is known.
        clips: everything that was accepted, by start.
        rejected: intervals that do not hold the label.
        doubt: what makes a statement unusable, in words; empty when nothing does.
        conflict: reviewers contradict one another; what is not said here is unknown, whatever was known before.
    """

    present: bool | None = None
    first: Clip | None = None
    clips: tuple[Clip, ...] = ()
    rejected: tuple[Clip, ...] = ()
    doubt: str = ""
    conflict: bool = False


@dataclass(frozen=True)
class TitleOpinion:
    """One title.

    Args:
        by: who says so.
        labels: by label, one entry for each.
        complete: the whole title was watched; labels that nothing is known of are those with an unsure segment.
        exhaustive: ``clips`` of all labels are all occurrences.
    """

    title_id: str
    by: str
    labels: Mapping[str, LabelOpinion] = field(default_factory=dict)
    complete: bool = False
    exhaustive: bool = False

    @property
    def says_something(self) -> bool:
        return any(one.present is not None or one.rejected for one in self.labels.values())

    def doubts(self) -> Iterator[str]:
        """Yield what makes statements unusable, in words."""
        yield from (f"{label}: {one.doubt}" for label, one in self.labels.items() if one.doubt)


def title_opinion(title_id: str, by: str, review: TitleReview, labels: Sequence[str]) -> TitleOpinion:
    """Return what a reviewer's state of a title says."""
    return TitleOpinion(
        title_id,
        by,
        {label: _label_opinion(review, label) for label in labels},
        review.complete,
        review.complete and not any(review.doubtful(label) for label in labels),
    )


def _label_opinion(review: TitleReview, label: str) -> LabelOpinion:
    accepted, doubtful = review.accepted(label), review.doubtful(label)
    clips = tuple(dict.fromkeys(map(clip_of, accepted)))
    rejected = tuple(
        clip_of(one) for one in review.segments.values() if one.label == label and one.verdict == "rejected"
    )
    if not accepted:
        absent = review.complete and not doubtful
        return LabelOpinion(False if absent else None, None, clips, rejected)
    marked = next((one for one in accepted if one.first), None)
    earliest = marked or accepted[0]
    if not (marked or review.complete):
        return LabelOpinion(True, None, clips, rejected)
    before = [one for one in (*accepted, *doubtful) if one.start_s < earliest.start_s]
    if before:
        said = "accepted" if before[0].verdict == "accepted" else "not decided"
        doubt = f"{earliest.start_s:g} s cannot be called the first: {before[0].start_s:g} s is {said}"
        return LabelOpinion(True, None, clips, rejected, doubt)
    return LabelOpinion(True, clip_of(earliest), clips, rejected)
