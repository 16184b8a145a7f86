"""Reviews from the command line: what a session needs, what labels come of it, how far reviewers agree."""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Sequence
from pathlib import Path

from data.catalogue import scan_catalogue
from data.counted import counted
from data.errors import ConfigError
from data.labels import TitleLabels
from data.manifest import raise_errors
from data.store_path import StorePath
from pipeline.config import Config
from pipeline.report.run import find_run, read_run, read_truth
from pipeline.review.agreement import agreements, report_lines
from pipeline.review.log import ReviewLog, read_log, reviewer_fault
from pipeline.review.merge import Merged, merge_reviews, write_merged
from pipeline.review.session import ReviewSession
from pipeline.review.state import replay


def open_session(config: Config, run_dir: Path | None, reviewer: str | None, log: Path | None) -> ReviewSession:
    """Return a reviewer's session over a run.

    Args:
        run_dir: a run's folder or id; by default the current run.
        reviewer: by default the name of the user.
        log: by default ``<work_dir>/review.jsonl``.

    Raises:
        ConfigError: no such run, or a name that is not allowed.
        ManifestError: lines of the log are not actions of a review.
    """
    name = reviewer if reviewer is not None else getpass.getuser()
    if fault := reviewer_fault(name):
        raise ConfigError(f"--reviewer: {fault}")
    path = log or config.work.review
    if isinstance(path, StorePath):
        raise ConfigError(
            f"{path}: a review's log is appended to, which a store cannot; name a file of this machine, --log"
        )
    opened = ReviewLog(path)
    raise_errors([problem for problem in opened.content.problems if problem.severity == "error"])
    run = read_run(find_run(config, run_dir))
    return ReviewSession(config, run, read_truth(config), name, opened)


def merge(
    config: Config, logs: Sequence[Path], out: Path, *, prefer: str | None = None, only_reviewed: bool = False
) -> Merged:
    """Write label files: the catalogue's labels with what reviews say of them.

    Args:
        logs: by default the one in the work folder.
        out: folder for ``video_labels.csv`` and ``clip_labels.csv``.
        prefer: reviewer who decides where several contradict one another.
        only_reviewed: leave titles out that no review speaks of.

    Raises:
        ConfigError: no log.
        ManifestError: errors in the catalogue or in a log; nothing is written.
    """
    catalogue = scan_catalogue(config.data)
    raise_errors([problem for problem in catalogue.problems if problem.severity == "error"])
    paths = list(logs) or [config.work.review]
    merged = merge_reviews(paths, config.data.labels, catalogue.titles, catalogue.labels, prefer=prefer)
    if only_reviewed:
        merged.labels = {title_id: one for title_id, one in merged.labels.items() if title_id in merged.titles}
    write_merged(out, merged)
    return merged


def merge_lines(merged: Merged) -> Iterator[str]:
    """Yield what a merge did, in words."""
    yield from map(str, merged.problems)
    known = sum(labels.is_labelled for labels in merged.labels.values())
    unknown = sum(not _settled(labels) for labels in merged.labels.values())
    yield (
        f"labels merge: {counted(len(merged.titles), 'reviewed title')}, {merged.complete} fully; "
        f"{merged.conflicts} with contradictions; {counted(known, 'labelled title')} in all, "
        f"{unknown} with labels that nobody knows"
    )


def agreement_lines(config: Config, logs: Sequence[Path]) -> Iterator[str]:
    """Yield how far every two reviewers agree, in words.

    Raises:
        ConfigError: no log.
        ManifestError: lines that are not actions of a review.
    """
    contents = [read_log(path) for path in dict.fromkeys(logs or [config.work.review])]
    raise_errors([problem for log in contents for problem in log.problems if problem.severity == "error"])
    yield from (str(problem) for log in contents for problem in log.problems)
    found = agreements(replay(entry for log in contents for entry in log.entries), config.data.labels)
    if not found:
        yield "review agreement: no two reviewers looked at the same title"
    for agreement in found:
        yield from report_lines(agreement)


def _settled(labels: TitleLabels) -> bool:
    return all(value is not None for value in labels.present.values())
