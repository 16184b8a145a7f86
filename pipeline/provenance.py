"""run.json: what made a product, for the person who finds it a year later."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from data.byte_names import as_text
from data.files import write_json

RECORDED = ("coarse2fine", "torch", "torchvision", "timm", "av", "decord", "numpy", "pyarrow", "pandas")


def software() -> dict[str, str]:
    """Return the versions of Python and of the libraries that results depend on, without importing them."""
    found = {"python": platform.python_version()}
    for name in RECORDED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def write_run(path: Path, stage: str, config: Mapping[str, Any], **facts: Any) -> None:
    """Write a product's ``run.json``: stage, time, command line, configuration, software, and what the stage adds."""
    write_json(
        path,
        {
            "stage": stage,
            "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "command": [as_text(word) for word in sys.argv[1:]],
            **facts,
            "config": dict(config),
            "software": software(),
        },
    )
