"""Write a run in a format: its files, and beside them ``titles.csv``, which says of every title what its file means.

No file, and no segment in a file, never means *clear* by itself: players and tools differ in what they can say, so the
one place that always says it is the table.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from data.files import atomic_path, write_text
from data.schemas import NAMED
from infer.csv_export import guard
from infer.export import activitynet, edl, elan, jellyfin, label_studio, mcf, rekognition, srt, via3, webvtt
from infer.export.settings import ExportSettings, Format
from infer.export.source import ExportRun, ExportTitle
from infer.export.statement import statement

TITLES_FILE = "titles.csv"
COLUMNS = ("title_id", "status", "segments", "held_back", "file", "statement", *NAMED)
SUFFIXES: Mapping[Format, str] = {
    **{"webvtt": ".vtt", "srt": ".srt", "edl": ".edl", "mcf": ".mcf"},
    **{"rekognition": ".json", "jellyfin": ".json", "elan": ".eaf"},
}
"""Of the formats with a file a title."""
BESIDE: Mapping[Format, str] = {
    **{"edl": ".edl", "mcf": ".mcf", "webvtt": ".coarse2fine.vtt", "srt": ".coarse2fine.srt"},
}
"""What follows a video's name without its suffix where a player looks for a file beside it; a film's own subtitles keep
their name."""
Renderer = Callable[[ExportTitle], str | None]


def export_run(run: ExportRun, form: Format, out: Path, settings: ExportSettings) -> None:
    """Write the run into ``out`` in one format, and ``titles.csv`` last.

    Raises:
        ConfigError: the format needs a setting that is not there (severities).
    """
    run = replace(run, titles=tuple(replace(title, form=form) for title in run.titles))
    match form:
        case "activitynet":
            files = _one_file(run, out, "predictions.json", _json(activitynet.content(run)))
        case "labelstudio":
            fps = settings.label_studio_fps
            write_text(out / "labelling.xml", label_studio.labelling_configuration(run, fps))
            files = _one_file(run, out, "tasks.json", _json(label_studio.tasks(run, fps)))
        case "via3":
            files = _one_file(run, out, "via3_project.json", _json(via3.project(run)))
        case _:
            files = _file_a_title(run, out, SUFFIXES[form], renderer(run, form, settings))
    _write_titles(run, out / TITLES_FILE, files)


def renderer(run: ExportRun, form: Format, settings: ExportSettings) -> Renderer:
    """Return what makes a title's file in a format with a file a title (``SUFFIXES``); it gives None for no file.

    Raises:
        ConfigError: as ``export_run``.
    """
    prefixes = mcf.cue_prefixes(run, settings) if form == "mcf" else {}
    if form == "jellyfin":
        jellyfin.require_column(run, settings)
    renderers: dict[Format, Renderer] = {
        "webvtt": lambda title: webvtt.render(title, run),
        "srt": srt.render,
        "edl": lambda title: edl.render(title, settings.edl_action),
        "mcf": lambda title: mcf.render(title, prefixes),
        "rekognition": lambda title: _json(rekognition.content(title, run)),
        "jellyfin": lambda title: _json(jellyfin.content(title, run, settings)),
        "elan": lambda title: elan.render(title, run),
    }
    render = renderers[form]
    return lambda title: render(replace(title, form=form))


def _one_file(run: ExportRun, out: Path, name: str, text: str) -> dict[str, str]:
    write_text(out / name, text)
    return {title.title_id: name for title in run.titles}


def _file_a_title(run: ExportRun, out: Path, suffix: str, render: Renderer) -> dict[str, str]:
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
            said = [guard(text) for text in (statement(title), title.row.name, title.row.path)]
            writer.writerow([guard(title.title_id), title.row.status, *counts, file, *said])


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, allow_nan=False) + "\n"
