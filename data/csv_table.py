"""CSV as people and spreadsheets write it: read as text, with the physical line of every row.

pandas would make a number of the id ``007`` and NaN of the id ``NA``, and cannot say on which line a row stood. Here
every cell stays text, the separator is sniffed from the header, and what cannot be read is a Problem with its line.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from data.errors import Problem
from data.text_file import read_text
from data.titles import composed

ID_COLUMN = "title_id"
SEPARATORS = (",", ";", "\t")
_NAMED_SEPARATOR = re.compile(r'"?sep=([^\w"\s]|\t)"?', re.IGNORECASE)


@dataclass(frozen=True)
class CsvRow:
    """One row: its first physical line (1-based, also after quoted newlines) and its cells by column name."""

    line: int
    cells: dict[str, str]


@dataclass(frozen=True)
class CsvTable:
    """A file's columns and its readable rows. With a broken header, both are empty."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[CsvRow, ...]
    separator: str = ","

    def problem(self, row: CsvRow, message: str, severity: str = "error") -> Problem:
        return Problem(self.path, row.line, message, severity)


def read_csv(path: Path, problems: list[Problem], columns: tuple[str, ...] = ()) -> CsvTable:
    """Read a CSV file (comma, semicolon or tab; encodings as ``read_text``), adding to ``problems`` what is wrong.

    A first line ``sep=;``, as Excel writes and reads it, names the separator. Blank lines are skipped, cells
    and column names are stripped, column names and title ids composed; rows may lack nothing and exceed nothing but
    blanks. A file without a line that names its columns has those of ``columns``.
    """
    empty = CsvTable(path, (), ())
    text = read_text(path, problems)
    if text is None:
        return empty
    separator, text = _separator(text)
    records = _records(path, text, separator, problems)
    if columns:
        return CsvTable(path, columns, tuple(_rows(path, columns, records, problems)), separator)
    header = next(records, None)
    if header is None:
        if not any(problem.path == path for problem in problems):
            problems.append(Problem(path, 1, "empty; the first line must name the columns"))
        return empty
    line, names = header
    columns = tuple(composed(name.strip()) for name in names)
    while columns and not columns[-1]:
        columns = columns[:-1]
    faults = [f"column name {name!r} occurs twice" for name in sorted(set(columns)) if columns.count(name) > 1 and name]
    faults += ["a column has no name"] if "" in columns else []
    if faults:
        problems.extend(Problem(path, line, fault) for fault in faults)
        return empty
    return CsvTable(path, columns, tuple(_rows(path, columns, records, problems)), separator)


def missing_columns(table: CsvTable, required: Sequence[str], problems: list[Problem]) -> bool:
    """Report the required columns that a table lacks, each with the nearest one it has; say whether any is missing."""
    missing = [name for name in required if name not in table.columns]
    for name in missing:
        problems.append(Problem(table.path, 1, f"no column {name!r}{nearest(name, table.columns)}"))
    return bool(missing)


def nearest(word: str, allowed: Sequence[str]) -> str:
    """Return ``; did you mean 'x'?`` for the closest allowed word, or else the whole list of them (if short)."""
    folded = {choice.casefold().replace("-", "_"): choice for choice in allowed}
    close = get_close_matches(word.casefold().replace("-", "_"), folded, n=1)
    if close:
        return f"; did you mean {folded[close[0]]!r}?"
    return f"; allowed: {', '.join(allowed)}" if 0 < len(allowed) <= 30 else ""


def cells_of(line: str) -> list[str]:
    """Return the cells of a file's first line, by the separator that it has most of."""
    return [cell.strip().strip('"') for cell in line.split(max(SEPARATORS, key=line.count))]


def _separator(text: str) -> tuple[str, str]:
    """Return the separator, and the text with a line that names it made blank, so that lines keep their numbers."""
    header = next((line for line in io.StringIO(text) if line.strip()), "")
    if named := _NAMED_SEPARATOR.fullmatch(header.strip("\r\n ")):
        return named[1], text.replace(header.rstrip("\r\n"), "", 1)
    return max(SEPARATORS, key=header.count), text


def _records(path: Path, text: str, separator: str, problems: list[Problem]) -> Iterator[tuple[int, list[str]]]:
    """Yield (first physical line, cells) of the rows that are not blank; stop at the first row that is no CSV."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        start = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            problems.append(Problem(path, start, f"not readable as CSV from here on ({error}); check the quotes"))
            return
        if any(cell.strip() for cell in cells):
            yield start, cells


def _rows(
    path: Path, columns: tuple[str, ...], records: Iterator[tuple[int, list[str]]], problems: list[Problem]
) -> Iterator[CsvRow]:
    for line, cells in records:
        stripped = [cell.strip() for cell in cells]
        surplus = stripped[len(columns) :]
        if len(stripped) < len(columns) or any(surplus):
            message = f"{len(cells)} cells where the header has {len(columns)} columns"
            problems.append(Problem(path, line, message, skippable=True))
            continue
        cells_by_name = dict(zip(columns, stripped))
        if ID_COLUMN in cells_by_name:  # some programs write letters and their marks apart
            cells_by_name[ID_COLUMN] = composed(cells_by_name[ID_COLUMN])
        yield CsvRow(line, cells_by_name)
