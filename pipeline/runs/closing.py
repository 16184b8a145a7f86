"""The last line of a run: how many titles have which status, and what to do next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from data.counted import counted
from data.record_file import read_record
from data.schemas import STATUSES
from pipeline.runs.ledger import FAILED, MISSING, QUARANTINED, TROUBLED, read_ledger
from pipeline.stage_result import USAGE
from pipeline.work_folder import WorkFolder

TROUBLE = {
    FAILED: "`coarse2fine retry` tries what failed again",
    MISSING: "put missing files back, or take their titles out of titles.csv",
    QUARANTINED: "`coarse2fine quarantine list` says what is wrong with what is given up",
}


def closing_line(work: WorkFolder, folder: Path, exit_code: int) -> str:
    """Return the line that ends a run: what its titles are, what went wrong with their files, and what to type next.

    Args:
        folder: of the run.
        exit_code: that it ends with.
    """
    statuses = read_record(folder / "run.json", "statuses")["statuses"]
    found = ", ".join(f"{statuses[status]} {status}" for status in STATUSES if statuses.get(status))
    trouble = Counter(row.status for row in read_ledger(work.ledger))
    wrong = troubled_words(trouble.elements())
    line = f"run: {counted(sum(statuses.values()), 'title')}: {found}"
    if wrong:
        line += f"; of their files: {wrong}"
    return f"{line}\n  next: {_next(folder, trouble, exit_code)}"


def extract_line(work: WorkFolder) -> str:
    """Return the line that ends an extraction: what went wrong, and what to type next."""
    trouble = Counter(row.status for row in read_ledger(work.ledger))
    train = "`coarse2fine train` and `infer`, or `coarse2fine run` for all that is to be done"
    return f"  next: {'; '.join(filter(None, (train, next_for_files(trouble))))}"


def troubled_words(statuses: Iterable[str]) -> str:
    """Return how many titles failed, are given up, or have no file; in the words of the ledger, empty for none."""
    counts = Counter(statuses)
    return ", ".join(f"{counts[status]} {status}" for status in TROUBLED if counts[status])


def next_for_files(counts: Counter[str]) -> str:
    """Return what to do about titles that could not be read; empty if there are none."""
    return "; ".join(words for status, words in TROUBLE.items() if counts[status])


def _next(folder: Path, trouble: Counter[str], exit_code: int) -> str:
    if exit_code == USAGE:
        return "mend what is said to have failed above, then `coarse2fine run` again"
    report = folder / "report.html"
    look = f"open {report}" if report.is_file() else f"look at {folder / 'titles.csv'}"
    return "; ".join(filter(None, (look, next_for_files(trouble))))
