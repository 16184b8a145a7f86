"""What the official evaluator leaves to chance, kept so that published numbers can be reproduced to the last digit.

It sorts scores, and each prediction's tIoUs, by a reversed unstable argsort: ties come in whatever order numpy's
quicksort leaves them on the machine at hand, and NaN comes first. Our own order (``rank``, and the earlier clip first)
is the same everywhere; on THUMOS14 the two differ by up to 0.0001 mAP through ties alone.
"""

from __future__ import annotations

import numpy as np

from infer.average_precision import Predictions
from infer.tiou import Floats, Indices


def rank_officially(predictions: Predictions) -> Indices:
    """Return the rows label by label in the official order of their scores."""
    by_label = np.argsort(predictions.label_P, kind="stable")
    bounds = np.flatnonzero(np.diff(predictions.label_P[by_label])) + 1
    parts = [rows[np.argsort(predictions.score_P[rows])[::-1]] for rows in np.split(by_label, bounds)]
    return np.concatenate(parts)


def prefer_officially(tiou_G: Floats) -> Indices:
    """Return the order in which the official code offers one prediction its clips (in file order), best first."""
    return np.argsort(tiou_G)[::-1]
