"""ActivityNet JSON, ground truth and detections, as it is found in the wild.

The format is the field's interchange format, but files differ: the ``database`` wrapper may be missing, ids carry a
``v_`` prefix on one side only, times are numbers or strings. All of that is settled here, so that the label reader and
the evaluator see the same titles and the same clips. Intervals without sense (end <= start, NaN, text that is no
number) are *kept*, as NaN where they cannot be read: whoever scores them must count them, and the label reader reports
them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from data.errors import ManifestError, Problem
from data.json_file import read_json, refusal
from data.label_names import label_name
from data.labels import Clip
from data.titles import composed

PREFIX = "v_"
_NOT_A_TITLE = ("version", "taxonomy", "external_data")


def canonical_id(title_id: str) -> str:
    """Return the id composed and without ActivityNet's ``v_``, which one side often has and the other lacks."""
    return composed(title_id).removeprefix(PREFIX)


def read_database(path: Path) -> dict[str, dict[str, Any]]:
    """Read ground truth as it stands: canonical title id -> its entry (``duration``, ``subset``, ``annotations``).

    Raises:
        ManifestError: not readable, not JSON, not of this shape, or two keys that mean one title.
    """
    return _by_title(path, _unwrapped(path, _read_object(path), "database"), dict)


def read_ground_truth(path: Path, *, subset: str | None = None) -> dict[str, list[Clip]]:
    """Read the clips of each title (canonical id), in file order; titles without annotations have an empty list.

    Args:
        path: ActivityNet JSON, with or without the ``database`` wrapper.
        subset: keep only titles whose ``subset`` is this; None keeps all.
    """
    database = read_database(path)
    return {
        title_id: clips_of(path, title_id, entry)
        for title_id, entry in database.items()
        if subset is None or entry.get("subset") == subset
    }


def read_durations(path: Path) -> dict[str, float]:
    """Read the durations in seconds of the titles (canonical id) that state a positive one."""
    durations = {title_id: as_number(entry.get("duration")) for title_id, entry in read_database(path).items()}
    return {title_id: seconds for title_id, seconds in durations.items() if 0 < seconds < math.inf}


def read_predictions(path: Path) -> dict[str, list[tuple[Clip, float]]]:
    """Read detections and their scores per title (canonical id), in file order; a ``results`` wrapper may be missing.

    A score that is missing or no number is NaN.
    """
    results = _by_title(path, _unwrapped(path, _read_object(path), "results"), list)
    return {
        title_id: [(_clip(path, title_id, row), as_number(row.get("score"))) for row in _objects(path, title_id, rows)]
        for title_id, rows in results.items()
    }


def clips_of(path: Path, title_id: str, entry: Mapping[str, Any], problems: list[Problem] | None = None) -> list[Clip]:
    """Return the clips of one entry of ``read_database``, in file order; ``path`` is named in errors.

    What is wrong with one annotation goes to ``problems``, where they are given, and the others are read.
    """
    clips = []
    for row in _objects(path, title_id, entry.get("annotations") or []):
        try:
            clips.append(_clip(path, title_id, row))
        except ManifestError as error:
            if problems is None:
                raise
            problems += [replace(problem, skippable=True) for problem in error.problems]
    return clips


def as_number(value: object) -> float:
    """Return a JSON number or a string that holds one as float; NaN for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return math.nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return math.nan


def _clip(path: Path, title_id: str, row: Mapping[str, Any]) -> Clip:
    label, segment = row.get("label"), row.get("segment")
    if not isinstance(label, str) or not isinstance(segment, list) or len(segment) != 2:
        raise refusal(path, f'title {title_id!r}: {row!r:.120} is not {{"label": text, "segment": [start, end]}}')
    return Clip(label_name(label), as_number(segment[0]), as_number(segment[1]))


def _read_object(path: Path) -> dict[str, Any]:
    value = read_json(path)
    if not isinstance(value, dict):
        raise refusal(path, f"a JSON {type(value).__name__}; expected an object with one entry a title")
    return value


def _unwrapped(path: Path, value: dict[str, Any], wrapper: str) -> dict[str, Any]:
    if wrapper not in value:
        return {key: entry for key, entry in value.items() if key not in _NOT_A_TITLE}
    inner = value[wrapper]
    if not isinstance(inner, dict):
        raise refusal(path, f"{wrapper!r} is a {type(inner).__name__}; expected an object with one entry a title")
    return inner


def _by_title(path: Path, entries: dict[str, Any], kind: type) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, entry in entries.items():
        if not isinstance(entry, kind):
            raise refusal(path, f"title {key!r} is a {type(entry).__name__}; expected a {kind.__name__}")
        if canonical_id(key) in found:
            name = canonical_id(key)
            raise refusal(path, f"{name!r} occurs with and without the prefix {PREFIX!r}; keep one of them")
        found[canonical_id(key)] = entry
    return found


def _objects(path: Path, title_id: str, rows: object) -> list[dict[str, Any]]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise refusal(path, f"title {title_id!r}: {rows!r:.120} is not a list of objects")
    return rows
