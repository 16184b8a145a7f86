"""Which run is in force: ``current``, a link on disks; on stores, which have no links, an object that names the run.

Either is replaced in one step, and last, so a reader sees the run before or the whole new one.
"""

from __future__ import annotations

import os
from pathlib import Path

from data.errors import ConfigError
from data.files import TEMPORARY_PREFIX
from data.store_path import StorePath
from pipeline.work_folder import WorkFolder


def current_run(work: WorkFolder) -> str | None:
    """Return the id of the run in force."""
    try:
        if isinstance(work.current, StorePath):
            return work.current.read_text().strip().rpartition("/")[2] or None
        return work.current.readlink().name
    except OSError:
        return None


def current_folder(work: WorkFolder) -> Path:
    """Return the folder of the run in force; ``current`` itself where that leads there, or there is none."""
    run_id = current_run(work) if isinstance(work.current, StorePath) else None
    return work.current if run_id is None else work.runs / run_id


def point_to(work: WorkFolder, run_id: str) -> None:
    """Put a run in force, in one step; ConfigError if ``current`` is a folder of its own."""
    if current_run(work) == run_id:
        return
    if isinstance(work.current, StorePath):
        work.current.write_text(f"{work.runs.name}/{run_id}\n")
        return
    temporary = work.root / f"{TEMPORARY_PREFIX}current-{os.getpid()}"
    temporary.unlink(missing_ok=True)
    if work.current.is_dir() and not work.current.is_symlink():
        raise ConfigError(
            f"{work.current}: a folder, not the link to a run that it should be (copied without its links?); "
            f"remove it, the runs are in {work.runs}"
        )
    temporary.symlink_to(Path(work.runs.name) / run_id)
    temporary.replace(work.current)
