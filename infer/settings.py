"""The configuration sections of inference, tuning and evaluation, and the words their options take.

Nothing here imports numpy or torch: the command line reads these classes before it knows which stage will run.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SerializerFunctionWrapHandler, model_serializer

from data.section import Section
from infer.tiou_text import parse_tiou

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Seconds = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
TitleGate = Literal["relative", "absolute"]


def _tiou_text(value: object) -> object:
    return parse_tiou(value) if isinstance(value, str) else (value,) if isinstance(value, int | float) else value


def _ascending(values: tuple[float, ...]) -> tuple[float, ...]:
    if len(set(values)) < len(values):
        raise ValueError("each threshold may be named once")
    return tuple(sorted(values))


TiouThresholds = Annotated[
    tuple[Share, ...], Field(min_length=1), BeforeValidator(_tiou_text), AfterValidator(_ascending)
]
"""Numbers, or a text of ``infer.tiou_text``: ``"0.1:0.7:0.1"``, ``"0.3,0.5"``."""

PAPER_TIOU = (0.0, 0.1, 0.2)


class Rule(StrEnum):
    """When a prediction may match a clip: ``ge`` is the official tIoU >= threshold, ``gt`` the strict tIoU > threshold.

    At threshold 0 the official rule accepts any segment of the same title and label, overlapping or not (SPEC.md,
    Evaluation); the strict one needs some overlap.
    """

    GE = "ge"
    GT = "gt"


class Protocol(StrEnum):
    """The two test protocols (Sec. 4.1)."""

    FIRST_OCCURRENCE = "first-occurrence"
    ALL_OCCURRENCE = "all-occurrence"


class ThresholdOverride(Section):
    """Replaces some of one label's tuned thresholds; what is left out stays as tuned. See ``LabelThresholds``."""

    title: Share | None = None
    frame: Share | None = None
    merge_gap_s: Seconds | None = None
    min_length_s: Seconds | None = None
    flag: Share | None = None


class InferSettings(Section):
    """From frame scores to segments (Sec. 3.3).

    Args:
        device: torch device for scoring; ``auto`` takes the GPU where there is one.
        window_s: titles longer than this are scored in overlapping windows of this length; seconds (Sec. 4.2: T).
        segment_score: highest (Sec. 3.3) or mean action score of the run. ``mean`` is not in the paper.
        review_fraction: near misses at this fraction of the thresholds go to review; 0 turns review off. Not in the
            paper: an operator wants to see what was just missed.
        thresholds: per label, what to use instead of the checkpoint's tuned thresholds.
        rule: ``thresholds``, or a baseline's own (see ``infer.published``), which takes nothing of the above.
        title_gate: of those rules: a label's title logit must exceed a share of the title's highest, or only 0.
        write_scores: keep every frame score in scores.parquet.
    """

    device: str = "auto"
    window_s: Annotated[int, Field(gt=0)] = 3600
    segment_score: Literal["max", "mean"] = "max"
    review_fraction: Share = 0.5
    thresholds: dict[str, ThresholdOverride] = Field(default_factory=dict)
    rule: Literal["thresholds", "three-c-net", "sf-net"] = "thresholds"
    title_gate: TitleGate = "relative"
    write_scores: bool = True


class TuneSettings(Section):
    """The grid on which thresholds are chosen on the validation split (SPEC.md: tau_v, tau_f, gap, minimum length).

    Args:
        frame_candidates: number of values of tau_f tried per label.
        merge_gaps_s, min_lengths_s: values tried, ascending; seconds.
        title_recall: tau_v is the highest value that keeps this share of the validation titles that hold the label.
        tiou_thresholds: the epoch, tau_f, gap and minimum length are those of the best mean AP at these, strict at 0.
    """

    frame_candidates: Annotated[int, Field(ge=3, le=1000)] = 40
    merge_gaps_s: Annotated[tuple[Seconds, ...], Field(min_length=1)] = (0, 1, 2, 3, 5, 8, 12, 20)
    min_lengths_s: Annotated[tuple[Seconds, ...], Field(min_length=1)] = (0, 1, 2, 3, 4, 6, 8, 12)
    title_recall: Share = 0.95
    tiou_thresholds: TiouThresholds = PAPER_TIOU

    @model_serializer(mode="wrap")
    def _unless_asked(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what is as it was before there was a choice: trainings from then are those of the same settings."""
        values: dict[str, Any] = handler(self)
        if self.tiou_thresholds == PAPER_TIOU:
            values.pop("tiou_thresholds", None)
        return values


class EvaluateSettings(Section):
    """How predictions are measured (SPEC.md, Evaluation).

    Args:
        tiou_thresholds: measured at each, and AVG is the mean over them.
        rules: which rules to print; the judged reading (strict at 0, official above) is always there.
        protocols: which test protocols to print; one without any labelled title is left out.
        crossing: predictions that cross the end of the measured span (first-occurrence protocol) are clipped to it,
            dropped, or left as they are (``none``). Those that start after it are always dropped.
        bootstrap_draws: resamples of titles for the confidence interval; 0 leaves it out.
        confidence: of that interval.
        trivial_draws: random draws averaged for the trivial rows; 0 leaves them out.
        seed: of the trivial rows and the bootstrap.
    """

    tiou_thresholds: TiouThresholds = PAPER_TIOU
    rules: tuple[Rule, ...] = (Rule.GE, Rule.GT)
    protocols: Annotated[tuple[Protocol, ...], Field(min_length=1)] = tuple(Protocol)
    crossing: Literal["clip", "drop", "none"] = "clip"
    bootstrap_draws: Annotated[int, Field(ge=0, le=100_000)] = 1000
    confidence: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.95
    trivial_draws: Annotated[int, Field(ge=0, le=1000)] = 10
    seed: Annotated[int, Field(ge=0)] = 0
