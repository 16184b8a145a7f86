"""Opening Parquet files wherever they are: pyarrow knows files, here it also gets what lies on a store."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data.store_path import StorePath

TAIL_BYTES = 1 << 16


def open_parquet(path: Path) -> pq.ParquetFile:
    """Open a file to read row groups of it; on a store they are fetched as they are read.

    Raises:
        FileNotFoundError, OSError, pa.ArrowException: as pyarrow does.
    """
    return pq.ParquetFile(path.open("rb") if isinstance(path, StorePath) else path)


def open_whole_parquet(path: Path) -> pq.ParquetFile:
    """Open a file that will be read whole, and fits into memory: on a store by one request; raises as above."""
    return pq.ParquetFile(pa.BufferReader(path.read_bytes()) if isinstance(path, StorePath) else path)


def read_parquet(path: Path) -> pa.Table:
    """Read a whole table that fits into memory; raises as ``open_parquet``."""
    return open_whole_parquet(path).read()  # pq.read_table would import pandas


def open_parquet_footer(path: Path) -> pq.ParquetFile:
    """Open a file for its schema and metadata alone: on a store by one request for its last bytes; raises as above."""
    if not isinstance(path, StorePath):
        return pq.ParquetFile(path)
    tail = path.read_range(-TAIL_BYTES)
    try:
        return pq.ParquetFile(pa.BufferReader(tail))
    except pa.ArrowException:
        return open_parquet(path)  # a longer footer, or a damaged file: the whole of it will tell
