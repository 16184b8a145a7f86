"""What is exported: the titles of a run, each with the segments that were asked for and how many were left out.

The tables are read as input, not trusted: an id becomes a file name and a time a skip, so both are checked.
"""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data.errors import SchemaError
from data.schemas import TITLES, TITLES_SCHEMA, Segment
from data.titles import Title, title_id_fault
from infer.export.settings import Decision, Format
from infer.shown_score import flag_thresholds, shown_score
from infer.title_status import TitleRow
from infer.write import read_segments, read_table, read_titles_table

NOTHING_KNOWN_S = 5.0  # long enough to read a line of status


@dataclass(frozen=True)
class ExportTitle:
    """One title.

    Args:
        row: its row of the titles table.
        segments: what is exported, in order of time.
        held_back: near misses that are not exported.
        media: path of its media file as the manifest says; its id where no manifest is given.
        extra: further columns of the manifest.
        flags: least score of a flagged segment by label; empty where none was asked for.
        config: what ``--config`` of a command names, where it is not found by itself.
        form: the format that it is written in.
    """

    row: TitleRow
    segments: tuple[Segment, ...]
    held_back: int
    media: str
    extra: Mapping[str, str]
    flags: Mapping[str, float] = field(default_factory=dict)
    config: str = ""
    form: Format = "srt"

    @property
    def export_all(self) -> str:
        """The command that lists near misses, too."""
        where = f" --config {shlex.quote(self.config)}" if self.config else ""
        return f"coarse2fine export{where} --decision all --format {self.form} --out near-misses"

    def score_of(self, segment: Segment) -> str:
        """Return a segment's score as it is read everywhere."""
        return shown_score(segment, self.flags)

    @property
    def title_id(self) -> str:
        return self.row.title_id

    @property
    def name(self) -> str:
        """What a person calls it, on one line; the id where nobody says."""
        return self.row.shown

    @property
    def unread(self) -> bool:
        """Whether some of it, or all, is unknown."""
        return self.row.status in ("partial", "quarantined")

    @property
    def end_s(self) -> float:
        """A positive time up to which there is something to say: the duration, what was read, or the last segment."""
        known = (self.row.duration_s, self.row.read_until_s, max((s.end_s for s in self.segments), default=None))
        return next((end_s for end_s in known if end_s), NOTHING_KNOWN_S)


@dataclass(frozen=True)
class ExportRun:
    """A run as it is exported.

    Args:
        run_id, model_id: of the tables.
        finished_at: when the run ended, ISO 8601.
        labels: all labels that were looked for.
        titles: in the order of the titles table.
    """

    run_id: str
    model_id: str
    finished_at: str
    labels: tuple[str, ...]
    titles: tuple[ExportTitle, ...]


def read_run(run_dir: Path, decision: Decision, titles: Mapping[str, Title]) -> ExportRun:
    """Read a run's tables.

    Args:
        run_dir: folder of a finished run.
        decision: ``flag`` exports flagged segments, ``all`` near misses, too.
        titles: the manifest, by id; may lack titles.

    Raises:
        SchemaError: no finished run, or tables that are damaged.
    """
    facts = _read_facts(run_dir / "run.json")
    path = run_dir / "segments.parquet"
    by_title: dict[str, list[Segment]] = {}
    for segment in read_segments(path):
        if not 0 <= segment.start_s < segment.end_s < math.inf or not math.isfinite(segment.score):
            interval = f"{segment.start_s:g} to {segment.end_s:g} s, score {segment.score:g}"
            raise SchemaError(f"{path}: {segment.title_id!r:.130}: {interval} is no segment; run `coarse2fine infer`")
        by_title.setdefault(segment.title_id, []).append(segment)
    rows = read_titles_table(run_dir / "titles.parquet")
    for row in rows:
        if fault := title_id_fault(row.title_id):
            raise SchemaError(f"{run_dir / 'titles.parquet'}: {fault}")
    if unlisted := set(by_title) - {row.title_id for row in rows}:
        raise SchemaError(f"{path}: {min(unlisted)!r:.130} is not in titles.parquet; run `coarse2fine infer` again")
    found = {segment.label for segments in by_title.values() for segment in segments}
    labels = tuple(dict.fromkeys([*facts["thresholds"], *sorted(found)]))
    chosen = tuple(_title(row, by_title.get(row.title_id, []), decision, titles, facts) for row in rows)
    run_id, model_id = _origin(run_dir / "titles.parquet")
    return ExportRun(run_id, model_id, facts["finished_at"], labels, chosen)


def milliseconds(segment: Segment) -> tuple[int, int]:
    """Return start and end in whole milliseconds; the end is after the start, however short the segment is."""
    start_ms = round(segment.start_s * 1000)
    return start_ms, max(start_ms + 1, round(segment.end_s * 1000))


def _title(
    row: TitleRow, found: list[Segment], decision: Decision, titles: Mapping[str, Title], facts: Mapping[str, Any]
) -> ExportTitle:
    kept = [segment for segment in found if decision == "all" or segment.decision == "flag"]
    kept.sort(key=lambda segment: (segment.start_s, segment.end_s, segment.label))
    title = titles.get(row.title_id, Title(row.title_id))
    held_back, media = len(found) - len(kept), title.path or row.title_id
    return ExportTitle(row, tuple(kept), held_back, media, title.extra, facts["flags"], facts["config"])


def _moderated_folder(facts: Mapping[str, Any]) -> str:
    """Return the name of the folder of a call of `moderate`, which every command takes for a configuration."""
    if list(facts.get("command", ()))[:1] != ["moderate"]:
        return ""
    return Path(str(facts.get("config", {}).get("work_dir", ""))).name


def _origin(path: Path) -> tuple[str, str]:
    origins = read_table(path, TITLES, TITLES_SCHEMA).select(["run_id", "model_id"]).slice(0, 1).to_pylist()
    return (origins[0]["run_id"], origins[0]["model_id"]) if origins else ("", "")


def _read_facts(path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        return {
            "thresholds": dict(facts["thresholds"]),
            "finished_at": str(facts["finished_at"]),
            "flags": flag_thresholds(facts),
            "config": _moderated_folder(facts),
        }
    except FileNotFoundError as error:
        raise SchemaError(f"{path}: no such file; name the folder of a finished run, such as work/current") from error
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise SchemaError(f"{path}: not the run.json of an inference ({error!r:.100})") from error
