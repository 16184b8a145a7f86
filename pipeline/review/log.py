"""The log of a review: one line an action, appended and never changed, so that nothing a person decided can get lost.

A line carries what is true *after* its action, in full. So the log can be read when the run that was reviewed is gone,
and replaying it is putting and removing, no rule of the page repeated (``pipeline.review.state``). Several processes
may append to one log: a kernel lock is held while one reads what is new, decides, and writes its line with one call. A
line counts when its newline is on the disk; what a crash left of a line stays in the file, is ended by the next writer,
and is reported by every reader.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from data.errors import ConfigError, Problem
from data.titles import title_id_fault

Verdict = Literal["open", "accepted", "rejected", "unsure"]
Action = Literal[
    "accept",
    "reject",
    "unsure",
    "adjust",
    "split",
    "merge",
    "add",
    "label",
    "first",
    "note",
    "complete",
    "reopen",
    "undo",
]
MAX_NOTE = 2000
MAX_LINE_BYTES = 1 << 20
TORN = b" torn\n"
"""Ends what a crash left of a line: never confirmed, it must not count, even if only its newline is missing."""

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,160}$")]
Note = Annotated[str, StringConstraints(max_length=MAX_NOTE)]
Seconds = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
_REVIEWER = re.compile(r"\w(?:[\w .@-]{0,62}[\w.])?")


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ReviewedSegment(_Line):
    """A segment as a reviewer left it: half-open ``[start_s, end_s)``.

    Args:
        id: ``<run_id>:<number>`` for the model's segments, in the order of their title; else drawn at random.
        verdict: ``open`` where nothing is decided yet (the parts of a segment that was split before it was judged).
        first: the reviewer says that nothing of this label comes before.
    """

    id: Name
    label: Name
    start_s: Seconds
    end_s: Seconds
    verdict: Verdict = "open"
    first: bool = False
    note: Note = ""

    @model_validator(mode="after")
    def _is_interval(self) -> ReviewedSegment:
        if self.end_s <= self.start_s:
            raise ValueError(f"{self.start_s:g}-{self.end_s:g} s is no interval; the end must be after the start")
        if self.first and self.verdict != "accepted":
            raise ValueError(f"a first occurrence that is {self.verdict}; only an accepted segment can be one")
        return self


class Entry(_Line):
    """One action.

    Args:
        version: of this form of a line.
        id: of this line; an ``undo`` names it.
        at: for people; nothing is decided by it.
        run_id: the run that was on the screen.
        segments: the segments that the action made or changed, as they are after it.
        removed: ids of segments that are no more (split, merged).
        note: of the title, if the action set it.
        undoes: id of the line that is taken back.
    """

    version: Literal[1] = 1
    id: Name
    at: Annotated[str, StringConstraints(max_length=40)]
    reviewer: str
    run_id: Name
    title_id: str
    action: Action
    segments: tuple[ReviewedSegment, ...] = ()
    removed: tuple[Name, ...] = ()
    note: Note | None = None
    undoes: Name | None = None

    @model_validator(mode="after")
    def _names(self) -> Entry:
        if fault := reviewer_fault(self.reviewer) or title_id_fault(self.title_id):
            raise ValueError(fault)
        if (self.action == "undo") != (self.undoes is not None):
            raise ValueError(f"action {self.action!r} with undoes {self.undoes!r}; only an undo names a line")
        return self


@dataclass
class LogContent:
    """What a log says.

    Args:
        entries: in the order of their lines.
        lines: the line number of each entry.
        problems: a line that a crash tore is a warning, a line that is not one of ours an error.
    """

    path: Path
    entries: list[Entry] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def reviewer_fault(name: str) -> str:
    """Say what is wrong with a reviewer's name; empty when nothing is."""
    if _REVIEWER.fullmatch(name):
        return ""
    return f"reviewer {name!r:.100} is not allowed; write 1 to 64 letters, digits, spaces and . _ @ -"


def new_id() -> str:
    """Return an id for a line or for a segment that the model did not find."""
    return secrets.token_hex(6)


def now() -> str:
    """Return the time for people to read."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def read_log(path: Path) -> LogContent:
    """Read a log; what is wrong with its lines is in ``problems``.

    Raises:
        ConfigError: the file cannot be read, or not one of its lines is an action.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}); name a log that `coarse2fine review` wrote"
        ) from error
    log = LogContent(path)
    _parse(content, log, first_line=1)
    if content and not log.lines and not _holds_json(content):
        raise ConfigError(f"{path}: not one action of a review in it; name a log that `coarse2fine review` wrote")
    return log


def _holds_json(content: bytes) -> bool:
    """Say whether any line is a JSON object: else it is some other file, of which no line is worth naming."""
    for line in content.splitlines():
        with suppress(ValueError, RecursionError):
            if isinstance(json.loads(line), dict):
                return True
    return False


class ReviewLog:
    """A log that is being written, with everything in it so far.

    Args:
        path: the file; made by the first action.
    """

    def __init__(self, path: Path) -> None:
        self.content = LogContent(path)
        self._offset = 0
        self._lines = 0
        self._lock = threading.RLock()
        if path.exists():
            self.refresh()

    def refresh(self) -> None:
        """Take over the whole lines that were written since the last look, by whomever."""
        with self._lock, self.content.path.open("rb") as handle:
            handle.seek(self._offset)
            new = handle.read()
            whole = new[: new.rfind(b"\n") + 1]
            _parse(whole, self.content, self._lines + 1)
            self._offset += len(whole)
            self._lines += whole.count(b"\n")

    def append(self, decide: Callable[[list[Entry]], Entry]) -> Entry:
        """Append the entry that ``decide`` makes of all entries so far; it is on the disk when this returns.

        Nobody else writes meanwhile, so what ``decide`` saw is still true when its line is written. If it raises,
        nothing is written.
        """
        self.content.path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        with self._lock:
            descriptor = os.open(self.content.path, flags, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                self.refresh()
                entry = decide(self.content.entries)
                _write(descriptor, entry)
                self.refresh()
            finally:
                os.close(descriptor)
        return entry


def _write(descriptor: int, entry: Entry) -> None:
    values = {"version": entry.version, **entry.model_dump(mode="json", exclude_defaults=True)}
    line = (json.dumps(values, ensure_ascii=False, allow_nan=False) + "\n").encode()
    size = os.fstat(descriptor).st_size
    if size > 0 and os.pread(descriptor, 1, size - 1) != b"\n":
        line = TORN + line
    while line:
        line = line[os.write(descriptor, line) :]
    os.fsync(descriptor)


def _no_json(path: Path, number: int, *, is_torn: bool) -> Problem:
    """Say what is to be done about a line that is no JSON: nothing if a crash tore it, since nobody was told of it."""
    if is_torn:
        message = "not a whole line, as a crash leaves it; it was never confirmed and is left out"
        return Problem(path, number, message, "warning")
    return Problem(
        path, number, "damaged, and no crash leaves that: what was decided in it is lost; take this line out"
    )


def _parse(content: bytes, log: LogContent, first_line: int) -> None:
    *whole, rest = content.split(b"\n")
    for number, line in enumerate([*whole, *([rest] if rest else [])], first_line):
        is_last = number - first_line == len(whole)
        if not line.strip():
            continue
        try:
            if len(line) > MAX_LINE_BYTES:
                raise ValueError(f"{len(line)} bytes; a line has at most {MAX_LINE_BYTES}")
            value = json.loads(line)
        except (ValueError, RecursionError):
            log.problems.append(_no_json(log.path, number, is_torn=is_last or line.endswith(TORN.rstrip(b"\n"))))
            continue
        if is_last:  # whole, but its newline never reached the disk, so it was not confirmed either
            log.problems.append(
                Problem(log.path, number, "the last line is without its end; it is left out", "warning")
            )
            continue
        try:
            log.entries.append(Entry.model_validate(value))
            log.lines.append(number)
        except ValidationError as error:
            detail = error.errors()[0]
            where = ".".join(map(str, detail["loc"]))
            message = f"not an action of a review: {where or 'line'}: {detail['msg'].removeprefix('Value error, ')}"
            log.problems.append(Problem(log.path, number, message))
