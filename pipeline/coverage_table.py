"""The coverage table: how much of each title was read, or why there are no features of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import SchemaError
from data.files import atomic_path
from data.parquet_file import parquet_sink, read_parquet
from data.schemas import COVERAGE, COVERAGE_SCHEMA, check_schema_name
from data.shards import ShardHeader
from data.titles import Title
from pipeline.runs.extraction_plan import Failure

NOT_EXTRACTED = Failure("not_extracted", "no features; run `coarse2fine extract` or `import-features`")


def read_failures(coverage: Path) -> dict[str, Failure]:
    """Return why titles have no features, as the last extraction recorded it; empty when there was none."""
    if not coverage.is_file():
        return {}
    return {
        row["title_id"]: Failure(
            row["error_code"], row["error"], row["seconds"] or 0.0, kept=row["features_id"] is not None
        )
        for row in _read(coverage)
        if row["error_code"]
    }


def read_ends(coverage: Path) -> dict[str, tuple[str, float]]:
    """Return of each title that was read its file, as the manifest named it, and where reading ended, seconds.

    On the player's clock. Empty where nothing was read, or the table cannot be read.
    """
    with suppress(SchemaError, FileNotFoundError):
        return {
            row["title_id"]: (row["source"], (row["picture_start_s"] or 0.0) + row["decoded_s"])
            for row in _read(coverage)
            if row["decoded_s"] is not None
        }
    return {}


def write_coverage(
    path: Path, titles: Sequence[Title], headers: Mapping[str, ShardHeader], failures: Mapping[str, Failure]
) -> int:
    """Write the coverage table, a row for every title, and return how many were not read to their end.

    A title whose file is gone but was read before has both: how it was read, and what is wrong now.

    A table that says the same already is left alone.
    """
    rows: list[dict[str, Any]] = []
    not_read = 0
    for title in titles:
        failure = failures.get(title.title_id)
        if failure is not None and failure.kept:
            header = headers[title.title_id]
            row = {**vars(header.coverage), "features_id": header.spec.features_id, **vars(failure)}
        elif failure is not None:
            row = {"title_id": title.title_id, "source": title.path or "", "complete": False, **vars(failure)}
        else:
            header = headers[title.title_id]
            row = {**vars(header.coverage), "features_id": header.spec.features_id}
        rows.append({name: row.get(name) for name in COVERAGE_SCHEMA.names})
        not_read += failure is not None or not row["complete"]
    with suppress(SchemaError, FileNotFoundError):
        if _read(path) == rows:
            return not_read
    with atomic_path(path) as temporary, parquet_sink(temporary) as sink:
        pq.write_table(pa.Table.from_pylist(rows, schema=COVERAGE_SCHEMA), sink)
    return not_read


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        table = read_parquet(path)
    except FileNotFoundError:
        raise
    except (OSError, pa.ArrowException) as error:
        raise SchemaError(f"{path}: not a readable Parquet file ({error}); extract again") from error
    check_schema_name(table.schema, COVERAGE, str(path))
    return list(table.to_pylist())
