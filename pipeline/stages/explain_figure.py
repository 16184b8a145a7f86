"""A title's scores as curves, a panel a label, with thresholds and segments; matplotlib is imported when it draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from data.files import atomic_path
from data.schemas import LabelThresholds, Segment
from infer.title_scores import TitleScores

SHADES = {"flag": ("tab:red", 0.25), "review": ("tab:orange", 0.2)}


def draw_scores(
    path: Path,
    scores: TitleScores,
    labels: Sequence[str],
    thresholds: Mapping[str, LabelThresholds],
    segments: Sequence[Segment],
) -> None:
    """Draw action, conditional and foreground score over time. PNG, atomically.

    Args:
        scores: scores of C labels.
        labels: C names, in the order of the score columns.
        thresholds: by label; tau_f is drawn, and the threshold of flags where it differs.
        segments: of that title; flagged ones are red, near misses orange.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 1 + 2 * len(labels)), layout="constrained")
    panels = figure.subplots(len(labels), 1, sharex=True, squeeze=False)[:, 0]
    figure.suptitle(scores.title_id)
    edges_s = np.arange(len(scores.action_TC) + 1)
    for c, (label, panel) in enumerate(zip(labels, panels)):
        if scores.foreground_T is not None:
            panel.stairs(scores.foreground_T, edges_s, color="tab:gray", alpha=0.5, label="foreground")
        if scores.conditional_TC is not None:
            panel.stairs(scores.conditional_TC[:, c], edges_s, color="gold", alpha=0.8, label="conditional")
        panel.stairs(scores.action_TC[:, c], edges_s, color="tab:blue", label="action")
        limits = thresholds[label]
        panel.axhline(limits.frame, color="black", linestyle="--", linewidth=0.8, label="tau_f")
        if limits.flag > limits.frame:
            panel.axhline(limits.flag, color="tab:red", linestyle=":", linewidth=0.8, label="flag")
        for segment in segments:
            if segment.label == label:
                color, alpha = SHADES[segment.decision]
                panel.axvspan(segment.start_s, segment.end_s, color=color, alpha=alpha, linewidth=0)
        title_score = f"title score {float(scores.title_score_C[c]):.3f}, tau_v {limits.title:.3f}"
        panel.set(ylabel=label, ylim=(0, 1.02), title=title_score)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=5, fontsize="small")
    panels[-1].set(xlabel="seconds from the first presented frame", xlim=(0, max(1, len(scores.action_TC))))
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=100, metadata={"Software": None})
