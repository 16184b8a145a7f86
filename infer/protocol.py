"""What is measured: which titles, which clips and up to which second, under each test protocol (Sec. 4.1).

First occurrence: per title and label everything up to the end of the first occurrence counts, and the whole title where
the label is absent; what comes later was never looked at. All occurrences: the whole title. A title whose presence of
a label nobody knows, or whose clips nobody located, says nothing about that label and is left out for it.

Segments are found, gated and scored on the full title *first*; only here are they cut to the measured span. Cutting
before would leak the answer into the thresholds.

Axes: N titles, C labels, P predictions, G clips.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from data.labels import Clip, TitleLabels
from infer.average_precision import Clips, Predictions
from infer.settings import Protocol
from infer.tiou import Floats

Counts = dict[str, int]


@dataclass(frozen=True)
class GroundTruth:
    """The measured spans and clips of one protocol.

    Args:
        title_ids, labels: the names behind the indices.
        measured_NC: (N, C) where title and label are evaluated.
        end_s_NC: (N, C) measured up to here; infinite for the end of the title.
        clips: all clips to be found; never empty, inverted or NaN, except for the official reading.
        left_out: why pairs or clips are not measured, and how many.
    """

    protocol: Protocol
    title_ids: tuple[str, ...]
    labels: tuple[str, ...]
    measured_NC: npt.NDArray[np.bool_]
    end_s_NC: Floats
    clips: Clips
    left_out: Counts = field(default_factory=dict)

    @property
    def positives(self) -> npt.NDArray[np.int64]:
        """(C,) number of clips of each label."""
        return np.bincount(self.clips.label_G, minlength=len(self.labels))


def measured_clips(labels: TitleLabels, label: str, protocol: Protocol) -> tuple[tuple[Clip, ...], float] | None:
    """Return the clips to be found and the end of the measured span in seconds; None where nothing is known."""
    located = () if labels.occurrences is None else tuple(clip for clip in labels.occurrences if clip.label == label)
    first = labels.first.get(label)
    if protocol is Protocol.FIRST_OCCURRENCE:
        first = first or min(located, key=lambda clip: (clip.start_s, clip.end_s), default=None)
        if first is not None:
            return (first,), first.end_s
    elif located:
        return located, math.inf
    if labels.present.get(label) is False and first is None:
        return (), math.inf
    return None


def ground_truth(
    truth: Mapping[str, TitleLabels], labels: Sequence[str], protocol: Protocol, *, keep_invalid: bool = False
) -> GroundTruth:
    """Lay the labels of all titles out as arrays for one protocol.

    Args:
        keep_invalid: keep empty, inverted and NaN clips, as the official code does; otherwise they are left out and
            counted, and so is their title for that label in the first-occurrence protocol (its end is unknown).
    """
    title_ids = tuple(sorted(truth))
    measured_NC = np.zeros((len(title_ids), len(labels)), dtype=bool)
    end_s_NC = np.full(measured_NC.shape, math.inf)
    rows: list[tuple[int, int, float, float]] = []
    left_out: Counter[str] = Counter()
    for n, title_id in enumerate(title_ids):
        for c, label in enumerate(labels):
            found = measured_clips(truth[title_id], label, protocol)
            if found is None:
                left_out["title and label without known clips"] += 1
                continue
            clips, end_s = found
            valid = [clip for clip in clips if keep_invalid or is_interval(clip.start_s, clip.end_s)]
            left_out["invalid clip"] += len(clips) - len(valid)
            if clips and not valid:
                continue
            measured_NC[n, c] = True
            end_s_NC[n, c] = end_s
            rows.extend((n, c, clip.start_s, clip.end_s) for clip in valid)
    columns = np.array(rows, dtype=np.float64).reshape(-1, 4).T
    clips_G = Clips(columns[0].astype(np.int64), columns[1].astype(np.int64), columns[2], columns[3])
    counts = {reason: count for reason, count in left_out.items() if count}
    return GroundTruth(protocol, title_ids, tuple(labels), measured_NC, end_s_NC, clips_G, counts)


def held_protocols(
    truth: Mapping[str, TitleLabels], labels: Sequence[str], protocols: Sequence[Protocol] = tuple(Protocol)
) -> tuple[Protocol, ...]:
    """Return the protocols under which there is anything to find, in the order given.

    A known absence is measured under both and shows nothing of which one annotators had in mind, so a protocol is held
    by clips. Where no title has any, one protocol that measures something is enough: both would say the same.
    """
    measured = {protocol: ground_truth(truth, labels, protocol) for protocol in protocols}
    with_clips = [protocol for protocol, found in measured.items() if found.positives.any()]
    with_spans = [protocol for protocol, found in measured.items() if found.measured_NC.any()]
    return tuple(with_clips or with_spans[:1])


def judged_protocol(
    truth: Mapping[str, TitleLabels], labels: Sequence[str], protocols: Sequence[Protocol] = tuple(Protocol)
) -> Protocol | None:
    """Return the protocol that a model is judged by on these titles: the one choice for all that trains and measures.

    Not in the paper, whose test titles have all occurrences labelled and whose train titles the first. All occurrences
    ask more, so they are taken where every title and label with a clip has all of them. One title with its first
    occurrence only would drop out there, with whatever label it alone holds; then first occurrences are taken, under
    which every clip-bearing title counts.

    Args:
        truth: labels of exactly the titles that are judged.
        protocols: those to choose from.

    Returns:
        the protocol; None where no title says anything of any label.
    """
    held = held_protocols(truth, labels, protocols)
    if set(held) != set(Protocol):
        return held[0] if held else None
    everything, first = (
        _located(ground_truth(truth, labels, protocol))
        for protocol in (Protocol.ALL_OCCURRENCE, Protocol.FIRST_OCCURRENCE)
    )
    return Protocol.ALL_OCCURRENCE if everything >= first else Protocol.FIRST_OCCURRENCE


def fullest_clips(labels: TitleLabels, label: str) -> tuple[tuple[Clip, ...], float] | None:
    """Return what ``measured_clips`` does under the protocol that says most of a title and label."""
    everything = measured_clips(labels, label, Protocol.ALL_OCCURRENCE)
    return everything or measured_clips(labels, label, Protocol.FIRST_OCCURRENCE)


def fullest_truth(truth: Mapping[str, TitleLabels], labels: Sequence[str]) -> GroundTruth:
    """Lay out all that is known: all occurrences where a title has them labelled, else up to its first occurrence.

    Not in the paper: for choosing on validation and for looking at single titles, where every known second helps.
    """
    complete, first = (
        ground_truth(truth, labels, protocol) for protocol in (Protocol.ALL_OCCURRENCE, Protocol.FIRST_OCCURRENCE)
    )
    whole_NC = complete.measured_NC
    rest = first.clips.take(np.flatnonzero(~whole_NC[first.clips.title_G, first.clips.label_G]))
    columns = zip(vars(complete.clips).values(), vars(rest).values())
    return GroundTruth(
        Protocol.FIRST_OCCURRENCE,
        first.title_ids,
        first.labels,
        whole_NC | first.measured_NC,
        np.where(whole_NC, math.inf, first.end_s_NC),
        Clips(*(np.concatenate(pair) for pair in columns)),
        first.left_out,
    )


def _located(truth: GroundTruth) -> set[tuple[int, int]]:
    """Return the pairs of title and label that have a clip."""
    return set(zip(truth.clips.title_G.tolist(), truth.clips.label_G.tolist()))


def is_interval(start_s: float, end_s: float) -> bool:
    """Say whether an interval has a finite start and end and a positive length."""
    return math.isfinite(start_s) and math.isfinite(end_s) and end_s > start_s


def index_predictions(
    rows: Iterable[tuple[str, str, float, float, float]], title_ids: Sequence[str], labels: Sequence[str]
) -> Predictions:
    """Turn (title, label, start, end, score) rows into columns, in the given order.

    A title that is not evaluated gets the index N, an unknown label the index C: one past the end.
    """
    title_index = {title_id: n for n, title_id in enumerate(title_ids)}
    label_index = {label: c for c, label in enumerate(labels)}
    columns: tuple[list[float], ...] = ([], [], [], [], [])
    for title_id, label, *numbers in rows:
        columns[0].append(title_index.get(title_id, len(title_ids)))
        columns[1].append(label_index.get(label, len(labels)))
        for column, number in zip(columns[2:], numbers):
            column.append(number)
    title_P, label_P = (np.array(column, dtype=np.int64) for column in columns[:2])
    start_s_P, end_s_P, score_P = (np.array(column, dtype=np.float64) for column in columns[2:])
    return Predictions(title_P, label_P, start_s_P, end_s_P, score_P)


def refuse_invalid(predictions: Predictions, titles: int, labels: int) -> tuple[Predictions, Counts]:
    """Drop predictions that cannot be judged and count them by their first fault.

    The official code gives NaN scores the top rank and calls empty or inverted segments hits or misses by accident.
    """
    finite = np.isfinite(predictions.start_s_P) & np.isfinite(predictions.end_s_P) & np.isfinite(predictions.score_P)
    faults = {
        "not finite": ~finite,
        "inverted": predictions.end_s_P < predictions.start_s_P,
        "zero-length": predictions.end_s_P == predictions.start_s_P,
        "title not evaluated": predictions.title_P >= titles,
        "unknown label": predictions.label_P >= labels,
    }
    return _drop(predictions, faults)


def cut_to_measured(predictions: Predictions, truth: GroundTruth, crossing: str) -> tuple[Predictions, Counts]:
    """Leave only what lies in the measured spans.

    Args:
        crossing: what happens to a prediction that starts before the end of its span and ends after it: ``clip`` to
            the end, ``drop``, or ``none``, left as it is.

    Returns:
        predictions, and how many were dropped, by reason.
    """
    end_s_P = truth.end_s_NC[predictions.title_P, predictions.label_P]
    faults = {
        "title and label not measured": ~truth.measured_NC[predictions.title_P, predictions.label_P],
        "starts after the measured span": predictions.start_s_P >= end_s_P,
    }
    if crossing == "drop":
        faults["crosses the end of the measured span"] = predictions.end_s_P > end_s_P
    clipped_s_P = np.minimum(predictions.end_s_P, end_s_P) if crossing == "clip" else predictions.end_s_P
    clipped = Predictions(
        predictions.title_P, predictions.label_P, predictions.start_s_P, clipped_s_P, predictions.score_P
    )
    return _drop(clipped, faults)


def _drop(predictions: Predictions, faults: Mapping[str, npt.NDArray[np.bool_]]) -> tuple[Predictions, Counts]:
    keep = np.ones(len(predictions), dtype=bool)
    counts = {}
    for reason, fault in faults.items():
        count = int((fault & keep).sum())
        if count:
            counts[reason] = count
        keep &= ~fault
    return predictions.take(keep), counts
