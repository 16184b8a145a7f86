"""The last lines of a run: how many titles have which status, which run is in force, and what to type next."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from data.byte_names import as_text
from data.counted import counted
from data.record_file import read_record
from data.schemas import STATUSES
from infer.title_status import GONE
from pipeline.config import Config
from pipeline.runs.history import held_run, hold_words
from pipeline.runs.ledger import MISSING, QUARANTINED, TROUBLED, LedgerRow, read_ledger
from pipeline.runs.pointer import current_run
from pipeline.stage_result import USAGE
from pipeline.work_folder import WorkFolder


def closing_lines(
    config: Config, folder: Path, exit_code: int, typed: str, then: Iterable[tuple[str, str]] = ()
) -> Iterator[str]:
    """Yield the lines that end a run: what its titles are, what went wrong with their files, and what to type next.

    Args:
        folder: of the run.
        exit_code: that it ends with.
        typed: what a command needs after its name to take this configuration.
        then: what to type because of its stages, and what that does; see ``StageResult``.
    """
    work, run_id = config.work, _run_id(config.work, folder)
    statuses = read_record(folder / "run.json", "statuses")["statuses"]
    rows = [row for row in read_ledger(work.ledger) if row.status in TROUBLED]
    found, known = _found(statuses, rows)
    waits = held_run(work) not in (None, run_id)
    name = f"run {run_id}, which waits" if waits else "run"
    yield f"{name}: {counted(sum(statuses.values()), 'title')}: {found}{known}"
    if held_run(work) is not None:
        yield f"  runs: {hold_words(work)}"
    if exit_code == USAGE:
        again = f"mend what is said to have failed above, then `coarse2fine run{typed}` again"
        yield f"  next: {again}"
        return
    shown = work.runs / str(current_run(work)) if waits else folder
    report = shown / "report.html"
    steps = [f"open {report}" if report.is_file() else f"look at {shown / 'titles.csv'}"]
    if waits:
        steps.append(f"`coarse2fine diff{typed} current {run_id}` says what the run that waits changes")
    steps += [f"`coarse2fine {command}{typed}` {what}" for command, what in then]
    yield f"  next: {'; '.join([*steps, *next_for_files(config, rows, typed)])}"


def _found(statuses: Mapping[str, int], rows: Sequence[LedgerRow]) -> tuple[str, str]:
    """Return how many titles have which status, and how many whose file is missing have one from before.

    Each title counts once: one that is missing and never was read is among the quarantined.
    """
    missing = [row for row in rows if row.status == MISSING]
    kept = sum(row.error.startswith(GONE) for row in missing)
    given_up = sum(row.given_up for row in rows)
    notes = [f"{given_up} given up"] * bool(given_up) + [f"{len(missing) - kept} missing"] * (len(missing) > kept)
    parts = [f"{statuses[status]} {status}" for status in STATUSES if statuses.get(status)]
    if notes and statuses.get(QUARANTINED):
        parts[-1] += f" ({', '.join(notes)})"
    return ", ".join(parts), f"; {kept} of them missing, known from before" if kept else ""


def _run_id(work: WorkFolder, folder: Path) -> str:
    """Return the id of a run by its folder, which may be ``current``."""
    return current_run(work) or "" if folder == work.current else folder.name


def extract_line(config: Config, typed: str) -> str:
    """Return the line that ends an extraction: what went wrong, and what to type next."""
    rows = [row for row in read_ledger(config.work.ledger) if row.status in TROUBLED]
    train = f"`coarse2fine train{typed}` and `infer`, or `coarse2fine run{typed}` for all that is to be done"
    return f"  next: {'; '.join([train, *next_for_files(config, rows, typed)])}"


def troubled_words(rows: Iterable[LedgerRow]) -> str:
    """Return how many titles are quarantined, of them given up, and missing; empty for none."""
    found = list(rows)
    counts = Counter(row.status for row in found)
    given_up = sum(row.given_up for row in found)
    notes = {QUARANTINED: f" ({given_up} given up)"} if given_up else {}
    return ", ".join(f"{counts[status]} {status}{notes.get(status, '')}" for status in TROUBLED if counts[status])


def next_for_files(config: Config, rows: Iterable[LedgerRow], typed: str) -> Iterator[str]:
    """Yield what to do about titles that could not be read, as it can be typed."""
    troubled = list(rows)
    unread = [row for row in troubled if row.status != MISSING]
    if troubled:
        yield f"`coarse2fine quarantine list{typed}` says what is wrong"
    if any(not row.given_up for row in unread):
        yield f"`coarse2fine retry{typed}` tries again"
    if any(row.status == MISSING for row in troubled):
        yield f"put missing files back, or take their titles out of {config.data.titles.name}"
    if config.run.import_name is None:
        first = next((row.source for row in unread if row.source), None)
        if first is not None:
            file = shlex.quote(as_text(config.data.media_folder / first))
            yield f"`coarse2fine doctor {file}` says what is in that file"
