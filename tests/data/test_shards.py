"""Shards are input like any other: what is not exactly right is refused, never scored."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import SchemaError
from data.schemas import Coverage, FeatureSpec
from data.shards import list_shards, read_header, read_shard, shard_path, write_shard

SPEC = FeatureSpec("resnet50", "ab", 3, "presented-1fps/1", "full", True, 224)
COVERAGE = Coverage("tt1", "a.mp4", "00", "pyav", "mp4", "h264", 1920, 1080, 0, 4.0, 4.0, 4, 0, True, "")
PTS_S = np.array([0.0, 1.0, 1.0, 2.96])  # a held picture repeats its time
FEATURES = np.arange(12, dtype=np.float32).reshape(4, 3) / 8


def write(folder: Path) -> Path:
    return write_shard(folder, SPEC, COVERAGE, PTS_S, FEATURES)


def rewrite(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    pq.write_table(change(pq.read_table(path)), path)


def with_column(name: str, values: Any) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        position = table.schema.get_field_index(name)
        return table.set_column(position, table.schema.field(name), pa.array(values, table.schema.field(name).type))

    return change


def with_metadata(key: str, value: str) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.replace_schema_metadata({**table.schema.metadata, key.encode(): value.encode()})


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = write(tmp_path)
    assert path == shard_path(tmp_path, "tt1") == tmp_path / "tt1.parquet"
    shard = read_shard(path)
    assert (shard.header.spec, shard.header.coverage) == (SPEC, COVERAGE)
    assert (shard.header.title_id, shard.header.frames) == ("tt1", 4)
    assert shard.pts_s.tolist() == PTS_S.tolist()
    assert shard.features.dtype == np.float16
    assert np.array_equal(shard.features, FEATURES)
    assert read_header(path) == shard.header


def test_the_layout_is_one_plain_row_group_that_others_can_read(tmp_path: Path) -> None:
    file = pq.ParquetFile(write(tmp_path))
    assert file.metadata.num_row_groups == 1
    for column in range(file.metadata.num_columns):
        chunk = file.metadata.row_group(0).column(column)
        assert (chunk.compression, chunk.has_dictionary_page, chunk.is_stats_set) == ("UNCOMPRESSED", False, False)
    table = file.read()
    assert table["frame_index"].to_pylist() == [0, 1, 2, 3]
    assert table["time_s"].to_pylist() == [0.0, 1.0, 2.0, 3.0]


def test_same_input_same_bytes(tmp_path: Path) -> None:
    first = write(tmp_path / "a").read_bytes()
    assert write(tmp_path / "b").read_bytes() == first


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (FEATURES[:, :2], r"features of shape \(4, 2\), expected \(T >= 1, 3\)"),
        (FEATURES[:0], r"features of shape \(0, 3\)"),
        (FEATURES[0], r"features of shape \(3,\)"),
        (FEATURES[:3], r"3 features, \(4,\) times, coverage of 4 samples"),
        (np.where(FEATURES == 0.5, np.nan, FEATURES), "features hold NaN or values beyond float16"),
        (np.where(FEATURES == 0.5, 1e5, FEATURES), "features hold NaN or values beyond float16"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_a_refused_write_leaves_no_file_and_keeps_the_old_one(tmp_path: Path, features: Any, message: str) -> None:
    with pytest.raises(SchemaError, match=f"shard of tt1: {message}"):
        write_shard(tmp_path / "new", SPEC, COVERAGE, PTS_S, features)
    assert not (tmp_path / "new").exists() or list((tmp_path / "new").iterdir()) == []
    path = write(tmp_path)
    before = path.read_bytes()
    with pytest.raises(SchemaError):
        write_shard(tmp_path, SPEC, COVERAGE, PTS_S, features)
    assert path.read_bytes() == before


def test_a_writer_that_fails_midway_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(table: pa.Table, where: Path, **options: Any) -> None:
        where.write_bytes(b"PAR1")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path)
    assert list(tmp_path.iterdir()) == []


HOSTILE: dict[str, tuple[Callable[[pa.Table], pa.Table], str]] = {
    "a row lost": (lambda table: table.slice(0, 3), "3 rows, metadata say 4"),
    "a row doubled": (lambda table: pa.concat_tables([table, table.slice(3)]), "5 rows, metadata say 4"),
    "rows of another title": (with_column("title_id", ["tt1", "tt1", "tt2", "tt1"]), "rows of other titles than tt1"),
    "all rows of another title": (with_column("title_id", ["tt2"] * 4), "rows of other titles than tt1"),
    "frames out of order": (with_column("frame_index", [0, 2, 1, 3]), "frames out of order"),
    "a frame twice": (with_column("frame_index", [0, 1, 1, 3]), "frames out of order"),
    "times descending": (with_column("pts_s", [0.0, 1.0, 0.5, 3.0]), "frames out of order"),
    "a time that is NaN": (with_column("pts_s", [0.0, float("nan"), 2.0, 3.0]), "frames out of order"),
    "times of the sampling out of order": (with_column("time_s", [0.0, 2.0, 1.0, 3.0]), "frames out of order"),
    "a time that is infinite": (with_column("pts_s", [0.0, 1.0, 2.0, float("inf")]), "frames out of order"),
    "NaN features": (with_column("feature", [np.full(3, np.nan, np.float16)] * 4), "features hold NaN or infinity"),
    "infinite features": (
        with_column("feature", [np.full(3, np.inf, np.float16)] * 4),
        "features hold NaN or infinity",
    ),
    "no schema name": (lambda table: table.replace_schema_metadata(None), "no coarse2fine schema name, expected"),
    "another version": (with_metadata("coarse2fine.schema", "features/2"), "features/2, expected features/1"),
    "another table": (with_metadata("coarse2fine.schema", "segments/1"), "segments/1, expected features/1"),
    "another width in the spec": (
        with_metadata("coarse2fine.feature_spec", json.dumps(asdict(replace(SPEC, width=4)))),
        "columns are not those of features/1",
    ),
    "a spec that was changed": (
        with_metadata("coarse2fine.feature_spec", json.dumps(asdict(replace(SPEC, backbone="other")))),
        "features_id does not match its own spec",
    ),
    "coverage of another length": (
        with_metadata("coarse2fine.coverage", json.dumps(asdict(replace(COVERAGE, samples=9)))),
        "4 rows, metadata say 9",
    ),
    "metadata that are no JSON": (with_metadata("coarse2fine.coverage", "{"), "unreadable shard metadata"),
    "metadata of another shape": (with_metadata("coarse2fine.coverage", '{"title_id": "tt1"}'), "unreadable shard"),
    "complete that is no truth value": (
        with_metadata("coarse2fine.coverage", json.dumps({**asdict(COVERAGE), "complete": "no"})),
        "unreadable shard metadata",
    ),
    "metadata that are a list": (with_metadata("coarse2fine.coverage", "[]"), "unreadable shard metadata"),
    "a width of text": (
        with_metadata("coarse2fine.feature_spec", json.dumps({**asdict(SPEC), "width": "3"})),
        "unreadable shard metadata",
    ),
    "a negative width": (
        with_metadata("coarse2fine.feature_spec", json.dumps({**asdict(SPEC), "width": -1})),
        "columns are not those of features/1",
    ),
    "a column too few": (lambda table: table.drop_columns(["time_s"]), "columns are not those of features/1"),
    "a column too many": (
        lambda table: table.append_column("extra", pa.array([1, 2, 3, 4])),
        "columns are not those of features/1",
    ),
    "32-bit features": (
        lambda table: table.set_column(4, "feature", table["feature"].cast(pa.list_(pa.float32(), 3))),
        "columns are not those of features/1",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_shards_are_refused(tmp_path: Path, name: str) -> None:
    change, message = HOSTILE[name]
    path = write(tmp_path)
    rewrite(path, change)
    with pytest.raises(SchemaError) as caught:
        read_shard(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


def test_a_shard_under_another_title_s_name_is_refused(tmp_path: Path) -> None:
    write(tmp_path).rename(tmp_path / "tt2.parquet")
    with pytest.raises(SchemaError, match=r"holds title 'tt1'; its name must be tt1\.parquet"):
        read_header(tmp_path / "tt2.parquet")


def test_files_that_are_no_shards(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="no such shard; run `coarse2fine extract` or `import-features` first"):
        read_shard(tmp_path / "none.parquet")
    raw = write(tmp_path).read_bytes()
    for content in (b"", b"PAR1", b"hello world, I am text", raw[:-1], raw[: len(raw) // 2]):
        (tmp_path / "tt1.parquet").write_bytes(content)
        with pytest.raises(SchemaError, match="not a readable Parquet file"):
            read_shard(tmp_path / "tt1.parquet")
    (tmp_path / "tt1.parquet").write_bytes(raw[8:])  # the footer is whole, what it points to has moved
    with pytest.raises(SchemaError, match="damaged rows"):
        read_shard(tmp_path / "tt1.parquet")
    pq.write_table(pa.table({"x": [1]}), tmp_path / "tt1.parquet")
    with pytest.raises(SchemaError, match="no coarse2fine schema name"):
        read_shard(tmp_path / "tt1.parquet")
    (tmp_path / "folder.parquet").mkdir()
    with pytest.raises(SchemaError):
        read_shard(tmp_path / "folder.parquet")


@settings(max_examples=200, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), value=st.integers(0, 255), keep=st.floats(0.5, 1.5))
def test_damaged_bytes_never_give_a_shard_that_breaks_its_promises(
    tmp_path_factory: pytest.TempPathFactory, place: float, value: int, keep: float
) -> None:
    path = write(tmp_path_factory.mktemp("damaged"))
    raw = bytearray(path.read_bytes())
    raw[int(place * len(raw))] = value
    path.write_bytes(raw[: int(keep * len(raw))])
    try:
        shard = read_shard(path)
    except SchemaError:
        return
    assert shard.features.shape == (4, shard.header.spec.width)
    assert np.isfinite(shard.features).all()
    assert (np.diff(shard.pts_s) >= 0).all()


def test_shards_are_listed_in_title_order_without_half_written_ones(tmp_path: Path) -> None:
    for title_id in ("b", "a"):
        write_shard(tmp_path, SPEC, replace(COVERAGE, title_id=title_id), PTS_S, FEATURES)
    (tmp_path / ".tmp-123-c.parquet").write_bytes(b"PAR1")
    (tmp_path / "notes.txt").write_text("x")
    assert [header.title_id for header in list_shards(tmp_path)] == ["a", "b"]
    assert list(list_shards(tmp_path / "none")) == []
