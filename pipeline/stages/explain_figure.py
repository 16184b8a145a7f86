"""A title's scores as curves, a panel a label, with thresholds and segments; matplotlib is imported when it draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from data.counted import written_score, written_threshold
from data.errors import ConfigError
from data.files import atomic_path
from data.schemas import LabelThresholds, Segment
from infer.title_scores import TitleScores

MOST_PANELS = 6
"""Of more labels only those with segments are drawn; the highest title scores if there are none."""
FORMATS = (".png", ".svg")


def draw_scores(
    path: Path,
    scores: TitleScores,
    labels: Sequence[str],
    thresholds: Mapping[str, LabelThresholds],
    segments: Sequence[Segment],
    *,
    name: str = "",
) -> None:
    """Draw foreground, conditional and action score over time. PNG or SVG, by the name of the file, atomically.

    Args:
        scores: scores of C labels.
        labels: C names, in the order of the score columns.
        thresholds: by label; tau_f is drawn, and the threshold of flags.
        segments: of that title; flagged ones are shaded darker than near misses.
        name: what a person calls the title; its id by default.

    Raises:
        ConfigError: another kind of file.
    """
    if path.suffix.lower() not in FORMATS:
        raise ConfigError(f"{path}: cannot draw {path.suffix or 'a file without a suffix'}; name a .png or .svg file")
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    from pipeline import figures

    chosen = chosen_labels(scores, labels, segments)
    with rc_context(figures.STYLE):
        figure = Figure(figsize=(9, 0.5 + 2.1 * len(chosen)), layout="constrained")
        figure.suptitle(name or scores.title_id)
        for panel, label in zip(figure.subplots(len(chosen), 1, squeeze=False)[:, 0], chosen):
            c = labels.index(label)
            values = {"FS": scores.foreground_T, "AS": scores.action_TC[:, c]}
            values["CS"] = None if scores.conditional_TC is None else scores.conditional_TC[:, c]
            shown = {name: value_T for name, value_T in values.items() if value_T is not None}
            figures.draw_segments(panel, [segment for segment in segments if segment.label == label])
            figures.draw_scores(panel, shown, thresholds[label], scores.grid)
            title_score = float(scores.title_score_C[c])
            needed = thresholds[label].title
            said = f"title score {written_score(title_score, needed)}, needed {written_threshold(needed)}"
            panel.set_title(f"{label}\n{said}", loc="left")
            panel.get_legend().set_loc("lower right")
            panel.get_legend().set_bbox_to_anchor((1.0, 1.0))
            panel.set_xlabel("")
        panel.set_xlabel("time")
        form = path.suffix.lower().removeprefix(".")
        metadata = {"Software": None} if form == "png" else {"Date": None}
        with atomic_path(path) as temporary:
            figures.save_to(figure, temporary, format=form, dpi=120, metadata=metadata)


def chosen_labels(scores: TitleScores, labels: Sequence[str], segments: Sequence[Segment]) -> list[str]:
    """Return the labels to draw, in the order of ``labels``; see ``MOST_PANELS``."""
    if len(labels) <= MOST_PANELS:
        return list(labels)
    found = {segment.label for segment in segments}
    ranked = sorted(range(len(labels)), key=lambda c: -float(scores.title_score_C[c]))
    found = found or {labels[c] for c in ranked[:MOST_PANELS]}
    return [label for label in labels if label in found]
