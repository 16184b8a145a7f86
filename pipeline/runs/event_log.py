"""Append-only files of one JSON object a line, which survive a kill at any moment.

A line is written by one call and then flushed to the disk; what a kill left of a line is cut off by the next writer and
skipped by readers. Order is the order of lines, never that of clocks: a clock may be set back.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any


def now() -> str:
    """Return the time for people to read; nothing is decided by it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class EventLog:
    """An open log; use it as a context manager. Lines are on the disk when the block ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def __enter__(self) -> EventLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def add(self, **event: Any) -> None:
        """Append one event, with the time; the file is made by the first one."""
        if self._descriptor < 0:
            self._descriptor = _open_whole(self._path)
        line = (json.dumps({"at": now(), **event}, allow_nan=False) + "\n").encode()
        while line:
            line = line[os.write(self._descriptor, line) :]


def append_event(path: Path, **event: Any) -> None:
    """Append one event to a log."""
    with EventLog(path) as log:
        log.add(**event)


def read_events(path: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the whole lines of a log; none when there is no log."""
    if not path.is_file():
        return
    with path.open("rb") as handle:
        for line in handle:
            if line.endswith(b"\n"):
                yield json.loads(line)


def move_events(source: Path, target: Path) -> None:
    """Add a log's events to another log, and end it; nothing happens if there is none."""
    if not source.is_file():
        return
    if target.exists():
        with EventLog(target) as log:
            for event in read_events(source):
                log.add(**event)
        source.unlink()
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)


def _open_whole(path: Path) -> int:
    """Open a log for appending, without the torn line that a kill may have left at its end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    size = os.fstat(descriptor).st_size
    whole = size
    while whole and os.pread(descriptor, 1, whole - 1) != b"\n":
        whole -= 1
    if whole < size:
        os.ftruncate(descriptor, whole)
    return descriptor
