"""Which titles are being worked on, written before they are: what ends a run is known by the next one.

A film that ends this very process, by its memory or by a fault of the program, would be the first one of every night.
The log is removed when a run ends in any way that it can tell of, so what is found in one was at work when a run was
killed, or crashed. Nothing is flushed to the disk: a power cut may cost the log, and then tells nothing of a film. Not
in the paper.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from data.errors import ModerationError
from data.store_path import StorePath
from pipeline.runs.extraction_plan import PlannedTitle
from pipeline.runs.ledger import EXTRACT, QUARANTINED, FileState, Ledger

ENDED_RUN = "ended_run"
"""Error code of a title that was at work when a run was killed or crashed."""


@dataclass(frozen=True)
class Suspect:
    """A title that was at work when a run ended without a word; ``state`` is that of its file then."""

    title_id: str
    source: str | None
    state: FileState | None


class AtWork:
    """The log of a run; use it as a context manager. On a store there is none: nothing can be appended there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def __enter__(self) -> AtWork:
        if not isinstance(self._path, StorePath):
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
            self._descriptor = os.open(self._path, flags, 0o666)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor < 0:
            return
        os.close(self._descriptor)
        known = (ModerationError, OSError)
        if error is None or isinstance(error, known) or not isinstance(error, Exception):
            self._path.unlink(missing_ok=True)

    def noting(self, items: Iterable[PlannedTitle]) -> Iterator[PlannedTitle]:
        """Yield titles as they are taken, each after it was noted."""
        for item in items:
            state = None if item.state is None else [item.state.size_bytes, item.state.mtime_ns]
            self._write({"begun": item.title.title_id, "source": item.title.path, "state": state})
            yield item

    def ended(self, title_id: str) -> None:
        """Note that a title is over."""
        self._write({"ended": title_id})

    def _write(self, entry: object) -> None:
        if self._descriptor >= 0:
            os.write(self._descriptor, (json.dumps(entry) + "\n").encode())


def suspects(path: Path) -> list[Suspect]:
    """Return the titles that were at work when the run before ended without a word."""
    if isinstance(path, StorePath) or not path.is_file():
        return []
    found: dict[str, Suspect] = {}
    for line in path.read_bytes().splitlines():
        try:
            entry = json.loads(line)
            if "begun" in entry:
                state = None if entry["state"] is None else FileState(*entry["state"])
                found[entry["begun"]] = Suspect(entry["begun"], entry["source"], state)
            else:
                found.pop(entry["ended"], None)
        except (ValueError, TypeError, KeyError, RecursionError):  # the end of a line that a kill cut off
            continue
    return list(found.values())


def record_suspects(ledger: Ledger, path: Path, attempts: int) -> None:
    """Count the end of a run as a try of each title that was at work; after so many they are given up.

    The log goes once the ledger has it.
    """
    for suspect in suspects(path):
        row = ledger.get(suspect.title_id)
        is_same = row is not None and row.status == QUARANTINED and row.state == suspect.state
        tries = 1 + (row.attempts if row is not None and is_same else 0)
        ledger.change(
            suspect.title_id,
            stage=EXTRACT,
            status=QUARANTINED,
            given_up=tries >= attempts,
            attempts=tries,
            error_code=ENDED_RUN,
            error="the run was killed or crashed while this was read; see crash.log and dmesg",
            source=suspect.source,
            source_size_bytes=suspect.state.size_bytes if suspect.state else None,
            source_mtime_ns=suspect.state.mtime_ns if suspect.state else None,
            source_sha256=None,
            features_id=None,
        )
    if not isinstance(path, StorePath) and path.is_file():
        ledger.write()
        path.unlink()
