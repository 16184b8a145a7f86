"""Opening Parquet files wherever they are: pyarrow knows files whose names are text, here it also gets all others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from data.byte_names import as_text
from data.store_path import StorePath

TAIL_BYTES = 1 << 16


def open_parquet(path: Path) -> pq.ParquetFile:
    """Open a file to read row groups of it; on a store they are fetched as they are read.

    Raises:
        FileNotFoundError, OSError, pa.ArrowException: as pyarrow does.
    """
    return pq.ParquetFile(path.open("rb") if isinstance(path, StorePath) else _readable(path))


def open_whole_parquet(path: Path) -> pq.ParquetFile:
    """Open a file that will be read whole, and fits into memory: on a store by one request; raises as above."""
    return pq.ParquetFile(pa.BufferReader(path.read_bytes()) if isinstance(path, StorePath) else _readable(path))


def read_parquet(path: Path) -> pa.Table:
    """Read a whole table that fits into memory; raises as ``open_parquet``."""
    return open_whole_parquet(path).read()  # pq.read_table would import pandas


def open_parquet_footer(path: Path) -> pq.ParquetFile:
    """Open a file for its schema and metadata alone: on a store by one request for its last bytes; raises as above."""
    if not isinstance(path, StorePath):
        return pq.ParquetFile(_readable(path))
    tail = path.read_range(-TAIL_BYTES)
    try:
        return pq.ParquetFile(pa.BufferReader(tail))
    except pa.ArrowException:
        return open_parquet(path)  # a longer footer, or a damaged file: the whole of it will tell


@contextmanager
def parquet_sink(path: Path) -> Iterator[Path | IO[bytes]]:
    """Yield what pyarrow is to write to, to make a file of this machine."""
    if as_text(path) == str(path):
        yield path
        return
    with path.open("wb") as handle:
        yield handle


def _readable(path: Path) -> Path | IO[bytes]:
    return path if as_text(path) == str(path) else path.open("rb")
