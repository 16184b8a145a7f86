"""CSV for people and spreadsheets: made from the same rows as the Parquet tables, never read back by the pipeline.

Cells that begin with ``= + - @``, tab or carriage return would be run as formulas by spreadsheets, so *text* cells get
an apostrophe in front; numbers are left alone. A title without segments has a file with a header only: what that means
is said by its row in titles.csv.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from data.errors import SchemaError
from data.files import atomic_path
from data.schemas import NAMED, Segment
from data.titles import title_id_fault
from infer.title_status import TitleRow

SEGMENT_COLUMNS = (
    *("title_id", "label", "start_s", "end_s", "start", "end", "duration_s", "score", "decision", "peak_s"),
    *NAMED,
)
TITLE_COLUMNS = (
    *("title_id", "status", "labels", "segments", "flagged_s", "duration_s", "decoded_s", "coverage"),
    *("samples", "corrupt_packets", "reason", "error_code", "error"),
    *NAMED,
    "picture_start_s",
)
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def guard(text: str) -> str:
    """Return text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def clock(time_s: float) -> str:
    """Return seconds as ``hh:mm:ss.mmm``; hours may exceed 99."""
    milliseconds = round(time_s * 1000)
    seconds, milliseconds = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{milliseconds:03d}"


def moment(time_s: float) -> str:
    """Return a moment for people: ``hh:mm:ss``, with milliseconds only where it is no whole second."""
    return clock(time_s).removesuffix(".000")


class CsvSink:
    """Appends rows of one kind to an open CSV file, header first."""

    def __init__(self, handle: IO[str], columns: tuple[str, ...]) -> None:
        self._writer = csv.writer(handle, lineterminator="\n")
        self._writer.writerow(columns)

    def write_segment(self, segment: Segment, name: str = "", path: str = "") -> None:
        self._writer.writerow(
            [
                guard(segment.title_id),
                guard(segment.label),
                f"{segment.start_s:.3f}",
                f"{segment.end_s:.3f}",
                clock(segment.start_s),
                clock(segment.end_s),
                f"{segment.end_s - segment.start_s:.3f}",
                f"{segment.score:.6f}",
                segment.decision,
                f"{segment.peak_s:.3f}",
                guard(name),
                guard(path),
            ]
        )

    def write_title(self, row: TitleRow) -> None:
        texts = [guard(text) for text in (row.reason, row.error_code, row.error, row.name, row.path)]
        numbers = (row.flagged_s, row.duration_s, row.decoded_s)
        seconds = ["" if number is None else f"{number:.3f}" for number in numbers]
        coverage = "" if row.coverage is None else f"{int(10_000 * row.coverage) / 10_000:.4f}"
        counts = ["" if count is None else count for count in (row.samples, row.corrupt_packets)]
        first = [guard(row.title_id), row.status, guard(row.labels), row.segments]
        start_s = "" if row.decoded_s is None else f"{row.picture_start_s:.3f}"
        self._writer.writerow([*first, *seconds, coverage, *counts, *texts, start_s])


@contextmanager
def open_csv(path: Path, columns: tuple[str, ...]) -> Iterator[CsvSink]:
    """Yield a sink; the file appears under its name, whole, when the block ends."""
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as handle:
        yield CsvSink(handle, columns)


def write_title_csv(folder: Path, title_id: str, segments: Iterable[Segment], name: str = "", path: str = "") -> Path:
    """Write ``<title_id>.csv`` with one title's segments, or a header only, and return its path.

    Raises:
        SchemaError: the id is not a file name.
    """
    if Path(title_id).name != title_id or title_id in ("", ".", ".."):
        raise SchemaError(f"title {title_id!r}: not usable as a file name; {title_id_fault(title_id)}")
    file = folder / f"{title_id}.csv"
    with open_csv(file, SEGMENT_COLUMNS) as sink:
        for segment in segments:
            sink.write_segment(segment, name, path)
    return file
