"""A figure for each table: what a reader sees before any number is read.

In the figures of Tables 3 to 5 a dot is the mean over seeds, a line the confidence interval over titles, a small tick
one seed, and a vertical line what a method reaches that saw nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from data.label_check import PAPER_TABLE_1, LabelCount
from pipeline.benchmark.catalogue import FrameShares
from pipeline.benchmark.score_tables import FAILED, Line
from pipeline.benchmark.scores import Column, Score
from pipeline.figures import COLOURS, STYLE

LINES = (":", "--")
BLUE, GREY, RED = COLOURS["AS"], COLOURS["GT"], COLOURS["FS"]
Cell = Callable[[str, str, str], Score | None]
"""The number of a protocol, a panel and a method."""


def draw_counts(counts: Sequence[LabelCount]) -> Figure:
    """Draw Table 1: clips of each label and their mean duration; the paper's durations as open circles."""
    names = [count.label for count in counts]
    paper = [(PAPER_TABLE_1[name][1], row) for row, name in enumerate(names) if name in PAPER_TABLE_1]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 1.1 + 0.45 * len(names)), layout="constrained")
        clips, means = figure.subplots(1, 2, sharey=True)
        place = [row + 0.2 for row in range(len(names))]
        clips.barh(range(len(names)), [count.firsts for count in counts], 0.38, color=BLUE, label="first clips")
        clips.barh(
            [row + 0.4 for row in range(len(names))],
            [count.occurrences for count in counts],
            0.38,
            color=GREY,
            label="all clips",
        )
        means.barh(range(len(names)), [count.first_mean_s or 0 for count in counts], 0.38, color=BLUE)
        means.barh(
            [row + 0.4 for row in range(len(names))],
            [count.occurrence_mean_s or 0 for count in counts],
            0.38,
            color=GREY,
        )
        if paper:
            means.plot(*zip(*paper), "o", mfc="none", mec=RED, label="paper, first clips")
        clips.set(xlabel="clips", yticks=place, yticklabels=names)
        means.set(xlabel="mean duration, seconds")
        clips.invert_yaxis()
        figure.legend(fontsize=7, loc="outside lower center", ncols=3)
    return figure


def draw_shares(shares: FrameShares) -> Figure:
    """Draw Table 2: the share of each label among all frames and among foreground frames, over a logarithmic axis."""
    columns = [*shares.labels, shares.foreground]
    rows = range(len(columns))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 1.1 + 0.45 * len(columns)), layout="constrained")
        panel = figure.subplots()
        for offset, values, colour, name in (
            (0.0, [one.of_all for one in columns], GREY, "of all frames"),
            (0.4, [one.of_foreground for one in columns], BLUE, "of foreground frames"),
        ):
            places = [row + offset for row in rows]
            bars = panel.barh(places, [100 * value for value in values], 0.38, color=colour, label=name)
            panel.bar_label(bars, [f"{100 * value:.1f} %" for value in values], padding=2, fontsize=7)
        least = min((one.of_all for one in columns if one.of_all > 0), default=0.01)
        panel.set(xscale="log", xlim=(50 * least, 300), xlabel="share of frames, percent")
        panel.xaxis.set_major_formatter("{x:g}")
        panel.set_yticks([row + 0.2 for row in rows], [one.label for one in columns])
        panel.invert_yaxis()
        figure.legend(*panel.get_legend_handles_labels(), fontsize=7, loc="outside lower center", ncols=2)
    return figure


def draw_methods(lines: Sequence[Line], trivial: Sequence[Line], columns: Sequence[Column]) -> Figure:
    """Draw Table 3 or 5: a panel per protocol and column, a row per method."""
    titles = {column.title: index for index, column in enumerate(columns)}
    by_key = {(line.protocol, line.method): line for line in (*lines, *trivial)}

    def cell(protocol: str, panel: str, method: str) -> Score | None:
        line = by_key.get((protocol, method))
        return None if line is None else line.scores[titles[panel]]

    return _grid(lines, trivial, list(titles), cell)


def draw_labels(lines: Sequence[Line], columns: Sequence[Column]) -> Figure:
    """Draw Table 4: a panel per protocol and label, a row per method; strict AVG, the last column."""
    by_key = {(line.protocol, line.label, line.method): line for line in lines}

    def cell(protocol: str, panel: str, method: str) -> Score | None:
        line = by_key.get((protocol, panel, method))
        return None if line is None else line.scores[-1]

    figure = _grid(lines, (), list(dict.fromkeys(line.label for line in lines)), cell)
    figure.supxlabel(f"{columns[-1].title}, percent", fontsize=9)
    return figure


def _grid(lines: Sequence[Line], trivial: Sequence[Line], panels: Sequence[str], cell: Cell) -> Figure:
    protocols = list(dict.fromkeys(line.protocol for line in lines))
    methods = list(dict.fromkeys(line.method for line in lines))
    measured = {(line.protocol, line.method) for line in lines if any(value is not None for value in line.scores)}
    with mpl.rc_context(STYLE):
        size = (1.9 + 1.5 * len(panels), 0.9 + len(protocols) * (0.7 + 0.24 * len(methods)))
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(len(protocols), len(panels), squeeze=False, sharey=True, sharex="col")
        for row, protocol in zip(axes, protocols):
            for panel, name in zip(row, panels):
                for place, method in enumerate(methods):
                    missing = "no clips" if (protocol, method) in measured else FAILED
                    _draw_score(panel, place, cell(protocol, name, method), missing)
                for method, style in zip(dict.fromkeys(line.method for line in trivial), LINES):
                    value = cell(protocol, name, method)
                    if value is not None:
                        panel.axvline(100 * value.mean, color=GREY, lw=1, ls=style, label=method)
                panel.grid(axis="x", alpha=0.3)
            row[0].set_yticks(range(len(methods)), methods)
            row[0].set_ylabel(protocol)
        axes[0][0].set_ylim(len(methods) - 0.5, -0.5)
        for panel, name in zip(axes[0], panels):
            panel.set_title(name)
            panel.set_xlim(left=0)  # only now that all rows are drawn: it ends the fitting of the shared axis
        figure.supxlabel("mAP, percent", fontsize=9)
        if trivial:
            figure.legend(*axes[0][0].get_legend_handles_labels(), fontsize=7, loc="outside upper right", ncols=2)
    return figure


def _draw_score(panel: Axes, place: int, value: Score | None, missing: str) -> None:
    if value is None:
        panel.text(0.02, place, missing, color=RED, fontsize=7, va="center", transform=panel.get_yaxis_transform())
        return
    if value.interval is not None:
        panel.plot([100 * end for end in value.interval], [place, place], "-", color=BLUE, lw=1.2)
    panel.plot([100 * seed for seed in value.seeds], [place] * len(value.seeds), "|", color=GREY, ms=6)
    panel.plot(100 * value.mean, place, "o", color=BLUE, ms=4)
