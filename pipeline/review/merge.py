"""From reviews to label files that the next training reads: the opinions of reviewers, joined with earlier labels.

Between reviewers nobody wins silently: where they contradict one another about a label of a title, it becomes unknown
and is listed, unless one of them is named as the one to prefer. Where they agree, edges are averaged.

Against earlier labels a review wins where it says something. A fully reviewed title replaces them; else what was
accepted is added, and a first occurrence that is proven wrong is dropped. Titles without a review stay as they are:
unknown if they were, never absent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from data.errors import Problem
from data.label_import import write_labels
from data.labels import Clip, TitleLabels
from data.manifest import raise_errors
from data.titles import Title
from pipeline.review.log import LogContent, read_log
from pipeline.review.opinion import LabelOpinion, TitleOpinion, title_opinion
from pipeline.review.overlap import match_clips
from pipeline.review.state import SAME_TIOU, replay


@dataclass
class Merged:
    """Labels after a review.

    Args:
        labels: by title id.
        titles: ids of those of which a review says something; ``complete``: how many were fully reviewed.
        conflicts: titles in which reviewers contradict one another.
        problems: warnings, each with its file.
    """

    labels: dict[str, TitleLabels] = field(default_factory=dict)
    titles: list[str] = field(default_factory=list)
    complete: int = 0
    conflicts: int = 0
    problems: list[Problem] = field(default_factory=list)


def merge_reviews(
    paths: Sequence[Path],
    labels: Sequence[str],
    titles: Mapping[str, Title],
    earlier: Mapping[str, TitleLabels],
    *,
    prefer: str | None = None,
) -> Merged:
    """Join the reviews in some logs with earlier labels.

    Args:
        paths: logs of ``coarse2fine review``.
        labels: the labels that may occur.
        titles: the catalogue; reviews of other titles are left out with a warning.
        earlier: labels of titles by id; may be empty.
        prefer: reviewer whose opinion of a title stands alone, where there is one.

    Raises:
        ManifestError: with every line that is not an action of a review, and every unknown label.
    """
    logs = [read_log(path) for path in dict.fromkeys(paths)]
    found = [problem for log in logs for problem in (*log.problems, *_unknown_labels(log, labels))]
    raise_errors([problem for problem in found if problem.severity == "error"])
    merged = Merged(dict(earlier), problems=found)
    where = paths[0]
    by_title: dict[str, list[TitleOpinion]] = {}
    for (reviewer, title_id), review in replay(entry for log in logs for entry in log.entries).items():
        opinion = title_opinion(title_id, reviewer, review, labels)
        if title_id not in titles:
            merged.problems.append(_warning(where, title_id, "is reviewed, but is not in the titles; it is left out"))
        elif opinion.says_something or opinion.complete:
            by_title.setdefault(title_id, []).append(opinion)
    for title_id, opinions in by_title.items():
        preferred = [opinion for opinion in opinions if opinion.by == prefer]
        joined, conflicts = join_opinions(preferred or opinions)
        notes = [*joined.doubts(), *conflicts]
        merged.labels[title_id], contradicted = with_earlier(joined, earlier.get(title_id))
        merged.problems += [_warning(where, title_id, note) for note in (*notes, *contradicted)]
        merged.titles.append(title_id)
        merged.complete += joined.complete
        merged.conflicts += bool(conflicts)
    return merged


def write_merged(out: Path, merged: Merged) -> None:
    """Write ``video_labels.csv`` and ``clip_labels.csv``."""
    write_labels(out, merged.labels.values())


def join_opinions(opinions: Sequence[TitleOpinion]) -> tuple[TitleOpinion, list[str]]:
    """Join what several reviewers say of one title; also return their contradictions, in words."""
    joined, conflicts = opinions[0], list[str]()
    for opinion in opinions[1:]:
        joined, found = _join_two(joined, opinion)
        conflicts += found
    return joined, conflicts


def _join_two(one: TitleOpinion, other: TitleOpinion) -> tuple[TitleOpinion, list[str]]:
    labels: dict[str, LabelOpinion] = {}
    conflicts: list[str] = []
    for label, mine in one.labels.items():
        theirs = other.labels[label]
        if mine.conflict:
            labels[label] = mine
        elif conflict := _contradiction(mine, theirs, one.exhaustive, other.exhaustive):
            conflicts.append(f"{label}: {one.by} and {other.by} {conflict}")
            certain = mine.present is True and theirs.present is True
            labels[label] = LabelOpinion(present=True if certain else None, conflict=True)
        elif not mine.clips or not theirs.clips:
            labels[label] = _union(mine, theirs)
        else:
            labels[label] = _averaged(mine, theirs)
    whole = (one.exhaustive or other.exhaustive) and not conflicts
    joined = TitleOpinion(one.title_id, f"{one.by}, {other.by}", labels, one.complete or other.complete, whole)
    return joined, conflicts


def _contradiction(mine: LabelOpinion, theirs: LabelOpinion, my_all: bool, their_all: bool) -> str:
    """Say what two opinions of a label contradict each other in; empty when they can both be right."""
    if {mine.present, theirs.present} == {True, False}:
        return "contradict each other: present and absent"
    pairs = match_clips(mine.clips, theirs.clips)
    if (my_all and len(pairs) < len(theirs.clips)) or (their_all and len(pairs) < len(mine.clips)):
        return "accepted different segments, though one reviewed the whole title; presence is kept, clips are not"
    for clips, refused in ((mine.clips, theirs.rejected), (theirs.clips, mine.rejected)):
        if any(tiou >= SAME_TIOU for _, _, tiou in match_clips(clips, refused)):
            return "judged the same segment differently"
    if mine.first and theirs.first and not match_clips([mine.first], [theirs.first]):
        return "name different first occurrences; presence is kept, clips are not"
    return ""


def _union(mine: LabelOpinion, theirs: LabelOpinion) -> LabelOpinion:
    """Join two opinions of which at most one has clips."""
    speaks = mine if mine.clips else theirs
    present = mine.present if mine.present is not None else theirs.present
    return replace(speaks, present=present, rejected=(*mine.rejected, *theirs.rejected))


def _averaged(mine: LabelOpinion, theirs: LabelOpinion) -> LabelOpinion:
    """Join two lists of clips: edges of those that overlap are averaged, the others are kept."""
    pairs = {i: j for i, j, _ in match_clips(mine.clips, theirs.clips)}
    averaged = {i: _mean(mine.clips[i], theirs.clips[j]) for i, j in pairs.items()}
    clips = [averaged.get(i, clip) for i, clip in enumerate(mine.clips)]
    clips += [clip for j, clip in enumerate(theirs.clips) if j not in pairs.values()]
    clips.sort(key=lambda clip: (clip.start_s, clip.end_s))
    known = [one.first for one in (mine, theirs) if one.first is not None]
    first = clips[0] if known else None
    doubt = ""
    if first is not None and not any(match_clips([first], [clip]) for clip in known):
        first, doubt = None, f"{known[0].start_s:g} s cannot be called the first: {clips[0].start_s:g} s is accepted"
    return LabelOpinion(True, first, tuple(clips), (*mine.rejected, *theirs.rejected), doubt)


def _mean(one: Clip, other: Clip) -> Clip:
    return Clip(one.label, round((one.start_s + other.start_s) / 2, 3), round((one.end_s + other.end_s) / 2, 3))


def with_earlier(opinion: TitleOpinion, earlier: TitleLabels | None) -> tuple[TitleLabels, list[str]]:
    """Return a title's labels after a review, and where it contradicts the earlier ones, in words."""
    before = earlier if earlier is not None else TitleLabels(opinion.title_id)
    notes: list[str] = []
    present: dict[str, bool | None] = {}
    first: dict[str, Clip] = {}
    every: list[Clip] = []
    for label, one in opinion.labels.items():
        was = before.present.get(label)
        settled = one.present is not None or opinion.complete or one.conflict
        present[label] = one.present if settled else was
        notes += _changes(label, one, before, complete=opinion.complete)
        if not present[label]:
            continue
        clips = list(one.clips) if opinion.complete else _added(before, label, one.clips)
        every += clips
        chosen = _first(opinion, one, before, label, clips)
        if chosen is not None:
            first[label] = chosen
        elif label in before.first:
            notes.append(f"{label}: the first occurrence at {before.first[label].start_s:g} s is dropped")
    listed = opinion.exhaustive if opinion.complete else before.occurrences is not None
    listed = listed and not any(one.conflict for one in opinion.labels.values())
    every.sort(key=lambda clip: (clip.start_s, clip.end_s, clip.label))
    return TitleLabels(opinion.title_id, present, first, tuple(every) if listed else None), notes


def _changes(label: str, one: LabelOpinion, before: TitleLabels, *, complete: bool) -> list[str]:
    """Say where a review and an earlier label contradict each other."""
    notes = []
    was = before.present.get(label)
    if one.present is not None and was is not None and was != one.present:
        notes.append(f"{label}: was {_said(was)}, the review says {_said(one.present)}")
    if not complete:
        known = _added(before, label, ())
        notes += [
            f"{label}: rejected at {clip.start_s:g} s, but labelled before; the label stays until all is reviewed"
            for clip in one.rejected
            if any(tiou >= SAME_TIOU for _, _, tiou in match_clips([clip], known))
        ]
    return notes


def _added(before: TitleLabels, label: str, accepted: Iterable[Clip]) -> list[Clip]:
    """Return a label's earlier clips with those that were accepted and overlap none of them."""
    clips = [clip for clip in before.occurrences or () if clip.label == label]
    if not clips and label in before.first:
        clips = [before.first[label]]
    clips += [clip for clip in accepted if not match_clips([clip], clips)]
    return sorted(clips, key=lambda clip: (clip.start_s, clip.end_s))


def _first(
    opinion: TitleOpinion, one: LabelOpinion, before: TitleLabels, label: str, clips: Sequence[Clip]
) -> Clip | None:
    """Return the first occurrence: the review's, else the earlier one if nothing was accepted before it."""
    if one.first is not None or opinion.complete or one.conflict:
        return one.first
    if before.occurrences is not None:
        return clips[0] if clips else None
    known = before.first.get(label)
    return known if known is not None and clips[0] == known else None


def _unknown_labels(log: LogContent, labels: Sequence[str]) -> list[Problem]:
    found: dict[str, int] = {}
    for entry, line in zip(log.entries, log.lines):
        for segment in entry.segments:
            if segment.label not in labels:
                found.setdefault(segment.label, line)
    known = ", ".join(labels)
    return [Problem(log.path, line, f"unknown label {label!r}; allowed are {known}") for label, line in found.items()]


def _warning(path: Path, title_id: str, message: str) -> Problem:
    return Problem(path, None, f"title {title_id!r}: {message}", "warning")


def _said(present: bool) -> str:
    return "present" if present else "absent"
