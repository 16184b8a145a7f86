"""Removing what nobody needs: what a killed run left behind, old runs, and scores and weights that no run needs.

Only the holder of the folder's lock may call these, so that nothing is removed under a run at work. Readers may hold
files of a run open: it disappears from its name at once, and as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from data.errors import SchemaError
from data.files import TEMPORARY_PREFIX, remove_folder, size_below, temporaries_below
from data.shards import SUFFIX, read_header
from pipeline.runs.history import RECORD_NAME, held_run, is_finished, list_runs
from pipeline.runs.pointer import current_folder
from pipeline.score_store import score_name
from pipeline.work_folder import WorkFolder


@dataclass
class Removed:
    """What was removed, or would be.

    Args:
        dry: nothing is touched.
    """

    dry: bool = False
    paths: list[Path] = field(default_factory=list)
    size_bytes: int = 0

    def remove(self, path: Path) -> None:
        """Remove a file or a folder; a folder loses its name first, a run on a store its ``run.json``."""
        self.paths.append(path)
        self.size_bytes += size_below(path)
        if self.dry:
            return
        if path.is_dir() and not path.is_symlink():
            remove_folder(path, first=RECORD_NAME)
        else:
            path.unlink(missing_ok=True)


def sweep(work: WorkFolder, removed: Removed | None = None) -> Removed:
    """Remove temporary files and unfinished runs; of finished runs, only the current one is looked into."""
    removed = removed or Removed()
    runs = [folder for folder in work.runs.iterdir() if folder.is_dir()] if work.runs.is_dir() else []
    for folder in runs:
        if not is_finished(folder) or folder.name.startswith(TEMPORARY_PREFIX):
            removed.remove(folder)
    for path in (*temporaries_below(work.root, apart=work.runs), *temporaries_below(current_folder(work))):
        removed.remove(path)
    return removed


def collect(work: WorkFolder, keep: int, *, dry: bool = False) -> Removed:
    """Remove all but the newest runs, what killed runs left, and scores and models that no kept run is made of.

    Args:
        keep: this many of the newest runs stay; the current one and one that a rollback holds stay in any case.
        dry: only say what would go.
    """
    removed = Removed(dry)
    sweep(work, removed)
    runs = list_runs(work)
    held = held_run(work)
    newest = {entry.run_id for entry in runs[len(runs) - keep :]} if keep < len(runs) else {run.run_id for run in runs}
    kept = [entry for entry in runs if entry.run_id in newest or entry.is_current or entry.run_id == held]
    for entry in runs:
        if entry not in kept:
            removed.remove(entry.folder)
    for entry in kept:
        for path in temporaries_below(entry.folder):
            removed.remove(path)
    models = {str(entry.record["model_id"]) for entry in kept}
    _collect_scores(work, models, removed)
    for folder in sorted(work.models.iterdir()) if work.models.is_dir() else ():
        if folder.name not in models:
            removed.remove(folder)
    return removed


def _collect_scores(work: WorkFolder, models: set[str], removed: Removed) -> None:
    if not work.scores.is_dir():
        return
    wanted = set(_score_names(work))
    for folder in sorted(work.scores.iterdir()):
        if folder.name not in models:
            removed.remove(folder)
            continue
        for path in sorted(folder.iterdir()):
            if path.name not in wanted:
                removed.remove(path)


def _score_names(work: WorkFolder) -> Iterator[str]:
    for path in work.features.glob(f"*{SUFFIX}"):
        try:
            yield score_name(read_header(path))
        except SchemaError:  # a damaged shard is extracted again, and then scored again
            continue
