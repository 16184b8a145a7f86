"""What a method that has seen nothing would score: the row that belongs beside every table (SPEC.md, Evaluation).

One segment per measured title and label with a random score. ``random`` puts it anywhere in the title: at tIoU 0 the
official rule accepts it wherever it lies, so it reaches the label's prevalence. ``whole`` is the title from end to end:
it overlaps everything, so it reaches the prevalence even under the strict rule.

Not in the paper: its official numbers at tIoU 0 are below this row.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from infer.average_precision import Predictions
from infer.protocol import GroundTruth
from infer.tiou import Floats

TRIVIAL_METHODS = {"random": "trivial (random segment)", "whole": "trivial (whole title)"}


def said_of_trivial(model: float | None, trivial: Mapping[str, float | None]) -> str:
    """Say that an arbitrary segment scores higher than the model, where it does; empty where it does not.

    Args:
        model: its average, a share; None where there is none.
        trivial: the same of the trivial rows, by method.
    """
    above = [(value, method) for method, value in trivial.items() if value is not None and value > (model or 0.0)]
    if model is None or not above:
        return ""
    value, method = max(above)
    what = "flagging every title whole" if method == TRIVIAL_METHODS["whole"] else "a random segment of every title"
    return (
        f"{what} would score higher by this measure: {100 * value:.1f} % against {100 * model:.1f} %; the clips are "
        "long beside their titles, or the model has learnt too little to be used"
    )


def trivial_predictions(kind: str, truth: GroundTruth, span_s_N: Floats, generator: np.random.Generator) -> Predictions:
    """Draw one arbitrary segment for each measured title and label.

    Args:
        kind: ``random`` (two uniform points of the title) or ``whole``.
        span_s_N: (N,) length of each title in seconds, see ``title_spans``.
    """
    title_P, label_P = np.nonzero(truth.measured_NC)
    span_s_P = span_s_N[title_P]
    ends_2P = np.sort(generator.random((2, len(title_P))), axis=0) * span_s_P
    if kind == "whole":
        ends_2P = np.stack([np.zeros(len(title_P)), span_s_P])
    return Predictions(title_P, label_P, ends_2P[0], ends_2P[1], generator.random(len(title_P)))


def title_spans(truth: GroundTruth, durations: Mapping[str, float | None]) -> Floats:
    """Return (N,) length of each title in seconds; where unknown, its last clip's end, or else the median title."""
    known = np.array([durations.get(title_id) or np.nan for title_id in truth.title_ids], dtype=np.float64)
    last_s_N = np.zeros(len(truth.title_ids))
    np.maximum.at(last_s_N, truth.clips.title_G, truth.clips.end_s_G)
    spans = np.where(np.isnan(known), np.where(last_s_N > 0, last_s_N, np.nan), np.maximum(known, last_s_N))
    typical = float(np.nanmedian(spans)) if np.isfinite(spans).any() else 1.0
    return np.where(np.isnan(spans), typical, spans)
