"""Write a run in a format: its files, and beside them ``titles.csv``, which says of every title what its file means.

No file, and no segment in a file, never means *clear* by itself: players and tools differ in what they can say, so the
one place that always says it is the table.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from data.files import atomic_path, write_text
from infer.csv_export import guard
from infer.export import activitynet, edl, elan, jellyfin, label_studio, mcf, rekognition, srt, via3, webvtt
from infer.export.settings import ExportSettings, Format
from infer.export.source import ExportRun, ExportTitle
from infer.export.statement import statement

TITLES_FILE = "titles.csv"
COLUMNS = ("title_id", "status", "segments", "held_back", "file", "statement")


def export_run(run: ExportRun, form: Format, out: Path, settings: ExportSettings) -> None:
    """Write the run into ``out`` in one format, and ``titles.csv`` last.

    Raises:
        ConfigError: the format needs a setting that is not there (severities).
    """
    match form:
        case "activitynet":
            files = _one_file(run, out, "predictions.json", _json(activitynet.content(run)))
        case "labelstudio":
            fps = settings.label_studio_fps
            write_text(out / "labelling.xml", label_studio.labelling_configuration(run, fps))
            files = _one_file(run, out, "tasks.json", _json(label_studio.tasks(run, fps)))
        case "via3":
            files = _one_file(run, out, "via3_project.json", _json(via3.project(run)))
        case "webvtt":
            files = _file_a_title(run, out, ".vtt", lambda title: webvtt.render(title, run))
        case "srt":
            files = _file_a_title(run, out, ".srt", srt.render)
        case "edl":
            files = _file_a_title(run, out, ".edl", lambda title: edl.render(title, settings.edl_action))
        case "mcf":
            prefixes = mcf.cue_prefixes(run, settings)
            files = _file_a_title(run, out, ".mcf", lambda title: mcf.render(title, prefixes))
        case "rekognition":
            files = _file_a_title(run, out, ".json", lambda title: _json(rekognition.content(title, run)))
        case "jellyfin":
            files = _file_a_title(run, out, ".json", lambda title: _json(jellyfin.content(title, run, settings)))
        case "elan":
            files = _file_a_title(run, out, ".eaf", lambda title: elan.render(title, run))
    _write_titles(run, out / TITLES_FILE, files)


def _one_file(run: ExportRun, out: Path, name: str, text: str) -> dict[str, str]:
    write_text(out / name, text)
    return {title.title_id: name for title in run.titles}


def _file_a_title(
    run: ExportRun, out: Path, suffix: str, render: Callable[[ExportTitle], str | None]
) -> dict[str, str]:
    """Write a file for every title that the format has something to say of; an older one of the others is removed."""
    files = {}
    for title in run.titles:
        name = f"{title.title_id}{suffix}"
        text = render(title)
        if text is None:
            (out / name).unlink(missing_ok=True)
        else:
            write_text(out / name, text)
            files[title.title_id] = name
    return files


def _write_titles(run: ExportRun, path: Path, files: dict[str, str]) -> None:
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(COLUMNS)
        for title in run.titles:
            counts = (len(title.segments), title.held_back)
            file = guard(files.get(title.title_id, ""))
            writer.writerow([guard(title.title_id), title.row.status, *counts, file, guard(statement(title))])


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, allow_nan=False) + "\n"
