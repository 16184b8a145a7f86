"""Which runs there are, in which order they came, and which one is in force.

Order is that of lines in ``history.jsonl``, not of clocks, which may
be set back. A rollback holds: unattended runs go on being written, but do not become current until ``runs release``,
else the next night would undo what somebody decided in this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.errors import ConfigError
from data.record_file import read_record
from pipeline.runs.event_log import append_event, read_events
from pipeline.runs.pointer import current_run, point_to
from pipeline.work_folder import WorkFolder

MADE, ROLLBACK, RELEASE = "made", "rollback", "release"
RECORD_NAME = "run.json"
END_IT = "`coarse2fine runs release` puts the newest run in force"


@dataclass(frozen=True)
class RunEntry:
    """A finished run.

    Args:
        record: its ``run.json``.
    """

    run_id: str
    folder: Path
    record: Mapping[str, Any]
    is_current: bool


def held_run(work: WorkFolder) -> str | None:
    """Return the run that a rollback holds in force, None if no rollback does."""
    held: str | None = None
    for event in read_events(work.history):
        if event.get("event") == ROLLBACK:
            held = event["run_id"]
        elif event.get("event") == RELEASE:
            held = None
    return held


def newest_run(work: WorkFolder) -> str | None:
    """Return the run that was made last, whether or not it is in force; None if there is none."""
    made = [event["run_id"] for event in read_events(work.history) if event.get("event") == MADE]
    return made[-1] if made else None


def hold_words(work: WorkFolder) -> str:
    """Say which run a rollback holds and which one waits, as all say it that speak of it; empty if none holds."""
    held = held_run(work)
    if held is None:
        return ""
    newest = newest_run(work)
    waits = f", run {newest} waits" if newest not in (None, held) else ""
    return f"a rollback holds run {held} in force{waits}; {END_IT}"


def list_runs(work: WorkFolder) -> list[RunEntry]:
    """Return the finished runs, the earliest first; those of before there was a history come before all others."""
    order: dict[str, int] = {}
    for number, event in enumerate(read_events(work.history)):
        if event.get("event") == MADE:
            order[event["run_id"]] = number
    current = current_run(work)
    entries = []
    for folder in sorted(work.runs.iterdir()) if work.runs.is_dir() else ():
        if is_finished(folder):
            damaged = "remove this folder of a run, the others are whole"
            record = read_record(folder / RECORD_NAME, "finished_at", to_do=damaged)
            entries.append(RunEntry(folder.name, folder, record, folder.name == current))
    return sorted(entries, key=lambda entry: (order.get(entry.run_id, -1), str(entry.record["finished_at"])))


def run_before(work: WorkFolder, folder: Path) -> Path | None:
    """Return the folder of the run that was made before that of a folder; None if there is none."""
    before = None
    for entry in list_runs(work):
        if entry.folder.resolve() == folder.resolve():
            return before
        before = entry.folder
    return None


def is_finished(folder: Path) -> bool:
    """Say whether a run's folder is whole: its ``run.json`` is written last."""
    return (folder / RECORD_NAME).is_file()


def make_current(work: WorkFolder, run_id: str) -> bool:
    """Record that a run is the newest and put it in force; return False if a rollback holds another one."""
    if newest_run(work) != run_id:
        append_event(work.history, event=MADE, run_id=run_id)
    held = held_run(work)
    if held not in (None, run_id):
        return False
    point_to(work, run_id)
    return True


def roll_back(work: WorkFolder, wanted: str | None = None) -> RunEntry:
    """Put an earlier run in force, and hold it.

    Args:
        wanted: a run's id or the beginning of one; by default the run that was made before the current one.

    Raises:
        ConfigError: there is no such run.
    """
    if wanted is not None:
        target = find_run(work, wanted)
    else:
        entries = list_runs(work)
        position = next((number for number, entry in enumerate(entries) if entry.is_current), 0)
        if position == 0:
            raise ConfigError(f"{work.runs}: no run before the current one; `coarse2fine runs list` shows all")
        target = entries[position - 1]
    append_event(work.history, event=ROLLBACK, run_id=target.run_id)
    point_to(work, target.run_id)
    return target


def release(work: WorkFolder) -> RunEntry:
    """End a rollback: put the newest run in force.

    Raises:
        ConfigError: there are no runs.
    """
    entries = list_runs(work)
    if not entries:
        raise ConfigError(f"{work.runs}: no finished run; `coarse2fine run` makes one")
    append_event(work.history, event=RELEASE, run_id=entries[-1].run_id)
    point_to(work, entries[-1].run_id)
    return entries[-1]


def find_run(work: WorkFolder, name: str) -> RunEntry:
    """Return a finished run by its id, the beginning of it, or the words ``current`` and ``previous``.

    Raises:
        ConfigError: no run, or more than one, answers to that name.
    """
    entries = list_runs(work)
    if name in ("current", "previous"):
        position = next((number for number, entry in enumerate(entries) if entry.is_current), None)
        chosen = [] if position is None else [entries[position]] if name == "current" else entries[:position][-1:]
    else:
        chosen = [entry for entry in entries if entry.run_id.startswith(name)]
    if len(chosen) != 1:
        what = "no such run" if not chosen else "more than one run"
        known = ", ".join(entry.run_id for entry in entries) or "none"
        raise ConfigError(f"run {name!r}: {what} in {work.runs}; there are: {known}")
    return chosen[0]
