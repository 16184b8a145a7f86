"""What every reader of label files gives: who says what of which title, and where it is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from data.counted import counted
from data.csv_table import nearest
from data.errors import Problem


@dataclass(frozen=True)
class PresenceRow:
    """One statement that a label is present in a title, absent, or unknown (None). ``implied``: by JSON's silence."""

    title_id: str
    label: str
    present: bool | None
    path: Path
    line: int | None
    implied: bool = False


@dataclass(frozen=True)
class ClipRow:
    """One labelled interval, as written; ``first`` for kind first_occurrence, else all_occurrence.

    ``single``: only one frame of an occurrence is known, the interval is the sample that it falls into.
    """

    title_id: str
    label: str
    start_s: float
    end_s: float
    first: bool
    path: Path
    line: int | None
    single: bool = False


@dataclass
class LabelRows:
    """What a reader collects: statements, clips, and what is wrong with the file.

    ``title_ids`` are the titles that an annotation tool's user went through, with or without a clip, in file order.
    ``readings`` say how the times of tables were read.
    """

    presence: list[PresenceRow] = field(default_factory=list)
    clips: list[ClipRow] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    title_ids: list[str] = field(default_factory=list)
    readings: list[str] = field(default_factory=list)

    @property
    def labels(self) -> set[str]:
        """The labels that the rows use."""
        return {row.label for row in self.presence} | {row.label for row in self.clips}

    def report(self, path: Path, message: str, severity: str = "error") -> None:
        """Note a problem of a file in which lines have no meaning; the message names the place."""
        self.problems.append(Problem(path, None, message, severity))

    def extend(self, other: LabelRows) -> None:
        """Take over the rows of another file."""
        self.presence += other.presence
        self.clips += other.clips
        self.problems += other.problems
        self.readings += other.readings
        self.title_ids = list(dict.fromkeys([*self.title_ids, *other.title_ids]))


class UnknownLabels:
    """Labels that are not configured: one problem each, however many rows have them."""

    def __init__(self, path: Path, labels: Sequence[str]) -> None:
        self._path, self._labels = path, labels
        self._found: dict[str, tuple[int | None, int]] = {}

    def add(self, label: str, line: int | None) -> None:
        first, count = self._found.get(label, (line, 0))
        self._found[label] = (first, count + 1)

    def problems(self) -> list[Problem]:
        return [
            Problem(
                self._path,
                line,
                f"unknown label {label!r:.100} ({counted(count, 'row')}){nearest(label, self._labels)}",
                skippable=True,
            )
            for label, (line, count) in self._found.items()
        ]
