"""From label rows to what is known of each title.

Presence: a row of ``video_labels`` wins; a clip says 1 where no row says anything; silence is None, never 0. First
occurrence: the row of kind first_occurrence, else the earliest of all occurrences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from data.counted import counted
from data.errors import Problem
from data.known_films import NOTHING_KNOWN, KnownFilms
from data.label_conflicts import Key, clips_by_key, contradictions, orphans, presence_by_key, sound_clips
from data.label_files import Form, read_label_file
from data.label_reading import AS_WRITTEN, LabelReading
from data.label_rows import ClipRow, LabelRows, PresenceRow
from data.label_slips import slips
from data.labels import Clip, TitleLabels
from data.titles import Title


@dataclass(frozen=True)
class LabelRules:
    """What becomes of labels that make no sense.

    Args:
        skip_bad: leave them out, with a warning each; else they are errors.
        strict: a clip that reaches beyond its title's end makes none.
    """

    skip_bad: bool = False
    strict: bool = False


REFUSE = LabelRules()


@dataclass(frozen=True)
class LabelManifest:
    """The labels of a catalogue with what is wrong with them.

    Args:
        labels: by title id, one entry for every known title, in the order of the titles.
        problems: errors and warnings.
        single_frames: what single-frame labels say of titles whose clips are labelled, too: what training is told of
            these, while they are judged by their clips.
        readings: how the times of tables were read.
    """

    labels: dict[str, TitleLabels]
    problems: tuple[Problem, ...]
    single_frames: dict[str, TitleLabels] = field(default_factory=dict)
    readings: tuple[str, ...] = ()


def scan_labels(
    video_labels: Path | None,
    clip_labels: Path | None,
    labels: tuple[str, ...],
    titles: Mapping[str, Title],
    *,
    reading: LabelReading = AS_WRITTEN,
    form: Form = "auto",
    rules: LabelRules = REFUSE,
    labels_found: bool = False,
    known: KnownFilms = NOTHING_KNOWN,
) -> LabelManifest:
    """Read the labels of all titles, and everything that is wrong with them, from one or two files; nothing is raised.

    Labels that nobody spoke of are None in ``present``.

    Args:
        video_labels, clip_labels: label files; either may hold any form (see ``data.label_files``), both may be one.
        labels: the labels that may occur.
        titles: known titles by id.
        reading: how to read what the files do not say themselves.
        form: the form of both files, or ``auto``.
        rules: what becomes of labels that make no sense, or reach beyond their title.
        labels_found: nobody listed ``labels``, they are those of the files; say which of them are probably mistyped.
        known: where films end whose titles do not state it.
    """
    rows = LabelRows()
    paths = list(dict.fromkeys(path for path in (video_labels, clip_labels) if path is not None))
    for path in paths:
        rows.extend(read_label_file(path, labels, tuple(titles), reading=reading, form=form))
    if labels_found:
        meant = "mend it, or list the labels that are meant in [data] labels"
        rows.problems += [Problem(paths[-1], None, f"{slip}; {meant}", "warning") for slip in slips(rows)]
    return join_labels(rows, labels, titles, paths, rules, known=known)


def skipped(problems: Sequence[Problem], *, anything_left: bool) -> list[Problem]:
    """Return problems of which those of single labels are warnings that they were left out, with their count.

    Where nothing is left, something else is wrong than single labels, and they stay errors.
    """
    bad = [problem for problem in problems if problem.skippable and problem.severity == "error"]
    if not bad or not anything_left:
        return [replace(problem, skippable=False) for problem in problems]
    told = [
        replace(problem, severity="warning", message=f"{problem.message}; left out") if problem in bad else problem
        for problem in problems
    ]
    message = f'{counted(len(bad), "problem")} left out (on_bad_label = "skip")'
    return [*told, Problem(bad[0].path, None, message, "warning")]


def join_labels(
    rows: LabelRows,
    labels: tuple[str, ...],
    titles: Mapping[str, Title],
    paths: Sequence[Path],
    rules: LabelRules = REFUSE,
    *,
    known: KnownFilms = NOTHING_KNOWN,
) -> LabelManifest:
    """Join what label files say of each title, and find what they say against one another; nothing is raised.

    Args:
        rows: of all files.
        labels, titles: as in ``scan_labels``.
        paths: the files, in the order in which their problems are to be listed.
        rules, known: as in ``scan_labels``.
    """
    problems = rows.problems + orphans(rows, titles)
    said = [row for row in _sayings(rows) if row.title_id in titles]
    presence = presence_by_key(said, problems, skip=rules.skip_bad)
    known_rows = [row for row in rows.clips if row.title_id in titles]
    clips = sound_clips(known_rows, titles, problems, strict=rules.strict, ends=known.ends)
    firsts, occurrences = clips_by_key([row for row in clips if not row.single], problems)
    _, moments = clips_by_key([row for row in clips if row.single], problems)
    timed = {title_id for title_id, _ in (*firsts, *occurrences)}
    occurrences |= {key: found for key, found in moments.items() if key[0] not in timed}
    moments = {key: found for key, found in moments.items() if key[0] in timed}
    problems += contradictions(presence, firsts, occurrences, skip=rules.skip_bad)
    label_sets = {title_id: _title_labels(title_id, labels, presence, firsts, occurrences) for title_id in titles}
    momentary = dict.fromkeys(title_id for title_id, _ in moments)
    single_frames = {title_id: _title_labels(title_id, labels, presence, {}, moments) for title_id in momentary}
    if rules.skip_bad:
        problems = skipped(problems, anything_left=bool(presence or firsts or occurrences))
    files = dict.fromkeys([*paths, *(problem.path for problem in problems)])  # the latter for files of a folder
    order = {path: number for number, path in enumerate(files)}
    ordered = sorted(problems, key=lambda problem: (order[problem.path], problem.line or 0))
    return LabelManifest(label_sets, tuple(ordered), single_frames, tuple(rows.readings))


def _sayings(rows: LabelRows) -> list[PresenceRow]:
    """Return statements of presence, without the silence of single-frame files on labels that have clips elsewhere."""
    momentary = {clip.path for clip in rows.clips if clip.single}
    timed = {(clip.title_id, clip.label) for clip in rows.clips if not clip.single} if momentary else set()
    return [row for row in rows.presence if row.path not in momentary or (row.title_id, row.label) not in timed]


def _title_labels(
    title_id: str,
    labels: tuple[str, ...],
    presence: Mapping[Key, PresenceRow],
    firsts: Mapping[Key, ClipRow],
    occurrences: Mapping[Key, list[ClipRow]],
) -> TitleLabels:
    """Join what is known of one title.

    ``occurrences`` of a title without any activity are an empty tuple, provided that the catalogue has all-occurrence
    labels at all: it takes part in that protocol as a title in which every segment is a false one.
    """
    present: dict[str, bool | None] = {}
    first: dict[str, Clip] = {}
    every: list[Clip] = []
    exhaustive = False
    for label in labels:
        key = (title_id, label)
        stated = presence[key].present if key in presence else None
        present[label] = True if stated is None and (key in firsts or key in occurrences) else stated
        rows = occurrences.get(key, [])
        exhaustive = exhaustive or bool(rows)
        if key in firsts or rows:
            first[label] = _clip(firsts[key] if key in firsts else rows[0])
            every += [_clip(row) for row in rows] or [first[label]]
    if not exhaustive:
        exhaustive = bool(occurrences) and all(value is False for value in present.values())
    every.sort(key=lambda clip: (clip.start_s, clip.end_s, clip.label))
    return TitleLabels(title_id, present, first, tuple(every) if exhaustive else None)


def _clip(row: ClipRow) -> Clip:
    return Clip(row.label, row.start_s, row.end_s)
