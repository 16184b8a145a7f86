"""Pre-annotations for VIA 3 (VGG Image Annotator, video): one project with all titles, opened by *Open a VIA project*.

Segments are temporal segments of the attribute ``label``; the attribute ``status`` of the whole file says what is known
of the title.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from infer.export.source import ExportRun, ExportTitle
from infer.export.statement import statement

VIDEO, LOCAL_FILE, REMOTE_FILE = 4, 3, 2  # VIA's codes of file type and location
TEXT, SELECT = 1, 4
LABEL_ID, STATUS_ID = "1", "2"


def project(run: ExportRun) -> dict[str, Any]:
    """Return the project's object."""
    numbered = [(str(number), title) for number, title in enumerate(run.titles, 1)]
    return {
        "project": {
            "pid": "__VIA_PROJECT_ID__",
            "rev": "__VIA_PROJECT_REV_ID__",
            "rev_timestamp": "__VIA_PROJECT_REV_TIMESTAMP__",
            "pname": f"coarse2fine {run.run_id}",
            "creator": "coarse2fine",
            "created": 0,
            "data_format_version": "3.1.1",
            "vid_list": [vid for vid, _ in numbered],
        },
        "config": {
            "file": {"loc_prefix": {"1": "", "2": "", "3": "", "4": ""}},
            "ui": {"file_content_align": "center"},
        },
        "attribute": {
            LABEL_ID: _attribute("label", "FILE1_Z2_XY0", SELECT, {label: label for label in run.labels}),
            STATUS_ID: _attribute("status", "FILE1_Z0_XY0", TEXT, {}),
        },
        "file": {vid: _file(vid, title) for vid, title in numbered},
        "metadata": {mid: entry for vid, title in numbered for mid, entry in _metadata(vid, title).items()},
        "view": {vid: {"fid_list": [vid]} for vid, _ in numbered},
    }


def _attribute(name: str, anchor: str, kind: int, options: dict[str, str]) -> dict[str, Any]:
    return {
        "aname": name,
        "anchor_id": anchor,
        "type": kind,
        "desc": "",
        "options": options,
        "default_option_id": "",
    }


def _file(vid: str, title: ExportTitle) -> dict[str, Any]:
    """Return the file entry; its name is the title's id, by which the labels are read back."""
    location = REMOTE_FILE if "://" in title.media else LOCAL_FILE
    name = f"{title.title_id}{PurePosixPath(title.media).suffix if title.media != title.title_id else '.mp4'}"
    return {"fid": vid, "fname": name, "type": VIDEO, "loc": location, "src": title.media}


def _metadata(vid: str, title: ExportTitle) -> dict[str, dict[str, Any]]:
    entries = {f"{vid}_status": {"vid": vid, "flg": 0, "z": [], "xy": [], "av": {STATUS_ID: statement(title)}}}
    for segment in title.segments:
        times = [round(segment.start_s, 6), round(segment.end_s, 6)]
        entry = {"vid": vid, "flg": 0, "z": times, "xy": [], "av": {LABEL_ID: segment.label}}
        entries[f"{vid}_segment-{segment.segment_index}"] = entry
    return entries
