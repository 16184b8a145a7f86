"""Label files, one reader per form, all giving the same rows: who says what of which title, and where it is written.

Forms, told apart by their content (or given):
- ``long``: CSV ``title_id,label,present`` and/or ``title_id,label,start_s,end_s,kind``; present is 1, 0 or blank
  (unknown), kind is first_occurrence or all_occurrence.
- ``wide``: CSV ``title_id,sex,sex_start,sex_end,nudity,...``, one row a title; the clip is the first occurrence.
- ``activitynet``: ground-truth JSON. It lists *all* occurrences of its titles, so a label without a clip is absent from
  a listed title; a title listed with no annotation at all in a subset ``test`` or ``testing`` is withheld: unknown.
- ``labelstudio``, ``via3``, ``elan``: files of annotation tools (``data.label_studio``, ``data.via3``, ``data.elan``);
  for ELAN, which has a file a title, the path may be a folder of ``.eaf`` files.

Start and end columns may be named ``start_s``, ``start`` or ``start_frame``; a column ``fps`` gives a row's frame rate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from data.activitynet import canonical_id, clips_of, read_database
from data.csv_table import CsvRow, CsvTable, missing_columns, nearest, read_csv
from data.elan import read_elan
from data.errors import ManifestError, Problem
from data.json_file import head_of, is_json, read_json
from data.label_names import label_name
from data.label_rows import ClipRow, LabelRows, PresenceRow, UnknownLabels
from data.label_studio import read_label_studio
from data.times import parse_frame_rate, parse_time
from data.via3 import read_via3_csv, read_via3_project

Form = Literal["auto", "long", "wide", "activitynet", "labelstudio", "via3", "elan"]
KINDS = ("first_occurrence", "all_occurrence")
WITHHELD_SUBSETS = ("test", "testing")
_PRESENT = {"1": True, "1.0": True, "true": True, "0": False, "0.0": False, "false": False, "": None}


def read_label_file(
    path: Path,
    labels: Sequence[str],
    title_ids: Sequence[str],
    *,
    frame_rate_fps: float | None = None,
    form: Form = "auto",
) -> LabelRows:
    """Read the rows of a label file in any form; nothing is raised, everything wrong is in ``problems``.

    Args:
        labels: the labels that may occur.
        title_ids: known titles; ActivityNet ids are matched to them with or without ``v_``.
        frame_rate_fps: rate for frame numbers that carry none.
    """
    if form == "auto":
        form = form_of(path)
    if form == "elan":
        return _read_elan(path, labels, title_ids)
    if form == "via3" and not is_json(path):
        return read_via3_csv(path, labels, title_ids)
    if form in ("activitynet", "labelstudio", "via3"):
        return _read_json_form(path, form, labels, title_ids, frame_rate_fps)
    return _read_table(path, form, labels, frame_rate_fps)


def form_of(path: Path) -> Form:
    """Tell the form of a file by its content; CSV of any form is ``auto``, its columns decide."""
    head = head_of(path)
    if path.is_dir() or path.suffix.casefold() == ".eaf" or head.startswith(b"<"):
        return "elan"
    if head.startswith(b"#") and b"CSV_HEADER" in head:
        return "via3"
    if not is_json(path):
        return "auto"
    if head.startswith(b"["):
        return "labelstudio"
    try:
        value = read_json(path)
    except ManifestError:
        return "activitynet"  # whose reader reports it
    return "via3" if isinstance(value, dict) and {"project", "view", "metadata"} <= set(value) else "activitynet"


def _read_elan(path: Path, labels: Sequence[str], title_ids: Sequence[str]) -> LabelRows:
    """Read one ELAN file, or all of a folder."""
    if not path.is_dir():
        return read_elan(path, labels, title_ids)
    rows = LabelRows()
    files = sorted(file for file in path.iterdir() if file.suffix.casefold() == ".eaf")
    if not files:
        rows.report(path, "a folder without .eaf files; name a file, or a folder of ELAN files")
    for file in files:
        rows.extend(read_elan(file, labels, title_ids))
    return rows


def _read_json_form(
    path: Path, form: Form, labels: Sequence[str], title_ids: Sequence[str], frame_rate_fps: float | None
) -> LabelRows:
    rows = LabelRows()
    if form == "activitynet":
        _read_activitynet(path, labels, title_ids, rows)
        return rows
    try:
        value = read_json(path)
    except ManifestError as error:
        rows.problems.extend(error.problems)
        return rows
    if form == "via3":
        return read_via3_project(path, value, labels, title_ids)
    return read_label_studio(path, value, labels, title_ids, frame_rate_fps=frame_rate_fps)


def _read_table(path: Path, form: Form, labels: Sequence[str], frame_rate_fps: float | None) -> LabelRows:
    rows = LabelRows()
    table = read_csv(path, rows.problems)
    if not table.columns or missing_columns(table, ["title_id"], rows.problems):
        return rows
    if form == "long" or (form == "auto" and "label" in table.columns):
        _read_long(table, labels, frame_rate_fps, rows)
    else:
        _read_wide(table, labels, frame_rate_fps, rows)
    return rows


def _read_long(table: CsvTable, labels: Sequence[str], frame_rate_fps: float | None, rows: LabelRows) -> None:
    start, end = _time_column(table, "start"), _time_column(table, "end")
    required = ["label"]
    if start or end or "kind" in table.columns:
        required += [start or "start_s", end or "end_s", "kind"]
    elif "present" not in table.columns:
        message = "columns are neither title_id,label,present nor title_id,label,start_s,end_s,kind"
        rows.problems.append(Problem(table.path, 1, f"{message}; found {', '.join(table.columns)}"))
        return
    if missing_columns(table, required, rows.problems):
        return
    unknown = UnknownLabels(table.path, labels)
    for row in table.rows:
        title_id, label = row.cells["title_id"], label_name(row.cells["label"])
        if label not in labels:
            unknown.add(label, row.line)
            continue
        if "present" in table.columns:
            _add_presence(table, row, label, "present", rows)
        if start and end and (row.cells[start] or row.cells[end] or "present" not in table.columns):
            kind = row.cells["kind"]
            if kind not in KINDS:
                rows.problems.append(table.problem(row, f"kind {kind!r}{nearest(kind, KINDS)}"))
            elif (times := _times(table, row, (start, end), frame_rate_fps, rows)) is not None:
                rows.clips.append(ClipRow(title_id, label, *times, kind == KINDS[0], table.path, row.line))
    rows.problems.extend(unknown.problems())


def _read_wide(table: CsvTable, labels: Sequence[str], frame_rate_fps: float | None, rows: LabelRows) -> None:
    names = labels or _wide_labels(table)
    columns = [(label, _time_column(table, f"{label}_start"), _time_column(table, f"{label}_end")) for label in names]
    _check_wide_columns(table, columns, rows.problems)
    for row in table.rows:
        for label, start, end in columns:
            if label in table.columns:
                _add_presence(table, row, label, label, rows)
            if start and end and (row.cells[start] or row.cells[end]):
                times = _times(table, row, (start, end), frame_rate_fps, rows)
                if times is not None:
                    clip = ClipRow(row.cells["title_id"], label, *times, True, table.path, row.line)
                    rows.clips.append(clip)


def _wide_labels(table: CsvTable) -> list[str]:
    """Return the columns that are labels, where none are listed: those with times, or with nothing but presence."""
    stems = {column.removesuffix("_s").removesuffix("_frame") for column in table.columns}
    pairs = [stem.removesuffix("_start") for stem in stems if stem.endswith("_start")]
    timed = [label for label in pairs if f"{label}_end" in stems]
    ends = tuple(f"{label}_{side}" for label in timed for side in ("start", "end"))
    said = [
        column
        for column in table.columns
        if not column.startswith(ends or ("\0",))
        and all(row.cells[column].casefold() in _PRESENT for row in table.rows)
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


def _read_activitynet(path: Path, labels: Sequence[str], title_ids: Sequence[str], rows: LabelRows) -> None:
    try:
        database = read_database(path)
        clips = {title_id: clips_of(path, title_id, entry) for title_id, entry in database.items()}
    except ManifestError as error:
        rows.problems.extend(error.problems)
        return
    known = {canonical_id(title_id): title_id for title_id in title_ids}
    if len(known) < len(title_ids):
        rows.problems.append(Problem(path, None, "the titles hold an id with and without 'v_'; rename one of them"))
    unknown = UnknownLabels(path, labels)
    for found, entry in database.items():
        title_id = known.get(found, found)
        for clip in clips[found]:
            if clip.label not in labels:
                unknown.add(clip.label, None)
            elif not (math.isfinite(clip.start_s) and math.isfinite(clip.end_s)):
                message = f"title {title_id!r}: a clip of {clip.label!r} has times that are not numbers"
                rows.problems.append(Problem(path, None, message))
            else:
                rows.clips.append(ClipRow(title_id, clip.label, clip.start_s, clip.end_s, False, path, None))
        if clips[found] or entry.get("subset") not in WITHHELD_SUBSETS:
            there = {clip.label for clip in clips[found]}
            absent = [label for label in labels if label not in there]
            rows.presence += [PresenceRow(title_id, label, False, path, None, implied=True) for label in absent]
    rows.problems.extend(unknown.problems())


def _add_presence(table: CsvTable, row: CsvRow, label: str, column: str, rows: LabelRows) -> None:
    text = row.cells[column].casefold()
    if text in _PRESENT:
        rows.presence.append(PresenceRow(row.cells["title_id"], label, _PRESENT[text], table.path, row.line))
    else:
        rows.problems.append(table.problem(row, f"{column} {row.cells[column]!r}; write 1, 0, or nothing if unknown"))


def _time_column(table: CsvTable, stem: str) -> str | None:
    return next((name for name in (f"{stem}_s", stem, f"{stem}_frame") if name in table.columns), None)


def _times(
    table: CsvTable, row: CsvRow, columns: tuple[str, str], frame_rate_fps: float | None, rows: LabelRows
) -> tuple[float, float] | None:
    """Return start and end in seconds, or None after reporting what is wrong with them."""
    times: list[float] = []
    try:
        rate = parse_frame_rate(row.cells["fps"]) if row.cells.get("fps") else frame_rate_fps
    except ValueError as error:
        rows.problems.append(table.problem(row, f"fps {error}"))
        return None
    for column in columns:
        text = row.cells[column]
        is_frame = column.endswith("_frame") and text.isascii() and text.isdecimal()
        try:
            times.append(parse_time(f"{text}f" if is_frame else text, rate))
        except ValueError as error:
            rows.problems.append(table.problem(row, f"{column} {error}"))
    return (times[0], times[1]) if len(times) == 2 else None
