"""One run per output folder: a kernel lock, which a crash releases.

For a folder on a store it keeps the runs of this machine and user apart; those of other machines, a lease on the store
(``pipeline.lease``).
"""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from data.errors import ModerationError
from data.files import fingerprint
from data.store_path import StorePath
from pipeline.lease import LeaseHeldError, lease

LOCK_NAME = ".coarse2fine.lock"


class LockHeldError(ModerationError):
    """Another run is writing to the folder."""

    default_code = "locked"
    systemic = True


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, or raise LockHeldError at once."""
    folder.mkdir(parents=True, exist_ok=True)
    file = _lock_file(folder)
    lock = FileLock(file)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise LockHeldError(
            f"{folder}: another run holds the lock; wait for it to end, or give another work_dir"
        ) from error
    try:
        with ExitStack() as stack:
            if isinstance(folder, StorePath):
                stack.enter_context(lease(folder / LOCK_NAME, _identity(file)))
            yield
    except LeaseHeldError as error:
        raise LockHeldError(str(error)) from error
    finally:
        lock.release()


def _lock_file(folder: Path) -> Path:
    if not isinstance(folder, StorePath):
        return folder / LOCK_NAME
    return Path(tempfile.gettempdir()) / f"coarse2fine-{os.getuid()}-{fingerprint(str(folder))}.lock"


def _identity(file: Path) -> str:
    """Return what stands for a lock file of this machine since it was booted."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        boot = f"{uuid.getnode():x}"
    status = file.stat()
    return f"{boot}:{status.st_dev}:{status.st_ino}"
