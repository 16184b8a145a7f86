"""Films whose skip file nobody should trust without a look: what is said of each, and how to be without the file."""

from __future__ import annotations

import glob
import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePath

from data.counted import counted
from data.library import Film
from data.schemas import Segment
from infer.export.write import BESIDE
from infer.title_status import TitleRow
from pipeline.beside import CURRENT, WRITTEN, BesideFile
from pipeline.trust import MOST_LINES, doubted


def doubts(
    rows: Sequence[TitleRow],
    segments: Mapping[str, Sequence[Segment]],
    files: Sequence[BesideFile],
    films: Sequence[Film],
    page_of: Callable[[str], str],
) -> Iterator[str]:
    """Yield lines for each film of which more is flagged than anybody believes, or that was read in part only.

    Those that were read in part are named only if a file lies beside them; the table says what is missing of each.

    Args:
        rows, segments: of the run.
        files: what became of the files beside the films.
        films: of the call.
        page_of: gives where the report shows a title, by its id; empty where there is no report.
    """
    there: dict[str, list[str]] = {}
    for file in files:
        if file.outcome in (WRITTEN, CURRENT):
            there.setdefault(file.title_id, []).append(BESIDE[file.form])
    said = doubted(rows, segments)
    known = {row.title_id for row, _ in said}
    said += [
        (row, f"{row.shown}: read in part only; nothing is skipped in what was not read")
        for row in rows
        if row.status == "partial" and row.title_id in there and row.title_id not in known
    ]
    alike = Counter(film.path.name for film in films)
    for row, line in said[:MOST_LINES]:
        yield f"! {line}"
        if suffixes := there.get(row.title_id):
            was, it = ("was", "it") if len(suffixes) == 1 else ("were", "them")
            yield (
                f"  its {' and '.join(suffixes)} {was} written all the same; to be without, remove {it} and leave the "
                f"film out: --exclude{_pattern(row, alike)}"
            )
        if page := page_of(row.title_id):
            yield f"  see {page}"
    if more := said[MOST_LINES:]:
        files_too = sum(row.title_id in there for row, _ in more)
        note = f"; {files_too} of them with a file beside the film" if files_too else ""
        yield f"! and {counted(len(more), 'more film')} of which more than half is flagged, or a part was read{note}"


def _pattern(row: TitleRow, alike: Counter[str]) -> str:
    """Return what --exclude takes for one film alone, after a space; empty where no pattern can tell it from others."""
    name = PurePath(row.path).name
    if alike[name] == 1:
        return f" {shlex.quote(glob.escape(name))}"
    return f" {shlex.quote(glob.escape(row.name) + '.*')}" if "/" in row.name and row.name[-len(name) :] != name else ""
