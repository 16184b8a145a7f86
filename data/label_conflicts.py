"""What label rows may say of one another: repeats, contradictions, overlaps, clips outside their title.

Errors are statements of which one must be wrong; warnings are oddities that training survives. Each names both places.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from data.counted import counted
from data.errors import Problem
from data.known_films import FilmEnd
from data.label_rows import ClipRow, LabelRows, PresenceRow
from data.titles import Title, folded

LITTLE_BEYOND_S, LITTLE_BEYOND_SHARE, MOST_BEYOND_S = (
    2.0,
    0.02,
    10.0,
)  # durations are rounded, or come of another copy of the film
SHORTEST_S = 0.1  # no person marks less
AGREE_TOLERANCE_S = 0.001

ORPHANS_LISTED, MOST_COMPARED, NEAR_ID = 3, 100, 0.6
_NO_DIGIT = re.compile(r"\D")

Key = tuple[str, str]  # title id, label


def orphans(rows: LabelRows, titles: Mapping[str, Title]) -> list[Problem]:
    """Report labels of titles that are not known: warnings, since labels often cover more than one catalogue.

    A title is proposed for an id that is nearly its own, with the same numbers, if nothing else speaks of it: ids of a
    series differ in these, and a title that left the catalogue is no other one, mistyped. Many are counted in one line.
    """
    everything: Sequence[PresenceRow | ClipRow] = [*rows.presence, *rows.clips]
    found: dict[Path, dict[str, list[int | None]]] = {}
    for row in everything:
        if row.title_id not in titles:
            lines = found.setdefault(row.path, {}).setdefault(row.title_id, [])
            lines += [row.line] if row.line is None or row.line not in lines else []
    spoken = {row.title_id for row in everything}
    silent = [title_id for title_id in titles if title_id not in spoken]
    problems = []
    for path, lines_by_id in found.items():
        near = _near_ids(lines_by_id, silent)
        others = {title_id: lines for title_id, lines in lines_by_id.items() if title_id not in near}
        for title_id, lines in lines_by_id.items():
            if title_id in near or len(others) <= ORPHANS_LISTED:
                hint = f"; did you mean {near[title_id]!r}?" if title_id in near else ""
                message = f"title {title_id!r} is not in the titles ({counted(len(lines), 'row')}){hint}"
                problems.append(Problem(path, lines[0], message, "warning"))
        if len(others) > ORPHANS_LISTED:
            first = list(others)[:ORPHANS_LISTED]
            count = counted(sum(map(len, others.values())), "row")
            more = f"{', '.join(map(repr, first))} and {len(others) - len(first)} more"
            message = f"{len(others)} titles are not in the titles, and their labels ({count}) are left out: {more}"
            problems.append(Problem(path, others[first[0]][0], message, "warning"))
    if everything and titles and all(row.title_id not in titles for row in everything):
        problems.append(Problem(everything[0].path, None, "not one label belongs to a known title; check the ids"))
    return problems


def _near_ids(unknown: Collection[str], silent: Sequence[str]) -> dict[str, str]:
    """Return the title that is probably meant by an id that no title has, where there is one: of the same numbers."""
    if len(unknown) > MOST_COMPARED:  # a whole other catalogue is labelled, too
        return {}
    by_numbers: dict[str, dict[str, str]] = {}
    for title_id in silent:
        by_numbers.setdefault(_NO_DIGIT.sub("", title_id), {})[folded(title_id)] = title_id
    near = {}
    for title_id in unknown:
        same = by_numbers.get(_NO_DIGIT.sub("", title_id), {})
        if close := get_close_matches(folded(title_id), same, n=1, cutoff=NEAR_ID):
            near[title_id] = same[close[0]]
    return near


def presence_by_key(
    rows: Sequence[PresenceRow], problems: list[Problem], *, skip: bool = False
) -> dict[Key, PresenceRow]:
    """Keep one statement per title and label; an explicit one beats an implied one, contradictions are errors.

    With ``skip``, what is contradicted is not known.
    """
    kept: dict[Key, PresenceRow] = {}
    contradicted = set()
    for row in sorted(rows, key=lambda row: row.implied):
        earlier = kept.setdefault((row.title_id, row.label), row)
        if earlier is row or row.implied:
            continue
        if earlier.present == row.present:
            message = f"repeats what {_place(earlier)} says"
            problems.append(_problem(row, message, "warning"))
        else:
            problems.append(_problem(row, f"contradicts {_place(earlier)}: {_said(row)} here, {_said(earlier)} there"))
            contradicted.add((row.title_id, row.label))
    if skip:
        kept |= {key: replace(kept[key], present=None) for key in contradicted}
    return kept


def sound_clips(
    rows: Sequence[ClipRow],
    titles: Mapping[str, Title],
    problems: list[Problem],
    *,
    strict: bool = False,
    ends: Mapping[str, FilmEnd] | None = None,
) -> list[ClipRow]:
    """Return the clips that are intervals inside their title, and report the others.

    A clip that ends beyond its title's stated end is cut off there: with a warning of its own, or, where it is only a
    little beyond (2 s, or 2 % of the title up to 10 s), counted with its like. ``strict`` refuses every one of them.
    One that reaches beyond what the film itself says (``ends``) is warned of and kept: who uses labels leaves out what
    was not read (``data.seen_labels``).
    """
    sound = []
    beyond, short = Gathered(), Gathered()
    for row in rows:
        duration_s = titles[row.title_id].duration_s
        limit_s = math.inf if duration_s is None else duration_s
        little_s = 0.0 if strict else max(LITTLE_BEYOND_S, min(LITTLE_BEYOND_SHARE * limit_s, MOST_BEYOND_S))
        if row.start_s < 0 or row.end_s <= row.start_s:
            problems.append(_problem(row, f"{_span(row)} is no interval; the end must be after the start"))
        elif row.start_s >= limit_s + little_s or (strict and row.start_s >= limit_s):
            problems.append(_problem(row, f"{_span(row)} begins beyond the title's duration of {limit_s:g} s"))
        elif row.single:
            sound.append(replace(row, end_s=min(row.end_s, limit_s)))
        elif strict and row.end_s > limit_s + AGREE_TOLERANCE_S:
            message = f"{_span(row)} ends beyond the title's duration of {limit_s:g} s, which strict refuses"
            problems.append(_problem(row, message))
        elif row.start_s >= limit_s:
            message = f"{_span(row)} begins at or just beyond the title's end ({limit_s:g} s), and is left out"
            problems.append(_problem(row, message, "warning"))
        else:
            if row.end_s > limit_s + little_s:
                message = f"{_span(row)} ends beyond the title's duration of {limit_s:g} s; it is cut off there"
                problems.append(_problem(row, message, "warning"))
            elif row.end_s > limit_s:
                beyond.add(row, row.end_s - limit_s)
            elif row.end_s - row.start_s < SHORTEST_S - 1e-9:
                short.add(row, row.end_s - row.start_s)
            sound.append(replace(row, end_s=min(row.end_s, limit_s)))
            if (end := (ends or {}).get(row.title_id)) is not None and (message := _beyond_film(sound[-1], end)):
                problems.append(_problem(row, message, "warning"))
    problems += beyond.problems("cut off at the title's end, up to {most:.3g} s beyond it")
    problems += short.problems(f"of less than {SHORTEST_S:g} s; are the times in another unit?")
    return sound


def _beyond_film(row: ClipRow, end: FilmEnd) -> str:
    """Say that a clip reaches beyond its film; empty if it does not."""
    if row.start_s >= end.end_s + (0.0 if end.was_read else end.slack_s):
        return f"{_span(row)} lies beyond the end: {end}; such a clip is left out"
    if row.end_s > end.end_s + end.slack_s:
        return f"{_span(row)} ends beyond the end: {end}; it is cut off there"
    return ""


class Gathered:
    """Clips that have one thing in common: counted per file, and the first one named."""

    def __init__(self) -> None:
        self._found: dict[Path, tuple[ClipRow, int, float]] = {}

    def add(self, row: ClipRow, amount: float) -> None:
        first, count, most = self._found.get(row.path, (row, 0, 0.0))
        self._found[row.path] = (first, count + 1, max(most, amount))

    def problems(self, what: str) -> list[Problem]:
        return [
            Problem(
                path,
                first.line,
                f"{counted(count, 'clip')} {what.format(most=most)} (first: title {first.title_id!r}, {first.label}, "
                f"{_span(first)})",
                "warning",
            )
            for path, (first, count, most) in self._found.items()
        ]


def clips_by_key(
    rows: Sequence[ClipRow], problems: list[Problem]
) -> tuple[dict[Key, ClipRow], dict[Key, list[ClipRow]]]:
    """Return the first occurrence and all occurrences (by start) per title and label; report repeats and overlaps."""
    firsts: dict[Key, ClipRow] = {}
    occurrences: dict[Key, list[ClipRow]] = {}
    for row in rows:
        key = (row.title_id, row.label)
        if not row.first:
            occurrences.setdefault(key, []).append(row)
        elif (earlier := firsts.setdefault(key, row)) is not row:
            if (earlier.start_s, earlier.end_s) == (row.start_s, row.end_s):
                problems.append(_problem(row, f"repeats {_place(earlier)}", "warning"))
            else:
                message = f"a second first occurrence, {_span(row)}; {_place(earlier)} has {_span(earlier)}"
                problems.append(_problem(row, message))
    for key, clips in occurrences.items():
        occurrences[key] = _without_repeats(clips, problems)
    return firsts, occurrences


def _without_repeats(rows: Sequence[ClipRow], problems: list[Problem]) -> list[ClipRow]:
    kept: list[ClipRow] = []
    reach: ClipRow | None = None  # the clip so far that ends last
    for row in sorted(rows, key=lambda row: (row.start_s, row.end_s)):
        if kept and (kept[-1].start_s, kept[-1].end_s) == (row.start_s, row.end_s):
            if row.single:  # two moments of one sample
                continue
            problems.append(_problem(row, f"repeats {_place(kept[-1])}", "warning"))
            continue
        if reach is not None and row.start_s < reach.end_s:
            message = f"{_span(row)} overlaps {_span(reach)} of {_place(reach)}"
            problems.append(_problem(row, message, "warning"))
        reach = row if reach is None or row.end_s > reach.end_s else reach
        kept.append(row)
    return kept


def contradictions(
    presence: dict[Key, PresenceRow],
    firsts: dict[Key, ClipRow],
    occurrences: dict[Key, list[ClipRow]],
    *,
    skip: bool = False,
) -> list[Problem]:
    """Report presence that its clips deny, and first occurrences that are not the earliest of all.

    With ``skip``, what is denied is taken out of all three: it is not known.
    """
    problems = []
    for key, stated in list(presence.items()):
        clip = firsts[key] if key in firsts else next(iter(occurrences.get(key, [])), None)
        if clip is None and stated.present:
            problems.append(_problem(stated, "present=1 without a clip; it teaches the title score only", "warning"))
        elif clip is not None and stated.present is False:
            problems.append(_problem(clip, f"has a clip, {_span(clip)}, but {_place(stated)} says present=0"))
            if skip:
                presence[key] = replace(stated, present=None)
                firsts.pop(key, None)
                occurrences.pop(key, None)
    fully_labelled = {title_id for title_id, _ in occurrences}
    for key, first in firsts.items():
        rows = occurrences.get(key)
        if rows and max(abs(rows[0].start_s - first.start_s), abs(rows[0].end_s - first.end_s)) > AGREE_TOLERANCE_S:
            message = f"the first occurrence is {_span(first)}, the earliest of all occurrences {_span(rows[0])}"
            problems.append(_problem(first, f"{message} ({_place(rows[0])}); the former is used", "warning"))
        elif rows is None and key[0] in fully_labelled:
            message = "only the first occurrence is labelled where other labels have all of theirs"
            problems.append(_problem(first, f"{message}; later ones will count as false", "warning"))
    return problems


def _problem(row: PresenceRow | ClipRow, message: str, severity: str = "error") -> Problem:
    return Problem(row.path, row.line, f"title {row.title_id!r}, {row.label}: {message}", severity, skippable=True)


def _place(row: PresenceRow | ClipRow) -> str:
    return f"{row.path.name}:{row.line}" if row.line is not None else row.path.name


def _said(row: PresenceRow) -> str:
    return "unknown" if row.present is None else f"present={int(row.present)}"


def _span(row: ClipRow) -> str:
    return f"{row.start_s:g}-{row.end_s:g} s"
