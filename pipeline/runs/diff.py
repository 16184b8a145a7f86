"""What changed from one run to another: the question of every model roll-out.

Segments of one title and label are matched one to one, those that overlap most (tIoU) first. A matched segment is
*moved* if its bounds differ and *decision* if only flag and review were exchanged; the rest were *added* or *removed*.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.counted import written_score
from data.errors import ConfigError
from data.files import atomic_path
from data.night_schemas import DIFF_SCHEMA
from data.parquet_file import parquet_sink
from data.record_file import read_record
from data.schemas import Segment
from data.titles import called
from infer.csv_export import clock, guard
from infer.shown_score import flag_thresholds
from infer.tiou import temporal_iou
from infer.write import read_segments, read_titles_table

FORMAT = "coarse2fine.diff/1"
ADDED, REMOVED, MOVED, DECISION, SAME, STATUS = "added", "removed", "moved", "decision", "same", "status"


@dataclass(frozen=True)
class Change:
    """One row of a diff.

    Args:
        label: None for a change of a title's status.
        change: added, removed, moved, decision or status.
        before, after: the decision, or the status; None where there was none.
        tiou: of a moved segment's two places.
    """

    title_id: str
    label: str | None
    change: str
    before: str | None = None
    after: str | None = None
    start_s_before: float | None = None
    end_s_before: float | None = None
    score_before: float | None = None
    start_s_after: float | None = None
    end_s_after: float | None = None
    score_after: float | None = None
    tiou: float | None = None


@dataclass(frozen=True)
class RunDiff:
    """All changes, and per label how many segments were added, removed, moved, exchanged and left the same.

    ``names`` says what a person calls the titles, where that is not the id; ``flags`` are the thresholds of flags
    before and after, by label, that scores are read beside.
    """

    changes: Sequence[Change]
    labels: Mapping[str, Mapping[str, int]]
    names: Mapping[str, str] = field(default_factory=dict)
    flags: tuple[Mapping[str, float], Mapping[str, float]] = ({}, {})


def diff_runs(before: Path, after: Path) -> RunDiff:
    """Compare the folders of two runs.

    Raises:
        SchemaError: a table is missing or damaged.
    """
    changes = list(_status_changes(before, after))
    earlier, later = _grouped(before), _grouped(after)
    labels: dict[str, Counter[str]] = {}
    for title_id, label in sorted({*earlier, *later}):
        found = list(_match(earlier.get((title_id, label), []), later.get((title_id, label), [])))
        labels.setdefault(label, Counter()).update(change.change for change in found)
        changes += [change for change in found if change.change != SAME]
    rows = [*read_titles_table(before / "titles.parquet"), *read_titles_table(after / "titles.parquet")]
    names = {row.title_id: row.name for row in rows if row.name not in ("", row.title_id)}
    return RunDiff(changes, labels, names, (_flags(before), _flags(after)))


def write_diff(path: Path, diff: RunDiff) -> None:
    """Write the changes as CSV or Parquet, by the ending of the name.

    Raises:
        ConfigError: another ending.
    """
    rows = [asdict(change) for change in diff.changes]
    if path.suffix == ".parquet":
        with atomic_path(path) as temporary, parquet_sink(temporary) as sink:
            pq.write_table(pa.Table.from_pylist(rows, schema=DIFF_SCHEMA), sink)
    elif path.suffix == ".csv":
        with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as handle:
            writer = csv.writer(handle, lineterminator="\n")
            writer.writerow(field.name for field in fields(Change))
            for row in rows:
                writer.writerow(guard(value) if isinstance(value, str) else value for value in row.values())
    else:
        raise ConfigError(f"--out {path}: name a .csv or .parquet file")


def as_values(diff: RunDiff) -> dict[str, Any]:
    """Return the changes as JSON values; docs/formats.md says what each key means."""
    return {
        "format": FORMAT,
        "changes": [
            {**asdict(change), "name": diff.names.get(change.title_id, change.title_id)} for change in diff.changes
        ],
        "labels": {
            label: {kind: counts.get(kind, 0) for kind in (ADDED, REMOVED, MOVED, DECISION, SAME)}
            for label, counts in diff.labels.items()
        },
    }


def describe(diff: RunDiff) -> Iterator[str]:
    """Yield the changes as lines, then a line a label."""
    for change in diff.changes:
        title = called(change.title_id, diff.names.get(change.title_id, ""))
        if change.change == STATUS:
            yield f"{title}  status  {change.before or '(not there)'} -> {change.after or '(not there)'}"
            continue
        flag_before, flag_after = (flags.get(change.label or "") for flags in diff.flags)
        before = _place(change.start_s_before, change.end_s_before, change.score_before, change.before, flag_before)
        after = _place(change.start_s_after, change.end_s_after, change.score_after, change.after, flag_after)
        yield f"{title}  {change.label}  {change.change}  {' -> '.join(filter(None, (before, after)))}"
    for label, counts in diff.labels.items():
        listed = ", ".join(f"{counts.get(kind, 0)} {kind}" for kind in (ADDED, REMOVED, MOVED, DECISION, SAME))
        yield f"{label}: {listed}"
    yield f"titles with another status: {sum(change.change == STATUS for change in diff.changes)}"


def _place(
    start_s: float | None, end_s: float | None, score: float | None, decision: str | None, flag: float | None
) -> str:
    if start_s is None or end_s is None:
        return ""
    return f"{clock(start_s)}-{clock(end_s)} {written_score(score, flag)} {decision}"


def _flags(run: Path) -> dict[str, float]:
    path = run / "run.json"
    return flag_thresholds(read_record(path)) if path.is_file() else {}


def _status_changes(before: Path, after: Path) -> Iterator[Change]:
    earlier = {row.title_id: row.status for row in read_titles_table(before / "titles.parquet")}
    later = {row.title_id: row.status for row in read_titles_table(after / "titles.parquet")}
    for title_id in sorted({*earlier, *later}):
        if earlier.get(title_id) != later.get(title_id):
            yield Change(title_id, None, STATUS, earlier.get(title_id), later.get(title_id))


def _grouped(run: Path) -> dict[tuple[str, str], list[Segment]]:
    groups: dict[tuple[str, str], list[Segment]] = {}
    for segment in read_segments(run / "segments.parquet"):
        groups.setdefault((segment.title_id, segment.label), []).append(segment)
    return groups


def _match(before: Sequence[Segment], after: Sequence[Segment]) -> Iterator[Change]:
    """Yield what became of the segments of one title and label, in order of time."""
    partner = dict(_pairs(before, after))
    taken = {second for second, _ in partner.values()}
    found = [_change(segment, None, None) for first, segment in enumerate(before) if first not in partner]
    found += [_change(None, segment, None) for second, segment in enumerate(after) if second not in taken]
    found += [_change(before[first], after[second], tiou) for first, (second, tiou) in partner.items()]
    yield from sorted(found, key=lambda change: (_start_s(change), change.change))


def _pairs(before: Sequence[Segment], after: Sequence[Segment]) -> Iterator[tuple[int, tuple[int, float]]]:
    if not before or not after:
        return
    earlier = np.array([(segment.start_s, segment.end_s) for segment in before])
    later = np.array([(segment.start_s, segment.end_s) for segment in after])
    tiou = temporal_iou(earlier[:, :1], earlier[:, 1:], later[:, 0][None], later[:, 1][None])
    free_before, free_after = set(range(len(before))), set(range(len(after)))
    for flat in np.argsort(-tiou, axis=None, kind="stable"):
        first, second = divmod(int(flat), len(after))
        if tiou[first, second] <= 0:
            return
        if first in free_before and second in free_after:
            free_before.remove(first)
            free_after.remove(second)
            yield first, (second, float(tiou[first, second]))


def _change(before: Segment | None, after: Segment | None, tiou: float | None) -> Change:
    either = before or after
    assert either is not None
    return Change(
        title_id=either.title_id,
        label=either.label,
        change=_kind(before, after),
        before=before.decision if before else None,
        after=after.decision if after else None,
        start_s_before=before.start_s if before else None,
        end_s_before=before.end_s if before else None,
        score_before=before.score if before else None,
        start_s_after=after.start_s if after else None,
        end_s_after=after.end_s if after else None,
        score_after=after.score if after else None,
        tiou=tiou,
    )


def _kind(before: Segment | None, after: Segment | None) -> str:
    if before is None:
        return ADDED
    if after is None:
        return REMOVED
    if (before.start_s, before.end_s) != (after.start_s, after.end_s):
        return MOVED
    return SAME if before.decision == after.decision else DECISION


def _start_s(change: Change) -> float:
    start_s = change.start_s_before if change.start_s_before is not None else change.start_s_after
    assert start_s is not None
    return start_s
