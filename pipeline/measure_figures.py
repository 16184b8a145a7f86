"""What was measured of a run, drawn: precision over recall, reliability, and drift since the run before.

A panel a label, at most four in a row. Drawn like ``pipeline.figures``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.figures import COLOURS, STYLE
from pipeline.report.charts import scaled
from pipeline.report.drift import Drift
from pipeline.report.mistakes import Curve

LINES = ("-", "--", ":")
COLUMNS = 4
BEFORE = COLOURS["GT"]


def draw_curves(curves: Sequence[Curve]) -> Figure:
    """Draw precision over recall, a panel a label, a line a way to be right; the dot is the chosen flag threshold."""
    by_label: dict[str, list[Curve]] = {}
    for curve in curves:
        by_label.setdefault(curve.label, []).append(curve)
    with mpl.rc_context(STYLE):
        figure, panels = _panels(len(by_label))
        for panel, (label, found) in zip(panels, by_label.items()):
            for curve, line in zip(found, LINES):
                panel.plot(curve.recall_K, curve.precision_K, line, color=COLOURS["AS"], label=curve.overlap)
            if found[0].chosen is not None:
                panel.plot(*found[0].chosen, "o", color=COLOURS["FS"], clip_on=False)
            panel.set(title=f"{label} (clips: {found[0].clips})", xlim=(0, 1), ylim=(0, 1.02), xlabel="recall")
            panel.grid(alpha=0.3)
        _label_rows(panels, "precision")
        panels[-1].legend(fontsize=7, loc="upper right")
    return figure


def draw_reliability(reliability: Mapping[str, Sequence[tuple[float, float, int]]]) -> Figure:
    """Draw how often the label is there over the action score: on the diagonal a score of 0.3 means 30 %.

    Args:
        reliability: by the name of a panel: (mean score, share that is true, samples) per bin; at least one panel.
    """
    with mpl.rc_context(STYLE):
        figure, panels = _panels(len(reliability))
        for panel, (name, bins) in zip(panels, reliability.items()):
            panel.plot((0, 1), (0, 1), ":", color=BEFORE, lw=0.8)
            panel.plot([x for x, _, _ in bins], [y for _, y, _ in bins], "o-", color=COLOURS["AS"], ms=3, clip_on=False)
            panel.set(title=name, xlim=(0, 1), ylim=(0, 1.02), xlabel="action score")
            panel.grid(alpha=0.3)
        _label_rows(panels, "share that holds it")
    return figure


def draw_drift(drift: Drift) -> Figure | None:
    """Draw the action scores of both runs as histograms; None where a run kept no scores."""
    rows = [row for row in drift.labels if row.stability_index is not None]
    if not rows:
        return None
    styles = ((BEFORE, "--", "before"), (COLOURS["AS"], "-", "now"))
    with mpl.rc_context(STYLE):
        figure, panels = _panels(len(rows))
        for panel, row in zip(panels, rows):
            edges = np.linspace(0, 1, len(row.histogram[0]) + 1)
            for heights, (colour, line, name) in zip(scaled(*row.histogram), styles):
                panel.stairs(heights, edges, color=colour, ls=line, label=name)
            panel.set(title=f"{row.label}: index {row.stability_index:.3f}", xlim=(0, 1), ylim=(0, 1.02))
            panel.set_xlabel("square root of AS")
        _label_rows(panels, "share, square root")
        panels[-1].legend(fontsize=7, loc="upper right")
    return figure


def _panels(count: int) -> tuple[Figure, list[Axes]]:
    """Return a figure with ``count`` panels of one size; panels that are not needed are left out."""
    columns = min(count, COLUMNS)
    rows = -(-count // COLUMNS)
    figure = Figure(figsize=(2.2 * columns + 0.5, 2.6 * rows), layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False, sharey=True).flat)
    for panel in panels[count:]:
        panel.remove()
    return figure, panels[:count]


def _label_rows(panels: Sequence[Axes], text: str) -> None:
    for panel in panels[::COLUMNS]:
        panel.set_ylabel(text)
