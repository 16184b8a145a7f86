"""Choose a label's flag threshold for what an operator wants: a recall, a precision, or so many false flags an hour.

Not in the paper. Training leaves each label at its best F1; a service that must not miss anything, or whose reviewers
have an hour a day, wants another point of the same curve. Only *which candidates are flagged* is chosen here; their
shape (tau_f, merge gap, minimum length) stays as it was tuned. tau_v stays, too, unless the wanted recall lies beyond
what the titles it keeps can give: then it is lifted altogether.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from data.schemas import LabelThresholds
from infer.operating_curve import OperatingCurve

Wanted = Literal["recall", "precision", "false_per_hour"]
SLACK = 1e-12
"""Shares are quotients of counts: 9 / 10 must pass for a wanted 0.9."""


@dataclass(frozen=True)
class Goal:
    """What is wanted: ``recall`` or ``precision`` at least ``value``, or ``false_per_hour`` at most ``value``."""

    wanted: Wanted
    value: float

    def __str__(self) -> str:
        if self.wanted == "false_per_hour":
            return f"at most {self.value:g} false flags per hour"
        of = "clips found" if self.wanted == "recall" else "flags correct"
        return f"{100 * self.value:g} % of the {of}"


@dataclass(frozen=True)
class FlaggedTitles:
    """How many titles a threshold flags: one that flags nearly all tells no title from another.

    Args:
        flagged: with at least one flagged segment, wherever it lies.
        titles: scored.
        holding: known to hold the label.
    """

    flagged: int
    titles: int
    holding: int

    @property
    def nearly_all(self) -> bool:
        """Whether all titles are flagged, or nine of ten and some that are not known to hold the label."""
        return self.flagged == self.titles or 0.9 * self.titles <= self.flagged > self.holding


@dataclass(frozen=True)
class Dropped:
    """Segments that score high enough to be flagged, in titles whose own score is too low: tau_v drops them.

    Args:
        segments: so many, anywhere in their titles.
        titles: so many titles hold them.
    """

    segments: int
    titles: int


@dataclass(frozen=True)
class Choice:
    """One label's thresholds for a goal.

    Args:
        before, after: its thresholds; equal where the goal cannot be reached.
        shown: the thresholds of ``row``: ``after`` where the goal is reached, else those that come nearest.
        curve: what every flag threshold reaches, under the other thresholds of ``shown``.
        row: the row of the curve that was chosen, or what comes nearest to the goal; None when there is no candidate.
        reached: whether that row meets the goal.
        titles: what ``shown`` flags; None where nobody counted.
        dropped: what the title threshold of ``shown`` drops; None where nobody counted.
    """

    label: str
    goal: Goal
    before: LabelThresholds
    after: LabelThresholds
    shown: LabelThresholds
    curve: OperatingCurve
    row: int | None
    reached: bool
    titles: FlaggedTitles | None = None
    dropped: Dropped | None = None

    @property
    def flags_every_candidate(self) -> bool:
        """Whether the threshold lies below all that was seen: nothing that tau_v and tau_f let through is left out."""
        return self.reached and self.row == len(self.curve.score_K) - 1


def choose(label: str, before: LabelThresholds, goal: Goal, kept: OperatingCurve, every: OperatingCurve) -> Choice:
    """Choose a label's thresholds.

    Args:
        before: its thresholds.
        kept: the curve over candidates of titles whose title score reaches tau_v.
        every: the curve over candidates of all titles.
    """
    lifted = replace(before, title=0.0)
    for curve, limits in ((kept, before), (every, lifted)):
        row = goal_row(curve, goal)
        if row is not None:
            after = replace(limits, flag=threshold_at(curve, row, before.frame))
            return Choice(label, goal, before, after, after, curve, row, reached=True)
        if goal.wanted != "recall":
            break
    row = _nearest_row(curve, goal)
    shown = limits if row is None else replace(limits, flag=threshold_at(curve, row, before.frame))
    return Choice(label, goal, before, before, shown, curve, row, reached=False)


def goal_row(curve: OperatingCurve, goal: Goal) -> int | None:
    """Return the best row of a curve that meets the goal; None if none does.

    For a recall: the highest threshold, which has the fewest false segments. For a precision: the row with the highest
    recall, of those the one with the highest precision. For false segments per hour: the lowest threshold.
    """
    if goal.wanted == "recall":
        rows = np.flatnonzero(curve.recall >= goal.value - SLACK)
        return int(rows[0]) if len(rows) else None
    if goal.wanted == "false_per_hour":
        rows = np.flatnonzero(curve.false_per_hour <= goal.value + SLACK)
        return int(rows[-1]) if len(rows) else None
    rows = np.flatnonzero(curve.precision >= goal.value - SLACK)
    if not len(rows):
        return None
    return int(rows[np.lexsort((curve.precision[rows], curve.found_K[rows]))[-1]])


def threshold_at(curve: OperatingCurve, row: int, floor: float) -> float:
    """Return a threshold that flags exactly the rows up to ``row``: halfway to the next lower score.

    A threshold that equals a segment's score would flip with the last digit of a recomputed score.

    Args:
        floor: tau_f, below which no candidate scores, for the last row.
    """
    if row + 1 == len(curve.score_K):
        return below_all(float(curve.score_K[row]), floor)
    return float((curve.score_K[row] + curve.score_K[row + 1]) / 2)


def below_all(lowest: float, floor: float) -> float:
    """Return a threshold that every candidate passes: halfway from the lowest score down to the least there can be.

    Not 0, which would read as if nobody had chosen, and would flag what scores lower than anything that was looked at.
    """
    return (lowest + min(lowest, floor)) / 2


def _nearest_row(curve: OperatingCurve, goal: Goal) -> int | None:
    """Return the row that comes nearest to a goal that cannot be reached."""
    if not len(curve.score_K):
        return None
    if goal.wanted == "recall":
        return int(np.argmax(curve.found_K))
    return int(np.argmax(curve.precision)) if goal.wanted == "precision" else 0
