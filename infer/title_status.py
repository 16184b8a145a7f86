"""What a title is called in the end: exactly one status, and never *clear* for a film that was not read to its end.

Nor for one whose file holds other video that a player may show: it is for *review*.

Absence of segments means nothing without this row: a title can be without segments because it is clear, because only
half of it could be decoded, or because it could not be read at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from data.schemas import Coverage, Segment

LABEL_SEPARATOR = ";"
WHOLE = 0.99
"""More than this is never said of a title of which something is missing."""
GONE = "gone since"  # begins the reason of a title whose file is not there any more, but was read before


@dataclass(frozen=True)
class TitleRow:
    """One row of the titles table.

    Args:
        status: flagged, clear, review, partial or quarantined.
        labels: flagged labels, joined by ``;`` in order of the alphabet.
        segments: number of flagged segments.
        flagged_s: seconds of the title inside any flagged segment; overlaps of labels count once.
        duration_s: length of the title as a player shows it: what comes before the first picture counts; None if nobody
            knows.
        decoded_s: how much was read; None for a title that could not be read.
        coverage: decoded_s of the seconds with pictures, at most 1, and at most 0.99 of a title that is not complete: a
            hole inside leaves the length as it is; None where either is unknown.
        reason: why it is partial, what of its file was not looked at, or that the file is gone since it was read, in
            words.
        error_code, error: why it is quarantined.
        picture_start_s: when its first picture is seen on the player's clock, see ``data.schemas.Coverage``.
        name: what a person calls the title; empty in tables of before there were names.
        path: its file, below the media root or whole (``InferenceRun.path_of``); empty where there is none.
    """

    title_id: str
    status: str
    labels: str
    segments: int
    flagged_s: float
    duration_s: float | None
    decoded_s: float | None
    coverage: float | None
    samples: int | None
    corrupt_packets: int | None
    reason: str
    error_code: str
    error: str
    features_id: str | None
    name: str = ""
    path: str = ""
    picture_start_s: float = 0.0

    @property
    def read_until_s(self) -> float:
        """Up to when it was read, on the player's clock; 0 for a title that could not be read."""
        return 0.0 if self.decoded_s is None else self.picture_start_s + self.decoded_s

    @property
    def shown(self) -> str:
        """What a person is shown: the name, else the id."""
        return self.name or self.title_id


def listed_label(label: str) -> str:
    """Return a label as a list of labels holds it, which semicolons separate."""
    return label.replace(LABEL_SEPARATOR, ",")


def title_status(segments: Sequence[Segment] | None, coverage: Coverage | None) -> str:
    """Return the one status of a title.

    Args:
        segments: what was found; None if the title could not be scored.
        coverage: how much of it was read; None if there are no features.
    """
    if segments is None or coverage is None:
        return "quarantined"
    if not coverage.complete:
        return "partial"
    if any(segment.decision == "flag" for segment in segments):
        return "flagged"
    return "review" if segments or coverage.unseen else "clear"


def title_row(
    title_id: str,
    segments: Sequence[Segment] | None,
    coverage: Coverage | None,
    *,
    duration_s: float | None = None,
    features_id: str | None = None,
    error_code: str = "",
    error: str = "",
    name: str = "",
    path: str = "",
) -> TitleRow:
    """Sum a title up.

    Args:
        segments, coverage: see ``title_status``.
        duration_s: from the manifest, where the container does not say.
        error_code, error: of a title that failed.
        name, path: see ``TitleRow``.
    """
    flagged = [segment for segment in segments or () if segment.decision == "flag"]
    decoded_s = coverage.decoded_s if coverage else None
    declared_s = coverage.declared_duration_s if coverage and coverage.declared_duration_s else None
    if not declared_s and duration_s:
        declared_s = max(0.0, duration_s - (coverage.picture_start_s if coverage else 0.0))
    complete = coverage is not None and coverage.complete
    picture_start_s = coverage.picture_start_s if coverage else 0.0
    length_s = declared_s if declared_s else decoded_s if complete else None
    begins_s = picture_start_s
    if coverage is not None and coverage.declared_start_s is not None:
        begins_s = coverage.declared_start_s
    return TitleRow(
        title_id=title_id,
        status=title_status(segments, coverage),
        labels=LABEL_SEPARATOR.join(sorted({listed_label(segment.label) for segment in flagged})),
        segments=len(flagged),
        flagged_s=covered_s([(segment.start_s, segment.end_s) for segment in flagged]),
        duration_s=None if length_s is None else begins_s + length_s,
        decoded_s=decoded_s,
        coverage=min(1.0 if complete else WHOLE, decoded_s / length_s) if decoded_s is not None and length_s else None,
        samples=coverage.samples if coverage else None,
        corrupt_packets=coverage.corrupt_packets if coverage else None,
        reason=_reason(coverage),
        error_code=error_code,
        error=error,
        features_id=features_id,
        name=name,
        path=path,
        picture_start_s=picture_start_s,
    )


def _reason(coverage: Coverage | None) -> str:
    """Say why a title is partial, and what of it was not looked at."""
    if coverage is None:
        return ""
    return "; ".join(filter(None, (coverage.reason, coverage.remark if coverage.unseen else "")))


def with_reason(row: TitleRow, reason: str) -> TitleRow:
    """Return a row that says something more of its title, before what it says already."""
    return replace(row, reason=f"{reason}; {row.reason}" if row.reason else reason)


def covered_s(intervals: Sequence[tuple[float, float]]) -> float:
    """Return the seconds inside any of the intervals."""
    total, reached_s = 0.0, float("-inf")
    for start_s, end_s in sorted(intervals):
        total += max(0.0, end_s - max(start_s, reached_s))
        reached_s = max(reached_s, end_s)
    return total
