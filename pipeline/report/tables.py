"""The tables of a benchmark (Tables 1 to 5 of the paper) for the page: CSV files, and Markdown as people write it."""

from __future__ import annotations

import base64
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from data.errors import ConfigError

_RULE = re.compile(r"\|?[\s:|-]*-[\s:|-]*\|?")
_CELL = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True)
class Table:
    """A table of text: ``header`` and rows of the same length, or only ``text`` where a file holds no table.

    ``figure`` is the picture that lies beside it (``<name>.svg`` or ``.png``), as a ``data:`` address; may be empty.
    """

    name: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    text: str = ""
    figure: str = ""


def read_tables(folder: Path) -> list[Table]:
    """Return the tables of all ``.csv`` and ``.md`` files of a folder, by file name.

    Where a table is there in both forms, Markdown is read: it is written for people, CSV for programs.

    Raises:
        ConfigError: no such folder, a file that is not UTF-8, or nothing in it.
    """
    paths = sorted((path for path in folder.glob("*") if path.suffix in (".csv", ".md")), key=lambda path: path.name)
    with_markdown = {path.stem for path in paths if path.suffix == ".md"}
    tables: list[Table] = []
    for path in paths:
        if path.suffix == ".csv" and path.stem in with_markdown:
            continue
        try:
            text = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise ConfigError(f"{path}: not UTF-8 ({error.reason}); write the table again") from error
        found = [_csv_table(path.stem, text)] if path.suffix == ".csv" else list(_markdown_tables(path.stem, text))
        tables += [*found[:-1], *(replace(table, figure=_figure(path)) for table in found[-1:])]
    if not tables:
        raise ConfigError(f"{folder}: no .csv or .md table in it; name the folder that `benchmark` wrote")
    return tables


def _figure(table: Path) -> str:
    """Return the figure of a table for an ``img`` element, in which nothing runs."""
    for suffix, media_type in ((".svg", "image/svg+xml"), (".png", "image/png")):
        path = table.with_suffix(suffix)
        if path.is_file():
            return f"data:{media_type};base64," + base64.b64encode(path.read_bytes()).decode("ascii")
    return ""


def _csv_table(name: str, text: str) -> Table:
    rows = [row for row in csv.reader(text.splitlines()) if row]
    return _table(name, rows)


def _markdown_tables(name: str, text: str) -> Iterator[Table]:
    """Yield the pipe tables of a file, named by the heading above; the whole text if it holds none."""
    heading, rows, found = name, [], False
    for line in [*text.splitlines(), ""]:
        stripped = line.strip()
        if stripped.startswith("|"):
            if not _RULE.fullmatch(stripped):
                rows.append([cell.strip() for cell in _CELL.split(stripped.strip("|"))])
            continue
        if rows:
            yield _table(heading, rows)
            found, rows = True, []
        if stripped.startswith("#"):
            heading = stripped.lstrip("#").strip()
    if not found and text.strip():
        yield Table(name, (), (), text.strip())


def _table(name: str, rows: list[list[str]]) -> Table:
    width = max((len(row) for row in rows), default=0)
    padded = [tuple(row + [""] * (width - len(row))) for row in rows]
    return Table(name, padded[0] if padded else (), tuple(padded[1:]))
