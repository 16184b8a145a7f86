"""Titles of an ActivityNet JSON: ids, durations and splits as published, without a manifest of one's own.

``subset`` becomes the split, by whatever name it goes (``training``, ``validation``, ``testing`` ...). Where a file has
titles to train on but none to choose settings on, or the other way round (THUMOS14 trains on its validation titles),
those it has are drawn into train and val, and that is said; the titles of ``test`` are left alone.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from data.activitynet import as_number, read_database
from data.counted import counted
from data.csv_table import nearest
from data.errors import DecodeError, ManifestError, Problem
from data.times import parse_time
from data.titles import Title, folded, media_path, title_id_fault

SubsetUse = Literal["train", "val", "test", "draw", "none"]
DEVELOPMENT = ("train", "val")
_KNOWN: dict[str, SubsetUse] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "development"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
_NOT_EXTRA = ("annotations", "duration", "subset", "path")


def titles_of_json(
    path: Path, media_root: Path, subsets: Mapping[str, SubsetUse], problems: list[Problem]
) -> tuple[dict[str, Title], tuple[str, ...]]:
    """Return the titles of an ActivityNet JSON, and the splits that those without one may be drawn into.

    Args:
        path: the file.
        media_root: folder that an entry's ``path``, which few files have, is relative to.
        subsets: what to do with the titles of a subset, by its name in the file, where it is not what the name says.
        problems: takes what is wrong.

    Returns:
        titles by canonical id (without ``v_``), in file order; splits, all three unless the file says otherwise.
    """
    try:
        database = read_database(path)
    except ManifestError as error:
        problems.extend(error.problems)
        return {}, ()
    uses = _uses(path, database, subsets, problems)
    titles: dict[str, Title] = {}
    seen: dict[str, str] = {}
    for title_id, entry in database.items():
        use = uses[str(entry.get("subset", ""))]
        fault = title_id_fault(title_id)
        if not fault and (twin := seen.setdefault(folded(title_id), title_id)) != title_id:
            fault = f"title {title_id!r} differs from {twin!r} in case only; file names may not"
        if fault:
            problems.append(Problem(path, None, fault))
        elif use != "none":
            media = _media(path, media_root, title_id, entry.get("path"), problems)
            titles[title_id] = replace(_title(path, title_id, entry, use, problems), path=media)
    if not titles and not problems:
        problems.append(Problem(path, None, "no titles; expected an object with one entry a title"))
    tests = [title_id for title_id, title in titles.items() if title.split == "test"]
    if tests and not any(database[title_id].get("annotations") for title_id in tests):
        message = (
            f"no annotations of any title of test ({counted(len(tests), 'title')}): they are withheld, and only val can"
        )
        told = (
            '[data.subsets] validation = "test", testing = "none", training = "draw" measures on the validation titles'
        )
        problems.append(Problem(path, None, f"{message} be measured; {told}", "warning"))
    return _drawn(path, titles, problems)


def _uses(
    path: Path, database: Mapping[str, Any], subsets: Mapping[str, SubsetUse], problems: list[Problem]
) -> dict[str, SubsetUse]:
    """Return what each subset of the file is used for, and report names that mean nothing."""
    counts = Counter(str(entry.get("subset", "")) for entry in database.values())
    given = {name.casefold(): use for name, use in subsets.items()}
    uses: dict[str, SubsetUse] = {}
    for name, count in counts.items():
        key = name.strip().casefold()
        uses[name] = given.get(key, _KNOWN.get(key, "draw"))
        if key not in given and key not in _KNOWN and key:
            message = f"subset {name!r:.60} ({counted(count, 'title')}) is no split: what is in it is drawn"
            how = f"[data.subsets] {name!r:.60} = 'train', 'val', 'test', 'draw' or 'none' says what it is"
            problems.append(Problem(path, None, f"{message}; {how}", "warning"))
    found = [name.strip().casefold() for name in counts]
    for name in subsets:
        if name.casefold() not in found:
            problems.append(
                Problem(path, None, f"[data.subsets] {name!r:.60} is no subset{nearest(name, list(counts))}")
            )
    return uses


def _title(path: Path, title_id: str, entry: Mapping[str, Any], use: SubsetUse, problems: list[Problem]) -> Title:
    extra = {
        name: str(value)
        for name, value in entry.items()
        if name not in _NOT_EXTRA and isinstance(value, str | int | float)
    }
    duration_s = _duration_s(path, title_id, entry.get("duration"), problems)
    return Title(title_id, duration_s=duration_s, split=None if use == "draw" else use, extra=extra)


def _media(path: Path, media_root: Path, title_id: str, media: object, problems: list[Problem]) -> str | None:
    """Return an entry's ``path`` relative to the media root, or None, after reporting it if it leaves that root."""
    if not isinstance(media, str) or not media:
        return None
    try:
        return str(media_path(media_root, media).relative_to(media_root.resolve()))
    except DecodeError as error:
        problems.append(Problem(path, None, f"title {title_id!r}: path {error}"))
        return None


def _duration_s(path: Path, title_id: str, duration: object, problems: list[Problem]) -> float | None:
    """Return a duration, a number or text such as "12.5" or "00:01:20"; None, and a warning, if it is neither."""
    if duration is None or duration == "":
        return None
    try:
        seconds = parse_time(duration) if isinstance(duration, str) else as_number(duration)
    except ValueError:
        seconds = math.nan
    if 0 < seconds < math.inf:
        return seconds
    message = f"title {title_id!r}: duration {duration!r:.60} is no time; it is taken as unknown"
    problems.append(Problem(path, None, message, "warning"))
    return None


def _drawn(path: Path, titles: dict[str, Title], problems: list[Problem]) -> tuple[dict[str, Title], tuple[str, ...]]:
    """Where only one of train and val is there, leave its titles to be drawn into both."""
    counts = Counter(title.split for title in titles.values())
    there = [split for split in DEVELOPMENT if counts[split]]
    if len(there) != 1 or counts[None]:
        return titles, DEVELOPMENT if counts["test"] else ()
    (only,) = there
    lacking = "train" if only == "val" else "val"
    message = (
        f"{counted(counts[only], 'title')} of a {only} subset and none of a {lacking} subset: all are drawn into "
        f"train and val by the shares of [data]; [data.subsets] or a split_file says it otherwise"
    )
    problems.append(Problem(path, None, message, "warning"))
    drawn = {
        title_id: replace(title, split=None) if title.split == only else title for title_id, title in titles.items()
    }
    return drawn, DEVELOPMENT
