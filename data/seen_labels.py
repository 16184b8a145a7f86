"""Labels against what was read of their films: what lies where nothing was read teaches nothing, and is no miss.

Labels may reach beyond a film because it was read in part, because the file is another cut than the one that was
labelled, or because a label is mistaken. The title manifest may not say how long a film is, so this is known only when
its features are there.

Not in the paper, whose films were read to their end.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from data.counted import brief_clock, counted
from data.known_films import SLACK_S
from data.labels import Clip, TitleLabels
from data.shards import ShardHeader
from data.titles import called

NAMED_TITLES = 5


@dataclass(frozen=True)
class ReadSpan:
    """What was read of a title, ``[start_s, end_s)`` on the clock that its labels have."""

    start_s: float
    end_s: float

    @classmethod
    def of(cls, header: ShardHeader) -> ReadSpan:
        """Return what a title's features stand for."""
        start_s = header.coverage.picture_start_s
        return cls(start_s, start_s + header.coverage.decoded_s)

    def shows(self, clip: Clip) -> bool:
        """Say whether anything of a clip was read; of what is no interval nothing is said."""
        return not _is_interval(clip) or (clip.start_s < self.end_s and clip.end_s > self.start_s)


@dataclass(frozen=True)
class Unseen:
    """What labels say of parts of a title that were not read.

    Args:
        clips: how many lie wholly there.
        cut: how many others reach into it, by more than ``SLACK_S``.
        last_s: where the last clip of the title ends.
        read_until_s: where reading ended.
    """

    title_id: str
    clips: int
    cut: int
    last_s: float
    read_until_s: float


def seen_labels(title: TitleLabels, span: ReadSpan) -> tuple[TitleLabels, Unseen | None]:
    """Return what labels say of the part of a title that was read, and what they say of the rest; None if nothing.

    A clip of which nothing was read is left out, one that reaches beyond is cut where reading ended. Of a label all of
    whose clips are left out nothing is known: it is present, but not where anybody could see it.
    """
    every = list(dict.fromkeys([*title.first.values(), *(title.occurrences or ())]))
    hidden = [clip for clip in every if not span.shows(clip)]
    beyond = [clip for clip in every if span.shows(clip) and clip.end_s > span.end_s + SLACK_S and _is_interval(clip)]
    if not hidden and not beyond:
        return title, None
    first = {label: _cut(clip, span) for label, clip in title.first.items() if span.shows(clip)}
    occurrences = title.occurrences
    if occurrences is not None:
        occurrences = tuple(_cut(clip, span) for clip in occurrences if span.shows(clip))
    located = {*first, *(clip.label for clip in occurrences or ())}
    lost = {clip.label for clip in hidden} - located
    present = {**title.present, **dict.fromkeys(lost)}
    unseen = Unseen(
        title.title_id, len(hidden), len(beyond), max(clip.end_s for clip in [*hidden, *beyond]), span.end_s
    )
    return replace(title, present=present, first=first, occurrences=occurrences), unseen


def all_seen_labels(
    labels: Mapping[str, TitleLabels], spans: Mapping[str, ReadSpan]
) -> tuple[dict[str, TitleLabels], list[Unseen]]:
    """Return the labels of all titles as ``seen_labels`` does; titles without a span keep theirs."""
    kept, unseen = dict(labels), []
    for title_id, title in labels.items():
        if title_id in spans:
            kept[title_id], found = seen_labels(title, spans[title_id])
            unseen += [] if found is None else [found]
    return kept, unseen


def beyond_words(unseen: Iterable[Unseen], names: Mapping[str, str]) -> str:
    """Name the titles whose labels reach beyond what was read, in one line; empty if there is none.

    Args:
        names: what people call titles, by id.
    """
    found = list(unseen)
    named = [
        f"{called(title.title_id, names.get(title.title_id, ''))}, clip to {brief_clock(title.last_s)}, read to "
        f"{brief_clock(title.read_until_s)}"
        for title in found[:NAMED_TITLES]
    ]
    more = f" and {len(found) - NAMED_TITLES} more" if len(found) > NAMED_TITLES else ""
    said = f"{counted(len(found), 'title')}: labels reach beyond what was read: {'; '.join(named)}{more}"
    return said if found else ""


def left_out_words(unseen: Iterable[Unseen]) -> str:
    """Say how many clips are not counted, for the end of a sentence; empty if all are."""
    found = list(unseen)
    clips, cut = sum(title.clips for title in found), sum(title.cut for title in found)
    parts = [f"{counted(clips, 'clip')} {'lies' if clips == 1 else 'lie'} where nothing was read: left out"] * bool(
        clips
    )
    parts += [f"{counted(cut, 'clip')} cut where reading ended"] * bool(cut)
    return "; ".join(parts)


def _cut(clip: Clip, span: ReadSpan) -> Clip:
    return replace(clip, end_s=span.end_s) if _is_interval(clip) and clip.end_s > span.end_s + SLACK_S else clip


def _is_interval(clip: Clip) -> bool:
    return math.isfinite(clip.start_s) and math.isfinite(clip.end_s) and clip.end_s > clip.start_s
