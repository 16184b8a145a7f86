"""What a person sees at the end of `moderate`: how far to believe it, then what was found, then what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from rich import box
from rich.table import Table

from data.byte_names import as_text
from data.counted import counted
from data.record_file import read_record
from data.schemas import Segment
from data.store_path import StorePath
from infer.csv_export import clock, moment
from infer.shown_score import flag_thresholds, shown_score
from infer.title_status import TitleRow
from infer.write import read_segments, read_titles_table
from pipeline.beside import FAILED, KEPT, REMOVED, SHARED, WRITTEN, BesideFile
from pipeline.moderate import Moderated
from pipeline.moderation_doubts import doubts
from pipeline.summary import open_console
from pipeline.trust import what_it_knows

MOST_MOMENTS = 3
MOST_ROWS = 60
"""Rows of clear films are left out first where there are more; the report has all."""
MOST_FILES = 10
_PROMPT = (FAILED, SHARED, KEPT, REMOVED)


def print_moderation(moderated: Moderated, out: Path) -> None:
    """Print a call's results to standard output."""
    run_dir = moderated.inferred.path
    rows = read_titles_table(run_dir / "titles.parquet")
    segments: dict[str, list[Segment]] = {}
    for segment in read_segments(run_dir / "segments.parquet"):
        segments.setdefault(segment.title_id, []).append(segment)
    record = read_record(run_dir / "run.json")
    screen = open_console()
    for line in what_it_knows(record, rows, segments):
        screen.print(line, soft_wrap=True)
    page = _report_page(moderated, out)

    def page_of(title_id: str) -> str:
        return f"{page}#title={quote(title_id)}" if page else ""

    for line in doubts(rows, segments, moderated.beside, moderated.listing.films, page_of):
        screen.print(line, soft_wrap=True)
    screen.print(_table(rows, segments, flag_thresholds(record)))
    for line in _lines(moderated, out, rows, segments):
        screen.print(line, soft_wrap=True)
    for line in _next(moderated, out, rows, segments, page):
        screen.print(line, soft_wrap=True)


def _table(rows: Sequence[TitleRow], segments: dict[str, list[Segment]], flags: Mapping[str, float]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("film", overflow="fold", ratio=3)
    table.add_column("status", no_wrap=True)
    table.add_column("flagged", justify="right", no_wrap=True)
    table.add_column("where, and the model's score", overflow="fold", ratio=4)
    shown = list(rows)
    if len(rows) > MOST_ROWS:
        shown = [row for row in rows if row.status != "clear"]
    for row in shown[: 4 * MOST_ROWS]:
        share = "" if not row.flagged_s else f"{clock(row.flagged_s)[:8].removeprefix('00:')}"
        table.add_row(row.shown, row.status, share, _moments(row, segments.get(row.title_id, []), flags))
    return table


def _moments(row: TitleRow, segments: Sequence[Segment], flags: Mapping[str, float]) -> str:
    """Say where the longest and the surest flags are; why, of a film that was not read.

    The longest one is what ``hard_to_believe`` warns of, so it is never among those that are only counted.
    """
    flagged = [segment for segment in segments if segment.decision == "flag"]
    longest = max(flagged, key=lambda segment: segment.end_s - segment.start_s, default=None)
    ranked = sorted(flagged, key=lambda segment: (segment is not longest, -segment.score))
    chosen = sorted(ranked[:MOST_MOMENTS], key=lambda segment: segment.start_s)
    said = [f"{moment(s.start_s)} {s.label} {shown_score(s, flags)}" for s in chosen]
    if len(flagged) > MOST_MOMENTS:
        said.append(f"{len(flagged) - MOST_MOMENTS} more")
    near = len(segments) - len(flagged)
    if near and not flagged:
        said.append(counted(near, "near miss"))
    if why := row.reason or row.error:
        said.append(why)
    return "; ".join(said)


def _lines(
    moderated: Moderated, out: Path, rows: Sequence[TitleRow], segments: dict[str, list[Segment]]
) -> Iterator[str]:
    """Yield what was left out, what was counted, and what to do next."""
    listing = moderated.listing
    hidden = sum(row.status == "clear" for row in rows) if len(rows) > MOST_ROWS else 0
    if hidden:
        yield f"{counted(hidden, 'clear film')} not listed here; the report has all"
    yield from (f"! {problem}" for problem in listing.problems)
    yield from (f"! no film or folder is like {pattern!r}" for pattern in listing.unused)
    if moderated.asked_otherwise:
        yield f"! {moderated.asked_otherwise}"
    yield from _files(moderated.beside)
    if failed := next((file for file in moderated.beside if file.outcome == FAILED), None):
        yield f"  elsewhere: coarse2fine export --config {_shell(out)} --format {failed.form} --out FOLDER"
    if moderated.outdated:
        yield (
            f"! {counted(moderated.outdated, 'file')} that an earlier call wrote beside these films not brought up to "
            "date: name the format, too (--export)"
        )
    if others := moderated.of_others:
        first = f"{others[0]}" if len(others) == 1 else f"the first {others[0]}"
        yield (
            f"{counted(len(others), 'file')} that an earlier call wrote beside films that are left out now "
            f"{'stays, and players go by it' if len(others) == 1 else 'stay, and players go by them'} ({first}): "
            "remove what is not wanted, or take those films in"
        )
    for folder in moderated.exported:
        yield f"exported: {folder}"
    if moderated.absent:
        yield (
            f"{counted(moderated.absent, 'title')} of the call before not in this one; what was found there stays in "
            f"its run: coarse2fine runs list --config {_shell(out)}"
        )
    if listing.left_out:
        yield f"left out, no films: {listing.left_out_words()}"
    yield _counts(moderated, rows, segments)


def _next(
    moderated: Moderated, out: Path, rows: Sequence[TitleRow], segments: Mapping[str, Sequence[Segment]], page: str
) -> Iterator[str]:
    """Yield what to do next, as it is typed."""
    place = f"--config {_shell(out)}" if isinstance(out, StorePath) else _shell(out)
    if moderated.held:
        yield (
            f"! a rollback holds run {moderated.held} in force, not this one ({moderated.inferred.path}); "
            f"coarse2fine runs release --config {_shell(out)} ends it"
        )
    if page:
        yield f"look at it:  {page}"
    else:
        yield f"! {moderated.report.summary.replace('`coarse2fine report`', f'`coarse2fine report {place}`')}"
    yield f"correct it:  coarse2fine review {place}"
    found = [row for status in ("flagged", "review", "partial") for row in rows if row.status == status]
    if example := next((row for row in found if row.title_id in segments), None):
        yield f"ask why:     coarse2fine explain {place} {shlex.quote(example.shown)}"
    if unread := next((row for row in rows if row.status in ("quarantined", "partial") and row.path), None):
        whole = (str(film.path) for film in moderated.listing.films)  # of a store, a row has what is below the bucket
        path = next((path for path in whole if path.endswith(unread.path)), unread.path)
        yield f"examine it:  coarse2fine doctor {shlex.quote(path)}"


def _report_page(moderated: Moderated, out: Path) -> str:
    """Return the address of the report, through ``current`` where that leads to it; empty where there is none."""
    page = moderated.report.path
    if not page.is_file():
        return ""
    current = out / "current" / page.name
    page = current if current.is_file() and current.samefile(page) else page
    return str(page) if isinstance(page, StorePath) else page.absolute().as_uri()


def _files(files: Sequence[BesideFile]) -> Iterator[str]:
    """Yield a line for each file beside a film that somebody has to know of, and count the others."""
    for file in files:
        if file.outcome == WRITTEN and file.detail:
            yield f"! {file.path}: {file.detail}"
    prompting = [file for file in files if file.outcome in _PROMPT]
    told = list({(file.path, file.detail): file for file in prompting}.values())  # several films may claim one
    for file in told[:MOST_FILES]:
        mark = "" if file.outcome == REMOVED else "! "
        verb = {REMOVED: "removed", KEPT: "left as it is"}.get(file.outcome, "not written")
        yield f"{mark}{file.path}: {verb} ({file.detail})"
    if len(told) > MOST_FILES:
        yield f"! and {counted(len(told) - MOST_FILES, 'file')} more like these; exports.csv of the results has all"


def _counts(moderated: Moderated, rows: Sequence[TitleRow], segments: dict[str, list[Segment]]) -> str:
    by_status = {status: sum(row.status == status for row in rows) for status in dict.fromkeys(r.status for r in rows)}
    said = ", ".join(f"{count} {status}" for status, count in sorted(by_status.items()))
    flagged = sum(segment.decision == "flag" for found in segments.values() for segment in found)
    parts = [f"{counted(len(rows), 'film')}: {said}", counted(flagged, "flagged segment")]
    for form in dict.fromkeys(file.form for file in moderated.beside):
        counts = [file.outcome for file in moderated.beside if file.form == form]
        written, there = counts.count(WRITTEN), counts.count("current")
        parts.append(f"{written} .{form} written" + (f", {there} up to date already" if there else ""))
    changed = any(file.outcome in (WRITTEN, REMOVED) for file in moderated.beside)
    if moderated.unchanged and not changed:
        parts.append("nothing to do: all is as the last call left it")
    return "; ".join(parts)


def _shell(path: Path) -> str:
    """Return a path as it is typed in a shell."""
    return shlex.quote(as_text(path))
