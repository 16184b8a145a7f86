"""The figures of the paper from a run, for papers and slides: heat bars (Figure 3) and mistakes (Figure 4).

Drawn on ``matplotlib.figure.Figure`` without pyplot, so there is no global state and no screen. Pictures of films are
blurred and grey unless the caller asks otherwise. Equal inputs give equal files: no date, fixed ids.

Axes: T frames, C labels.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MultipleLocator
from PIL import Image, ImageFilter

from data.counted import written_score, written_threshold
from data.files import atomic_path
from data.labels import Clip
from data.schemas import LabelThresholds, Segment
from data.targets import clip_frames
from data.time_grid import TimeGrid
from infer.title_scores import TitleScores
from pipeline.report.mistakes import FALSE, Mistake

log = logging.getLogger(__name__)
FORMATS = ("png", "svg")
COLOURS = {"GT": "#7f868d", "FS": "#d62718", "CS": "#e0a800", "AS": "#1667c0"}
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 9,
    "svg.hashsalt": "coarse2fine",
    "axes.spines.top": False,
    "axes.spines.right": False,
}
DETECTED, LABELLED = COLOURS["AS"], COLOURS["GT"]
BLUR_PX = 12
TICKS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
MOST_TICKS = 8


def draw_heat_bars(
    scores: TitleScores,
    segments: Sequence[Segment],
    clips: Sequence[Clip],
    *,
    labels: Sequence[str],
    label: str,
    thresholds: LabelThresholds,
    stills: Mapping[int, bytes],
    reveal: bool,
    name: str = "",
) -> Figure:
    """Draw one title and label (Figure 3): pictures, bars of GT, FS, CS and AS, and the scores with the thresholds.

    Args:
        segments, clips: of this title and label.
        labels: C names, in the order of the score columns.
        stills: JPEG files by second. A blue dot: inside a flagged segment; a grey dot: inside a labelled clip.
        reveal: show the pictures as they are.
        name: what a person calls the title; its id by default.
    """
    c = labels.index(label)
    values = {"GT": _covered(clips, len(scores.action_TC), scores.grid) if clips else None, "FS": scores.foreground_T}
    values["CS"] = None if scores.conditional_TC is None else scores.conditional_TC[:, c]
    values["AS"] = scores.action_TC[:, c]
    shown = {name: value_T for name, value_T in values.items() if value_T is not None}
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 3.0 + 0.32 * len(shown) + (1.3 if stills else 0.0)), layout="constrained")
        figure.suptitle(f"{name or scores.title_id}: {label}")
        ratios = [1.3] * bool(stills) + [0.32 * len(shown) + 1.9]
        parts = figure.subfigures(len(ratios), 1, squeeze=False, height_ratios=ratios)[:, 0]
        if stills:
            _draw_stills(parts[0], stills, segments, clips, reveal=reveal)
        *bars, panel = parts[-1].subplots(len(shown) + 1, 1, height_ratios=[0.32] * len(shown) + [1.9])
        _draw_bars(bars, shown, scores.grid)
        draw_scores(panel, shown, thresholds, scores.grid)
        draw_segments(panel, segments)
    return figure


def draw_mistakes(mistakes: Sequence[Mistake], stills: Mapping[tuple[str, int], bytes], *, reveal: bool) -> Figure:
    """Draw the pictures of mistakes (Figure 4): one row a label, false positives first.

    Args:
        mistakes: in the order in which they are shown, see ``report_mistakes.worst``.
        stills: JPEG files by title and second; a mistake without one is an empty frame.
    """
    by_label: dict[str, list[Mistake]] = {}
    for mistake in mistakes:
        by_label.setdefault(mistake.label, []).append(mistake)
    columns = max(map(len, by_label.values()))
    with mpl.rc_context({**STYLE, "axes.titlesize": 7}):
        figure = Figure(figsize=(1.75 * columns + 0.4, 1.55 * len(by_label)), layout="constrained")
        panels = figure.subplots(len(by_label), columns, squeeze=False)
        for row, (label, found) in zip(panels, by_label.items()):
            for column, panel in enumerate(row):
                panel.set(xticks=[], yticks=[])
                panel.spines[:].set_visible(column < len(found))
                if column >= len(found):
                    continue
                mistake = found[column]
                score = written_score(mistake.score)
                panel.set_title(f"{'FP' if mistake.kind == FALSE else 'FN'} {mistake.title_id} {score}")
                _show(panel, stills.get((mistake.title_id, mistake.moment_s)), reveal=reveal)
            row[0].set_ylabel(label)
    return figure


def draw_scores(
    panel: Axes, shown: Mapping[str, np.ndarray[Any, Any]], thresholds: LabelThresholds, grid: TimeGrid
) -> None:
    """Draw curves and thresholds over a square-root axis: thresholds are often below 0.01.

    Args:
        shown: (T,) scores by ``FS``, ``CS`` and ``AS``; the last one must be there.
        grid: when each frame is seen.
    """
    for name in ("CS", "FS", "AS"):
        if name in shown:
            time_s_T = grid.times_s(np.arange(len(shown[name])) + 0.5)
            width = 1.6 if name == "AS" else 0.8
            panel.plot(time_s_T, np.sqrt(shown[name]), color=COLOURS[name], lw=width, label=name)
    for value, line, name in ((thresholds.frame, "--", "τf"), (thresholds.flag, ":", "flag")):
        panel.axhline(value**0.5, color="black", lw=0.8, ls=line, label=f"{name} {written_threshold(value)}")
    ticks = [0.0, 0.01, 0.1, 0.3, 0.6, 1.0]
    end_s = grid.time_s(len(shown["AS"]))
    panel.set(xlim=(0, end_s), ylim=(0, 1.03), ylabel="score", xlabel="time")
    panel.set_yticks([tick**0.5 for tick in ticks], [f"{tick:g}" for tick in ticks])
    panel.xaxis.set_major_locator(MultipleLocator(_tick_s(end_s)))
    panel.xaxis.set_major_formatter(lambda second, _: _clock(second))
    panel.legend(fontsize=7, ncols=5, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)


def draw_segments(panel: Axes, segments: Sequence[Segment]) -> None:
    """Shade segments: flagged ones dark, near misses light."""
    for segment in segments:
        flagged = segment.decision == "flag"
        panel.axvspan(segment.start_s, segment.end_s, color=COLOURS["AS"], alpha=0.18 if flagged else 0.06, lw=0)


def save(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write a figure as PNG (200 dpi) and SVG, atomically, and return the paths."""
    paths = [folder / f"{name}.{form}" for form in FORMATS]
    for path, form in zip(paths, FORMATS):
        metadata = {"Software": None} if form == "png" else {"Date": None}
        with mpl.rc_context(STYLE), atomic_path(path) as temporary:
            save_to(figure, temporary, format=form, dpi=200, metadata=metadata)
    return paths


def save_to(figure: Figure, path: Path, **options: Any) -> None:
    """Save a figure; letters of a name that no font here has are said once, in words."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        figure.savefig(path, **options)
    lacking = [warning for warning in caught if "missing from font" in str(warning.message)]
    if lacking:
        log.warning("the fonts of this machine lack letters of a title's name: install one for its script")
    for warning in caught:
        if warning not in lacking:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)


def redacted(jpeg: bytes, *, reveal: bool) -> Image.Image:
    """Return a picture, blurred and grey unless it is to be revealed."""
    with Image.open(io.BytesIO(jpeg)) as opened:
        image = opened.convert("RGB")
    if reveal:
        return image
    return image.convert("L").filter(ImageFilter.GaussianBlur(BLUR_PX)).convert("RGB")


def _draw_stills(
    part: SubFigure, stills: Mapping[int, bytes], segments: Sequence[Segment], clips: Sequence[Clip], *, reveal: bool
) -> None:
    panels = part.subplots(1, len(stills), squeeze=False)[0]
    for panel, second in zip(panels, sorted(stills)):
        _show(panel, stills[second], reveal=reveal)
        detected = any(s.start_s <= second < s.end_s for s in segments if s.decision == "flag")
        labelled = any(clip.start_s - 1 < second < clip.end_s for clip in clips)
        dots = [colour for colour, is_shown in ((DETECTED, detected), (LABELLED, labelled)) if is_shown]
        for place, colour in enumerate(dots):
            panel.plot(0.08 + 0.12 * place, 0.1, "o", color=colour, mec="white", transform=panel.transAxes)
        panel.set(xticks=[], yticks=[], xlabel=_clock(second))
        panel.spines[:].set_visible(True)


def _draw_bars(panels: Sequence[Axes], shown: Mapping[str, np.ndarray[Any, Any]], grid: TimeGrid) -> None:
    for panel, (name, value_T) in zip(panels, shown.items()):
        colours = LinearSegmentedColormap.from_list(name, ["#ffffff", COLOURS[name]])
        extent = (grid.start_s, grid.time_s(len(value_T)), 0, 1)
        panel.imshow(value_T[None], aspect="auto", cmap=colours, vmin=0, vmax=1, extent=extent, rasterized=True)
        panel.set_xlim(0, extent[1])
        panel.spines[:].set_visible(True)
        panel.set(yticks=[], xticks=[])
        panel.set_ylabel(name, rotation=0, ha="right", va="center")


def _show(panel: Axes, jpeg: bytes | None, *, reveal: bool) -> None:
    if jpeg is not None:
        panel.imshow(redacted(jpeg, reveal=reveal))


def _covered(clips: Sequence[Clip], frames: int, grid: TimeGrid) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return (T,) 1 for the frames that touch a clip."""
    covered_T = np.zeros(frames)
    for clip in clips:
        covered_T[clip_frames(clip, frames, grid)] = 1.0
    return covered_T


def _tick_s(length_s: float) -> int:
    """Return the distance of ticks, in seconds, as clocks have it."""
    return next((step for step in TICKS_S if length_s / step <= MOST_TICKS), TICKS_S[-1])


def _clock(second: float) -> str:
    whole = int(second)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
