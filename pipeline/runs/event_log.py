"""Append-only files of one JSON object a line, which survive a kill at any moment.

A line is written by one call and then flushed to the disk; what a kill left of a line is cut off by the next writer and
skipped by readers. Order is the order of lines, never that of clocks: a clock may be set back.

Objects of a store cannot be appended to: there a log is written anew when the block ends, and every ``SEND_EVERY_S``
before, so a kill costs the lines since.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from data.errors import SchemaError
from data.store_path import StorePath

SEND_EVERY_S = 60.0


def now() -> str:
    """Return the time for people to read; nothing is decided by it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class EventLog:
    """An open log; use it as a context manager. Lines are on the disk when the block ends."""

    def __init__(self, path: Path) -> None:
        self._log = _ObjectLog(path) if isinstance(path, StorePath) else _FileLog(path)

    def __enter__(self) -> EventLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._log.close()

    def add(self, **event: Any) -> None:
        """Append one event, with the time; the file is made by the first one."""
        self._log.append((json.dumps({"at": now(), **event}, allow_nan=False) + "\n").encode())


class _FileLog:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def append(self, line: bytes) -> None:
        if self._descriptor < 0:
            self._descriptor = _open_whole(self._path)
        while line:
            line = line[os.write(self._descriptor, line) :]

    def close(self) -> None:
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


class _ObjectLog:
    def __init__(self, path: StorePath) -> None:
        self._path = path
        self._content = b""
        self._pending: list[bytes] = []
        self._sent_s: float | None = None

    def append(self, line: bytes) -> None:
        if self._sent_s is None:
            self._content, self._sent_s = _content(self._path), time.monotonic()
        self._pending.append(line)
        if time.monotonic() - self._sent_s >= SEND_EVERY_S:
            self.close()

    def close(self) -> None:
        if self._pending:
            self._content += b"".join(self._pending)
            self._pending.clear()
            self._path.write_bytes(self._content)
            self._sent_s = time.monotonic()


def append_event(path: Path, **event: Any) -> None:
    """Append one event to a log."""
    with EventLog(path) as log:
        log.add(**event)


def read_events(path: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the whole lines of a log; none when there is no log.

    Raises:
        SchemaError: a whole line that is no event.
    """
    for number, line in enumerate(_content(path).split(b"\n")[:-1], 1):
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            event = None
        if not isinstance(event, dict):
            raise SchemaError(f"{path}:{number}: damaged, no event of a run; take this line out")
        yield event


def move_events(source: Path, target: Path) -> None:
    """Add a log's events to another log, and end it; nothing happens if there is none."""
    if isinstance(target, StorePath):
        if content := _content(source):
            target.write_bytes(_content(target) + content)
            source.unlink()
        return
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


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return b""


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
