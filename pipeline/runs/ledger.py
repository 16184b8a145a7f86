"""The ledger: one row a title, how far it came, and which bytes were seen.

A Parquet file that is replaced as a whole, so that DuckDB, pandas or SQL can read it at any time, also while a run
writes. Features and runs on disk are the truth of what is done; the ledger remembers what they cannot: failures,
attempts, and size and time of each video's file, which spare reading every video every night. Deleting it costs one
night of hashing, and the memory of failures.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import SchemaError
from data.files import atomic_path
from data.night_schemas import LEDGER, LEDGER_SCHEMA
from data.parquet_file import parquet_sink, read_parquet
from data.schemas import check_schema_name
from data.titles import Title
from pipeline.runs.event_log import now

WRITE_EVERY_S, MOST_SHARE = 5.0, 0.02
"""How often it is written while a run is at work, and the share of its time that this may take."""

DONE, PARTIAL, QUARANTINED, MISSING, REMOVED = "done", "partial", "quarantined", "missing", "removed"
TROUBLED = (QUARANTINED, MISSING)
_FAILED = "failed"  # what ledgers of before called a quarantined title that is tried again
EXTRACT, INFER = "extract", "infer"


@dataclass(frozen=True)
class FileState:
    """What a directory says of a file: enough to trust a recorded hash, not enough to call a file changed."""

    size_bytes: int
    mtime_ns: int

    @staticmethod
    def of(*paths: Path) -> FileState:
        """Look at the files of a title, at least one; OSError if one is not there."""
        found = [path.stat() for path in paths]
        return FileState(sum(one.st_size for one in found), max(one.st_mtime_ns for one in found))


@dataclass(frozen=True)
class LedgerRow:
    """One title.

    Args:
        stage: the last stage it was in, ``extract`` or ``infer``.
        status: ``done``, ``partial``, ``quarantined`` (could not be read), ``missing`` (its file is not there) or
            ``removed`` (no longer in the manifest).
        attempts: how often in a row it could not be read with these bytes.
        error_code, error: why it failed; empty otherwise.
        source: path as the manifest names it.
        source_size_bytes, source_mtime_ns, source_sha256: of the file as it was last read; None if unknown.
        features_id: of its features, or of those that were tried.
        seconds: of work, the last time.
        updated_at: when the row last changed.
        given_up: it is quarantined and is not tried again, until its file changes or it is released.
    """

    title_id: str
    stage: str = EXTRACT
    status: str = DONE
    attempts: int = 0
    error_code: str = ""
    error: str = ""
    source: str | None = None
    source_size_bytes: int | None = None
    source_mtime_ns: int | None = None
    source_sha256: str | None = None
    features_id: str | None = None
    seconds: float = 0.0
    updated_at: str = ""
    given_up: bool = False

    @property
    def name(self) -> str:
        """What a person calls the title, as far as its file says it."""
        return Title(self.title_id, self.source).name

    @property
    def state(self) -> FileState | None:
        """What the directory said when the file was read."""
        if self.source_size_bytes is None or self.source_mtime_ns is None:
            return None
        return FileState(self.source_size_bytes, self.source_mtime_ns)


class Ledger:
    """All rows, by title; ``read_ledger`` makes one."""

    def __init__(self, path: Path, rows: dict[str, LedgerRow]) -> None:
        self._path = path
        self._rows = rows
        self._changed = False
        self._due_s = time.monotonic() + WRITE_EVERY_S

    def __iter__(self) -> Iterator[LedgerRow]:
        return iter(self._rows.values())

    def get(self, title_id: str) -> LedgerRow | None:
        """Return a title's row."""
        return self._rows.get(title_id)

    def put(self, row: LedgerRow) -> None:
        """Record a row; the time of change is set if anything else changed. Written now and then, and by ``write``."""
        earlier = self._rows.get(row.title_id)
        if earlier is not None and replace(row, updated_at=earlier.updated_at) == earlier:
            return
        self._rows[row.title_id] = replace(row, updated_at=now())
        self._changed = True
        if time.monotonic() >= self._due_s:
            self.write()

    def change(self, title_id: str, **values: Any) -> None:
        """Record some values of a title, new or not."""
        self.put(replace(self._rows.get(title_id, LedgerRow(title_id)), **values))

    def write(self) -> None:
        """Replace the file, if anything changed."""
        if not self._changed:
            return
        began_s = time.monotonic()
        rows = [self._rows[title_id] for title_id in sorted(self._rows)]
        columns = [
            pa.array(map(attrgetter(column.name), rows), column.type, size=len(rows)) for column in LEDGER_SCHEMA
        ]
        with atomic_path(self._path) as temporary, parquet_sink(temporary) as sink:
            pq.write_table(pa.Table.from_arrays(columns, schema=LEDGER_SCHEMA), sink)
        now_s = time.monotonic()
        self._changed, self._due_s = False, now_s + max(WRITE_EVERY_S, (now_s - began_s) / MOST_SHARE)


def read_ledger(path: Path) -> Ledger:
    """Read a ledger; an empty one where there is none.

    Raises:
        SchemaError: a damaged file, or one of another version.
    """
    if not path.is_file():
        return Ledger(path, {})
    try:
        table = read_parquet(path)
    except (OSError, pa.ArrowException) as error:
        raise SchemaError(f"{path}: not a readable Parquet file ({error}); delete it, the next run makes it") from error
    check_schema_name(table.schema, LEDGER, str(path))
    rows = map(_row, table.select([name for name in _NAMES if name in table.schema.names]).to_pylist())
    return Ledger(path, {row.title_id: row for row in rows})


_NAMES = [field.name for field in fields(LedgerRow)]


def _row(values: dict[str, Any]) -> LedgerRow:
    """Return a row; one of before there was ``given_up`` calls what is tried again failed."""
    if "given_up" not in values:
        values["given_up"] = values["status"] == QUARANTINED
        values["status"] = QUARANTINED if values["status"] == _FAILED else values["status"]
    return LedgerRow(**values)
