"""`labels import`: label files of any form become the two CSV files that a run names, to be kept and edited.

Everything wrong with the files is reported at once, and nothing is written then.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from data.errors import Problem
from data.files import atomic_path
from data.label_files import read_label_file
from data.label_manifest import REFUSE, LabelManifest, LabelRules, join_labels
from data.label_names import guarded_label
from data.label_reading import AS_WRITTEN, LabelReading
from data.label_rows import ClipRow, LabelRows, PresenceRow
from data.label_tables import KINDS
from data.labels import TitleLabels
from data.manifest import raise_errors
from data.titles import Title, title_id_fault

VIDEO_LABELS, CLIP_LABELS = "video_labels.csv", "clip_labels.csv"


def import_labels(
    paths: Sequence[Path],
    out: Path,
    labels: tuple[str, ...],
    titles: Mapping[str, Title] | None = None,
    *,
    reading: LabelReading = AS_WRITTEN,
    silence_is_absence: bool = False,
    rules: LabelRules = REFUSE,
) -> LabelManifest:
    """Read label files of any form and write ``video_labels.csv`` and ``clip_labels.csv``.

    Args:
        paths: files, or folders of ELAN files.
        out: folder for the two files; both are replaced.
        labels: the labels that may occur.
        titles: the catalogue; labels of other titles are left out with a warning. None takes the files' titles.
        reading: how to read what the files do not say themselves.
        rules: what becomes of labels that make no sense.
        silence_is_absence: take a label that is not drawn in a title of an annotation tool's file as absent (0).

    Returns:
        labels of every title, with the warnings.

    Raises:
        ManifestError: with every error of all files.
    """
    rows = LabelRows()
    for path in paths:
        rows.extend(read_label_file(path, labels, tuple(titles or ()), reading=reading))
    if titles is None:
        titles = _titles_of(rows, paths[0])
    if silence_is_absence:
        rows.presence += _absences(rows, labels, paths[0])
    manifest = join_labels(rows, labels, titles, paths, rules)
    raise_errors([problem for problem in manifest.problems if problem.severity == "error"])
    write_labels(out, manifest.labels.values())
    return manifest


def write_labels(out: Path, labels: Iterable[TitleLabels]) -> None:
    """Write labels as ``video_labels.csv`` and ``clip_labels.csv``, the long forms of ``data.label_files``.

    Reading them gives the same labels. A label that a spreadsheet would run as a formula gets an apostrophe in front;
    ids have none of the characters that begin one, but for ``-``, after which they hold no operator.
    """
    video: list[tuple[str, ...]] = [("title_id", "label", "present")]
    clips: list[tuple[str, ...]] = [("title_id", "label", "start_s", "end_s", "kind")]
    for title in labels:
        for label, present in title.present.items():
            video.append((title.title_id, guarded_label(label), "" if present is None else str(int(present))))
        rows = [(clip, KINDS[1]) for clip in title.occurrences or ()]
        earliest = {clip.label: clip for clip, _ in reversed(rows)}
        rows += [(clip, KINDS[0]) for label, clip in title.first.items() if earliest.get(label) != clip]
        clips += [
            (title.title_id, guarded_label(c.label), f"{c.start_s:.6f}", f"{c.end_s:.6f}", kind) for c, kind in rows
        ]
    for name, table in ((VIDEO_LABELS, video), (CLIP_LABELS, clips)):
        with atomic_path(out / name) as temporary, temporary.open("w", encoding="utf-8", newline="") as handle:
            csv.writer(handle, lineterminator="\n").writerows(table)


def _titles_of(rows: LabelRows, path: Path) -> dict[str, Title]:
    """Return the titles that the files speak of, after reporting ids that no title may have."""
    said: Sequence[PresenceRow | ClipRow] = [*rows.presence, *rows.clips]
    found = dict.fromkeys(rows.title_ids, path) | {row.title_id: row.path for row in said}
    faults = {title_id: title_id_fault(title_id) for title_id in found}
    rows.problems += [Problem(found[title_id], None, fault) for title_id, fault in faults.items() if fault]
    return {title_id: Title(title_id) for title_id in found}


def _absences(rows: LabelRows, labels: Sequence[str], path: Path) -> list[PresenceRow]:
    drawn = {(clip.title_id, clip.label) for clip in rows.clips}
    return [
        PresenceRow(title_id, label, False, path, None, implied=True)
        for title_id in rows.title_ids
        for label in labels
        if (title_id, label) not in drawn
    ]
