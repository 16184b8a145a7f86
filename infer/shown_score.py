"""The score of a segment as everybody reads it: one text wherever a person looks, told from the threshold of flags.

Not in the paper. Thresholds of probabilities may lie at 0.9987: with three decimals a flag and a near miss read alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from data.counted import written_score
from data.schemas import Segment


def flag_thresholds(record: Mapping[str, Any]) -> dict[str, float]:
    """Return the least score of a flagged segment by label, as ``run.json`` says; none for a baseline's own rule."""
    if record.get("rule", "thresholds") != "thresholds":
        return {}
    return {label: float(values["flag"]) for label, values in record.get("thresholds", {}).items() if "flag" in values}


def shown_score(segment: Segment, flags: Mapping[str, float]) -> str:
    """Return a segment's score as text, beside the threshold of its label; ``flags`` as ``flag_thresholds`` returns."""
    return written_score(segment.score, flags.get(segment.label))
