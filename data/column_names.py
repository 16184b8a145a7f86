"""Columns of label tables that are not read: named, with what is read, and what was most likely meant.

A header is typed by hand: ``vilence``, ``Violence start``, ``first occurence``. What it holds would be missing without
a word, and be found out after a night of training. Not in the paper.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher

from data.csv_table import CsvTable
from data.errors import Problem
from data.times import looks_like_clock

MEANT = 0.8
"""Likeness, 0 to 1, from which on a name is taken for another one, mistyped."""
SIDE_MEANT = 0.9
"""The same where one of them is a start or an end, and the other is not, as it is written."""
_SIDES = {"start", "end"}
MOST_LISTED = 12
_WORD = re.compile(r"[^\W_]+")
_FOR_PEOPLE = {
    "path",
    "name",
    "title",
    "duration_s",
    "split",
    "note",
    "notes",
    "comment",
    "comments",
    "remark",
    "remarks",
}
_LENGTHS = {"duration", "length", "runtime"}  # a title's, no label's
_SAME_WORD = {
    **dict.fromkeys(("begin", "begins", "beginning", "from", "starts", "onset"), "start"),
    **dict.fromkeys(("to", "until", "till", "stop", "ends", "ending", "offset"), "end"),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds", "time", "at", "in"), ""),
}


def likely(name: str, known: Sequence[str]) -> str | None:
    """Return the known name that was most likely meant by one that is not known; None if none is near.

    Case, order and joints of words do not count. A label is not taken for a column of its own times.
    """
    return max((one for one in known if _is_near(name, one)), key=lambda one: _likeness(name, one), default=None)


def _is_near(name: str, known: str) -> bool:
    given, other = _words(name), _words(known)
    if given == other - _SIDES and given != other:
        return False
    return _likeness(name, known) >= (MEANT if given & _SIDES == other & _SIDES else SIDE_MEANT)


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, " ".join(sorted(_words(one))), " ".join(sorted(_words(other)))).ratio()


def mistyped_columns(unread: Sequence[str], columns: Sequence[str], read: Sequence[Sequence[str]]) -> dict[str, str]:
    """Return the columns that are not read but are called nearly as ones that are lacking, with these.

    Args:
        unread: the columns that are not read.
        columns: all columns of the table.
        read: what is read, there or not: the names that a column may have, the usual one first.
    """
    lacking = [names[0] for names in read if not set(names) & set(columns)]
    found = {}
    for name in unread:
        if (meant := likely(name, lacking)) is not None:
            found[name] = meant
            lacking.remove(meant)
    return found


def unread_columns(
    table: CsvTable, unread: Sequence[str], mistyped: Mapping[str, str], form: str, untimed: Sequence[str] = ()
) -> Iterator[Problem]:
    """Yield what is to be said of the columns that are not read.

    One that is mistyped is an error; so is one that holds times where a label has none. All others are named in one
    warning.

    Args:
        unread: these columns.
        mistyped: see ``mistyped_columns``.
        form: which columns are read, in words.
        untimed: columns of labels that have none for their times, in the order of the table.
    """
    others = []
    for name in unread:
        if name in mistyped:
            yield Problem(table.path, 1, f"column {name!r:.100} is not known; did you mean {mistyped[name]!r}? {form}")
        elif untimed and (time := _first_time(table, name)):
            before = [label for label in untimed if table.columns.index(label) < table.columns.index(name)]
            label = before[-1] if before else untimed[0]
            lost = f"holds times ({time!r:.20}), while label {label!r:.100} has none"
            do = f"call the columns of its times {f'{label}_start'!r} and {f'{label}_end'!r}"
            yield Problem(table.path, 1, f"column {name!r:.100} is not known and {lost}; {do}. {form}")
        elif name.casefold() not in _FOR_PEOPLE:
            others.append(name)
    if others:
        named = ", ".join(f"{name!r:.100}" for name in others[:MOST_LISTED])
        more = f" and {len(others) - MOST_LISTED} more" if len(others) > MOST_LISTED else ""
        what = "column is" if len(others) == 1 else "columns are"
        yield Problem(table.path, 1, f"{what} not known, and not read: {named}{more}. {form}", "warning")


def _words(name: str) -> set[str]:
    words = {_SAME_WORD.get(word, word) for word in _WORD.findall(name.casefold())} - {""}
    return words or {name.casefold()}


def _first_time(table: CsvTable, name: str) -> str:
    """Return the first time of a column whose cells are times of the clock; empty if they are something else."""
    if _LENGTHS & _words(name):
        return ""
    cells = [row.cells[name] for row in table.rows if row.cells[name]]
    return cells[0] if cells and all(map(looks_like_clock, cells)) else ""
