"""Labels from CSV: the long form, the wide form, and single frames as SF-Net publishes them.

See ``data.label_files`` for the columns. Whatever a spreadsheet makes of a time that may mean something else is read in
one way and said: fractions of a day, ``00:20``, clips that are shorter than a picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from data.column_names import likely, mistyped_columns, unread_columns
from data.csv_table import CsvRow, CsvTable, missing_columns, nearest, read_csv
from data.errors import Problem
from data.label_names import unguarded_label
from data.label_reading import LabelReading
from data.label_rows import ClipRow, LabelRows, PresenceRow, UnknownLabels
from data.time_grid import TimeGrid
from data.time_notes import TimeNotes
from data.times import parse_frame_rate, parse_time

KINDS = ("first_occurrence", "all_occurrence")
PRESENT = {
    **dict.fromkeys(("1", "1.0", "1,0", "true", "yes", "y", "wahr", "vrai"), True),
    **dict.fromkeys(("0", "0.0", "0,0", "false", "no", "n", "falsch", "faux"), False),
    "": None,
}


class TableReader:
    """Collects the rows of one CSV file.

    Args:
        path: the file.
        labels: the labels that may occur.
        reading: how to read what the file does not say.
        columns: of a file that does not name them.
    """

    def __init__(self, path: Path, labels: Sequence[str], reading: LabelReading, columns: tuple[str, ...] = ()) -> None:
        self.rows = LabelRows()
        self.table: CsvTable = read_csv(path, self.rows.problems, columns)
        self._labels = labels
        self._rate_fps, self._samples = reading.frame_rate_fps, TimeGrid(step_s=reading.sample_s)
        self._form = replace(reading.times, decimal_comma=self.table.separator != ",")
        self._notes = TimeNotes(self._form, reading.sample_s)
        self._unknown = UnknownLabels(path, labels)

    def finish(self) -> LabelRows:
        """Return the rows with all problems, and what was noted of the times."""
        self.rows.problems += self._unknown.problems()
        self.rows.problems += [
            Problem(self.table.path, note.line, note.message, note.severity) for note in self._notes.notes()
        ]
        if readings := self._notes.readings():
            self.rows.readings.append(f"times in {self.table.path.name}: {readings}")
        return self.rows

    def odd(self, row: CsvRow, message: str) -> None:
        """Report a row that is wrong by itself; the others may be read without it."""
        self.rows.problems.append(replace(self.table.problem(row, message), skippable=True))

    def read_long(self) -> None:
        table = self.table
        start, end = time_column(table, "start"), time_column(table, "end")
        required = ["label"]
        if start or end or "kind" in table.columns:
            required += [start or "start_s", end or "end_s", "kind"]
        elif "present" not in table.columns:
            message = "columns are neither title_id,label,present nor title_id,label,start_s,end_s,kind"
            self.rows.problems.append(Problem(table.path, 1, f"{message}; found {', '.join(table.columns)}"))
            return
        if missing_columns(table, required, self.rows.problems):
            return
        unread = [name for name in table.columns if all(name not in names for names in _LONG_COLUMNS)]
        mistyped = mistyped_columns(unread, table.columns, _LONG_COLUMNS)
        self.rows.problems += unread_columns(table, unread, mistyped, _LONG_FORM)
        for row in table.rows:
            label = unguarded_label(row.cells["label"])
            if label not in self._labels:
                self._unknown.add(label, row.line)
                continue
            if "present" in table.columns:
                self._add_presence(row, label, "present")
            if start and end and (row.cells[start] or row.cells[end] or "present" not in table.columns):
                kind = row.cells["kind"]
                if kind not in KINDS:
                    self.odd(row, f"kind {kind!r}{nearest(kind, KINDS)}")
                else:
                    self._add_clip(row, label, (start, end), first=kind == KINDS[0])

    def read_wide(self) -> None:
        table = self.table
        names = self._labels or _wide_labels(table)
        columns = [(label, time_column(table, f"{label}_start"), time_column(table, f"{label}_end")) for label in names]
        _check_wide_columns(table, columns, self.rows.problems)
        for row in table.rows:
            for label, start, end in columns:
                if label in table.columns:
                    self._add_presence(row, label, label)
                if start and end and (row.cells[start] or row.cells[end]):
                    self._add_clip(row, label, (start, end), first=True)

    def add_moment(self, row: CsvRow, title_id: str, label: str, column: str) -> None:
        """Add the sample that a single labelled moment falls into."""
        label = unguarded_label(label)
        if label not in self._labels:
            self._unknown.add(label, row.line)
            return
        for time_s in self._times(row, (column,)):
            sample = self._samples.row(time_s)
            start_s, end_s = self._samples.time_s(sample), self._samples.time_s(sample + 1)
            self.rows.clips.append(ClipRow(title_id, label, start_s, end_s, False, self.table.path, row.line, True))

    def _add_presence(self, row: CsvRow, label: str, column: str) -> None:
        text = row.cells[column].casefold()
        if text in PRESENT:
            presence = PresenceRow(row.cells["title_id"], label, PRESENT[text], self.table.path, row.line)
            self.rows.presence.append(presence)
        else:
            self.odd(row, f"{column} {row.cells[column]!r}; write 1, 0, or nothing if unknown")

    def _add_clip(self, row: CsvRow, label: str, columns: tuple[str, str], *, first: bool) -> None:
        times = self._times(row, columns)
        if len(times) == len(columns):
            clip = ClipRow(row.cells["title_id"], label, times[0], times[1], first, self.table.path, row.line)
            self.rows.clips.append(clip)

    def _times(self, row: CsvRow, columns: Sequence[str]) -> list[float]:
        """Return the times of a row in seconds; fewer than the columns after reporting what is wrong with them."""
        times: list[float] = []
        try:
            rate = parse_frame_rate(row.cells["fps"]) if row.cells.get("fps") else self._rate_fps
        except ValueError as error:
            self.odd(row, f"fps {error}")
            return times
        for column in columns:
            text = row.cells[column]
            is_frame = column.endswith("frame") and text.isascii() and text.isdecimal()
            try:
                time_s = parse_time(f"{text}f" if is_frame else text, rate, self._form)
            except ValueError as error:
                self.odd(row, f"{column} {error}")
            else:
                times.append(time_s)
                self._notes.add(row.line, text, time_s, "frame numbers" if is_frame else None)
        return times


def _time_names(stem: str) -> tuple[str, ...]:
    """Return the names that a column of times may have."""
    return (f"{stem}_s", stem, f"{stem}_frame")


PRESENCE_SHARE = 0.8
MOST_NAMED = 12  # labels, where columns are explained
_TITLE_COLUMNS = (("title_id",), ("fps",))
_LONG_COLUMNS = (*_TITLE_COLUMNS, ("label",), ("present",), _time_names("start"), _time_names("end"), ("kind",))
_LONG_FORM = "Read are title_id, label, present, start_s, end_s, kind and fps"


def time_column(table: CsvTable, stem: str) -> str | None:
    """Return the column of a time by any of its names."""
    return next((name for name in _time_names(stem) if name in table.columns), None)


def _wide_labels(table: CsvTable) -> list[str]:
    """Return the columns that are labels, where none are listed: those with times, or with little else than presence.

    The few cells that say something else are reported, rather than that a label vanishes for them.
    """
    stems = {column.removesuffix("_s").removesuffix("_frame") for column in table.columns}
    pairs = [stem.removesuffix("_start") for stem in stems if stem.endswith("_start")]
    timed = [label for label in pairs if f"{label}_end" in stems]
    ends = tuple(f"{label}_{side}" for label in timed for side in ("start", "end"))
    said = [
        column
        for column in table.columns
        if not (ends and column.startswith(ends)) and _is_presence([row.cells[column] for row in table.rows])
    ]
    sides = [f"{label}_{side}" for label in [*timed, *said] for side in ("start", "end")]
    lacking = [name for name in sides if time_column(table, name) is None]
    return list(dict.fromkeys([*timed, *(name for name in said if likely(name, lacking) is None)]))


def _is_presence(cells: Sequence[str]) -> bool:
    said = [cell.casefold() for cell in cells if cell]
    return bool(said) and sum(cell in PRESENT for cell in said) >= PRESENCE_SHARE * len(said)


def _check_wide_columns(
    table: CsvTable, columns: Sequence[tuple[str, str | None, str | None]], problems: list[Problem]
) -> None:
    labels = [label for label, _, _ in columns]
    found = {label for label, start, end in columns if label in table.columns or (start and end)}
    stems = [f"{label}_{side}" for label in labels for side in ("start", "end")]
    read = (*_TITLE_COLUMNS, *((label,) for label in labels), *((stem, *_time_names(stem)) for stem in stems))
    strange = _other_labels(table, labels)
    known = {name for names in (*read, *strange.values()) for name in names}
    unread = [name for name in table.columns if name not in known]
    mistyped = mistyped_columns(unread, table.columns, read)
    if not found and not strange and not mistyped:
        message = f"no column of a known form: neither label, nor one of {', '.join(labels)}"
        near = likely("label", unread)
        hint = f"; did you mean 'label' by {near!r}?" if near is not None else ""
        problems.append(Problem(table.path, 1, f"{message}; found {', '.join(table.columns)}{hint}"))
        return
    meant = {*mistyped.values(), *(likely(name, labels) for name in strange)}
    for label, start, end in columns:
        there, lacking = ("start", "end") if start else ("end", "start")
        if bool(start) != bool(end) and f"{label}_{lacking}" not in meant:
            problems.append(Problem(table.path, 1, f"column {label}_{there} without column {label}_{lacking}"))
        elif label not in found and label not in meant:
            problems.append(Problem(table.path, 1, f"no column {label!r}: unknown for all titles", "warning"))
    for name in strange:
        problems.append(Problem(table.path, 1, f"unknown label {name!r}{nearest(name, labels)}"))
    timed = {label for label, start, end in columns if start or end or f"{label}_start" in meant}
    untimed = [name for name in table.columns if name in found - timed]
    problems += unread_columns(table, unread, mistyped, _wide_form(labels), untimed)


def _other_labels(table: CsvTable, labels: Sequence[str]) -> dict[str, list[str]]:
    """Return the columns of labels that are not among those to read, by label: it has a column, and one of times."""
    found = {}
    for name in table.columns:
        times = [side for stem in ("start", "end") if (side := time_column(table, f"{name}_{stem}"))]
        if name not in labels and times:
            found[name] = [name, *times]
    return found


def _wide_form(labels: Sequence[str]) -> str:
    """Say which columns of a wide table are read."""
    named = ", ".join(labels[:MOST_NAMED]) + (f" and {len(labels) - MOST_NAMED} more" * (len(labels) > MOST_NAMED))
    return f"Read are title_id, fps, and of each label ({named}) LABEL, LABEL_start and LABEL_end"
