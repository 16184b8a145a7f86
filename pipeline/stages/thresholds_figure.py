"""The curve that a threshold was chosen from, as a picture. matplotlib is imported when one is drawn."""

from __future__ import annotations

from pathlib import Path

from data.counted import counted
from data.files import atomic_path
from infer.operating_point import Choice


def draw_curve(path: Path, choice: Choice) -> None:
    """Draw precision, and false segments per hour, over recall; the chosen point is marked. PNG, atomically."""
    from matplotlib.figure import Figure

    curve = choice.curve
    figure = Figure(figsize=(9, 4), layout="constrained")
    panels = figure.subplots(1, 2)
    state = "" if choice.reached else " (not reached)"
    figure.suptitle(
        f"{choice.label}: {choice.goal}{state}, validation: {counted(curve.clips, 'clip')}, {curve.hours:.1f} h"
    )
    for panel, values, name in (
        (panels[0], curve.precision, "precision"),
        (panels[1], curve.false_per_hour, "false segments per hour"),
    ):
        panel.plot(curve.recall, values, drawstyle="steps-post", color="tab:blue")
        if choice.row is not None:
            label = f"flag {choice.after.flag:.3g}" if choice.reached else "nearest"
            panel.plot(curve.recall[choice.row], values[choice.row], "o", color="tab:red", label=label)
            panel.legend()
        panel.set(xlabel="recall of clips", ylabel=name, xlim=(0, 1.02), ylim=(0, None))
        panel.grid(alpha=0.3)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120, metadata={"Software": None})
