"""When the rows of a title are seen: the only place where an index becomes seconds, and seconds an index.

What a person reads or writes (segments, exports, labels) is on the player's clock: 0 is where a player starts. Rows are
counted from the first displayed picture, which may come later: a recording's sound often begins before its pictures.

Not in the paper, whose films begin with their pictures and have a row a second.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

TOLERANCE_S = 0.001
"""Times in tables have milliseconds: nearer than that to an edge is on it."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TimeGrid:
    """Row i covers ``[start_s + i step_s, start_s + (i + 1) step_s)`` on the player's clock.

    Args:
        start_s: when the first displayed picture is shown.
        step_s: seconds from one row to the next, > 0.
    """

    start_s: float = 0.0
    step_s: float = 1.0

    def time_s(self, row: float) -> float:
        """Return when a row begins, which is when the one before it ends."""
        return float(self.start_s + row * self.step_s)

    def times_s(self, row_R: npt.NDArray[Any]) -> Floats:
        """Return (R,) when rows begin."""
        times: Floats = self.start_s + row_R.astype(np.float64) * self.step_s
        return times

    def row(self, time_s: float) -> int:
        """Return the row that covers a time; below 0 before the first one."""
        return math.floor((time_s - self.start_s + TOLERANCE_S) / self.step_s)

    def rows_until(self, time_s: float) -> int:
        """Return how many rows begin before a time, at least 0."""
        return max(0, math.ceil((time_s - self.start_s - TOLERANCE_S) / self.step_s))

    def whole_rows(self, seconds: float) -> int:
        """Return how many whole rows fit into a length of time."""
        return math.floor((seconds + TOLERANCE_S) / self.step_s)

    def touched(self, start_s: float, end_s: float, rows: int) -> slice:
        """Return the rows that touch ``[start_s, end_s)``: at least one, and inside ``[0, rows)``."""
        first = min(max(self.row(start_s), 0), rows - 1)
        return slice(first, max(min(self.rows_until(end_s), rows), first + 1))


SECONDS = TimeGrid()
"""The grid of a film whose pictures begin where a player does, a row a second."""
