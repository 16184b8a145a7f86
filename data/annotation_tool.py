"""What the files of annotation tools have in common: media files instead of title ids, regions instead of rows.

Label Studio, VIA and ELAN list intervals that an annotator drew. They say nothing of what was *not* drawn: whether a
label without an interval is absent, or was never looked for, depends on the task, so silence stays unknown here
(ActivityNet JSON differs: it is defined to list everything).
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from urllib.parse import unquote

from data.errors import Problem
from data.label_names import label_name
from data.label_rows import ClipRow, LabelRows, UnknownLabels
from data.titles import composed

LONGEST_S = 1e7  # 115 days: what is longer is no time in a film
_UPLOAD_PREFIX = re.compile(r"[0-9a-f]{8}-", re.ASCII)  # what Label Studio puts before an uploaded file's name


def title_of_media(source: str, title_ids: Collection[str]) -> str:
    """Return the title that a media file's path or address means: its name without folders and suffix.

    The full name and the name without Label Studio's upload prefix are accepted where they are a known title.
    """
    path, _, query = unquote(source).partition("?")
    parts = [part for part in re.split(r"[/\\]", path) if part]
    if query and (not parts or path.endswith("/")):  # .../local-files/?d=films/tt1.mp4
        parts = [part for part in re.split(r"[/\\=&]", query) if part]
    name = composed(parts[-1]) if parts else ""
    stem = name.rpartition(".")[0] or name
    for candidate in (name, stem, _UPLOAD_PREFIX.sub("", stem, count=1)):
        if candidate in title_ids:
            return candidate
    return stem


class ToolReader:
    """Collects the clips of one file, and what is wrong with it, each with its place in the file.

    Args:
        path: the file.
        labels: the labels that may occur.
        title_ids: known titles.
    """

    def __init__(self, path: Path, labels: Sequence[str], title_ids: Sequence[str]) -> None:
        self.path = path
        self.labels = labels
        self.rows = LabelRows()
        self._known = frozenset(title_ids)
        self._unknown = UnknownLabels(path, labels)
        self._ignored: dict[str, int] = {}
        self._seen: set[str] = set()

    def problem(self, place: str, message: str, *, whole: bool = False) -> None:
        """Report what is wrong at a place of the file; ``whole`` where nothing of the file can be used then."""
        self.rows.problems.append(Problem(self.path, None, f"{place}: {message}", skippable=not whole))

    def is_known(self, media: str) -> bool:
        """Say whether a path or address means a known title."""
        return title_of_media(media, self._known) in self._known

    def ignore(self, what: str) -> None:
        """Count something that holds no label in time; one warning in the end, however many there are."""
        self._ignored[what] = self._ignored.get(what, 0) + 1

    def title(self, named: object, media: object) -> str | None:
        """Return the title that a file names itself, or else means by its media file; None if it does neither."""
        title_id = composed(named) if isinstance(named, str) and named else None
        if title_id is None and isinstance(media, str):
            title_id = title_of_media(media, self._known) or None
        if title_id is not None and title_id not in self._seen:
            self._seen.add(title_id)
            self.rows.title_ids.append(title_id)
        return title_id

    def clip(self, place: str, title_id: str, label: object, start_s: float, end_s: float) -> None:
        """Add one interval; all occurrences, since nobody says that only the first was drawn."""
        label = label_name(label) if isinstance(label, str) else label
        if label in (None, ""):
            self.ignore("regions without a label")
        elif not isinstance(label, str):
            self.problem(place, f"label {label!r:.100} is no text")
        elif label not in self.labels:
            self._unknown.add(label, None)
        elif not (math.isfinite(start_s) and math.isfinite(end_s) and max(abs(start_s), abs(end_s)) <= LONGEST_S):
            allowed = f"finite numbers up to {LONGEST_S:g} s"
            self.problem(place, f"a clip of {label!r} from {start_s:g} to {end_s:g} s; times must be {allowed}")
        else:
            self.rows.clips.append(ClipRow(title_id, label, start_s, end_s, False, self.path, None))

    def finish(self) -> LabelRows:
        """Return the rows with all problems."""
        self.rows.problems += self._unknown.problems()
        for what, count in self._ignored.items():
            self.rows.report(self.path, f"ignored, no label in time: {what} ({count})", "warning")
        return self.rows
