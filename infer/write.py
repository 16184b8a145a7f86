"""The products of inference on disk: the canonical Parquet tables, and the CSV files made from the same rows.

Everything streams: titles come from an iterator and are written as they come, so memory does not grow with the
catalogue. Every file is written under a temporary name and renamed when it is whole.

Axes: T frames, C labels.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import SchemaError
from data.files import atomic_path
from data.parquet_file import open_parquet, parquet_sink
from data.schemas import (
    LATE_COLUMNS,
    SCORES,
    SEGMENTS,
    SEGMENTS_SCHEMA,
    TITLES,
    TITLES_SCHEMA,
    Segment,
    check_schema_name,
    scores_schema,
)
from data.time_grid import SECONDS, TimeGrid
from infer.csv_export import SEGMENT_COLUMNS, TITLE_COLUMNS, open_csv, write_title_csv
from infer.title_scores import TitleScores
from infer.title_status import TitleRow

ROWS_PER_GROUP = 20_000
TITLE_SCORES_KEY = "coarse2fine.title_scores"
GRIDS_KEY = "coarse2fine.time_grids"


@dataclass(frozen=True)
class Origin:
    """What made a table: the same in every row of a run.

    Args:
        run_id: the run.
        model_id: fingerprint of checkpoint and inference settings.
        features_id: which features the checkpoint reads.
    """

    run_id: str
    model_id: str
    features_id: str


class _Rows:
    """Collects rows of one schema and writes them in row groups of bounded size."""

    def __init__(self, writer: pq.ParquetWriter, schema: pa.Schema) -> None:
        self._writer = writer
        self._schema = schema
        self._pending: list[dict[str, Any]] = []

    def add(self, row: dict[str, Any]) -> None:
        self._pending.append(row)
        if len(self._pending) >= ROWS_PER_GROUP:
            self.flush()

    def flush(self) -> None:
        if self._pending:
            self._writer.write_table(pa.Table.from_pylist(self._pending, schema=self._schema))
            self._pending = []


class ScoreSink:
    """Writes the frame scores of one title after another, one row group each.

    The title scores, a few numbers a title, go into the file's metadata: the table has one row a frame. So do the grids
    of titles that do not have a frame a second from 0 on.
    """

    def __init__(self, path: Path, writer: pq.ParquetWriter, labels: Sequence[str]) -> None:
        self._path = path
        self._writer = writer
        self._labels = tuple(labels)
        self.title_scores: dict[str, list[float]] = {}
        self.grids: dict[str, list[float]] = {}

    def add(self, title: TitleScores) -> None:
        if title.title_id in self.title_scores:
            raise SchemaError(f"{self._path}: scores of title {title.title_id} twice; list every title once")
        self.title_scores[title.title_id] = [float(value) for value in title.title_score_C]
        if title.grid != SECONDS:
            self.grids[title.title_id] = [title.grid.start_s, title.grid.step_s]
        table = _scores_table(title, self._labels)
        self._writer.write_table(table, row_group_size=max(1, len(table)))


def write_results(
    folder: Path, results: Iterable[tuple[TitleRow, Sequence[Segment]]], origin: Origin
) -> dict[str, int]:
    """Write all tables of a run in one pass over its titles and return how many titles have each status.

    Writes ``segments.parquet``, ``segments.csv``, ``titles.parquet``, ``titles.csv``, and per title
    ``segments/<title_id>.csv`` for every title that was scored (not quarantined). The tables appear when the last
    title is written; the per-title files as they come.
    """
    counts: dict[str, int] = {}
    with ExitStack() as stack:
        segment_rows = stack.enter_context(_open_rows(folder / "segments.parquet", SEGMENTS_SCHEMA))
        title_rows = stack.enter_context(_open_rows(folder / "titles.parquet", TITLES_SCHEMA))
        segment_csv = stack.enter_context(open_csv(folder / "segments.csv", SEGMENT_COLUMNS))
        title_csv = stack.enter_context(open_csv(folder / "titles.csv", TITLE_COLUMNS))
        for row, segments in results:
            counts[row.status] = counts.get(row.status, 0) + 1
            for segment in segments:
                segment_rows.add({**asdict(segment), **asdict(origin), "name": row.name, "path": row.path})
                segment_csv.write_segment(segment, row.name, row.path)
            title_rows.add(_title_values(row, origin))
            title_csv.write_title(row)
            if row.status != "quarantined":
                write_title_csv(folder / "segments", row.title_id, segments, row.name, row.path)
    return counts


@contextmanager
def _writer(path: Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    with atomic_path(path) as temporary, parquet_sink(temporary) as sink, pq.ParquetWriter(sink, schema) as writer:
        yield writer


@contextmanager
def open_scores(path: Path, labels: Sequence[str]) -> Iterator[ScoreSink]:
    """Yield a sink for frame scores; the file appears under its name, whole, when the block ends."""
    with _writer(path, scores_schema(tuple(labels))) as writer:
        sink = ScoreSink(path, writer, labels)
        yield sink
        metadata = {TITLE_SCORES_KEY: json.dumps(sink.title_scores)}
        writer.add_key_value_metadata(metadata | ({GRIDS_KEY: json.dumps(sink.grids)} if sink.grids else {}))


def write_scores(path: Path, labels: Sequence[str], scores: Iterable[TitleScores]) -> int:
    """Write frame scores, one row group a title, atomically; return how many titles."""
    with open_scores(path, labels) as sink:
        for title in scores:
            sink.add(title)
    return len(sink.title_scores)


def read_segments(path: Path) -> list[Segment]:
    """Read the segments table as objects.

    Raises:
        SchemaError: not a segments table of this version.
    """
    names = [field.name for field in fields(Segment)]
    columns = read_table(path, SEGMENTS, SEGMENTS_SCHEMA).select(names)
    return [Segment(**row) for row in columns.to_pylist()]


def read_titles_table(path: Path) -> list[TitleRow]:
    """Read the titles table as objects; raises as ``read_segments``."""
    names = [field.name for field in fields(TitleRow)]
    return [TitleRow(**row) for row in read_table(path, TITLES, TITLES_SCHEMA).select(names).to_pylist()]


def read_table(path: Path, name: str, schema: pa.Schema) -> pa.Table:
    """Read one of our tables, checked by name, version and columns; raises as ``read_segments``.

    A table of before it had its late columns has empty ones.
    """
    file = _open(path)
    check_schema_name(file.schema_arrow, name, str(path))
    missing = set(LATE_COLUMNS).difference(file.schema_arrow.names)
    if not file.schema_arrow.equals(pa.schema([field for field in schema if field.name not in missing])):
        raise SchemaError(f"{path}: columns are not those of {name}; write it again with this version of coarse2fine")
    table = file.read()
    for place, field in enumerate(schema):
        if field.name in missing:
            nothing = "" if pa.types.is_string(field.type) else 0
            table = table.add_column(place, field, pa.array([nothing] * len(table), field.type))
    return table


def read_score_labels(path: Path) -> tuple[str, ...]:
    """Return the labels of a scores table, in the order of its columns."""
    return _score_labels(path, _open(path))


def read_scores(path: Path) -> Iterator[TitleScores]:
    """Yield the frame scores of each title, one row group at a time.

    Raises:
        SchemaError: not a scores table of this version, or a row group that is not one whole title.
    """
    file = _open(path)
    labels, facts = _score_labels(path, file), _title_facts(path, file)
    for group in range(file.num_row_groups):
        yield _group_scores(path, file, group, labels, facts)


def read_title_scores(path: Path, title_id: str) -> TitleScores | None:
    """Read the frame scores of one title, and nothing of the others; None where it was not scored.

    Raises:
        SchemaError: as ``read_scores``.
    """
    file = _open(path)
    labels, facts = _score_labels(path, file), _title_facts(path, file)
    for group in range(file.num_row_groups):
        statistics = file.metadata.row_group(group).column(0).statistics
        if statistics is not None and statistics.has_min_max and statistics.min == title_id:
            return _group_scores(path, file, group, labels, facts)
    return None


@contextmanager
def _open_rows(path: Path, schema: pa.Schema) -> Iterator[_Rows]:
    with _writer(path, schema) as writer:
        rows = _Rows(writer, schema)
        yield rows
        rows.flush()


def _title_values(row: TitleRow, origin: Origin) -> dict[str, Any]:
    return {**asdict(row), "run_id": origin.run_id, "model_id": origin.model_id}


def _scores_table(title: TitleScores, labels: tuple[str, ...]) -> pa.Table:
    frames = len(title.action_TC)
    empty = pa.nulls(frames, pa.float32())
    conditional: Mapping[int, Any] = {}
    if title.conditional_TC is not None:
        conditional = {c: pa.array(title.conditional_TC[:, c], pa.float32()) for c in range(len(labels))}
    columns = [
        pa.array([title.title_id] * frames, pa.string()),
        pa.array(title.grid.times_s(np.arange(frames))),
        empty if title.foreground_T is None else pa.array(title.foreground_T, pa.float32()),
        *(conditional.get(c, empty) for c in range(len(labels))),
        *(pa.array(title.action_TC[:, c], pa.float32()) for c in range(len(labels))),
    ]
    return pa.Table.from_arrays(columns, schema=scores_schema(labels))


def _open(path: Path) -> pq.ParquetFile:
    try:
        return open_parquet(path)
    except FileNotFoundError as error:
        raise SchemaError(f"{path}: no such file; run `coarse2fine infer` first") from error
    except (OSError, pa.ArrowException) as error:
        raise SchemaError(f"{path}: not a readable Parquet file ({error}); run `coarse2fine infer` again") from error


def _score_labels(path: Path, file: pq.ParquetFile) -> tuple[str, ...]:
    metadata = check_schema_name(file.schema_arrow, SCORES, str(path))
    labels = tuple(json.loads(metadata.get("labels", "[]")))
    if not file.schema_arrow.equals(scores_schema(labels)):
        raise SchemaError(f"{path}: columns are not those of {SCORES}; score the titles again")
    return labels


@dataclass(frozen=True)
class _TitleFacts:
    """What a scores table says of whole titles: title scores, and grids other than a frame a second from 0 on."""

    scores: Mapping[str, Sequence[float]]
    grids: Mapping[str, tuple[float, float]]


def _title_facts(path: Path, file: pq.ParquetFile) -> _TitleFacts:
    metadata = file.metadata.metadata or {}
    stored = metadata.get(TITLE_SCORES_KEY.encode())
    if stored is None:
        raise SchemaError(f"{path}: holds no title scores; score the titles again")
    return _TitleFacts(json.loads(stored), json.loads(metadata.get(GRIDS_KEY.encode(), b"{}")))


def _group_scores(
    path: Path, file: pq.ParquetFile, group: int, labels: tuple[str, ...], facts: _TitleFacts
) -> TitleScores:
    table = file.read_row_group(group)
    ids = table["title_id"].unique().to_pylist()
    if len(ids) != 1 or ids[0] not in facts.scores:
        raise SchemaError(f"{path}: row group {group} holds titles {ids}, expected one; score the titles again")
    return TitleScores(
        title_id=ids[0],
        foreground_T=_column(table, "foreground"),
        conditional_TC=_columns(table, [f"conditional_{label}" for label in labels]),
        action_TC=np.stack([table[f"action_{label}"].to_numpy() for label in labels], axis=1),
        title_score_C=np.array(facts.scores[ids[0]], dtype=np.float32),
        grid=TimeGrid(*facts.grids.get(ids[0], ())),
    )


def _column(table: pa.Table, name: str) -> np.ndarray[Any, np.dtype[np.float32]] | None:
    column = table[name]
    return None if column.null_count else column.to_numpy()


def _columns(table: pa.Table, names: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float32]] | None:
    columns = [_column(table, name) for name in names]
    present = [column for column in columns if column is not None]
    return np.stack(present, axis=1) if len(present) == len(names) else None
