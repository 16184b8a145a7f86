"""How much mAP would move with other titles of the same kind: resample titles, not segments.

Matching stays within a title, so the hits of all predictions are known once; a resample only weights each title by how
often it was drawn. A title drawn twice counts its predictions and clips twice, which weighted cumulative sums give
exactly: the envelope of precision is reached at the last copy of a hit.

Axes: B draws, K thresholds, C labels, P predictions, H hits, N titles.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from infer.average_precision import Clips, Hits, Predictions, label_bounds
from infer.tiou import Floats, Indices

CELLS_PER_BLOCK = 4_000_000


def resampled_average_precision(
    ranked: Predictions, hits_KP: Hits, clips: Clips, labels: int, weight_BN: Indices
) -> Floats:
    """Return (B, K, C) AP of each label under resampled titles; NaN where a resample holds no clip of the label.

    Args:
        ranked: predictions in the order of judgement, by label.
        hits_KP: their true positives, from ``match``.
        weight_BN: (B, N) how often each title was drawn.
    """
    result = np.full((len(weight_BN), len(hits_KP), labels), np.nan)
    bounds = label_bounds(ranked.label_P, labels)
    for label in range(labels):
        clip_titles = clips.title_G[clips.label_G == label]
        rows = slice(bounds[label], bounds[label + 1])
        step = max(1, CELLS_PER_BLOCK // max(1, int(bounds[label + 1] - bounds[label]), len(clip_titles)))
        for begin in range(0, len(weight_BN), step):
            block = slice(begin, begin + step)
            positives_B = weight_BN[block][:, clip_titles].sum(axis=1)
            result[block, :, label] = _weighted(weight_BN[block], ranked.title_P[rows], hits_KP[:, rows], positives_B)
    return result


def draw_titles(draws: int, titles: int, generator: np.random.Generator) -> Indices:
    """Return (B, N) how often each title comes up when N are drawn with replacement."""
    return generator.multinomial(titles, np.full(titles, 1 / titles), size=draws)


def _weighted(weight_BN: Indices, title_P: Indices, hits_KP: Hits, positives_B: Indices) -> Floats:
    """Return (B, K) interpolated AP with each prediction counted as often as its title was drawn."""
    weight_BP = weight_BN[:, title_P]
    judged_BP = np.cumsum(weight_BP, axis=1)
    area_BK = np.zeros((len(weight_BN), len(hits_KP)))
    for k, hits_P in enumerate(hits_KP):
        at: npt.NDArray[np.intp] = np.flatnonzero(hits_P)
        found_BH = np.cumsum(weight_BP[:, at], axis=1)
        precision_BH = found_BH / np.maximum(judged_BP[:, at], 1)
        envelope_BH = np.maximum.accumulate(precision_BH[:, ::-1], axis=1)[:, ::-1]
        area_BK[:, k] = (weight_BP[:, at] * envelope_BH).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        averages: Floats = area_BK / positives_B[:, None]
    return averages
