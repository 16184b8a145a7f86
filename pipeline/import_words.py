"""What a person is told of imported features: what they are, under which names they were found, what fits otherwise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from data.counted import brief_clock, counted
from data.feature_files import HDF5
from data.feature_folders import FeatureFolders
from data.import_features import IMPORTED, WOULD_FIT, ImportOutcome, rate_words
from data.shards import ShardHeader
from data.titles import Title
from pipeline.runs.extraction_plan import Failure

NAMED = 3
TOLD_ERRORS = 8
"""So many reasons are told with the error of their first title."""


class ImportNotes:
    """What was done to the rows of the titles that were imported, and which of them have files of other names."""

    def __init__(self) -> None:
        self._done: Counter[str] = Counter()
        self._called: dict[str, str] = {}

    def add(self, outcome: ImportOutcome) -> None:
        """Count what an outcome says."""
        self._done.update(outcome.notes)
        if outcome.called:
            self._called[outcome.title_id] = outcome.called

    def lines(self) -> list[str]:
        """Return a line a note; none if nothing was imported, or as it lay."""
        found = [f"of {counted(count, 'title')} {note}" for note, count in sorted(self._done.items())]
        if self._called:
            title_id, called = next(iter(self._called.items()))
            found.append(
                f"of {counted(len(self._called), 'title')} the files have other names, such as {called} for {title_id}"
            )
        return found


def features_line(headers: Iterable[ShardHeader]) -> str:
    """Say how wide the rows are, how many there are a second and how long they last; empty without imported ones."""
    found = [header for header in headers if header.spec.backbone.startswith(IMPORTED)]
    if not found:
        return ""
    kinds = Counter((header.spec.width, header.spec.step_s) for header in found)
    said = [f"{width} wide, {rate_words(1 / step_s)}" for (width, step_s), _ in kinds.most_common()]
    hours = sum(header.coverage.decoded_s for header in found) / 3600
    return f"features of {counted(len(found), 'title')}: {'; '.join(said)}, {hours:.1f} h"


def error_lines(failures: Mapping[str, Failure]) -> list[str]:
    """Return the error of the first title of each reason; a title of which one stream is there has its own."""
    first: dict[tuple[str, bool], str] = {}
    for title_id, failure in failures.items():
        error = failure.error if failure.error.startswith(f"{title_id}:") else f"{title_id}: {failure.error}"
        if failure.error:
            first.setdefault((failure.error_code, error.endswith("is there")), error)
    return [f"  {error}" for error in list(first.values())[:TOLD_ERRORS]]


def unused_line(folders: FeatureFolders, titles: Sequence[Title], failures: Mapping[str, Failure]) -> str:
    """Say which feature files are those of no title, where titles have none; empty otherwise."""
    if not any(failure.error_code == "missing" for failure in failures.values()):
        return ""
    unused = folders.unused(titles)
    if not unused:
        return ""
    fit = "fits" if len(unused) == 1 else "fit"
    said = f"{counted(len(unused), 'feature file')} {fit} no title, such as {unused[0].name}"
    if all(path.suffix.casefold() in HDF5 for path in unused):
        said += "; if it holds all titles, name the file itself in [data] feature_folders, or --features"
    return said


def duration_lines(headers: Iterable[ShardHeader], *, told: bool) -> list[str]:
    """Say which rows do not last as long as is stated, and at which rate they would, if that is a fault of the rate.

    Where a row was taken for a second and no title states its duration, nothing can tell: that is said, too, unless
    somebody told the rate.
    """
    found = [header for header in headers if header.spec.backbone.startswith(IMPORTED)]
    stated = [header for header in found if header.coverage.declared_duration_s is not None]
    odd = [header for header in stated if not header.coverage.complete]
    if not odd:
        return [] if told or stated else _unchecked(found)
    names = ", ".join(f"{header.title_id} {_lengths(header)}" for header in odd[:NAMED])
    of_all = f"{counted(len(odd), 'title')} of {len(stated)}"
    lines = [f"{of_all}: the rows do not last as long as stated: {names}{', ...' if len(odd) > NAMED else ''}"]
    fitting = Counter(rate for header in odd if (rate := header.coverage.reason.partition(WOULD_FIT)[2]))
    rate, count = fitting.most_common(1)[0] if fitting else ("", 0)
    if 2 * count > len(stated):
        lines.append(f'  at {rate} rows a second {count} would: give --rate {rate}, or [data] feature_rate = "{rate}"')
    elif len(odd) < len(stated):
        lines.append(f"  the other {len(stated) - len(odd)} do: the rate is right, and these files are not whole")
    return lines


def _lengths(header: ShardHeader) -> str:
    declared_s = header.coverage.declared_duration_s or 0.0
    return f"({brief_clock(header.coverage.decoded_s)} of {brief_clock(declared_s)})"


def _unchecked(headers: Sequence[ShardHeader]) -> list[str]:
    if not headers or any(header.spec.step_s != 1 for header in headers):
        return []
    return [
        "a row was taken for a second, and no title states its duration to check that by; if there are more or fewer, "
        "give --rate, such as 25/16, or [data] feature_rate"
    ]
