"""Labels from Label Studio's JSON export (*not* JSON-MIN): tasks with annotations of type ``TimelineLabels``.

Label Studio counts frames from 1, and the last frame of a range belongs to it: the range 1 to 25 at 25 frames a second
is ``[0, 1)`` s. It does not export the frame rate, so that comes from the task (``data.fps``, which our own
pre-annotations carry), or from the configuration. ``Labels`` on audio or video tracks carry seconds and need none.
Predictions are not labels; cancelled annotations are left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data.activitynet import as_number
from data.annotation_tool import ToolReader
from data.label_rows import LabelRows

MEDIA_KEYS = ("video", "video_url", "url", "audio")


def read_label_studio(
    path: Path, tasks: object, labels: Sequence[str], title_ids: Sequence[str], *, frame_rate_fps: float | None = None
) -> LabelRows:
    """Read the clips of an export; nothing is raised, everything wrong is in ``problems`` with its task.

    Args:
        path: named in problems.
        tasks: the JSON value of the file.
        labels: the labels that may occur.
        title_ids: known titles.
        frame_rate_fps: for tasks that carry no rate.
    """
    reader = ToolReader(path, labels, title_ids)
    if not isinstance(tasks, list):
        reader.problem("file", f"a JSON {type(tasks).__name__}; expected Label Studio's list of tasks")
        return reader.finish()
    for number, task in enumerate(tasks, 1):
        _read_task(reader, f"task {number}", task, frame_rate_fps)
    return reader.finish()


def _read_task(reader: ToolReader, place: str, task: object, frame_rate_fps: float | None) -> None:
    if not isinstance(task, dict) or not isinstance(task.get("data"), dict):
        reader.problem(place, 'no "data"; export as JSON (JSON-MIN does not say who annotated what)')
        return
    annotations = _annotations(reader, place, task)
    if not annotations:
        return
    data = task["data"]
    media = next((data[key] for key in MEDIA_KEYS if isinstance(data.get(key), str)), None)
    title_id = reader.title(data.get("title_id"), media)
    if title_id is None:
        reader.problem(place, f"no title; its data needs title_id, or one of {', '.join(MEDIA_KEYS)} as text")
        return
    if len(annotations) > 1:
        message = f"{len(annotations)} annotations; mark one of them as ground truth, or export one"
        reader.problem(place, message)
        return
    rate = as_number(data["fps"]) if "fps" in data else frame_rate_fps
    for annotation in annotations:
        results = annotation.get("result")
        if not isinstance(results, list):
            reader.problem(place, f"result {results!r:.100} is no list")
            continue
        for number, result in enumerate(results, 1):
            _read_result(reader, f"{place}, result {number}", title_id, result, rate)


def _annotations(reader: ToolReader, place: str, task: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the annotations that count: the ground truth if one is marked, else all that were not cancelled."""
    found = task.get("annotations", task.get("completions", []))
    if not isinstance(found, list) or not all(isinstance(annotation, dict) for annotation in found):
        reader.problem(place, f"annotations {found!r:.100} are no list of objects")
        return []
    submitted = [annotation for annotation in found if not annotation.get("was_cancelled")]
    return [annotation for annotation in submitted if annotation.get("ground_truth")] or submitted


def _read_result(reader: ToolReader, place: str, title_id: str, result: object, rate: float | None) -> None:
    if not isinstance(result, dict) or not isinstance(result.get("value"), dict):
        reader.problem(place, f"{result!r:.100} is no result with a value")
        return
    value, kind = result["value"], result.get("type")
    if kind == "timelinelabels":
        intervals = _frame_intervals(reader, place, value.get("ranges"), rate)
    elif kind == "labels" and "start" in value:
        intervals = [(as_number(value["start"]), as_number(value.get("end")))]
    else:
        reader.ignore(f"results of type {kind!r:.60}")
        return
    names = value.get(kind)
    if not isinstance(names, list) or not names:
        reader.problem(place, f"{kind} {names!r:.100} is no list of labels")
        return
    for label in names:
        for start_s, end_s in intervals:
            reader.clip(place, title_id, label, start_s, end_s)


def _frame_intervals(reader: ToolReader, place: str, ranges: object, rate: float | None) -> list[tuple[float, float]]:
    """Return ranges of frames, 1-based and with their last frame, as seconds."""
    if not isinstance(ranges, list) or not all(isinstance(span, dict) for span in ranges):
        reader.problem(place, f"ranges {ranges!r:.100} are no list of objects with start and end")
        return []
    if rate is None:
        reader.problem(place, "frames without a rate; set frame_rate_fps, or give the task's data an fps")
        return []
    if not 0 < rate <= 1000:
        reader.problem(place, f"fps {rate:g} of the task; it must be above 0 and at most 1000")
        return []
    frames = [(as_number(span.get("start")), as_number(span.get("end"))) for span in ranges]
    if any(first < 1 or math.isnan(first) for first, _ in frames):
        reader.problem(place, "a range begins before frame 1, or with no number; Label Studio counts from 1")
        return []
    return [((first - 1) / rate, last / rate) for first, last in frames]
