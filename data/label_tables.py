"""Labels from CSV: the long form, the wide form, and single frames as SF-Net publishes them.

See ``data.label_files`` for the columns. Whatever a spreadsheet makes of a time that may mean something else is read in
one way and said: fractions of a day, ``00:20``, clips that are shorter than a picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

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
        self._notes = TimeNotes(self._form)
        self._unknown = UnknownLabels(path, labels)

    def finish(self) -> LabelRows:
        """Return the rows with all problems, and what was noted of the times."""
        self.rows.problems += self._unknown.problems()
        self.rows.problems += [
            Problem(self.table.path, line, message, "warning") for line, message in self._notes.warnings()
        ]
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
                times.append(parse_time(f"{text}f" if is_frame else text, rate, self._form))
            except ValueError as error:
                self.odd(row, f"{column} {error}")
            else:
                self._notes.add(row.line, "" if is_frame else text)
        return times


def time_column(table: CsvTable, stem: str) -> str | None:
    """Return the column of a time by any of its names."""
    return next((name for name in (f"{stem}_s", stem, f"{stem}_frame") if name in table.columns), None)


def _wide_labels(table: CsvTable) -> list[str]:
    """Return the columns that are labels, where none are listed: those with times, or with nothing but presence."""
    stems = {column.removesuffix("_s").removesuffix("_frame") for column in table.columns}
    pairs = [stem.removesuffix("_start") for stem in stems if stem.endswith("_start")]
    timed = [label for label in pairs if f"{label}_end" in stems]
    ends = tuple(f"{label}_{side}" for label in timed for side in ("start", "end"))
    said = [
        column
        for column in table.columns
        if not (ends and column.startswith(ends))
        and all(row.cells[column].casefold() in PRESENT for row in table.rows)
        and any(row.cells[column] for row in table.rows)
    ]
    return list(dict.fromkeys([*timed, *said]))


def _check_wide_columns(
    table: CsvTable, columns: Sequence[tuple[str, str | None, str | None]], problems: list[Problem]
) -> None:
    labels = [label for label, _, _ in columns]
    found = {label for label, start, end in columns if label in table.columns or (start and end)}
    if not found:
        known = ", ".join(labels)
        message = f"no column of a known form: neither label, nor one of {known}; found {', '.join(table.columns)}"
        problems.append(Problem(table.path, 1, message))
        return
    for label, start, end in columns:
        if bool(start) != bool(end):
            there, lacking = ("start", "end") if start else ("end", "start")
            problems.append(Problem(table.path, 1, f"column {label}_{there} without column {label}_{lacking}"))
        elif label not in found:
            problems.append(Problem(table.path, 1, f"no column {label!r}: unknown for all titles", "warning"))
    names = {column.removesuffix("_s").removesuffix("_frame") for column in table.columns}
    for name in table.columns:
        if name not in labels and {f"{name}_start", f"{name}_end"} & names:
            problems.append(Problem(table.path, 1, f"unknown label {name!r}{nearest(name, labels)}"))
