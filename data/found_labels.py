"""Labels taken from the label files, where ``[data] labels`` does not list them.

Twenty or two hundred classes of a published data set are not typed by hand. Files that use the paper's labels, and no
others, mean the paper's four. With a misspelt one among them (``violense``) they mean these, too: the odd one is
reported, as it is where labels are listed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from data.label_files import Form, form_of, read_label_file
from data.label_names import EVERY_LABEL, label_fault
from data.label_reading import LabelReading
from data.label_rows import LabelRows
from data.settings import PAPER_LABELS, DataSettings

ANY_RATE_FPS = 25.0  # whatever it is, the labels are the same


def with_found_labels(settings: DataSettings) -> DataSettings:
    """Return settings with the labels that the label files use, sorted, where none are listed. Not in the paper.

    Nothing is raised: a file that cannot be read holds no labels, and is reported by who reads it for good.
    """
    if "labels" in settings.model_fields_set:
        return settings
    paths = [path for path in (settings.video_labels, settings.clip_labels) if path is not None]
    return settings.with_labels(labels_of(paths, settings.reading, settings.label_form))


def labels_of(paths: Sequence[Path], reading: LabelReading, form: Form = "auto") -> tuple[str, ...]:
    """Return the labels that are meant where label files are all that says it.

    Args:
        paths: the files.
        reading: how to read what they do not say themselves.
        form: the form of all of them, or ``auto``.
    """
    found: set[str] = set()
    for path in dict.fromkeys(paths):
        found |= rows_of(path, reading, form).labels
    return chosen_labels(label for label in found if not label_fault(label))


def rows_of(path: Path, reading: LabelReading, form: Form = "auto", labels: Sequence[str] = EVERY_LABEL) -> LabelRows:
    """Return the rows of a label file whose titles are not known yet, and its problems; nothing is raised.

    Those of ELAN files are none: what a tier's name is, a label or not, only listed labels can tell.
    """
    told = form_of(path) if form == "auto" else form
    if told == "elan" and labels is EVERY_LABEL:
        return LabelRows()
    rated = replace(reading, frame_rate_fps=reading.frame_rate_fps or ANY_RATE_FPS)
    return read_label_file(path, labels, (), reading=rated, form=told)


def chosen_labels(found: Iterable[str]) -> tuple[str, ...]:
    """Return the labels that are meant where files use ``found``."""
    names = sorted(set(found))
    others = [label for label in names if label not in PAPER_LABELS]
    misspelt = [label for label in others if get_close_matches(label.casefold(), PAPER_LABELS, n=1, cutoff=0.8)]
    if not names or (len(others) < len(names) and others == misspelt):
        return PAPER_LABELS
    return tuple(names)
