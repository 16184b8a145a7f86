"""What a stage says when it is done, and the exit code that stands for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from data.errors import ModerationError, StoreError
from pipeline.lock import LockHeldError

OK, SOME_FAILED, USAGE, LOCKED, NOTHING_SCORED, ABORTED, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130
CRASHED = 70
"""An error that nobody expected (EX_SOFTWARE of sysexits.h)."""
UNREAD = 141
"""Whoever read what is printed has gone, as of ``| head``; what shells say of a program that SIGPIPE ended."""


class NothingScoredError(ModerationError):
    """Not one title could be scored: a failure, not a clean bill."""

    default_code = "nothing_scored"


class AbortedError(ModerationError):
    """A fault of the installation or the store: the run ends, and nothing is recorded against a title."""

    default_code = "aborted"
    systemic = True


class UnreadError(Exception):
    """Whoever read what is printed has gone."""


@dataclass(frozen=True)
class StageResult:
    """The end of a stage.

    Args:
        summary: one line for the user.
        path: the product.
        not_read: titles that failed or could be read in part only; of a benchmark, failed runs.
        notice: what must be known of the product, printed below it; of ``infer``, what its checkpoint asks to say.
        failed: the stage failed, but what was there before stands, and the run went on with it.
        then: what to type because of it, without the program's name and ``--config``, and what that does.
        aborted: it looks like a fault of the installation, but the run went on with what was read.
    """

    summary: str
    path: Path
    not_read: int = 0
    notice: str = ""
    failed: bool = False
    aborted: bool = False
    then: tuple[tuple[str, str], ...] = ()

    @property
    def exit_code(self) -> int:
        """0, 1 when some titles were not read to their end, 2 when the stage failed, or 5 when it aborted."""
        if self.aborted:
            return ABORTED
        if self.failed:
            return USAGE
        return SOME_FAILED if self.not_read else OK


def error_exit_code(error: ModerationError) -> int:
    """Return the exit code of an error that ends the program (OPERATIONS: exit codes)."""
    if isinstance(error, LockHeldError):
        return LOCKED
    if isinstance(error, (AbortedError, StoreError)):
        return ABORTED
    return NOTHING_SCORED if isinstance(error, NothingScoredError) else USAGE
