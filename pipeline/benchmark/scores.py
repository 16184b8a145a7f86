"""From the runs of a method to the numbers of a table: mean and spread over seeds, confidence interval over titles.

Two things move a number: the seed of a training, and which titles happen to be in the test split. The spread answers
for the first; for the second, titles are resampled (``infer.bootstrap``), the same ones for every seed and method, and
each resample gives the mean over the seeds.

Axes: B draws, K' columns of ``Resampled``, C labels.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from infer.evaluation import JUDGED, MEAN, MODEL, Resampled
from pipeline.benchmark.methods import Method, Variant
from pipeline.benchmark.run import Outcome

OFFICIAL, STRICT = "ge", "gt"
Draws = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Column:
    """A column of Tables 3 to 5.

    Args:
        title: in the header.
        tiou: threshold, or ``AVG``.
        rule: ``ge``, ``gt`` or ``judged``, as in ``infer.evaluation.Result``.
        k: index of the threshold; None for the mean over all of them.
    """

    title: str
    tiou: str
    rule: str
    k: int | None


@dataclass(frozen=True)
class Score:
    """A number of a table; shares from 0 to 1.

    Args:
        mean: over seeds.
        spread: their standard deviation (n - 1); None for a single seed.
        interval: over titles; None where there was no bootstrap.
        seeds: the value of each seed.
    """

    mean: float
    spread: float | None
    interval: tuple[float, float] | None
    seeds: tuple[float, ...]


@dataclass(frozen=True)
class Standing:
    """A method after all its runs.

    Args:
        chosen: the variant that is reported.
        tuning: all runs that the choice was made from.
        runs: of the chosen variant, one a seed.
    """

    method: Method
    chosen: Variant
    tuning: tuple[Outcome, ...]
    runs: tuple[Outcome, ...]

    @property
    def done(self) -> tuple[Outcome, ...]:
        return tuple(run for run in self.runs if run.is_done)

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """Failed runs, also of variants that were not chosen, each once."""
        return tuple({run.folder: run for run in (*self.tuning, *self.runs) if not run.is_done}.values())


def table_columns(tiou_thresholds: Sequence[float]) -> list[Column]:
    """Return the columns: the official rule at each threshold as the paper has it, the strict one at 0, both AVGs.

    Above 0 both rules give the same, so without a 0 there is one AVG.
    """
    columns = []
    for k, tiou in enumerate(tiou_thresholds):
        columns.append(Column(f"{tiou:.1f} official" if tiou == 0 else f"{tiou:g}", f"{tiou:g}", OFFICIAL, k))
        if tiou == 0:
            columns.append(Column(f"{tiou:.1f} strict", f"{tiou:g}", STRICT, k))
    if 0 not in tiou_thresholds:
        return [*columns, Column("AVG", "AVG", JUDGED, None)]
    return [*columns, Column("AVG official", "AVG", OFFICIAL, None), Column("AVG strict", "AVG", JUDGED, None)]


def choose(variants: Sequence[Variant], tuning: Sequence[Outcome]) -> Variant:
    """Return the variant with the best mean validation score; one whose runs failed only if no other has more."""

    def standing(variant: Variant) -> tuple[int, float]:
        scores = [run.val_score for run in tuning if run.variant == variant.name and run.val_score is not None]
        return len(scores), statistics.fmean(scores) if scores else 0.0

    return max(variants, key=standing)


def score(
    runs: Sequence[Outcome],
    protocol: str,
    column: Column,
    *,
    labels: Sequence[str],
    label: str = MEAN,
    confidence: float = 0.95,
) -> Score | None:
    """Return a number of a method; None if no run measured it.

    Args:
        runs: finished ones, one a seed.
        labels: in the order of the resamples.
        label: one of them, or the mean over those with clips.
    """
    values = [value for run in runs if (value := _value(run, protocol, column, MODEL, label)) is not None]
    if not values:
        return None
    draws = [_draws(run.resampled[protocol], run, column, labels, label) for run in runs if protocol in run.resampled]
    return Score(
        statistics.fmean(values),
        statistics.stdev(values) if len(values) > 1 else None,
        _interval(draws, confidence) if draws else None,
        tuple(values),
    )


def trivial_score(run: Outcome, protocol: str, column: Column, method: str) -> Score | None:
    """Return a number of a trivial row: the same in every run."""
    value = _value(run, protocol, column, method, MEAN)
    return None if value is None else Score(value, None, None, (value,))


def _value(run: Outcome, protocol: str, column: Column, method: str, label: str) -> float | None:
    row = run.row(protocol, column.rule, method=method, label=label)
    if row is None:
        return None
    value: float | None = row["average"] if column.k is None else row["ap_K"][column.k]
    return value


def _draws(resampled: Resampled, run: Outcome, column: Column, labels: Sequence[str], label: str) -> Draws:
    """Return (B,) the number under each resample; NaN where a resample holds no clip of it."""
    thresholds = run.tiou_thresholds if column.k is None else (run.tiou_thresholds[column.k],)
    rules = [column.rule if column.rule != JUDGED else OFFICIAL if tiou > 0 else STRICT for tiou in thresholds]
    wanted = list(zip(thresholds, rules))
    average_BC: Draws = resampled.ap_BKC[:, [resampled.columns.index(pair) for pair in wanted]].mean(axis=1)
    if label != MEAN:
        alone_B: Draws = average_BC[:, labels.index(label)]
        return alone_B
    known_BC = ~np.isnan(average_BC)
    with np.errstate(invalid="ignore"):
        mean_B: Draws = np.where(known_BC, average_BC, 0.0).sum(axis=1) / known_BC.sum(axis=1)
    return mean_B


def _interval(draws: Sequence[Draws], confidence: float) -> tuple[float, float] | None:
    mean_B = np.mean(draws, axis=0)
    usable = mean_B[~np.isnan(mean_B)]
    if not len(usable):
        return None
    low, high = np.quantile(usable, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
