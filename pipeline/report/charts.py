"""Points of small line charts, as SVG wants them: made here so that the page needs no script to show them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from data.schemas import Segment
from infer.title_status import TitleRow

SIDE = 100.0
"""Side of the plotting square of a chart, in units of its viewBox."""


def points(shares: Iterable[tuple[float, float]]) -> str:
    """Return (x, y) in [0, 1] as the ``points`` of a polyline, y upwards."""
    return " ".join(f"{SIDE * x:.2f},{SIDE * (1 - y):.2f}" for x, y in shares)


def steps(heights: Sequence[float]) -> str:
    """Return the outline of a histogram with bars of equal width; the highest of ``heights`` should be 1 or less."""
    count = len(heights)
    corners = [(b + side, height) for b, height in enumerate(heights) for side in (0, 1)]
    return points((x / count, y) for x, y in [(0, 0.0), *corners, (count, 0.0)])


def scaled(*histograms: Sequence[float]) -> list[list[float]]:
    """Return histograms with square-root heights, the highest of all 1: rare high scores must stay visible."""
    highest = max((value for values in histograms for value in values), default=0.0) or 1.0
    return [[(value / highest) ** 0.5 for value in values] for values in histograms]


def marks(row: TitleRow, segments: Sequence[Segment]) -> list[tuple[str, float, float]]:
    """Return (kind, start, width) of what is where in a title, in hundredths of its length.

    Kinds are ``gap`` for what was not read, then ``miss`` and ``flag``, so that later ones are drawn on top.
    """
    length_s = max(row.duration_s or 0.0, row.read_until_s)
    if length_s <= 0:
        return [("gap", 0.0, SIDE)]
    drawn = []
    if row.read_until_s < length_s - 1:
        start = SIDE * row.read_until_s / length_s
        drawn.append(("gap", start, SIDE - start))
    for kind, decision in (("miss", "review"), ("flag", "flag")):
        found = (segment for segment in segments if segment.decision == decision)
        drawn += [(kind, SIDE * s.start_s / length_s, SIDE * (s.end_s - s.start_s) / length_s) for s in found]
    return drawn
