"""How fast stages worked here, so that a plan can say how long the next run takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from data.files import write_json

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
    stored = json.loads(path.read_text(encoding="utf-8"))
    return {stage: (value["video_s"], value["wall_s"]) for stage, value in stored.items()}
