"""What training asks of validation titles: their scores, thresholds and mAP, and how right its flags are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from data.labels import TitleLabels
from data.schemas import LabelThresholds, Segment
from data.shards import ShardHeader, read_shard
from infer.evaluate import evaluate
from infer.evaluation import JUDGED, MEAN
from infer.flags_measured import flags_measured
from infer.operator_metrics import OperatorCollector
from infer.protocol import judged_protocol
from infer.score import score_shards
from infer.segments import find_segments
from infer.settings import EvaluateSettings
from infer.title_scores import TitleScores
from infer.tune import tune_thresholds
from model.build import FrameNetwork
from model.peers import Peers
from model.train import Validation
from pipeline.config import Config

CHOSEN_THERE = "its validation titles, by which its thresholds were chosen, too: on others it is right less often"
CHOSEN_BY_HALVES = (
    "its validation titles, by networks trained without them; its thresholds were chosen there, too: on others it is "
    "right less often"
)


def score_titles(
    config: Config, network: FrameNetwork, headers: Sequence[ShardHeader], peers: Peers
) -> list[TitleScores]:
    """Return the titles' scores to the first process, nothing to the others; each process scores its part."""
    shards = (read_shard(header.path) for header in headers[peers.part(len(headers))])
    own = list(score_shards(network, shards, window=config.infer.window_s, top_k_divisor=config.model.top_k_divisor))
    return [title for part in peers.at_first(own) for title in part]


def judge(
    config: Config, scores: Sequence[TitleScores], truth: Mapping[str, TitleLabels]
) -> tuple[Validation, dict[str, LabelThresholds]]:
    """Return mAP and thresholds, by the protocol that ``judged_protocol`` chooses; val holds a clip."""
    labels = config.data.labels
    thresholds = tune_thresholds(scores, truth, labels, config.tune, segment_score=config.infer.segment_score)
    found = [segment for title in scores for segment in _candidates(config, title, thresholds)]
    quick = EvaluateSettings(tiou_thresholds=config.tune.tiou_thresholds, rules=(), bootstrap_draws=0, trivial_draws=0)
    evaluation = evaluate(found, truth, labels, settings=quick)
    judged = [row for row in evaluation.results if (row.protocol, row.rule) == (evaluation.protocol, JUDGED)]
    scored = {row.label: row.average for row in judged if row.average is not None}
    details = {f"val_{label}": value for label, value in scored.items() if label != MEAN}
    return Validation(scored[MEAN], details), thresholds


def measure_flags(
    config: Config,
    scores: Sequence[TitleScores],
    truth: Mapping[str, TitleLabels],
    thresholds: Mapping[str, LabelThresholds],
    on: str,
) -> dict[str, Any]:
    """Return how right flags are on validation titles, as the checkpoint records it; counted as `evaluate` counts.

    Args:
        thresholds: those that the checkpoint gets.
        on: which titles these are, and what must be known of them.
    """
    labels = config.data.labels
    flags = {label: thresholds[label].flag for label in labels}
    collector = OperatorCollector(truth, labels, flags)
    for title in scores:
        collector.add(title, _candidates(config, title, thresholds))
    protocol = judged_protocol(truth, labels)
    assert protocol is not None  # val holds a clip
    return flags_measured(collector.metrics(), protocol, thresholds, on)


def _candidates(config: Config, title: TitleScores, thresholds: Mapping[str, LabelThresholds]) -> list[Segment]:
    """Return all segments that thresholds leave of a title, however low their score."""
    unflagged = {label: replace(limits, flag=0.0) for label, limits in thresholds.items()}
    return find_segments(
        title, unflagged, config.data.labels, segment_score=config.infer.segment_score, review_fraction=0
    )
