"""`labels check`: everything that is wrong with titles and labels, at once, and whether the numbers look plausible.

The counts stand beside those of the paper's Table 1: clips that are ten times longer than there, or a catalogue in
which hardly any title is free of activity, usually mean a column that was read the wrong way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from data.catalogue import Catalogue, look_at_catalogue
from data.counted import counted
from data.errors import SKIP_HINT, Problem
from data.known_films import NOTHING_KNOWN, KnownFilms
from data.labels import Clip, TitleLabels
from data.manifest import SPLITS, TitleManifest
from data.problem_lines import LISTED, folded_problems
from data.settings import PAPER_LABELS, DataSettings
from data.split_check import MOST_SAID, clips_by_split, uneven_splits
from data.titles import named_file

PAPER_TABLE_1 = {
    "sex": (12_241, 23.2),
    "nudity": (2_164, 18.9),
    "violence": (20_592, 28.4),
    "drug-use": (14_578, 19.3),
}
MEASURED_SPLITS = {
    "val": "thresholds are chosen without regard to false flags",
    "test": "false flags can hardly be counted, so precision is not known",
}
FEWEST_KNOWN = 0.1  # known absences beside titles with a clip
MISSING_LISTED = 20  # a wrong media_root would bury every other problem
PAPER_WITHOUT_ANY_SHARE = 14_508 / 41_234  # Sec. 3.1


@dataclass(frozen=True)
class LabelCount:
    """One label's row of the report.

    Args:
        present, absent, unknown: titles.
        firsts, first_mean_s: first occurrences and their mean duration (Table 1); None without any.
        occurrences, occurrence_mean_s: all occurrences, likewise.
    """

    label: str
    present: int
    absent: int
    unknown: int
    firsts: int
    first_mean_s: float | None
    occurrences: int
    occurrence_mean_s: float | None


@dataclass(frozen=True)
class LabelReport:
    """What `labels check` found.

    Args:
        titles: number of titles.
        hours: sum of the durations that are stated, or known of the films.
        without_duration: titles of unknown duration.
        counts: one row a label.
        without_any: titles known to hold none of the labels.
        splits: titles per split; None when they could not be assigned.
        clips: titles with a clip by label and split; empty when splits could not be assigned.
        problems: errors, then warnings, each in the order of files and lines.
        names: what people call the titles, by id.
        labels_found: the labels were taken from the label files.
        readings: how the times of label tables were read.
    """

    titles: int
    hours: float
    without_duration: int
    counts: tuple[LabelCount, ...]
    without_any: int
    splits: Mapping[str, int] | None
    clips: Mapping[str, Mapping[str, int]]
    problems: tuple[Problem, ...]
    labels_found: bool = False
    names: Mapping[str, str] = field(default_factory=dict)
    readings: Sequence[str] = ()

    @property
    def errors(self) -> int:
        return sum(problem.severity == "error" for problem in self.problems)


def check_labels(settings: DataSettings, known: KnownFilms = NOTHING_KNOWN) -> LabelReport:
    """Read titles, labels and splits, and report every problem of all of them, without raising on any.

    Args:
        known: what is known of the films beside what the manifest states.
    """
    catalogue = look_at_catalogue(settings, known)
    counts = tuple(_count(label, list(catalogue.labels.values())) for label in settings.labels)
    clips = clips_by_split(catalogue.labels, catalogue.splits, settings.labels) if catalogue.splits else {}
    problems = [
        *_missing_media(catalogue.manifest),
        *catalogue.problems,
        *_one_sided(settings, counts),
        *_empty_splits(settings, catalogue),
        *uneven_labels(settings, catalogue),
        *_unmeasurable(settings, catalogue, clips),
    ]
    durations = [title.duration_s for title in catalogue.titles.values() if title.duration_s is not None]
    unstated = [title_id for title_id, title in catalogue.titles.items() if title.duration_s is None]
    measured = [known.ends[title_id].end_s for title_id in unstated if title_id in known.ends]
    return LabelReport(
        titles=len(catalogue.titles),
        hours=(sum(durations) + sum(measured)) / 3600,
        without_duration=len(unstated) - len(measured),
        counts=counts,
        without_any=_without_any(catalogue.labels),
        splits={split: list(catalogue.splits.values()).count(split) for split in SPLITS} if catalogue.splits else None,
        clips=clips,
        problems=tuple(sorted(problems, key=lambda problem: problem.severity != "error")),
        labels_found=settings.labels_found,
        names={title_id: title.name for title_id, title in catalogue.titles.items()},
        readings=catalogue.readings,
    )


def render_report(report: LabelReport, *, everything: bool = False) -> list[str]:
    """Return the report as text lines: the problems, then the table beside the paper's, then one line of verdict.

    Args:
        everything: list all problems; else 20 of a kind, and how many more there are.
    """
    lines = list(folded_problems(report.problems, report.names, most=None if everything else LISTED))
    lines += ["", f"{counted(report.titles, 'title')}{_length(report)}", ""]
    lines += [*report.readings, ""] if report.readings else []
    if report.labels_found:
        whose = "as the label files have them"
        if tuple(count.label for count in report.counts) == PAPER_LABELS:
            whose = "the paper's, since the label files use no others"
        lines += [f"{counted(len(report.counts), 'label')}, {whose} ([data] labels is not listed)", ""]
    table = [_HEADER, *(_cells(count) for count in report.counts)]
    known = any(count.label in PAPER_TABLE_1 for count in report.counts)
    lines += _table(table if known else [row[:-PAPER_COLUMNS] for row in table])
    if report.titles:
        share, paper = report.without_any / report.titles, PAPER_WITHOUT_ANY_SHARE
        lines += [
            "",
            f"without any of the labels: {counted(report.without_any, 'title')}, {share:.1%} (paper {paper:.1%})",
        ]
    if report.splits is not None:
        lines.append("splits: " + ", ".join(f"{split} {count}" for split, count in report.splits.items()))
    if report.clips:
        lines += ["", "titles with a clip:"]
        lines += _table([("label", *SPLITS), *((name, *map(str, by.values())) for name, by in report.clips.items())])
    skippable = sum(problem.skippable and problem.severity == "error" for problem in report.problems)
    if skippable:
        lines += ["", f"{SKIP_HINT} ({skippable} of {counted(report.errors, 'error')})"]
    warnings = len(report.problems) - report.errors
    lines += ["", f"{counted(report.errors, 'error')}, {counted(warnings, 'warning')}"]
    return lines


def _empty_splits(settings: DataSettings, catalogue: Catalogue) -> list[Problem]:
    """Warn of splits that should have titles and got none, which a hash can do with few titles."""
    wanted = [split for split, share in settings.fractions.items() if share > 0 and catalogue.splits]
    message = "split {!r} has no title; fill the split column, or use another split_seed"
    return [
        Problem(catalogue.manifest.path, None, message.format(split), "warning")
        for split in wanted
        if not catalogue.in_split(split)
    ]


def uneven_labels(settings: DataSettings, catalogue: Catalogue) -> list[Problem]:
    """Warn of labels that have clips, but none in a split that needs some."""
    if not catalogue.splits:
        return []
    clips = clips_by_split(catalogue.labels, catalogue.splits, settings.labels)
    drawn = any(title.split is None for title in catalogue.titles.values())
    path = settings.clip_labels or settings.video_labels or catalogue.manifest.path
    messages = uneven_splits(clips, settings.fractions, drawn=drawn, kept=settings.split_file is not None)
    return [Problem(path, None, message, "warning") for message in messages]


def _missing_media(manifest: TitleManifest) -> list[Problem]:
    """Warn of media files that are not there; their extraction will fail, the other titles go on.

    A path that leaves the media root is None here: it was reported with the manifest.
    """
    missing = [
        title
        for title in manifest.titles.values()
        if title.path is not None and not named_file(manifest.media_root, title.path).is_file()
    ]
    problems = []
    for title in missing[:MISSING_LISTED]:
        message = f"path {title.path!r}: no such file under {manifest.media_root}"
        problems.append(Problem(manifest.path, manifest.lines[title.title_id], message, "warning"))
    if len(missing) > MISSING_LISTED:
        message = f"{len(missing)} of {len(manifest.titles)} media files are not there; is media_root right?"
        problems.append(Problem(manifest.path, None, message, "warning"))
    return problems


def _count(label: str, titles: Sequence[TitleLabels]) -> LabelCount:
    present = [title.present.get(label) for title in titles]
    firsts = [title.first[label] for title in titles if label in title.first]
    occurrences = [clip for title in titles for clip in title.occurrences or () if clip.label == label]
    return LabelCount(
        label,
        present=sum(value is True for value in present),
        absent=sum(value is False for value in present),
        unknown=sum(value is None for value in present),
        firsts=len(firsts),
        first_mean_s=_mean_s(firsts),
        occurrences=len(occurrences),
        occurrence_mean_s=_mean_s(occurrences),
    )


def _mean_s(clips: Sequence[Clip]) -> float | None:
    return sum(clip.end_s - clip.start_s for clip in clips) / len(clips) if clips else None


def _without_any(labels: Mapping[str, TitleLabels]) -> int:
    return sum(all(value is False for value in title.present.values()) for title in labels.values())


def _unmeasurable(
    settings: DataSettings, catalogue: Catalogue, clips: Mapping[str, Mapping[str, int]]
) -> list[Problem]:
    """Warn of labels with clips in a split that hardly any title of it is known to lack.

    A title is known to lack a label by a 0; and where all occurrences of it are labelled, the rest of the title is
    known to be without it, too.
    """
    path = settings.video_labels or settings.clip_labels or catalogue.manifest.path
    problems = []
    for split, suffers in MEASURED_SPLITS.items():
        titles = [catalogue.labels[title.title_id] for title in catalogue.in_split(split)] if clips else []
        blank = []
        for label, held in clips.items():
            known = [
                title
                for title in titles
                if title.present.get(label) is False or any(clip.label == label for clip in title.occurrences or ())
            ]
            if held[split] and len(known) < FEWEST_KNOWN * held[split]:
                blank.append((label, len(known)))
        none = [label for label, known in blank if not known]
        few = [label for label, known in blank if known]
        said = f"in {split}: {suffers}; write 0 where a label is absent, blank means unknown"
        for labels, how in ((none, "nothing is"), (few, "hardly anything is")):
            message = f"{how} known to be without {', '.join(labels[:MOST_SAID])}"
            more = f" and {len(labels) - MOST_SAID} more labels" if len(labels) > MOST_SAID else ""
            problems += [Problem(path, None, f"{message}{more} {said}", "warning")] if labels else []
    return problems


def _one_sided(settings: DataSettings, counts: Sequence[LabelCount]) -> list[Problem]:
    """Warn of labels that no title has, or that no title is known to lack: nothing can be learnt of them."""
    path: Path | None = settings.video_labels or settings.clip_labels
    if path is None:
        return []
    nowhere = [count.label for count in counts if not count.present]
    everywhere = [count.label for count in counts if count.present and not count.absent]
    problems = _each(nowhere, "present in no title")
    problems += _each(everywhere, "known to be absent (0) from no title; blank means unknown, not 0")
    return [Problem(path, None, message, "warning") for message in problems]


def _each(labels: Sequence[str], what: str) -> list[str]:
    """Return one message a label, or one for all of them where they are many."""
    if len(labels) <= MOST_SAID:
        return [f"label {label!r} is {what}" for label in labels]
    names = ", ".join(map(repr, labels[:3]))
    return [f"{len(labels)} labels ({names} and {len(labels) - 3} more) are {what}"]


PAPER_COLUMNS = 2
_HEADER = ("label", "present", "absent", "unknown", "firsts", "mean s", "all", "mean s", "paper", "mean s")


def _cells(count: LabelCount) -> tuple[str, ...]:
    paper = PAPER_TABLE_1.get(count.label)
    return (
        count.label,
        str(count.present),
        str(count.absent),
        str(count.unknown),
        str(count.firsts),
        _seconds(count.first_mean_s),
        str(count.occurrences),
        _seconds(count.occurrence_mean_s),
        str(paper[0]) if paper else "-",
        _seconds(paper[1] if paper else None),
    )


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows)]
    return [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))])
        for row in rows
    ]


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _length(report: LabelReport) -> str:
    """Return how long all titles are, as far as it is known."""
    if not report.hours:
        return ", of unknown length" if report.titles else ""
    whole = f", {report.hours:.1f} h" if report.hours >= 1 else f", {60 * report.hours:.3g} min"
    count = report.without_duration
    return f"{whole} ({counted(count, 'title')} of unknown length)" if count else whole
