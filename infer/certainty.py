"""How sure a number of few clips is: intervals for shares and rates, and how many clips a promise takes.

Not in the paper. Two-sided 95 % intervals that hold for any count, however small: Clopper and Pearson's for a share of
clips or flags, Garwood's for false flags of an hour (a Poisson count). Clips of one title, and episodes of one series,
count as if they had nothing to do with one another, and the threshold was chosen on these same clips: read the interval
as the least doubt that is left, not as all of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from infer.operating_point import SLACK, Choice

CONFIDENCE = 0.95
TAIL = (1 - CONFIDENCE) / 2
Interval = tuple[float, float]


@dataclass(frozen=True)
class Certainty:
    """What is known of the number that a goal asks for.

    Args:
        count, of: clips found of all, right flags of all, or false flags in so many hours.
        interval: of their share, or of false flags an hour; infinite above where no time was measured.
        promised: the whole interval meets the goal.
        needed: clips (or flags) without a miss, or hours without a false flag, from which on it would; None where no
            number is enough: all of all, or no false flag ever.
    """

    count: int
    of: float
    interval: Interval
    promised: bool
    needed: float | None


def certainty(choice: Choice) -> Certainty:
    """Return how sure it is that a choice reaches its goal on other titles of the same kind."""
    curve, row, goal = choice.curve, choice.row, choice.goal
    found, flagged, false = (
        (0, 0, 0) if row is None else (int(c[row]) for c in (curve.found_K, curve.flagged_K, curve.false_K))
    )
    if goal.wanted == "false_per_hour":
        interval = rate_interval(false, curve.hours)
        return Certainty(false, curve.hours, interval, interval[1] <= goal.value + SLACK, clean_hours(goal.value))
    count, of = (found, curve.clips) if goal.wanted == "recall" else (flagged - false, flagged)
    interval = share_interval(count, of)
    return Certainty(count, of, interval, interval[0] >= goal.value - SLACK, clean_run(goal.value))


def share_interval(count: int, of: int) -> Interval:
    """Return Clopper and Pearson's interval of a share: what is compatible with ``count`` of ``of``, 0 to 1."""
    if of == 0:
        return 0.0, 1.0
    ways_K = np.array([math.lgamma(of + 1) - math.lgamma(k + 1) - math.lgamma(of - k + 1) for k in range(of + 1)])
    k_K = np.arange(of + 1)

    def at_most(most: int, share: float) -> float:
        """Return the chance of so many or fewer, for a share strictly between 0 and 1."""
        log_K = ways_K + k_K * math.log(share) + (of - k_K) * math.log1p(-share)
        return float(np.exp(log_K[: most + 1]).sum())

    low = 0.0 if count == 0 else _falling_root(lambda share: at_most(count - 1, share) - (1 - TAIL), 1.0)
    high = 1.0 if count == of else _falling_root(lambda share: at_most(count, share) - TAIL, 1.0)
    return low, high


def rate_interval(count: int, hours: float) -> Interval:
    """Return Garwood's interval of events an hour, after ``count`` of them in so many hours."""
    if hours <= 0:
        return 0.0, math.inf
    faculty_K = np.array([math.lgamma(k + 1) for k in range(count + 1)])

    def at_most(most: int, mean: float) -> float:
        log_K = np.arange(most + 1) * math.log(mean) - mean - faculty_K[: most + 1]
        return float(np.exp(log_K).sum())

    most = count + 10 * math.sqrt(count + 1) + 10
    low = 0.0 if count == 0 else _falling_root(lambda mean: at_most(count - 1, mean) - (1 - TAIL), most)
    high = _falling_root(lambda mean: at_most(count, mean) - TAIL, most)
    return low / hours, high / hours


def clean_run(share: float) -> float | None:
    """Return how many without a miss it takes until the interval of their share begins at ``share``; None for 1.

    Of n of n the lower end is TAIL^(1/n).
    """
    return None if share >= 1 else math.ceil(math.log(TAIL) / math.log(share) - SLACK)


def clean_hours(rate: float) -> float | None:
    """Return how many hours without an event it takes until the interval of the rate ends at ``rate``; None for 0.

    Of none in h hours the upper end is -ln(TAIL) / h.
    """
    return None if rate <= 0 else -math.log(TAIL) / rate


def _falling_root(value: Callable[[float], float], most: float) -> float:
    """Return where a falling function crosses 0 between 0 and ``most``."""
    low, high = 0.0, most
    for _ in range(60):
        middle = (low + high) / 2
        if value(middle) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2
