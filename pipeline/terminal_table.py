"""Tables of text that fit the terminal: whole where there is room, else apart by rows and columns, never cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

Row = Sequence[str]


def print_table(console: Console, title: str, lines: Sequence[Row], *, group: int = 0, names: int = 1) -> None:
    """Print rows of text, the header first.

    Args:
        group: so many columns in front say which rows belong together; they become headings where width is short.
        names: so many columns after those name a row; they are repeated in every part.
    """
    header, *rows = lines
    whole = _table(lines, left=group + names, title=title)
    if _width(console, whole) <= console.width:
        console.print(whole)
        return
    console.print(title, style="italic")
    for key, found in groupby(rows, lambda row: tuple(row[:group])):
        if group:
            console.print("\n" + ", ".join(key), style="bold")
        for part in _parts(console, [header[group:], *(row[group:] for row in found)], names):
            console.print(part)


def _parts(console: Console, lines: Sequence[Row], names: int) -> Iterator[Table]:
    """Yield tables of some columns each: the names, then as many others as fit, at least one."""

    def made(others: Sequence[int]) -> Table:
        return _table([[*row[:names], *(row[column] for column in others)] for row in lines], left=names, title=None)

    others: list[int] = []
    for column in range(names, len(lines[0])):
        if others and _width(console, made([*others, column])) > console.width:
            yield made(others)
            others = []
        others.append(column)
    yield made(others)


def _width(console: Console, table: Table) -> int:
    """Return the columns of the terminal that a table takes uncut."""
    return Measurement.get(console, console.options.update(width=10_000), table).maximum


def _table(lines: Sequence[Row], *, left: int, title: str | None) -> Table:
    header, *rows = lines
    table = Table(title=title, box=box.SQUARE if title else box.SIMPLE_HEAD, pad_edge=title is not None)
    for number, name in enumerate(header):
        table.add_column(name, justify="left" if number < left else "right")
    for row in rows:
        table.add_row(*row)
    return table
