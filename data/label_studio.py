"""Labels from Label Studio's JSON export (*not* JSON-MIN): tasks with annotations of type ``TimelineLabels``.

Label Studio counts frames from 1, and the last frame of a range belongs to it: the range 1 to 25 at 25 frames a second
is ``[0, 1)`` s. It does not export the frame rate, so that comes from the task (``data.fps``, which our own
pre-annotations carry), or from the configuration. ``Labels`` on audio or video tracks carry seconds and need none.
Predictions are not labels; cancelled annotations, relations and regions without a label are left out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data.activitynet import as_number
from data.annotation_tool import ToolReader
from data.label_reading import AS_WRITTEN, ONE, UNION, LabelReading
from data.label_rows import LabelRows

MEDIA_KEYS = ("video", "videoSource", "video_source", "video_url", "url", "audio")
_SOURCE = re.compile(r"""\bsrc\s*=\s*(["'])(.*?)\1""", re.IGNORECASE)

Drawn = tuple[str, object, float, float]  # place, label, start and end in seconds


def read_label_studio(
    path: Path, tasks: object, labels: Sequence[str], title_ids: Sequence[str], *, reading: LabelReading = AS_WRITTEN
) -> LabelRows:
    """Read the clips of an export; nothing is raised, everything wrong is in ``problems`` with its task.

    Args:
        path: named in problems.
        tasks: the JSON value of the file.
        labels: the labels that may occur.
        title_ids: known titles.
        reading: the rate for tasks that carry none, and which annotators count.
    """
    reader = ToolReader(path, labels, title_ids)
    if not isinstance(tasks, list):
        reader.problem("file", f"a JSON {type(tasks).__name__}; expected Label Studio's list of tasks", whole=True)
        return reader.finish()
    for number, task in enumerate(tasks, 1):
        _read_task(reader, f"task {number}", task, reading)
    _check_name(reader, tasks, reading.annotators)
    return reader.finish()


def _check_name(reader: ToolReader, tasks: list[object], annotators: str) -> None:
    """Report an annotator who annotated nothing: a name that is misspelt would lose every title with two opinions."""
    if annotators in (ONE, UNION):
        return
    lists = [task.get("annotations", task.get("completions")) for task in tasks if isinstance(task, dict)]
    people = [_annotator(one) for found in lists if isinstance(found, list) for one in found if isinstance(one, dict)]
    if len(people) > 1 and not any(annotators.casefold() in names for names in people):
        known = ", ".join(dict.fromkeys("/".join(sorted(names)) for names in people if names)) or "nobody by name"
        reader.problem("file", f"no annotation by {annotators!r:.60}; there are some by {known:.200}")


def _read_task(reader: ToolReader, place: str, task: object, reading: LabelReading) -> None:
    if not isinstance(task, dict) or not isinstance(task.get("data"), dict):
        reader.problem(place, 'no "data"; export as JSON (JSON-MIN does not say who annotated what)')
        return
    annotations = _annotations(reader, place, task)
    if not annotations:
        return
    data = task["data"]
    title_id = reader.title(data.get("title_id"), _media(reader, task))
    if title_id is None:
        reader.problem(place, f"no title; its data needs title_id, or one of {', '.join(MEDIA_KEYS)} as text")
        return
    rate = as_number(data["fps"]) if "fps" in data else reading.frame_rate_fps
    drawn: list[Drawn] = []
    counting = _counting(reader, place, annotations, reading.annotators)
    for annotation in counting:
        results = annotation.get("result")
        if not isinstance(results, list):
            reader.problem(place, f"result {results!r:.100} is no list")
            continue
        for number, result in enumerate(results, 1):
            drawn += _read_result(reader, f"{place}, result {number}", result, rate)
    for where, label, start_s, end_s in _joined(drawn) if len(counting) > 1 else drawn:
        reader.clip(where, title_id, label, start_s, end_s)


def _media(reader: ToolReader, task: dict[str, Any]) -> str | None:
    """Return what names the film: a media key, else any value that means a known title, else the uploaded file.

    Old templates put HTML into ``video``, and the film's address elsewhere, or into its ``src``.
    """
    texts = {key: value for key, value in task["data"].items() if isinstance(value, str) and value}
    plain = {key: value for key, value in texts.items() if "<" not in value}
    sources = [match[2] for value in texts.values() if "<" in value for match in _SOURCE.finditer(value)]
    named = [plain[key] for key in MEDIA_KEYS if key in plain]
    uploaded = task.get("file_upload")
    known = [value for value in plain.values() if reader.is_known(value)]
    return next(iter([*named, *known, *sources, *([uploaded] if isinstance(uploaded, str) else [])]), None)


def _annotations(reader: ToolReader, place: str, task: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the annotations that count: the ground truth if one is marked, else all that were not cancelled."""
    found = task.get("annotations", task.get("completions", []))
    if not isinstance(found, list) or not all(isinstance(annotation, dict) for annotation in found):
        reader.problem(place, f"annotations {found!r:.100} are no list of objects")
        return []
    submitted = [annotation for annotation in found if not annotation.get("was_cancelled")]
    return [annotation for annotation in submitted if annotation.get("ground_truth")] or submitted


def _counting(
    reader: ToolReader, place: str, annotations: list[dict[str, Any]], annotators: str
) -> list[dict[str, Any]]:
    """Return the annotations of those who count; none, after reporting it, where that was not said."""
    if len(annotations) == 1 or annotators == UNION:
        return annotations
    names = [_annotator(annotation) for annotation in annotations]
    if annotators == ONE:
        people = ", ".join(dict.fromkeys("/".join(sorted(each)) for each in names if each)) or "not said"
        reader.problem(
            place,
            f"{len(annotations)} annotations (by {people:.200}); mark one of them as ground truth, or set [data] "
            'annotators to "union", or to the one who counts',
        )
        return []
    chosen = [annotation for annotation, each in zip(annotations, names) if annotators.casefold() in each]
    if not chosen:
        reader.ignore(f"tasks without an annotation by {annotators!r:.60}")
    return chosen


def _annotator(annotation: dict[str, Any]) -> set[str]:
    """Return what an annotator is called: the number, and where the export has more, e-mail address and name."""
    by = annotation.get("completed_by")
    values = [by.get(key) for key in ("id", "email", "username")] if isinstance(by, dict) else [by]
    return {str(value).casefold() for value in values if isinstance(value, int | str) and value != ""}


def _joined(drawn: Sequence[Drawn]) -> list[Drawn]:
    """Return what several people drew as intervals of which those of one label do not overlap."""
    joined: list[Drawn] = []
    last: dict[object, int] = {}
    for place, label, start_s, end_s in sorted(drawn, key=lambda one: (one[2], one[3])):
        at = last.get(str(label))
        if at is not None and start_s <= joined[at][3]:
            joined[at] = (*joined[at][:3], max(joined[at][3], end_s))
        else:
            last[str(label)] = len(joined)
            joined.append((place, label, start_s, end_s))
    return joined


def _no_label_in_time(value: dict[str, Any], kind: object) -> str:
    """Say why a result holds no label in time and may be passed over; empty if it should hold one."""
    if kind == "timelinelabels":
        if "ranges" not in value and ("sequence" in value or "framesCount" in value):
            return "timeline labels without ranges, which belong to a box"
    elif kind != "labels" or "start" not in value:
        return f"results of type {kind!r:.60}"
    return "" if value.get(str(kind)) not in (None, []) else "regions without a label"


def _read_result(reader: ToolReader, place: str, result: object, rate: float | None) -> list[Drawn]:
    if isinstance(result, dict) and (result.get("type") == "relation" or {"from_id", "to_id"} <= set(result)):
        reader.ignore("relations")
        return []
    if not isinstance(result, dict) or not isinstance(result.get("value"), dict):
        reader.problem(place, f"{result!r:.100} is no result with a value")
        return []
    value, kind = result["value"], result.get("type")
    is_timeline = kind == "timelinelabels"
    if ignored := _no_label_in_time(value, kind):
        reader.ignore(ignored)
        return []
    names = value.get(kind)
    if not isinstance(names, list):
        reader.problem(place, f"{kind} {names!r:.100} is no list of labels")
        return []
    if is_timeline:
        intervals = _frame_intervals(reader, place, value.get("ranges"), rate)
    else:
        intervals = [(as_number(value["start"]), as_number(value.get("end")))]
    return [(place, label, start_s, end_s) for label in names for start_s, end_s in intervals]


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
