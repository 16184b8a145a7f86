"""Segments against labels: ActivityNet's mAP by both rules and both protocols, with the trivial rows beside it.

The order of work: refuse what cannot be judged, cut to the measured spans, rank once, match once for every distinct
(threshold, rule), then read AP, recall and confidence intervals off the same hits.

Axes: N titles, C labels, P predictions, K thresholds, B bootstrap draws.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pyarrow as pa

from data.errors import ConfigError
from data.labels import Clip, TitleLabels
from data.schemas import Segment
from infer.average_precision import (
    Hits,
    Predictions,
    label_average_precision,
    label_bounds,
    match,
    rank,
)
from infer.bootstrap import draw_titles, resampled_average_precision
from infer.evaluation import JUDGED, MEAN, MODEL, Evaluation, Resampled, Result, known
from infer.official import prefer_officially, rank_officially
from infer.protocol import (
    Counts,
    GroundTruth,
    cut_to_measured,
    ground_truth,
    held_protocols,
    index_predictions,
    judged_protocol,
    refuse_invalid,
)
from infer.settings import EvaluateSettings, Protocol, Rule
from infer.tiou import Floats, Indices
from infer.trivial import TRIVIAL_METHODS, title_spans, trivial_predictions

Row = tuple[str, str, float, float, float]


@dataclass(frozen=True)
class Reading:
    """One way to read the hits: for each of the K thresholds, the column that holds them."""

    name: str
    columns_K: list[int]


@dataclass(frozen=True)
class Counted:
    """What one set of predictions reached, per label and column."""

    ap_CK: Floats
    found_CK: Indices
    predictions_C: Indices


def evaluate(
    segments: Iterable[Segment] | pa.Table,
    truth: Mapping[str, TitleLabels],
    labels: Sequence[str],
    durations: Mapping[str, float | None] | None = None,
    settings: EvaluateSettings | None = None,
    *,
    official: bool = False,
) -> Evaluation:
    """Measure segments against the labels of the titles in ``truth`` (SPEC.md, Evaluation).

    Args:
        segments: our segments, as objects or as the segments table; only flagged ones count.
        truth: labels of exactly the titles to be evaluated; one without segments counts as found empty.
        durations: seconds per title, for the trivial rows and the false positives per hour.
        official: reproduce ActivityNet's evaluator exactly, bugs included: all occurrences, nothing refused, ties and
            NaN in its order, titles outside ``truth`` counted as false positives.
    """
    settings = settings or EvaluateSettings()
    return _evaluate(_segment_rows(segments), truth, labels, durations or {}, settings, official=official)


def evaluate_activitynet(
    clips: Mapping[str, Sequence[Clip]],
    predictions: Mapping[str, Sequence[tuple[Clip, float]]],
    durations: Mapping[str, float | None] | None = None,
    settings: EvaluateSettings | None = None,
    *,
    official: bool = False,
) -> Evaluation:
    """Measure foreign detections against foreign ground truth, as ``data.activitynet`` reads them.

    All titles of ``clips`` are evaluated for every label that occurs, all occurrences.
    """
    settings = (settings or EvaluateSettings()).model_copy(update={"protocols": (Protocol.ALL_OCCURRENCE,)})
    labels = sorted({clip.label for found in clips.values() for clip in found})
    truth = {
        title_id: TitleLabels(title_id, dict.fromkeys(labels, False), occurrences=tuple(found))
        for title_id, found in clips.items()
    }
    rows = (
        (title_id, clip.label, clip.start_s, clip.end_s, score)
        for title_id, found in predictions.items()
        for clip, score in found
    )
    return _evaluate(rows, truth, labels, durations or {}, settings, official=official)


def _evaluate(
    rows: Iterable[Row],
    truth: Mapping[str, TitleLabels],
    labels: Sequence[str],
    durations: Mapping[str, float | None],
    settings: EvaluateSettings,
    *,
    official: bool,
) -> Evaluation:
    if not truth or not labels:
        raise ConfigError("nothing to evaluate: no titles or no labels; name a split that has labelled titles")
    predictions = index_predictions(rows, sorted(truth), labels)
    refused: Counts = {}
    if official:
        settings = settings.model_copy(update={"protocols": (Protocol.ALL_OCCURRENCE,)})
        predictions = predictions.take(predictions.label_P < len(labels))
    else:
        predictions, refused = refuse_invalid(predictions, len(truth), len(labels))
    results: list[Result] = []
    left_out: dict[Protocol, Counts] = {}
    resampled: dict[Protocol, Resampled] = {}
    columns = _readings(settings)[1]
    judged = Protocol.ALL_OCCURRENCE if official else judged_protocol(truth, labels, settings.protocols)
    for protocol in settings.protocols if official else held_protocols(truth, labels, settings.protocols):
        measured = ground_truth(truth, labels, protocol, keep_invalid=official)
        cut, dropped = (predictions, {}) if official else cut_to_measured(predictions, measured, settings.crossing)
        left_out[protocol] = {**measured.left_out, **dropped}
        ranked = cut.take((rank_officially if official else rank)(cut))
        hits = match(ranked, measured.clips, columns, prefer=prefer_officially if official else None)
        resampled_BKC = _resample(ranked, hits, measured, settings)
        if resampled_BKC is not None:
            resampled[protocol] = Resampled(tuple((tiou, str(rule)) for tiou, rule in columns), resampled_BKC)
        results += _protocol_results(ranked, hits, measured, durations, settings, resampled_BKC=resampled_BKC)
    if not results or judged is None:
        raise ConfigError("nothing to evaluate: no title has a located clip or a known absence of any label")
    return Evaluation(settings.tiou_thresholds, tuple(results), refused, left_out, judged, resampled=resampled)


def _readings(settings: EvaluateSettings) -> tuple[list[Reading], list[tuple[float, Rule]]]:
    """Return the ways to read the hits, and the distinct (threshold, rule) columns that they read."""
    thresholds = settings.tiou_thresholds
    rules = {str(rule): [rule] * len(thresholds) for rule in settings.rules}
    rules[JUDGED] = [Rule.GE if threshold > 0 else Rule.GT for threshold in thresholds]
    columns = list(dict.fromkeys(column for chosen in rules.values() for column in zip(thresholds, chosen)))
    readings = [
        Reading(name, [columns.index(column) for column in zip(thresholds, chosen)]) for name, chosen in rules.items()
    ]
    return readings, columns


def _protocol_results(
    ranked: Predictions,
    hits: Hits,
    truth: GroundTruth,
    durations: Mapping[str, float | None],
    settings: EvaluateSettings,
    *,
    resampled_BKC: Floats | None,
) -> list[Result]:
    readings, columns = _readings(settings)
    hours_C = _measured_hours(truth, durations)
    model = _count(ranked, hits, truth.positives)
    trivial = _trivial_counts(truth, title_spans(truth, durations), columns, settings)
    results = []
    for reading in readings:
        intervals = _intervals(reading, resampled_BKC, len(truth.labels), settings)
        results += _model_results(reading, model, truth, hours_C, intervals)
        for method, draws in trivial.items():
            results.append(_result(reading, (method, MEAN), draws, truth, list(range(len(truth.labels)))))
    return results


def _count(ranked: Predictions, hits: Hits, positives_C: Indices) -> Counted:
    bounds = label_bounds(ranked.label_P, len(positives_C))
    found_CK = np.array([hits[:, begin:end].sum(axis=1) for begin, end in pairwise(bounds)])
    return Counted(label_average_precision(hits, ranked.label_P, positives_C), found_CK, np.diff(bounds))


def _model_results(
    reading: Reading,
    counted: Counted,
    truth: GroundTruth,
    hours_C: Floats,
    intervals: list[tuple[float, float] | None],
) -> list[Result]:
    """Return the mean row and one row per label."""
    everything = [(MEAN, list(range(len(truth.labels))))]
    results = []
    for (label, rows), interval in zip([*everything, *((name, [c]) for c, name in enumerate(truth.labels))], intervals):
        result = _result(reading, (MODEL, label), [counted], truth, rows)
        hours = float(hours_C[rows].max())
        wrong = result.predictions - int(counted.found_CK[rows, reading.columns_K[0]].sum())
        hourly = wrong / hours if hours > 0 else None
        results.append(replace(result, interval=interval, false_positives_per_hour=hourly))
    return results


def _result(
    reading: Reading, name: tuple[str, str], draws: list[Counted], truth: GroundTruth, rows: list[int]
) -> Result:
    """Return the row (method, label) of some labels: the mean over draws of the mean AP of those with ground truth."""
    columns = reading.columns_K
    scored = [c for c in rows if truth.positives[c] > 0]
    clips = int(truth.positives[rows].sum())
    ap_K = np.full(len(columns), np.nan)
    if scored:
        ap_K = np.mean([counted.ap_CK[scored][:, columns].mean(axis=0) for counted in draws], axis=0)
    found_K = np.mean([counted.found_CK[rows][:, columns].sum(axis=0) for counted in draws], axis=0)
    count = round(float(np.mean([counted.predictions_C[rows].sum() for counted in draws])))
    recall_K = tuple(float(found) / clips if clips else None for found in found_K)
    average = known(float(ap_K.mean()))
    ap = tuple(known(value) for value in ap_K)
    return Result(truth.protocol, reading.name, *name, ap, average, None, clips, count, recall_K, None)


def _trivial_counts(
    truth: GroundTruth, span_s_N: Floats, columns: list[tuple[float, Rule]], settings: EvaluateSettings
) -> dict[str, list[Counted]]:
    """Measure one arbitrary segment per title and label, for each kind and random draw."""
    counts: dict[str, list[Counted]] = {}
    for kind, method in TRIVIAL_METHODS.items():
        generator = np.random.default_rng(settings.seed)
        for _ in range(settings.trivial_draws):
            drawn, _counts = cut_to_measured(
                trivial_predictions(kind, truth, span_s_N, generator), truth, settings.crossing
            )
            ranked = drawn.take(rank(drawn))
            hits = match(ranked, truth.clips, columns)
            counts.setdefault(method, []).append(_count(ranked, hits, truth.positives))
    return counts


def _resample(ranked: Predictions, hits: Hits, truth: GroundTruth, settings: EvaluateSettings) -> Floats | None:
    titles = len(truth.title_ids)
    if settings.bootstrap_draws == 0 or titles < 2:
        return None
    weight_BN = draw_titles(settings.bootstrap_draws, titles, np.random.default_rng(settings.seed))
    never_drawn = np.zeros((len(weight_BN), 1), dtype=np.int64)
    weight_BN = np.concatenate([weight_BN, never_drawn], axis=1)
    return resampled_average_precision(ranked, hits, truth.clips, len(truth.labels), weight_BN)


def _intervals(
    reading: Reading, resampled_BKC: Floats | None, labels: int, settings: EvaluateSettings
) -> list[tuple[float, float] | None]:
    """Return the confidence interval of AVG for the mean over labels and, after it, for each label."""
    if resampled_BKC is None:
        return [None] * (labels + 1)
    average_BC = resampled_BKC[:, reading.columns_K].mean(axis=1)
    known_BC = ~np.isnan(average_BC)
    with np.errstate(invalid="ignore"):
        mean_B = np.where(known_BC, average_BC, 0.0).sum(axis=1) / known_BC.sum(axis=1)
    tail = (1 - settings.confidence) / 2
    intervals: list[tuple[float, float] | None] = []
    for values in (mean_B, *average_BC.T):
        usable = values[~np.isnan(values)]
        low, high = np.quantile(usable, [tail, 1 - tail]) if len(usable) else (np.nan, np.nan)
        intervals.append(None if np.isnan(low) else (float(low), float(high)))
    return intervals


def _measured_hours(truth: GroundTruth, durations: Mapping[str, float | None]) -> Floats:
    """Return (C,) hours that are measured for each label; NaN where a measured title's duration is unknown."""
    known_s_N = np.array([durations.get(title_id) or np.nan for title_id in truth.title_ids], dtype=np.float64)
    span_s_NC = np.minimum(truth.end_s_NC, np.where(np.isnan(known_s_N), np.inf, known_s_N)[:, None])
    hours_C = np.where(truth.measured_NC, span_s_NC, 0.0).sum(axis=0) / 3600
    return np.where(np.isfinite(hours_C), hours_C, np.nan)


def _segment_rows(segments: Iterable[Segment] | pa.Table) -> Iterable[Row]:
    if isinstance(segments, pa.Table):
        names = ("title_id", "label", "start_s", "end_s", "score", "decision")
        columns = [segments[name].to_pylist() for name in names]
        return (row[:-1] for row in zip(*columns) if row[-1] == "flag")
    return (
        (segment.title_id, segment.label, segment.start_s, segment.end_s, segment.score)
        for segment in segments
        if segment.decision == "flag"
    )
