"""Points of small line charts, as SVG wants them: made here so that the page needs no script to show them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
