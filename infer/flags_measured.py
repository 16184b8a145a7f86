"""How right a checkpoint's flags are, as it says itself: counts per label at the thresholds that it has.

Not in the paper: what a person must know before believing what is flagged. A record without counts is that of an older
checkpoint, or of the starter; numbers hold for the thresholds that they were counted at, and for no others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from data.schemas import LabelThresholds
from infer.operator_metrics import OperatorMetrics
from infer.settings import Protocol

KEY = "flags_measured"  # in ``Checkpoint.training`` and ``run.json``


def flags_measured(
    metrics: OperatorMetrics, protocol: Protocol, thresholds: Mapping[str, LabelThresholds], on: str
) -> dict[str, Any]:
    """Return what was measured as JSON values.

    Args:
        metrics: of flags at ``thresholds``.
        protocol: the one to report.
        thresholds: by label.
        on: which titles were measured, in words that end a sentence.
    """
    labels = {
        row.label: label_flags(
            thresholds[row.label],
            found=row.segments.found,
            clips=row.segments.clips,
            flagged=row.segments.flagged,
            false=row.segments.false,
            hours=row.segments.hours,
        )
        for row in metrics.rows
        if row.protocol == protocol
    }
    return {"on": on, "labels": labels}


def label_flags(
    thresholds: LabelThresholds, *, found: int, clips: int, flagged: int, false: int, hours: float
) -> dict[str, Any]:
    """Return one label's counts and shares; a share of nothing is None."""
    return {
        "recall": found / clips if clips else None,
        "precision": (flagged - false) / flagged if flagged else None,
        "false_per_hour": false / hours if hours else None,
        "clips": clips,
        "found": found,
        "flagged": flagged,
        "false": false,
        "hours": hours,
        "thresholds": asdict(thresholds),
    }
