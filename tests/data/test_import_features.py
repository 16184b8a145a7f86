"""Feature files to shards."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from data.errors import ConfigError
from data.import_features import ImportOutcome
from data.schemas import FeatureSpec
from data.shards import read_shard, shard_path
from data.titles import Title


def test_a_shard_holds_the_features_and_how_they_came(files: Any) -> None:
    np.save(files.root / "a.npy", files.features)
    assert files.run(Title("a", duration_s=10.4)) == [ImportOutcome("a", "done")]
    shard = read_shard(shard_path(files.folder / "shards", "a"))
    assert shard.header.spec == FeatureSpec("imported:net", "", 4, "imported", "imported", False, 0)
    assert np.array_equal(shard.features, files.features.astype(np.float16))
    assert shard.pts_s.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    coverage = shard.header.coverage
    assert (coverage.reader, coverage.source, coverage.samples, coverage.decoded_s) == ("import", "a.npy", 10, 10.0)
    assert (coverage.declared_duration_s, coverage.complete, coverage.reason) == (10.4, True, "")


@pytest.mark.parametrize(
    ("rows", "declared_s", "complete"),
    [
        (10, 12.0, True),
        (10, 12.1, False),
        (10, 8.0, True),
        (10, 7.9, False),
        (1000, 1010.0, True),
        (1000, 1011.0, False),
    ],
)
def test_rows_that_miss_the_stated_duration_are_partial(
    files: Any, rows: int, declared_s: float, complete: bool
) -> None:
    np.save(files.root / "a.npy", np.zeros((rows, 3), np.float16))
    files.run(Title("a", duration_s=declared_s))
    coverage = read_shard(files.folder / "shards/a.parquet").header.coverage
    reason = f"{rows} rows (one a second) for a stated duration of {declared_s:g} s"
    assert (coverage.complete, coverage.reason) == (complete, "" if complete else reason)


def test_a_second_run_does_nothing_and_a_changed_input_redoes_its_title(files: Any) -> None:
    for name in ("a", "b"):
        np.save(files.root / f"{name}.npy", files.features)
    titles = [Title("a", duration_s=10.0), Title("b", duration_s=10.0)]
    files.run(*titles)
    before = (files.folder / "shards/a.parquet").stat().st_mtime_ns
    (files.root / "a.npy").touch()
    assert [outcome.status for outcome in files.run(*titles)] == ["current", "current"]
    assert (files.folder / "shards/a.parquet").stat().st_mtime_ns == before
    np.save(files.root / "b.npy", files.features + 1)
    assert [outcome.status for outcome in files.run(*titles)] == ["current", "done"]
    (files.folder / "shards/a.parquet").write_bytes(b"PAR1 damaged")
    assert [outcome.status for outcome in files.run(*titles)] == ["done", "current"]
    assert [outcome.status for outcome in files.run(Title("a", duration_s=20.0))] == ["done"]
    assert not read_shard(files.folder / "shards/a.parquet").header.coverage.complete


def test_one_width_for_all_titles_also_over_several_runs(files: Any) -> None:
    np.save(files.root / "a.npy", np.zeros((10, 4)))
    np.save(files.root / "b.npy", np.zeros((10, 5)))
    np.save(files.root / "c.npy", np.zeros((4, 10)))
    message = "b.npy: width 5, but a has 4; all titles must have one width"
    transposed = "c.npy: width 10, but a has 4 (it looks like the transpose of what is expected); "
    expected = [
        ImportOutcome("a", "done"),
        ImportOutcome("b", "failed", "width", message),
        ImportOutcome("c", "failed", "width", f"{transposed}all titles must have one width"),
    ]
    assert files.run(Title("a"), Title("b"), Title("c")) == expected
    assert files.run(Title("b"), Title("c")) == expected[1:]


def test_a_folder_holds_features_of_one_kind(files: Any) -> None:
    np.save(files.root / "a.npy", files.features)
    files.run(Title("a"), name="i3d")
    with pytest.raises(ConfigError, match="holds features of imported:i3d, not imported:clip; choose another folder"):
        files.run(Title("a"), name="clip")


@pytest.mark.parametrize(
    ("array", "code", "message"),
    [
        (np.zeros(7), "shape", "a.npy: shape (7,), expected (T, D): one row a step of time, one column a feature"),
        (
            np.zeros((17, 18, 4)),
            "shape",
            "a.npy: shape (17, 18, 4); expected (T, D), or at most 16 crops as (crops, T, D)",
        ),
        (np.zeros((5, 5, 4)), "shape", "a.npy: shape (5, 5, 4); expected (T, D)"),
        (np.zeros((0, 4)), "shape", "a.npy: shape (0, 4), expected (T, D)"),
        (np.zeros((3, 0)), "shape", "a.npy: shape (3, 0), expected (T, D)"),
        (np.zeros((4, 60)), "shape", "a.npy: shape (4, 60) for 60 s looks like (D, T); save its transpose (T, D)"),
        (np.zeros((60, 4), np.int64), "type", "a.npy: type int64, expected float16, 32 or 64"),
        (np.zeros((60, 4), complex), "type", "a.npy: type complex128, expected float16, 32 or 64"),
        (np.full((60, 4), np.nan), "values", "in 60 rows, first 0"),
        (
            np.diag([0.0, 0, 65505, -np.inf]),
            "values",
            "NaN, infinity or values beyond float16 (65504) in 2 rows, first 2",
        ),
        (np.array([{"a": 1}]), "unreadable", "a.npy: not a readable .npy file (Array can't be memory-mapped"),
    ],
)
def test_arrays_that_are_no_features(files: Any, array: Any, code: str, message: str) -> None:
    np.save(files.root / "a.npy", array, allow_pickle=True)
    found = files.failure(Title("a", duration_s=60.0))
    assert found[0] == code
    assert message in found[1]


def test_the_largest_float16_is_kept(files: Any) -> None:
    np.save(files.root / "a.npy", np.array([[65504.0, -65504.0]]))
    assert files.run(Title("a")) == [ImportOutcome("a", "done")]


def test_torch_is_imported_for_pt_files_only() -> None:
    code = "import sys, data.import_features, data.label_check; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_changed_file_of_the_second_stream_redoes_its_title(files: Any) -> None:
    for name in ("rgb", "flow"):
        (files.folder / name).mkdir()
        np.save(files.folder / name / "a.npy", files.features)
    assert files.run(Title("a"), folders=("rgb", "flow"))[0].status == "done"
    np.save(files.folder / "flow" / "a.npy", files.features[:, ::-1])
    assert files.run(Title("a"), folders=("rgb", "flow"))[0].status == "done"
    assert np.array_equal(files.shard().features[:, 4:], files.features[:, ::-1].astype(np.float16))


def test_rows_stay_rows_at_their_own_rate(files: Any) -> None:
    np.save(files.root / "a.npy", files.features)
    assert files.run(Title("a", duration_s=6.4), rate=25 / 16) == [ImportOutcome("a", "done")]
    header = files.shard().header
    assert (header.spec.step_s, header.coverage.samples, header.coverage.complete) == (0.64, 10, True)
    assert header.coverage.decoded_s == pytest.approx(6.4)
    assert header.grid.time_s(5) == pytest.approx(3.2)
    assert files.shard().pts_s.tolist() == pytest.approx([0.64 * row for row in range(10)])
    assert files.run(Title("a", duration_s=6.4), rate=25 / 16) == [ImportOutcome("a", "current")]
    assert files.run(Title("a", duration_s=6.4))[0].status == "done"  # another rate, other features


def test_rows_of_another_rate_are_told_with_the_rate_that_would_fit(files: Any) -> None:
    np.save(files.root / "a.npy", np.zeros((312, 4), np.float32))
    files.run(Title("a", duration_s=200.0))
    coverage = files.shard().header.coverage
    assert coverage.reason == (
        "312 rows (one a second) for a stated duration of 200 s; the rows would fit at a rate of 25/16"
    )
    assert not coverage.complete


def test_rows_of_another_rate_are_not_taken_for_a_transpose(files: Any) -> None:
    np.save(files.root / "a.npy", np.zeros((50, 32), np.float32))  # 32 s at 25/16; the width happens to be 32
    (outcome,) = files.run(Title("a", duration_s=32.0))
    assert outcome.status == "done"
    assert "would fit at a rate of 25/16" in files.shard().header.coverage.reason
