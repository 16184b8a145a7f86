"""Whether a run's report was drawn already, from what it would be drawn from now: then there is nothing to do.

Nothing of what draws is imported here, so that a night without changes stays fast.
"""

from __future__ import annotations

import re
from pathlib import Path

from data.files import file_sha256, fingerprint
from pipeline.config import Config
from pipeline.runs.history import run_before
from pipeline.stages.kept_evaluation import content_hashes, label_content

NAME = "report.html"
PAGE = "page/3"  # raise it when equal inputs give another page
_HEAD_BYTES = 4096
_INPUTS = re.compile(rb'<meta name="coarse2fine-inputs" content="([0-9a-f]+)">')


def report_inputs(config: Config, folder: Path) -> str:
    """Return the fingerprint of what the report of a run's folder shows."""
    previous = run_before(config.work, folder)
    measured = [[path.name, file_sha256(path)] for path in sorted(folder.glob("evaluation-*.json"))]
    before = "" if previous is None else previous.name
    tables = content_hashes(config.work.benchmark / "tables")
    return fingerprint([PAGE, folder.resolve().name, before, measured, tables, label_content(config.data)])


def kept_report(config: Config, folder: Path) -> Path | None:
    """Return a run's report if it shows how things stand, whoever asked for it; None if it must be drawn."""
    path = folder / NAME
    if not path.is_file():
        return None
    with path.open("rb") as handle:
        found = _INPUTS.search(handle.read(_HEAD_BYTES))
    current = found is not None and found[1].decode() == report_inputs(config, folder)
    return path if current else None
