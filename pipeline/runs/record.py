"""What monitoring sees of a run: ``metrics.prom`` for Prometheus' textfile collector, and ``last_success.json``.

Both are written however the run ends, except by a kill or a power cut: so alert on the *age* of the last success.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from data.errors import ModerationError
from data.files import write_json, write_text
from data.record_file import read_record
from pipeline.runs.event_log import now
from pipeline.runs.history import held_run
from pipeline.runs.ledger import MISSING, read_ledger
from pipeline.runs.os_fault import os_fault
from pipeline.runs.pointer import current_folder, current_run
from pipeline.stage_result import CRASHED, INTERRUPTED, OK, SOME_FAILED, UNREAD, error_exit_code
from pipeline.work_folder import WorkFolder

log = logging.getLogger(__name__)


@dataclass
class RunOutcome:
    """How a run ends; until it has, as a crash."""

    exit_code: int = CRASHED


@contextmanager
def recorded_run(work: WorkFolder) -> Iterator[RunOutcome]:
    """Write metrics and last success however the block ends; its errors go on, an OSError as what ``os_fault`` says."""
    started_s, outcome, ended = time.monotonic(), RunOutcome(), False
    try:
        yield outcome
        ended = True
    except ModerationError as error:
        outcome.exit_code = error_exit_code(error)
        raise
    except KeyboardInterrupt:
        outcome.exit_code = INTERRUPTED
        raise
    except BrokenPipeError:
        outcome.exit_code = UNREAD
        raise
    except OSError as error:
        fault = os_fault(error, work.root)
        outcome.exit_code = error_exit_code(fault)
        raise fault from error
    finally:
        try:
            _write(work, outcome.exit_code, time.monotonic() - started_s, succeeded=ended)
        except (OSError, ModerationError) as error:  # the run's own error counts, not this one
            log.warning("metrics cannot be written: %s", error)


def _write(work: WorkFolder, exit_code: int, seconds: float, *, succeeded: bool) -> None:
    if succeeded and exit_code in (OK, SOME_FAILED):
        values = {"at": now(), "at_unix_s": int(time.time()), "run_id": current_run(work), "exit_code": exit_code}
        values["missing"] = sum(row.status == MISSING for row in read_ledger(work.ledger))
        write_json(work.last_success, {**values, "seconds": round(seconds, 1)})
    write_text(work.metrics, "\n".join(_metrics(work, exit_code, seconds)) + "\n")


def _metrics(work: WorkFolder, exit_code: int, seconds: float) -> Iterator[str]:
    yield from _metric("last_run_exit_code", "Exit code of the last run.", {"": exit_code})
    yield from _metric("last_run_timestamp_seconds", "When the last run ended.", {"": int(time.time())})
    yield from _metric("last_run_duration_seconds", "How long the last run took.", {"": round(seconds, 1)})
    if work.last_success.is_file():
        success = read_record(work.last_success, "at_unix_s", to_do="remove it, the next run writes it anew")
        help_text = "When a run last went to its end."
        yield from _metric("last_success_timestamp_seconds", help_text, {"": success["at_unix_s"]})
    rows = list(read_ledger(work.ledger))
    ledger = Counter(row.status for row in rows)
    yield from _metric("ledger_titles", "Titles by their state in the ledger.", _by("status", ledger))
    given_up = sum(row.given_up for row in rows)
    yield from _metric("given_up_titles", "Quarantined titles that are not tried again.", {"": given_up})
    yield from _metric("missing_titles", "Titles whose file is not there.", {"": ledger[MISSING]})
    record = current_folder(work) / "run.json"
    if record.is_file():
        statuses = read_record(record, "statuses")["statuses"]
        yield from _metric("titles", "Titles of the current run by status.", _by("status", statuses))
    held = int(held_run(work) is not None)
    yield from _metric("rollback_held", "1 while a rollback keeps newer runs from becoming current.", {"": held})


def _metric(name: str, help_text: str, values: Mapping[str, Any]) -> Iterator[str]:
    yield f"# HELP coarse2fine_{name} {help_text}"
    yield f"# TYPE coarse2fine_{name} gauge"
    for labels, value in values.items():
        yield f"coarse2fine_{name}{labels} {value}"


def _by(label: str, counts: Mapping[str, int]) -> dict[str, int]:
    return {f'{{{label}="{value}"}}': count for value, count in sorted(counts.items())}
