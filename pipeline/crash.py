"""What becomes of an error that nobody expected: one line, a log with all of it, and an exit code of its own.

Not in the paper: a night that runs unattended must be told apart from one that ended, also by whoever reads codes only.
"""

from __future__ import annotations

import platform
import sys
import tempfile
import traceback
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from data.store_path import StorePath

LOG_NAME = "crash.log"
LINE_LETTERS = 300
_folders: list[Path] = []


def log_crashes_to(folder: Path) -> None:
    """Have the log of a crash written to a folder, if it is one of this machine; else to that for temporary files."""
    if not isinstance(folder, StorePath):
        _folders[:] = [folder]


def crash_line(error: BaseException) -> str:
    """Write what is known of an error to the log and return one line that says what it was, and where the log is."""
    what = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
    what = what if len(what) <= LINE_LETTERS else f"{what[:LINE_LETTERS]}..."
    if isinstance(error, MemoryError):
        what += " (memory ran out: give this program more, or fewer decode_workers and smaller batches)"
    kept = _log("".join(traceback.format_exception(error)))
    where = f"details in {kept}" if kept is not None else "no log of it could be written"
    return f"unexpected: {what}; {where}; what is written is whole, run again to go on"


def _log(text: str) -> Path | None:
    """Append to the log in the first folder that takes it."""
    try:
        release = version("coarse2fine")
    except PackageNotFoundError:
        release = "unknown"
    at = datetime.now(UTC).isoformat(timespec="seconds")
    head = f"== {at} coarse2fine {release}, Python {platform.python_version()}: {sys.argv}\n"
    for folder in (*_folders, Path(tempfile.gettempdir())):
        path = folder / (LOG_NAME if folder in _folders else f"coarse2fine-{LOG_NAME}")
        try:
            with path.open("a", encoding="utf-8", errors="backslashreplace") as handle:
                handle.write(head + text + "\n")
        except OSError:
            continue
        return path
    return None
