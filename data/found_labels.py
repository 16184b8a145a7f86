"""Labels taken from the label files, where ``[data] labels`` does not list them.

Twenty or two hundred classes of a published data set are not typed by hand. Files that use the paper's labels, and no
others, mean the paper's four. With a misspelt one among them (``violense``) they mean these, too: the odd one is
reported, as it is where labels are listed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches

from data.label_files import form_of, read_label_file
from data.label_names import EVERY_LABEL, label_fault
from data.settings import PAPER_LABELS, DataSettings


def with_found_labels(settings: DataSettings) -> DataSettings:
    """Return settings with the labels that the label files use, sorted, where none are listed. Not in the paper.

    Nothing is raised: a file that cannot be read holds no labels, and is reported by who reads it for good.
    """
    if "labels" in settings.model_fields_set:
        return settings
    paths = list(dict.fromkeys(path for path in (settings.video_labels, settings.clip_labels) if path is not None))
    found: set[str] = set()
    for path in paths:
        form = form_of(path) if settings.label_form == "auto" else settings.label_form
        if form == "elan":  # a tier's name may be a label or not
            continue
        rows = read_label_file(
            path,
            EVERY_LABEL,
            (),
            reading=replace(settings.reading, frame_rate_fps=settings.frame_rate_fps or 25.0),
            form=form,
        )
        found |= {row.label for row in rows.presence} | {row.label for row in rows.clips}
    names = sorted(label for label in found if not label_fault(label))
    return settings.with_labels(chosen_labels(names))


def chosen_labels(found: Iterable[str]) -> tuple[str, ...]:
    """Return the labels that are meant where files use ``found``."""
    names = sorted(set(found))
    others = [label for label in names if label not in PAPER_LABELS]
    misspelt = [label for label in others if get_close_matches(label.casefold(), PAPER_LABELS, n=1, cutoff=0.8)]
    if not names or (len(others) < len(names) and others == misspelt):
        return PAPER_LABELS
    return tuple(names)
