"""Labels from VIA 3 (VGG Image Annotator, video): the project file (JSON) and both kinds of its CSV export.

A *temporal segment* is a metadata entry with two times in seconds. Its label is the value of the attribute that is
anchored to temporal segments (``FILE1_Z2_XY0``). Marks of a single moment, regions in a picture and attributes of a
whole file hold no label in time.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from data.activitynet import as_number
from data.annotation_tool import ToolReader
from data.label_rows import LabelRows
from data.text_file import read_text

SEGMENT_ANCHOR = "FILE1_Z2_XY0"
DEFAULT_NAMES = ("temporal-segments", "label", "labels")
CHECKBOX = 2
_HEADER, _ATTRIBUTES = "# CSV_HEADER = ", ("# ATTRIBUTE = ", "# ATTRIBUTES = ")


def read_via3_project(path: Path, project: object, labels: Sequence[str], title_ids: Sequence[str]) -> LabelRows:
    """Read the clips of a project file; nothing is raised, everything wrong is in ``problems`` with its entry.

    Args:
        path: named in problems.
        project: the JSON value of the file.
        labels: the labels that may occur.
        title_ids: known titles, which the names of the media files mean.
    """
    reader = ToolReader(path, labels, title_ids)
    parts: dict[str, dict[str, Any]] = {}
    for name in ("file", "view", "metadata", "attribute"):
        part = project.get(name) if isinstance(project, dict) else None
        if not isinstance(part, dict) or not all(isinstance(entry, dict) for entry in part.values()):
            reader.problem("project", f"{name!r} is no object of objects; save it with VIA 3", whole=True)
            return reader.finish()
        parts[name] = part
    titles = {vid: _title_of_view(reader, vid, view, parts["file"]) for vid, view in parts["view"].items()}
    attribute = _segment_attribute(reader, parts["attribute"])
    for mid, entry in parts["metadata"].items():
        place, vid = f"metadata {mid!r:.60}", entry.get("vid")
        if not isinstance(vid, str) or vid not in titles:
            reader.problem(place, f"view {vid!r:.60} is not in the project")
        elif (title_id := titles[vid]) is not None:
            _read_entry(reader, place, title_id, (entry.get("z"), entry.get("av")), attribute)
    return reader.finish()


def read_via3_csv(path: Path, labels: Sequence[str], title_ids: Sequence[str]) -> LabelRows:
    """Read the clips of a CSV export, old (start and end in columns) or new; as ``read_via3_project``."""
    reader = ToolReader(path, labels, title_ids)
    text = read_text(path, reader.rows.problems)
    if text is None:
        return reader.finish()
    lines = text.splitlines()
    comments = [line for line in lines if line.startswith("#")]
    header = next((line.removeprefix(_HEADER) for line in comments if line.startswith(_HEADER)), "")
    columns = [name.strip() for name in header.split(",")]
    old = "temporal_segment_start" in columns and "temporal_segment_end" in columns
    if not {"file_list", "metadata"} <= set(columns) or not (old or "temporal_coordinates" in columns):
        message = "no CSV_HEADER with file_list, metadata and temporal coordinates; export the CSV with VIA 3"
        reader.problem("header", message, whole=True)
        return reader.finish()
    attribute = _segment_attribute(reader, _csv_attributes(reader, comments))
    body = ["" if line.startswith("#") else line for line in lines]
    rows = csv.reader(body, strict=True, skipinitialspace=True)
    try:
        for cells in rows:
            if cells:
                _read_csv_row(reader, f"line {rows.line_num}", dict(zip(columns, cells)), attribute, old=old)
    except csv.Error as error:
        reader.problem(f"line {rows.line_num}", f"not readable as CSV from here on ({error})")
    return reader.finish()


def _read_csv_row(
    reader: ToolReader, place: str, cells: Mapping[str, str], attribute: Mapping[str, Any] | None, *, old: bool
) -> None:
    files, values = (_json_cell(reader, place, cells, name) for name in ("file_list", "metadata"))
    if files is None or values is None:
        return
    media = files[0] if isinstance(files, list) and files else files
    title_id = reader.title(None, media)
    if title_id is None:
        reader.problem(place, f"file_list {files!r:.100} names no file")
        return
    times: object
    if old:
        times = [cells.get("temporal_segment_start"), cells.get("temporal_segment_end")]
    else:
        times = _json_cell(reader, place, cells, "temporal_coordinates")
    if times is not None:
        _read_entry(reader, place, title_id, (times, values), attribute)


def _json_cell(reader: ToolReader, place: str, cells: Mapping[str, str], name: str) -> Any:
    """Return the JSON value of a cell; None after reporting that it has none."""
    try:
        return json.loads(cells.get(name, ""))
    except (ValueError, RecursionError):
        reader.problem(place, f"{name} {cells.get(name, '')!r:.100} is no JSON")
        return None


def _csv_attributes(reader: ToolReader, comments: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the attributes by id; old exports give their names only, and very old ones nothing."""
    for prefix in _ATTRIBUTES:
        for line in comments:
            if line.startswith(prefix):
                found = _json_cell(reader, "ATTRIBUTE", {"ATTRIBUTE": line.removeprefix(prefix)}, "ATTRIBUTE")
                entries = found.items() if isinstance(found, dict) else ()
                return {aid: value if isinstance(value, dict) else {"aname": value} for aid, value in entries}
    return {}


def _segment_attribute(reader: ToolReader, attributes: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the attribute that labels temporal segments, with its ``id``; None where the file defines none."""
    anchored = [
        {**attribute, "id": aid}
        for aid, attribute in attributes.items()
        if attribute.get("anchor_id", SEGMENT_ANCHOR) == SEGMENT_ANCHOR
    ]
    named = [attribute for attribute in anchored if str(attribute.get("aname")).casefold() in DEFAULT_NAMES]
    chosen = anchored if len(anchored) == 1 else named
    if len(chosen) == 1:
        return chosen[0]
    if anchored:
        names = ", ".join(str(attribute.get("aname")) for attribute in anchored)
        reader.problem(
            "attributes", f"several label temporal segments ({names:.200}); name one of them 'label'", whole=True
        )
    return None


def _title_of_view(
    reader: ToolReader, vid: str, view: Mapping[str, Any], files: Mapping[str, Mapping[str, Any]]
) -> str | None:
    """Return the title of a view's first file."""
    fids = view.get("fid_list")
    fid = str(fids[0]) if isinstance(fids, list) and fids else ""
    file = files.get(fid, {})
    title_id = reader.title(None, file.get("fname") or file.get("src"))
    if title_id is None:
        reader.problem(f"view {vid!r:.60}", "names no file of the project")
    return title_id


def _read_entry(
    reader: ToolReader, place: str, title_id: str, entry: tuple[object, object], attribute: Mapping[str, Any] | None
) -> None:
    """Add the clip of one metadata entry: its times and its attribute values."""
    times, values = entry
    if not isinstance(times, list) or not isinstance(values, dict):
        reader.problem(place, f"times {times!r:.60} and values {values!r:.60} are no list and no object")
        return
    if len(times) != 2:
        reader.ignore("marks of a moment, a region or a whole file")
        return
    for label in _labels_of(values, attribute):
        reader.clip(place, title_id, label, as_number(times[0]), as_number(times[1]))


def _labels_of(values: Mapping[str, Any], attribute: Mapping[str, Any] | None) -> list[object]:
    """Return the labels of a segment: option ids become their text, a checkbox may hold several."""
    if attribute is None:
        return list(values.values())
    value = values.get(attribute["id"], values.get(str(attribute.get("aname")), ""))
    options = attribute.get("options")
    chosen = value.split(",") if attribute.get("type") == CHECKBOX and isinstance(value, str) else [value]
    return [options.get(str(option), option) if isinstance(options, dict) else option for option in chosen]
