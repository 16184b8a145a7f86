"""The title manifest ``titles.csv``: ``title_id,path,duration_s,split,...``, or an ActivityNet JSON in its place.

Only ``title_id`` is needed; every column that is not known here is kept with the title. Everything that is wrong is
found in one reading. Whether a media file *exists* is not asked here: that is recorded per title by the extraction.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from data.column_names import mistyped_columns
from data.csv_table import CsvRow, CsvTable, missing_columns, nearest, read_csv
from data.errors import DecodeError, ManifestError, Problem
from data.json_file import is_json
from data.published_titles import SubsetUse, titles_of_json
from data.time_notes import TimeNotes
from data.times import AUTO, parse_time
from data.titles import Title, folded, media_path, title_id_fault

SPLITS = ("train", "val", "test")
WARNINGS_LOGGED = 20
COLUMNS = ("title_id", "path", "duration_s", "split")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TitleManifest:
    """A manifest with what is wrong with it.

    Args:
        path: the file.
        media_root: folder that the paths are relative to.
        titles: by id, in file order. A title with a bad cell is here too, without that cell.
        lines: the line of each title; None where lines have no meaning (JSON).
        problems: errors and warnings.
        drawn_into: the splits that titles without one are drawn into; empty for all of them.
    """

    path: Path
    media_root: Path
    titles: dict[str, Title]
    lines: dict[str, int | None]
    problems: tuple[Problem, ...]
    drawn_into: tuple[str, ...] = ()

    def drawn_shares(self, shares: Mapping[str, float]) -> dict[str, float]:
        """Return the shares of the splits that titles without one are drawn into; they sum to 1."""
        total = sum(shares[split] for split in self.drawn_into)
        if not total:
            return dict(shares)
        return {split: shares[split] / total if split in self.drawn_into else 0.0 for split in shares}


def read_titles(
    path: Path, media_root: Path | None = None, *, subsets: Mapping[str, SubsetUse] | None = None
) -> dict[str, Title]:
    """Read the titles of a manifest by id, in file order; warnings are logged.

    Args:
        path: CSV file, or ActivityNet JSON (see ``data.published_titles``).
        media_root: folder that the paths are relative to; the manifest's own folder by default.
        subsets: of JSON, what a subset is used for where its name does not say it.

    Raises:
        ManifestError: with every error of the file.
    """
    manifest = scan_titles(path, media_root, subsets=subsets)
    raise_errors(manifest.problems)
    return manifest.titles


def scan_titles(
    path: Path, media_root: Path | None = None, *, subsets: Mapping[str, SubsetUse] | None = None
) -> TitleManifest:
    """Read a manifest and everything that is wrong with it, without raising; arguments as in ``read_titles``."""
    root = media_root if media_root is not None else path.parent
    problems: list[Problem] = []
    if is_json(path):
        published, drawn_into = titles_of_json(path, root, subsets or {}, problems)
        return TitleManifest(path, root, published, dict.fromkeys(published), tuple(problems), drawn_into)
    table = read_csv(path, problems)
    titles: dict[str, Title] = {}
    seen: dict[str, tuple[str, int]] = {}
    if table.columns and not missing_columns(table, ["title_id"], problems):
        for row in table.rows:
            title = _title(table, row, root, problems)
            if title is None:
                continue
            if fault := _repetition(title.title_id, seen):
                problems.append(table.problem(row, fault))
            else:
                titles[title.title_id] = title
                seen[folded(title.title_id)] = (title.title_id, row.line)
        if not titles and not problems:
            problems.append(Problem(path, None, "no titles; add one row a title"))
    problems += _mistyped_columns(table)
    problems += _odd_durations(table)
    lines: dict[str, int | None] = dict(seen.values())
    problems += _shared_paths(path, titles, lines)
    return TitleManifest(path, root, titles, lines, tuple(sorted(problems, key=lambda problem: problem.line or 0)))


def raise_errors(problems: tuple[Problem, ...] | list[Problem]) -> None:
    """Raise one ManifestError with all errors among ``problems``; log the first warnings if there is no error."""
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise ManifestError(errors)
    for problem in problems[:WARNINGS_LOGGED]:
        logger.warning("%s", problem)
    if len(problems) > WARNINGS_LOGGED:
        logger.warning("%d more warnings; `coarse2fine labels check` lists them", len(problems) - WARNINGS_LOGGED)


def _title(table: CsvTable, row: CsvRow, root: Path, problems: list[Problem]) -> Title | None:
    title_id = row.cells["title_id"]
    fault = title_id_fault(title_id)
    if fault:
        problems.append(table.problem(row, fault))
        return None
    return Title(
        title_id,
        path=_path(table, row, root, problems),
        duration_s=_duration(table, row, problems),
        split=_split(table, row, problems),
        extra={name: cell for name, cell in row.cells.items() if name not in COLUMNS},
    )


def _path(table: CsvTable, row: CsvRow, root: Path, problems: list[Problem]) -> str | None:
    text = row.cells.get("path", "")
    if not text:
        return None
    try:
        resolved = media_path(root, text)
    except DecodeError as error:
        problems.append(table.problem(row, f"path {error}"))
        return None
    if not Path(text).is_absolute():
        return text
    as_written = Path(text).is_relative_to(root) and ".." not in Path(text).parts
    return str(Path(text).relative_to(root) if as_written else resolved.relative_to(root.resolve()))


def _duration(table: CsvTable, row: CsvRow, problems: list[Problem]) -> float | None:
    text = row.cells.get("duration_s", "")
    if not text:
        return None
    try:
        duration_s = parse_time(text)
    except ValueError as error:
        problems.append(table.problem(row, f"duration_s {error}"))
        return None
    if duration_s == 0:
        problems.append(table.problem(row, "duration_s is 0; leave it blank if it is unknown"))
        return None
    return duration_s


def _mistyped_columns(table: CsvTable) -> list[Problem]:
    """Warn of columns that are kept with the titles, but are called nearly as one that is read and lacking."""
    others = [name for name in table.columns if name not in COLUMNS]
    mistyped = mistyped_columns(others, table.columns, [(name,) for name in COLUMNS[1:]])
    messages = (f"column {name!r:.100} is not read; did you mean {meant!r}?" for name, meant in mistyped.items())
    return [Problem(table.path, 1, f"{message} Read are {', '.join(COLUMNS)}", "warning") for message in messages]


def _odd_durations(table: CsvTable) -> list[Problem]:
    """Report durations that a spreadsheet may have saved as something else: no film is shorter than a second."""
    write = "write seconds, or hh:mm:ss"
    notes = TimeNotes(AUTO, remedy=(write, write))
    for row in table.rows:
        if text := row.cells.get("duration_s", ""):
            notes.add(row.line, text)
    return [Problem(table.path, note.line, f"duration_s: {note.message}", note.severity) for note in notes.notes()]


def _split(table: CsvTable, row: CsvRow, problems: list[Problem]) -> str | None:
    text = row.cells.get("split", "")
    if not text or text in SPLITS:
        return text or None
    problems.append(table.problem(row, f"split {text!r}{nearest(text, SPLITS)}"))
    return None


def _repetition(title_id: str, seen: dict[str, tuple[str, int]]) -> str:
    """Say which earlier line has this id (``seen``: folded id -> id and line); empty when none has."""
    if folded(title_id) not in seen:
        return ""
    earlier, line = seen[folded(title_id)]
    but_case = "" if earlier == title_id else f" (as {earlier!r}: file names may not differ in case only)"
    return f"title_id {title_id!r} occurs already in line {line}{but_case}; ids must be unique"


def _shared_paths(path: Path, titles: dict[str, Title], lines: Mapping[str, int | None]) -> list[Problem]:
    """Warn of two titles with one file: in two splits they would leak."""
    first: dict[str, str] = {}
    problems = []
    for title in titles.values():
        if title.path is not None and first.setdefault(title.path, title.title_id) != title.title_id:
            message = f"{title.title_id!r} has the same path as {first[title.path]!r} ({title.path})"
            problems.append(Problem(path, lines[title.title_id], message, "warning"))
    return problems
