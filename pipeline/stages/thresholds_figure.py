"""The curve that a threshold was chosen from, as a picture. matplotlib is imported when one is drawn."""

from __future__ import annotations

from pathlib import Path

from data.counted import counted, written_threshold
from data.files import atomic_path
from infer.certainty import CONFIDENCE, rate_interval, share_interval
from infer.operating_point import Choice


def draw_curve(path: Path, choice: Choice) -> None:
    """Draw precision, and false flags per hour, over recall, as a PNG, atomically; the chosen point with its doubt.

    Its bars are the intervals of ``infer.certainty``: with few clips they are wide, and that is the point.
    """
    from matplotlib.figure import Figure

    curve, row = choice.curve, choice.row
    figure = Figure(figsize=(9, 4), layout="constrained")
    panels = figure.subplots(1, 2)
    state = "" if choice.reached else " (not reached)"
    figure.suptitle(
        f"{choice.label}: {choice.goal}{state}, validation: {counted(curve.clips, 'clip')}, {curve.hours:.1f} h"
    )
    for panel, values, name in (
        (panels[0], curve.precision, "share of flags that are correct"),
        (panels[1], curve.false_per_hour, "false flags per hour"),
    ):
        panel.plot(curve.recall, values, drawstyle="steps-post", color="tab:blue")
        if row is not None and curve.clips:
            point = float(curve.recall[row]), float(values[row])
            flagged, false = int(curve.flagged_K[row]), int(curve.false_K[row])
            across = share_interval(int(curve.found_K[row]), curve.clips)
            up = share_interval(flagged - false, flagged) if panel is panels[0] else rate_interval(false, curve.hours)
            bars = [[[middle - low], [high - middle]] for middle, (low, high) in zip(point, (across, up))]
            label = f"flag {written_threshold(choice.after.flag)}" if choice.reached else "nearest"
            label += f", {CONFIDENCE:.0%} intervals"
            panel.errorbar(*point, xerr=bars[0], yerr=bars[1], fmt="o", color="tab:red", capsize=3, label=label)
            panel.legend()
        panel.set(xlabel="share of clips found", ylabel=name, xlim=(0, 1.02), ylim=(0, None))
        panel.grid(alpha=0.3)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120, metadata={"Software": None})
