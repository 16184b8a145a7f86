"""What a person is told of titles while their features are made."""

from __future__ import annotations

from collections.abc import Sequence

from data.counted import brief_clock
from data.import_features import IMPORTED
from data.shards import ShardHeader
from pipeline.feature_work import Worked
from pipeline.pace import Pace
from pipeline.runs.extraction_plan import PlannedTitle


def pace_of(jobs: Sequence[PlannedTitle]) -> Pace:
    """Return how the titles go: lengths that nobody knows yet are taken to be as their files' sizes."""
    sizes = {item.title.title_id: float(item.state.size_bytes) for item in jobs if item.state is not None}
    return Pace({item.title.title_id: item.duration_s for item in jobs}, sizes)


def read_s_of(header: ShardHeader | None) -> float | None:
    """Return how many seconds of a title were read; None if it failed."""
    return None if header is None else header.coverage.decoded_s


def result_words(worked: Worked, header: ShardHeader | None) -> str:
    """Say what became of a title: how much was read, whether to its end, how fast, and why not."""
    if header is None:
        return f"quarantined: {worked.error}"
    coverage = header.coverage
    if header.spec.backbone.startswith(IMPORTED):
        return f"{brief_clock(coverage.decoded_s)} imported{f': {coverage.reason}' if coverage.reason else ''}"
    speed = f", {coverage.decoded_s / worked.seconds:.0f}x" if worked.seconds > 0 else ""
    how = "read to its end" if coverage.complete else "read in part"
    reason = f": {coverage.reason}" if coverage.reason else ""
    return f"{brief_clock(coverage.decoded_s)} {how} in {worked.seconds:.0f} s{speed}{reason}"
