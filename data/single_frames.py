"""Labels of single frames, as SF-Net publishes them: one moment of every occurrence, and nothing of where it ends.

A line is ``video,time,label`` (seconds; ``video,label,time`` is read, too), with or without a line that names the
columns; a column ``frame`` takes a rate. Each becomes a clip of the one sample that the moment falls into. A title that
is listed lists a moment of *every* occurrence, so a label without one is absent from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from data.activitynet import canonical_id
from data.csv_table import cells_of
from data.json_file import head_of
from data.label_reading import LabelReading
from data.label_rows import LabelRows, PresenceRow
from data.label_tables import TableReader
from data.times import parse_time

TITLE_COLUMNS = ("title_id", "video", "video_id", "video_name", "vid")
LABEL_COLUMNS = ("label", "class", "action", "category")
MOMENT_COLUMNS = ("time_s", "time", "timestamp", "t", "frame")
_HEADLESS = (("video", "time", "label"), ("video", "label", "time"))


def is_single_frames(path: Path) -> bool:
    """Say whether a table is of single frames: a title, a label and a moment a line, and no start or end."""
    return _columns(path) is not None


def read_single_frames(path: Path, labels: Sequence[str], title_ids: Sequence[str], reading: LabelReading) -> LabelRows:
    """Read single-frame labels; nothing is raised, everything wrong is in ``problems`` with its line.

    Args:
        path: the file.
        labels: the labels that may occur.
        title_ids: known titles, matched with or without ``v_``.
        reading: the rate of frame numbers, and the seconds of a sample.
    """
    headless, columns = _columns(path) or ((), None)
    reader = TableReader(path, labels, reading, headless)
    if columns is None:
        message = "no single frames: expected video,time,label on each line, with or without these names in the first"
        reader.rows.report(path, message)
        return reader.finish()
    known = {canonical_id(title_id): title_id for title_id in title_ids}
    named, label, moment = columns
    for row in reader.table.rows:
        found = canonical_id(row.cells[named])
        reader.add_moment(row, known.get(found, found), row.cells[label], moment)
    drawn = {(clip.title_id, clip.label) for clip in reader.rows.clips}
    listed = dict.fromkeys(clip.title_id for clip in reader.rows.clips)
    reader.rows.presence += [
        PresenceRow(title_id, name, False, path, None, implied=True)
        for title_id in listed
        for name in labels
        if (title_id, name) not in drawn
    ]
    return reader.finish()


def _columns(path: Path) -> tuple[tuple[str, ...], tuple[str, str, str]] | None:
    """Return the columns of a file that does not name them (else none), and those of title, label and moment."""
    head = head_of(path).decode(errors="replace")
    cells = cells_of(next(iter(head.splitlines()), ""))
    kinds = (TITLE_COLUMNS, LABEL_COLUMNS, MOMENT_COLUMNS)
    named = [next((name for name in kind if name in cells), "") for kind in kinds]
    if all(named) and not any(name.startswith(("start", "end")) for name in cells):
        return (), (named[0], named[1], named[2])
    if len(cells) != len(_HEADLESS[0]):
        return None
    for headless in _HEADLESS:
        if _is_time(cells[headless.index("time")]):
            return headless, ("video", "label", "time")
    return None


def _is_time(text: str) -> bool:
    try:
        parse_time(text, 1.0)
    except ValueError:
        return False
    return True
