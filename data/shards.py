"""Feature shards: one title, one row group, one Parquet file, one unit of work.

A shard is valid alone: its metadata hold what made the features and how much of the title was read, so there is no
index that could disagree with it. Files of one title make reprocessing exact (a changed title rewrites its own file),
keep engines from sharing a writer, and are 9 MB for an hour of ResNet50 features, a good size for disks and stores.

Layout (measured): fixed-size float16 lists, no dictionary, no statistics, no compression.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter

from data.errors import MissingShardError, SchemaError
from data.files import TEMPORARY_PREFIX, atomic_path
from data.parquet_file import open_parquet_footer, open_whole_parquet, parquet_sink
from data.schemas import FEATURES, Coverage, FeatureSpec, check_schema_name, features_schema
from data.time_grid import TimeGrid

SUFFIX = ".parquet"
_SPEC, _COVERAGE = TypeAdapter(FeatureSpec), TypeAdapter(Coverage)
CHUNK_ROWS = 512  # handed to the Parquet writer at a time: in one piece it takes 8 times the title's memory


@dataclass(frozen=True)
class ShardHeader:
    """What a shard says about itself, read without its rows."""

    path: Path
    spec: FeatureSpec
    coverage: Coverage

    @property
    def title_id(self) -> str:
        return self.coverage.title_id

    @property
    def frames(self) -> int:
        """T."""
        return self.coverage.samples

    @property
    def grid(self) -> TimeGrid:
        """When each row is seen, on the player's clock."""
        return TimeGrid(self.coverage.picture_start_s, self.spec.step_s)


@dataclass(frozen=True)
class FeatureShard:
    """The features of one title.

    Args:
        header: spec and coverage.
        pts_s: (T,) float64, real presentation time of each sample.
        features: (T, D) float16, finite.
    """

    header: ShardHeader
    pts_s: npt.NDArray[np.float64]
    features: npt.NDArray[np.float16]


def shard_path(folder: Path, title_id: str) -> Path:
    """Return where the shard of a title lives."""
    return folder / f"{title_id}{SUFFIX}"


def write_shard(
    folder: Path,
    spec: FeatureSpec,
    coverage: Coverage,
    pts_s: npt.NDArray[np.float64],
    features: npt.NDArray[np.floating[Any]],
) -> Path:
    """Write a title's features atomically and return the path.

    Args:
        pts_s: (T,) seconds, ascending.
        features: (T, D), finite within float16; T >= 1.

    Raises:
        SchemaError: the arrays do not fit each other, the spec or the coverage, or hold NaN or infinity.
    """
    count = len(features)
    where = f"shard of {coverage.title_id}"
    if features.ndim != 2 or count == 0 or features.shape[1] != spec.width:
        raise SchemaError(f"{where}: features of shape {features.shape}, expected (T >= 1, {spec.width})")
    if pts_s.shape != (count,) or coverage.samples != count:
        raise SchemaError(f"{where}: {count} features, {pts_s.shape} times, coverage of {coverage.samples} samples")
    half = np.ascontiguousarray(features, dtype=np.float16)
    if not np.isfinite(half).all():
        raise SchemaError(f"{where}: features hold NaN or values beyond float16 (65504)")
    schema = features_schema(spec, coverage)
    starts = range(0, count, CHUNK_ROWS)
    table = pa.Table.from_batches([_batch(schema, coverage.title_id, start, pts_s, half) for start in starts], schema)
    path = shard_path(folder, coverage.title_id)
    with atomic_path(path) as temporary, parquet_sink(temporary) as sink:
        pq.write_table(
            table, sink, row_group_size=count, use_dictionary=False, write_statistics=False, compression="none"
        )
    return path


def _batch(
    schema: pa.Schema, title_id: str, start: int, pts_s: npt.NDArray[np.float64], half: npt.NDArray[np.float16]
) -> pa.RecordBatch:
    part = half[start : start + CHUNK_ROWS]
    index = np.arange(start, start + len(part))
    values = pa.array(part.reshape(-1), type=pa.float16())
    return pa.RecordBatch.from_arrays(
        [
            pa.array([title_id] * len(part), pa.string()),
            pa.array(index.astype(np.int32)),
            pa.array(index.astype(np.float64)),
            pa.array(pts_s[start : start + len(part)]),
            pa.FixedSizeListArray.from_arrays(values, type=schema.field("feature").type),
        ],
        schema=schema,
    )


def read_header(path: Path) -> ShardHeader:
    """Read what a shard says about itself.

    Raises:
        SchemaError: not a Parquet file, not a feature shard of this version, or metadata that contradict the rows.
        MissingShardError: no such file.
    """
    return _header(path, _open(path, open_parquet_footer))


def read_shard(path: Path) -> FeatureShard:
    """Read and check a title's features: row count, one title, frame order, times ascending, finite values.

    Raises:
        SchemaError: the file is damaged or not what its metadata say.
    """
    file = _open(path, open_whole_parquet)
    header = _header(path, file)
    try:
        table = file.read()
    except (OSError, ValueError, pa.ArrowException) as error:
        raise SchemaError(f"{path}: damaged rows ({error}); extract the title again") from error
    pts_s = table["pts_s"].to_numpy()
    index = table["frame_index"].to_numpy()
    features = _matrix(table["feature"], header.spec.width)
    if table["title_id"].cast(pa.binary()).unique().to_pylist() != [header.title_id.encode()]:
        raise SchemaError(f"{path}: rows of other titles than {header.title_id}; extract the title again")
    in_order = np.array_equal(index, np.arange(header.frames)) and np.array_equal(table["time_s"].to_numpy(), index)
    if not in_order or not np.isfinite(pts_s).all() or (np.diff(pts_s) < 0).any():
        raise SchemaError(f"{path}: frames out of order; extract the title again")
    if not _finite(features):
        raise SchemaError(f"{path}: features hold NaN or infinity; extract the title again")
    return FeatureShard(header, pts_s, features)


def list_shards(folder: Path) -> Iterator[ShardHeader]:
    """Yield the header of every shard of a folder in title order, memory flat in the number of titles."""
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        if not path.name.startswith(TEMPORARY_PREFIX):
            yield read_header(path)


def _open(path: Path, opener: Callable[[Path], pq.ParquetFile]) -> pq.ParquetFile:
    try:
        return opener(path)
    except FileNotFoundError as error:
        raise MissingShardError(
            f"{path}: no such shard; run `coarse2fine extract` or `import-features` first"
        ) from error
    except (OSError, ValueError, pa.ArrowException) as error:
        raise SchemaError(f"{path}: not a readable Parquet file ({error}); extract the title again") from error


def _header(path: Path, file: pq.ParquetFile) -> ShardHeader:
    schema = file.schema_arrow
    metadata = check_schema_name(schema, FEATURES, str(path))
    try:
        spec = _SPEC.validate_json(metadata["feature_spec"], strict=True)
        coverage = _COVERAGE.validate_json(metadata["coverage"], strict=True)
        expected = features_schema(spec, coverage)
    except (KeyError, TypeError, ValueError) as error:
        raise SchemaError(f"{path}: unreadable shard metadata ({error}); extract the title again") from error
    if not schema.equals(expected):
        raise SchemaError(f"{path}: columns are not those of {FEATURES}; extract the title again")
    if metadata.get("features_id") != spec.features_id:
        raise SchemaError(f"{path}: features_id does not match its own spec; extract the title again")
    if file.metadata.num_rows != coverage.samples or coverage.samples < 1:
        raise SchemaError(f"{path}: {file.metadata.num_rows} rows, metadata say {coverage.samples}")
    if path.name != f"{coverage.title_id}{SUFFIX}":
        raise SchemaError(f"{path}: holds title {coverage.title_id!r}; its name must be {coverage.title_id}{SUFFIX}")
    return ShardHeader(path, spec, coverage)


def _finite(features: npt.NDArray[np.float16]) -> bool:
    """Say whether no value is NaN or infinite: no exponent of ones. numpy's own look takes ten times as long."""
    return bool(((features.view(np.uint16) & np.uint16(0x7C00)) != 0x7C00).all())


def _matrix(column: pa.ChunkedArray, width: int) -> npt.NDArray[np.float16]:
    chunks = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in column.chunks]
    flat = chunks[0] if len(chunks) == 1 else np.concatenate(chunks)
    return flat.reshape(-1, width)
