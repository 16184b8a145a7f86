"""Label files, one reader per form, all giving the same rows: who says what of which title, and where it is written.

Forms, told apart by their content (or given):
- ``long``: CSV ``title_id,label,present`` and/or ``title_id,label,start_s,end_s,kind``; present is 1, 0 or blank
  (unknown), kind is first_occurrence or all_occurrence.
- ``wide``: CSV ``title_id,sex,sex_start,sex_end,nudity,...``, one row a title; the clip is the first occurrence.
- ``activitynet``: ground-truth JSON. It lists *all* occurrences of its titles, so a label without a clip is absent from
  a listed title; a title listed with no annotation at all in a subset ``test`` or ``testing`` is withheld: unknown.
- ``labelstudio``, ``via3``, ``elan``: files of annotation tools (``data.label_studio``, ``data.via3``, ``data.elan``);
  for ELAN, which has a file a title, the path may be a folder of ``.eaf`` files.

- ``single_frame``: one moment of every occurrence, as SF-Net publishes them (``data.single_frames``).

Start and end columns may be named ``start_s``, ``start`` or ``start_frame``; a column ``fps`` gives a row's frame rate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from data.activitynet import canonical_id, clips_of, read_database
from data.counted import counted
from data.csv_table import missing_columns
from data.elan import read_elan
from data.errors import ManifestError, Problem
from data.json_file import head_of, is_json, read_json
from data.label_reading import AS_WRITTEN, LabelReading
from data.label_rows import ClipRow, LabelRows, PresenceRow, UnknownLabels
from data.label_studio import read_label_studio
from data.label_tables import TableReader
from data.labels import Clip
from data.single_frames import is_single_frames, read_single_frames
from data.via3 import read_via3_csv, read_via3_project

Form = Literal["auto", "long", "wide", "activitynet", "labelstudio", "via3", "elan", "single_frame"]
WITHHELD_SUBSETS = ("test", "testing")


def read_label_file(
    path: Path,
    labels: Sequence[str],
    title_ids: Sequence[str],
    *,
    reading: LabelReading = AS_WRITTEN,
    form: Form = "auto",
) -> LabelRows:
    """Read the rows of a label file in any form; nothing is raised, everything wrong is in ``problems``.

    Args:
        labels: the labels that may occur.
        title_ids: known titles; ActivityNet ids are matched to them with or without ``v_``.
        reading: how to read what the file does not say itself.
        form: its form, or ``auto``.
    """
    if form == "auto":
        form = form_of(path)
    if form == "elan":
        return _read_elan(path, labels, title_ids)
    if form == "single_frame":
        return read_single_frames(path, labels, title_ids, reading)
    if form == "via3" and not is_json(path):
        return read_via3_csv(path, labels, title_ids)
    if form in ("activitynet", "labelstudio", "via3"):
        return _read_json_form(path, form, labels, title_ids, reading)
    return _read_table(path, form, labels, reading)


def form_of(path: Path) -> Form:
    """Tell the form of a file by its content; CSV of any form is ``auto``, its columns decide."""
    head = head_of(path)
    if path.is_dir() or path.suffix.casefold() == ".eaf" or head.startswith(b"<"):
        return "elan"
    if head.startswith(b"#") and b"CSV_HEADER" in head:
        return "via3"
    if not is_json(path):
        return "single_frame" if is_single_frames(path) else "auto"
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
    path: Path, form: Form, labels: Sequence[str], title_ids: Sequence[str], reading: LabelReading
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
    return read_label_studio(path, value, labels, title_ids, reading=reading)


def _read_table(path: Path, form: Form, labels: Sequence[str], reading: LabelReading) -> LabelRows:
    reader = TableReader(path, labels, reading)
    columns = reader.table.columns
    if not columns or missing_columns(reader.table, ["title_id"], reader.rows.problems):
        return reader.finish()
    if form == "long" or (form == "auto" and "label" in columns):
        reader.read_long()
    else:
        reader.read_wide()
    return reader.finish()


def _read_activitynet(path: Path, labels: Sequence[str], title_ids: Sequence[str], rows: LabelRows) -> None:
    try:
        database = read_database(path)
        clips = {title_id: clips_of(path, title_id, entry, rows.problems) for title_id, entry in database.items()}
    except ManifestError as error:
        rows.problems.extend(error.problems)
        return
    known = {canonical_id(title_id): title_id for title_id in title_ids}
    if len(known) < len(title_ids):
        rows.problems.append(Problem(path, None, "the titles hold an id with and without 'v_'; rename one of them"))
    unknown = UnknownLabels(path, labels)
    empty: list[tuple[str, Clip]] = []
    for found, entry in database.items():
        title_id = known.get(found, found)
        for clip in clips[found]:
            if clip.start_s == clip.end_s:
                empty.append((title_id, clip))
                rows.presence.append(PresenceRow(title_id, clip.label, True, path, None, implied=True))
            elif clip.label not in labels:
                unknown.add(clip.label, None)
            elif not (math.isfinite(clip.start_s) and math.isfinite(clip.end_s)):
                message = f"title {title_id!r}: a clip of {clip.label!r} has times that are not numbers"
                rows.problems.append(Problem(path, None, message, skippable=True))
            else:
                rows.clips.append(ClipRow(title_id, clip.label, clip.start_s, clip.end_s, False, path, None))
        if clips[found] or entry.get("subset") not in WITHHELD_SUBSETS:
            there = {clip.label for clip in clips[found]}
            absent = [label for label in labels if label not in there]
            rows.presence += [PresenceRow(title_id, label, False, path, None, implied=True) for label in absent]
    if empty:
        title_id, clip = empty[0]
        message = f"{counted(len(empty), 'clip')} without length left out, each label counts as present"
        first = f"(first: title {title_id!r}, {clip.label}, {clip.start_s:g}-{clip.end_s:g} s)"
        rows.problems.append(Problem(path, None, f"{message} {first}", "warning"))
    rows.problems.extend(unknown.problems())
