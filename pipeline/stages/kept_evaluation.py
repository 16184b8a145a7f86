"""Whether a run was measured already, with these labels and settings: then there is nothing to do.

Nothing of what measures is imported here, so that a night without changes stays fast.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data.files import file_sha256, fingerprint
from data.settings import DataSettings
from pipeline.config import Config
from pipeline.stage_result import StageResult

MEASURES = "measures/3"  # raise it when equal inputs give other numbers or other files
INPUTS = "inputs"


def evaluation_inputs(config: Config, folder: Path, split: str) -> str:
    """Return the fingerprint of what an evaluation depends on: the run, the label files' content, the settings."""
    settings = config.evaluate.model_dump(mode="json")
    return fingerprint([MEASURES, folder.resolve().name, split, settings, label_content(config.data)])


def label_content(settings: DataSettings) -> Mapping[str, Any]:
    """Return what the catalogue is read from: settings, and the hash of each file in place of its name."""
    content: dict[str, Any] = settings.model_dump(mode="json", exclude={"media_root"})
    for name in ("titles", "video_labels", "clip_labels", "split_file"):
        path: Path | None = getattr(settings, name)
        content[name] = "" if path is None else content_hashes(path)
    return content


def kept_evaluation(config: Config, split: str, folder: Path) -> StageResult | None:
    """Return what to say of a run's evaluation if it is whole and of these labels and settings; None if it is not."""
    try:
        record = json.loads((folder / f"evaluation-{split}.json").read_text(encoding="utf-8"))
        inputs, operator = record[INPUTS], record["operator"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    tables = ["evaluation"] if operator is None else ["evaluation", "operator", "reliability"]
    if not all((folder / f"{table}-{split}.csv").is_file() for table in tables):
        return None
    if inputs != evaluation_inputs(config, folder, split):
        return None
    return StageResult(f"evaluate: nothing to do, the {split} split was measured by these labels", folder)


def content_hashes(path: Path) -> str | list[list[str]]:
    """Return the hash of a file, or those of a folder's files by name; empty if there is nothing."""
    if path.is_dir():
        return [[file.name, file_sha256(file)] for file in sorted(path.iterdir()) if file.is_file()]
    return file_sha256(path) if path.exists() else ""
