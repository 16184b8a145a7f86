"""How fast stages worked here, so that a plan can say how long the next run takes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from data.errors import SchemaError
from data.files import write_json
from data.record_file import read_record

MEMORY = 0.5
"""What earlier runs still count for beside the last one."""


def read_rates(path: Path) -> Mapping[str, float]:
    """Return seconds of video worked on per second of wall time, by stage."""
    return {stage: video_s / wall_s for stage, (video_s, wall_s) in _read(path).items() if wall_s > 0}


def add_rate(path: Path, stage: str, video_s: float, wall_s: float) -> None:
    """Count what a stage did in a run."""
    totals = _read(path)
    earlier_video_s, earlier_wall_s = totals.get(stage, (0.0, 0.0))
    totals[stage] = (MEMORY * earlier_video_s + video_s, MEMORY * earlier_wall_s + wall_s)
    write_json(path, {name: {"video_s": video, "wall_s": wall} for name, (video, wall) in totals.items()})


def _read(path: Path) -> dict[str, tuple[float, float]]:
    if not path.is_file():
        return {}
    stored = read_record(path, to_do="remove it, rates are measured anew")
    try:
        return {stage: (float(value["video_s"]), float(value["wall_s"])) for stage, value in stored.items()}
    except (KeyError, TypeError, ValueError) as error:
        raise SchemaError(f"{path}: no rates of a run; remove it, rates are measured anew") from error
