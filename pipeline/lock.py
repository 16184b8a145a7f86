"""One run per output folder: a kernel lock, which a crash releases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from data.errors import ModerationError

LOCK_NAME = ".coarse2fine.lock"


class LockHeldError(ModerationError):
    """Another run is writing to the folder."""

    default_code = "locked"
    systemic = True


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, or raise LockHeldError at once."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK_NAME)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise LockHeldError(
            f"{folder}: another run holds the lock; wait for it to end, or give another work_dir"
        ) from error
    try:
        yield
    finally:
        lock.release()
