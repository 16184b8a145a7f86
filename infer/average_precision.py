"""ActivityNet's detection average precision, reimplemented: all labels, titles and thresholds at once, in float64.

The official evaluator walks predictions one by one (2.4 ms each). What it computes is a serial dictatorship: in score
order, each prediction takes the free clip of its title and label with the highest tIoU. Because all clips agree on
which prediction comes first, this is the one stable matching of predictions and clips, and deferred acceptance finds
it in a few vectorised rounds: everyone asks for the best clip they have not asked for, each clip keeps the best asker.

Axes: P predictions, G clips, K thresholds, C labels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from infer.settings import Rule
from infer.tiou import Floats, Indices, same_group_pairs, temporal_iou

Hits = npt.NDArray[np.bool_]
Pairs = tuple[Indices, Indices, Floats]
Preference = Callable[[Floats], Indices]


@dataclass(frozen=True)
class Clips:
    """Ground truth as columns.

    Args:
        title_G, label_G: (G,) indices of title and label.
        start_s_G, end_s_G: (G,) seconds.
    """

    title_G: Indices
    label_G: Indices
    start_s_G: Floats
    end_s_G: Floats

    def take(self, rows: Indices) -> Clips:
        """Return the chosen rows, in that order."""
        return Clips(self.title_G[rows], self.label_G[rows], self.start_s_G[rows], self.end_s_G[rows])


@dataclass(frozen=True)
class Predictions:
    """Predicted segments as columns; indices as in ``Clips``, a title without any clip has its own index."""

    title_P: Indices
    label_P: Indices
    start_s_P: Floats
    end_s_P: Floats
    score_P: Floats

    def __len__(self) -> int:
        return len(self.title_P)

    def take(self, rows: Indices | Hits) -> Predictions:
        """Return the chosen rows, in that order."""
        return Predictions(
            self.title_P[rows], self.label_P[rows], self.start_s_P[rows], self.end_s_P[rows], self.score_P[rows]
        )


def rank(predictions: Predictions) -> Indices:
    """Return the rows in the order of judgement: by label, score descending, then title, start, end (SPEC.md)."""
    return np.lexsort(
        (predictions.end_s_P, predictions.start_s_P, predictions.title_P, -predictions.score_P, predictions.label_P)
    )


def match(
    ranked: Predictions, clips: Clips, columns: Sequence[tuple[float, Rule]], *, prefer: Preference | None = None
) -> Hits:
    """Say which predictions are true positives, for each of K columns (threshold, rule).

    Each prediction in turn takes the free clip of its title and label with the highest tIoU; it misses when the best
    free one does not reach the threshold. Equal tIoU: the clip that starts, then ends, first.

    Args:
        ranked: predictions in the order of judgement, see ``rank``.
        prefer: says in which order one prediction asks for its clips, best first, given its tIoU with each of them in
            the order of ``clips``; only asked where tIoUs are equal. For ``infer.official``.

    Returns:
        (K, P) bool. A NaN tIoU (empty interval against empty interval) hits first, as in the official code.
    """
    titles = 1 + int(max(ranked.title_P.max(initial=0), clips.title_G.max(initial=0)))
    group_P = ranked.label_P * titles + ranked.title_P
    group_G = clips.label_G * titles + clips.title_G
    order = (
        np.lexsort((clips.end_s_G, clips.start_s_G, group_G)) if prefer is None else np.argsort(group_G, kind="stable")
    )
    clips, group_G = clips.take(order), group_G[order]
    anything = [threshold <= 0.0 and rule is Rule.GE for threshold, rule in columns]
    least = min((threshold for (threshold, _), free in zip(columns, anything) if not free), default=None)
    pairs = None
    if least is not None:
        pairs = _close_pairs(ranked, clips, (group_P, group_G), least)
        if prefer is not None:
            pairs = _reorder_ties(pairs, ranked, clips, (group_P, group_G), prefer=prefer)
    hits = np.zeros((len(columns), len(ranked)), dtype=bool)
    for k, (threshold, rule) in enumerate(columns):
        if pairs is None or anything[k]:
            hits[k] = _first_of_group(group_P, group_G)
            continue
        prediction, clip, tiou = pairs
        close = tiou >= threshold if rule is Rule.GE else tiou > threshold
        hits[k, _assign(prediction[close], clip[close], len(ranked), len(group_G))] = True
    return hits


def average_precision(hits: Hits, positives: int) -> Floats:
    """Return the area under the monotone envelope of precision over recall (interpolated AP).

    Args:
        hits: (..., P) true positives of one label in the order of judgement.
        positives: number of clips of that label, G > 0.

    Returns:
        (...) in [0, 1]. Every hit raises recall by 1 / G at the highest precision from there on.
    """
    if hits.shape[-1] == 0:
        return np.zeros(hits.shape[:-1])
    precision = np.cumsum(hits, axis=-1) / np.arange(1, hits.shape[-1] + 1)
    envelope = np.maximum.accumulate(precision[..., ::-1], axis=-1)[..., ::-1]
    area: Floats = np.where(hits, envelope, 0.0).sum(axis=-1) / positives
    return area


def label_bounds(label_P: Indices, labels: int) -> Indices:
    """Return (C + 1,) row bounds of each label among predictions that are ordered by label."""
    return np.searchsorted(label_P, np.arange(labels + 1))


def label_average_precision(hits: Hits, label_P: Indices, positives_C: Indices) -> Floats:
    """Return (C, K) AP of each label; NaN for a label without ground truth, which has no AP.

    Args:
        hits: (K, P) from ``match``.
        label_P: (P,) label of each prediction, ascending.
        positives_C: (C,) number of clips of each label.
    """
    bounds = label_bounds(label_P, len(positives_C))
    result = np.full((len(positives_C), len(hits)), np.nan)
    for label in np.flatnonzero(positives_C):
        result[label] = average_precision(hits[:, bounds[label] : bounds[label + 1]], int(positives_C[label]))
    return result


def _close_pairs(ranked: Predictions, clips: Clips, groups: tuple[Indices, Indices], least: float) -> Pairs:
    """Return prediction, clip and tIoU of all pairs that overlap by ``least`` or more, by prediction and preference.

    Args:
        clips: ordered by group.
        groups: group of each prediction and of each clip.
    """
    parts = []
    for prediction, clip in same_group_pairs(*groups):
        tiou = temporal_iou(
            ranked.start_s_P[prediction], ranked.end_s_P[prediction], clips.start_s_G[clip], clips.end_s_G[clip]
        )
        tiou[np.isnan(tiou)] = np.inf
        near = tiou > 0.0 if least <= 0.0 else tiou >= least
        parts.append((prediction[near], clip[near], tiou[near]))
    if not parts:
        none = np.zeros(0, dtype=np.int64)
        return none, none, np.zeros(0)
    prediction, clip, tiou = (np.concatenate(column) for column in zip(*parts))
    order = np.lexsort((clip, -tiou, prediction))
    return prediction[order], clip[order], tiou[order]


def _reorder_ties(
    pairs: Pairs, ranked: Predictions, clips: Clips, groups: tuple[Indices, Indices], *, prefer: Preference
) -> Pairs:
    """Put the pairs of each prediction that has equal tIoUs into the order that ``prefer`` gives them."""
    prediction, clip, tiou = pairs
    tied = np.flatnonzero((np.diff(prediction) == 0) & (tiou[1:] == tiou[:-1]))
    place = np.zeros(len(prediction), dtype=np.int64)
    for row in np.unique(prediction[tied]):
        first, last = (int(np.searchsorted(groups[1], groups[0][row], side=side)) for side in ("left", "right"))
        own = slice(first, last)
        asked = prefer(
            temporal_iou(ranked.start_s_P[row], ranked.end_s_P[row], clips.start_s_G[own], clips.end_s_G[own])
        )
        places = np.empty(last - first, dtype=np.int64)
        places[asked] = np.arange(last - first)
        mine = slice(*np.searchsorted(prediction, [row, row + 1]))
        place[mine] = places[clip[mine] - first]
    order = np.lexsort((place, -tiou, prediction))
    return prediction[order], clip[order], tiou[order]


def _first_of_group(group_P: Indices, group_G: Indices) -> Hits:
    """At tIoU >= 0 everything matches: the first predictions of a group hit, as many as it has clips."""
    order = np.argsort(group_P, kind="stable")
    grouped = group_P[order]
    place = np.arange(len(grouped)) - np.searchsorted(grouped, grouped, side="left")
    clips = np.searchsorted(group_G, grouped, side="right") - np.searchsorted(group_G, grouped, side="left")
    hits = np.zeros(len(grouped), dtype=bool)
    hits[order] = place < clips
    return hits


def _assign(prediction: Indices, clip: Indices, predictions: int, clips: int) -> Indices:
    """Return the predictions that get a clip: deferred acceptance over pairs sorted by prediction and preference."""
    asking, ask_at = np.unique(prediction, return_index=True)
    next_pair = np.zeros(predictions, dtype=np.int64)
    last_pair = np.zeros(predictions, dtype=np.int64)
    next_pair[asking] = ask_at
    last_pair[asking] = np.append(ask_at[1:], len(prediction))
    nobody = predictions
    holder = np.full(clips, nobody, dtype=np.int64)
    while len(asking):
        wanted = clip[next_pair[asking]]
        before = holder[wanted]
        np.minimum.at(holder, wanted, asking)
        accepted = holder[wanted] == asking
        displaced = before[accepted]
        asking = np.concatenate([asking[~accepted], displaced[displaced != nobody]])
        next_pair[asking] += 1
        asking = asking[next_pair[asking] < last_pair[asking]]
    chosen: Indices = holder[holder != nobody]
    return chosen
