import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import ConfigError
from data.feature_files import FeatureFolders
from data.import_features import FeatureImport, ImportOutcome, import_features
from data.schemas import FeatureSpec
from data.shards import read_shard, shard_path
from data.titles import Title

RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(10, 4)).astype(np.float32)


def run(
    folder: Path, *titles: Title, name: str = "net", folders: tuple[str, ...] = ("in",), **how: Any
) -> list[ImportOutcome]:
    wanted = FeatureImport(name, FeatureFolders(tuple(folder / one for one in folders)), **how)
    return list(import_features(titles, wanted, folder / "shards"))


def failure(folder: Path, title: Title) -> tuple[str, str]:
    (outcome,) = run(folder, title)
    assert outcome.status == "failed"
    assert not (folder / "shards").exists()
    return outcome.error_code, outcome.error


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def test_a_shard_holds_the_features_and_how_they_came(tmp_path: Path, root: Path) -> None:
    np.save(root / "a.npy", FEATURES)
    assert run(tmp_path, Title("a", duration_s=10.4)) == [ImportOutcome("a", "done")]
    shard = read_shard(shard_path(tmp_path / "shards", "a"))
    assert shard.header.spec == FeatureSpec("imported:net", "", 4, "imported", "imported", False, 0)
    assert np.array_equal(shard.features, FEATURES.astype(np.float16))
    assert shard.pts_s.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    coverage = shard.header.coverage
    assert (coverage.reader, coverage.source, coverage.samples, coverage.decoded_s) == ("import", "a.npy", 10, 10.0)
    assert (coverage.declared_duration_s, coverage.complete, coverage.reason) == (10.4, True, "")


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4"])
@pytest.mark.parametrize("shape", [(10, 4), (10, 1, 1, 4), (10, 4, 1, 1), (1, 10, 4)])
@pytest.mark.parametrize("suffix", [".npy", ".npz", ".pt"])
def test_types_shapes_and_files_read_alike(
    tmp_path: Path, root: Path, dtype: Any, shape: tuple[int, ...], suffix: str
) -> None:
    features = FEATURES.astype(dtype).reshape(shape)
    if suffix == ".npy":
        np.save(root / "a.npy", features)
    elif suffix == ".npz":
        np.savez_compressed(root / "a.npz", features=features, other=np.zeros(3))
    else:
        torch.save({"features": torch.from_numpy(features.astype(features.dtype.newbyteorder("=")))}, root / "a.pt")
    assert run(tmp_path, Title("a")) == [ImportOutcome("a", "done")]
    assert np.array_equal(read_shard(tmp_path / "shards/a.parquet").features, FEATURES.astype(np.float16))


def test_bfloat16_tensors_and_one_frame(tmp_path: Path, root: Path) -> None:
    torch.save(torch.tensor([[0.5, -2.0]], dtype=torch.bfloat16, requires_grad=True), root / "a.pt")
    assert run(tmp_path, Title("a")) == [ImportOutcome("a", "done")]
    assert read_shard(tmp_path / "shards/a.parquet").features.tolist() == [[0.5, -2.0]]


def test_the_manifest_names_the_file_or_the_title_does(tmp_path: Path, root: Path) -> None:
    (root / "sub").mkdir()
    np.save(root / "sub" / "x.npy", FEATURES)
    np.save(root / "b.npy", FEATURES)
    titles = (Title("a", path="sub/x.npy"), Title("b", path="videos/b.mp4"))
    assert [outcome.status for outcome in run(tmp_path, *titles)] == ["done", "done"]
    assert read_shard(tmp_path / "shards/a.parquet").header.coverage.source == "sub/x.npy"


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
    tmp_path: Path, root: Path, rows: int, declared_s: float, complete: bool
) -> None:
    np.save(root / "a.npy", np.zeros((rows, 3), np.float16))
    run(tmp_path, Title("a", duration_s=declared_s))
    coverage = read_shard(tmp_path / "shards/a.parquet").header.coverage
    reason = f"{rows} rows (one a second) for a stated duration of {declared_s:g} s"
    assert (coverage.complete, coverage.reason) == (complete, "" if complete else reason)


def test_a_second_run_does_nothing_and_a_changed_input_redoes_its_title(tmp_path: Path, root: Path) -> None:
    for name in ("a", "b"):
        np.save(root / f"{name}.npy", FEATURES)
    titles = [Title("a", duration_s=10.0), Title("b", duration_s=10.0)]
    run(tmp_path, *titles)
    before = (tmp_path / "shards/a.parquet").stat().st_mtime_ns
    (root / "a.npy").touch()
    assert [outcome.status for outcome in run(tmp_path, *titles)] == ["current", "current"]
    assert (tmp_path / "shards/a.parquet").stat().st_mtime_ns == before
    np.save(root / "b.npy", FEATURES + 1)
    assert [outcome.status for outcome in run(tmp_path, *titles)] == ["current", "done"]
    (tmp_path / "shards/a.parquet").write_bytes(b"PAR1 damaged")
    assert [outcome.status for outcome in run(tmp_path, *titles)] == ["done", "current"]
    assert [outcome.status for outcome in run(tmp_path, Title("a", duration_s=20.0))] == ["done"]
    assert not read_shard(tmp_path / "shards/a.parquet").header.coverage.complete


def test_one_width_for_all_titles_also_over_several_runs(tmp_path: Path, root: Path) -> None:
    np.save(root / "a.npy", np.zeros((10, 4)))
    np.save(root / "b.npy", np.zeros((10, 5)))
    np.save(root / "c.npy", np.zeros((4, 10)))
    message = "b.npy: width 5, but a has 4; all titles must have one width"
    transposed = "c.npy: width 10, but a has 4 (it looks like the transpose of what is expected); "
    expected = [
        ImportOutcome("a", "done"),
        ImportOutcome("b", "failed", "width", message),
        ImportOutcome("c", "failed", "width", f"{transposed}all titles must have one width"),
    ]
    assert run(tmp_path, Title("a"), Title("b"), Title("c")) == expected
    assert run(tmp_path, Title("b"), Title("c")) == expected[1:]


def test_a_folder_holds_features_of_one_kind(tmp_path: Path, root: Path) -> None:
    np.save(root / "a.npy", FEATURES)
    run(tmp_path, Title("a"), name="i3d")
    with pytest.raises(ConfigError, match="holds features of imported:i3d, not imported:clip; choose another folder"):
        run(tmp_path, Title("a"), name="clip")


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
def test_arrays_that_are_no_features(tmp_path: Path, root: Path, array: Any, code: str, message: str) -> None:
    np.save(root / "a.npy", array, allow_pickle=True)
    found = failure(tmp_path, Title("a", duration_s=60.0))
    assert found[0] == code
    assert message in found[1]


def test_the_largest_float16_is_kept(tmp_path: Path, root: Path) -> None:
    np.save(root / "a.npy", np.array([[65504.0, -65504.0]]))
    assert run(tmp_path, Title("a")) == [ImportOutcome("a", "done")]


def test_files_that_are_missing_ambiguous_or_outside(tmp_path: Path, root: Path) -> None:
    assert failure(tmp_path, Title("a")) == (
        "missing",
        f"a: no file called so (.npy, .npz, .pt, .h5, .hdf5) under {root}",
    )
    assert failure(tmp_path, Title("a", path="x.npy")) == (
        "missing",
        f"x.npy: no such file under {root}; correct its path",
    )
    np.save(tmp_path / "x.npy", FEATURES)
    (root / "b.npy").symlink_to(tmp_path / "x.npy")
    for title in (Title("a", path="../x.npy"), Title("b")):
        code, message = failure(tmp_path, title)
        assert code == "path"
        assert "is not inside the media root" in message
    np.save(root / "c.npy", FEATURES)
    np.savez(root / "c.npz", FEATURES)
    assert failure(tmp_path, Title("c")) == ("ambiguous", "c: both c.npy and c.npz exist; name one in the manifest")


def test_archives_must_say_which_array(tmp_path: Path, root: Path) -> None:
    np.savez(root / "a.npz", x=FEATURES, y=FEATURES)
    message = "a.npz: arrays x, y; expected one, one called 'features', or rgb and flow"
    assert failure(tmp_path, Title("a")) == ("shape", message)
    torch.save({"x": 1}, root / "b.pt")
    assert failure(tmp_path, Title("b")) == (
        "shape",
        "b.pt: arrays none; expected one, one called 'features', or rgb and flow",
    )
    torch.save([torch.zeros(3)], root / "c.pt")
    assert failure(tmp_path, Title("c")) == ("unreadable", "c.pt: holds a list, expected a tensor")


class Evil:
    """Unpickling it would write a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.write_text, (self._path, "owned")


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".pt"])
def test_nothing_is_unpickled(tmp_path: Path, root: Path, suffix: str) -> None:
    evil = Evil(tmp_path / "owned")
    if suffix == ".npy":
        (root / "a.npy").write_bytes(pickle.dumps(evil))
    elif suffix == ".npz":
        np.savez(root / "a.npz", np.array([evil], dtype=object))
    else:
        torch.save(evil, root / "a.pt")
    assert failure(tmp_path, Title("a"))[0] == "unreadable"
    assert not (tmp_path / "owned").exists()


def test_a_header_that_promises_more_than_the_file_holds(tmp_path: Path, root: Path) -> None:
    np.save(root / "a.npy", FEATURES)
    raw = (root / "a.npy").read_bytes()
    promising = raw.replace(b"(10, 4), }" + 8 * b" ", b"(9999999999, 4), }")
    assert len(promising) == len(raw) and promising != raw
    (root / "a.npy").write_bytes(promising)
    assert failure(tmp_path, Title("a"))[0] == "unreadable"
    (root / "a.npy").write_bytes(raw[:-1])
    assert failure(tmp_path, Title("a"))[0] == "unreadable"


@settings(max_examples=150, deadline=None)
@given(
    suffix=st.sampled_from([".npy", ".npz", ".pt"]),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6),
    keep=st.floats(0, 1),
)
def test_damaged_files_end_in_an_outcome(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, changes: list[tuple[float, int]], keep: float
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    path = folder / "in" / f"a{suffix}"
    path.parent.mkdir()
    if suffix == ".npy":
        np.save(path, FEATURES)
    elif suffix == ".npz":
        np.savez_compressed(path, FEATURES)
    else:
        torch.save(torch.from_numpy(FEATURES), path)
    raw = bytearray(path.read_bytes())
    for place, value in changes:
        raw[int(place * len(raw))] = value
    path.write_bytes(raw[: int(keep * len(raw)) if keep < 0.5 else None])
    (outcome,) = run(folder, Title("a"))
    assert (outcome.status == "done") == (folder / "shards/a.parquet").exists()
    assert (outcome.status == "done") == (not outcome.error)


def test_torch_is_imported_for_pt_files_only() -> None:
    code = "import sys, data.import_features, data.label_check; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


RGB, FLOW = FEATURES, FEATURES[:, ::-1].copy()


def shard_of(folder: Path, title_id: str = "a") -> Any:
    return read_shard(shard_path(folder / "shards", title_id))


@pytest.mark.parametrize("way", ["npz", "pt", "folders", "endings", "h5", "one h5"])
def test_rgb_and_flow_are_joined_whatever_they_come_in(tmp_path: Path, root: Path, way: str) -> None:
    h5py = pytest.importorskip("h5py")
    folders: tuple[str, ...] = ("in",)
    if way == "npz":
        np.savez(root / "a.npz", flow=FLOW, rgb=RGB)
    elif way == "pt":
        torch.save({"flow": torch.from_numpy(FLOW), "rgb": torch.from_numpy(RGB)}, root / "a.pt")
    elif way == "folders":
        folders = ("rgb", "flow")
        for name, values in (("rgb", RGB), ("flow", FLOW)):
            (tmp_path / name / "validation").mkdir(parents=True)
            np.save(tmp_path / name / "validation" / "v_a.npy", values)
    elif way == "endings":
        np.save(root / "v_A-flow.npy", FLOW)
        np.save(root / "v_A-rgb.npy", RGB)
    else:
        with h5py.File(root / ("a.h5" if way == "h5" else "all.hdf5"), "w") as file:
            group = file if way == "h5" else file.create_group("v_a")
            group["flow"], group["rgb"] = FLOW, RGB
        folders = ("in",) if way == "h5" else ("in/all.hdf5",)
    assert run(tmp_path, Title("a"), folders=folders) == [ImportOutcome("a", "done")]
    assert np.array_equal(shard_of(tmp_path).features, np.concatenate([RGB, FLOW], axis=1).astype(np.float16))
    assert run(tmp_path, Title("a"), folders=folders) == [ImportOutcome("a", "current")]


def test_streams_that_differ_by_a_row_are_cut_and_that_is_said(tmp_path: Path, root: Path) -> None:
    np.savez(root / "a.npz", rgb=RGB, flow=FLOW[:9])
    (outcome,) = run(tmp_path, Title("a"))
    assert (outcome.status, outcome.notes) == ("done", ("streams of unequal length were cut to the shorter",))
    assert shard_of(tmp_path).features.shape == (9, 8)
    np.savez(root / "b.npz", rgb=RGB, flow=FLOW[:5])
    (outcome,) = run(tmp_path, Title("b"))
    assert outcome.error == "b.npz: streams of 10 and 5 rows cannot be joined; they must have as many"


def test_a_changed_file_of_the_second_stream_redoes_its_title(tmp_path: Path) -> None:
    for name in ("rgb", "flow"):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "a.npy", RGB)
    assert run(tmp_path, Title("a"), folders=("rgb", "flow"))[0].status == "done"
    np.save(tmp_path / "flow" / "a.npy", FLOW)
    assert run(tmp_path, Title("a"), folders=("rgb", "flow"))[0].status == "done"
    assert np.array_equal(shard_of(tmp_path).features[:, 4:], FLOW.astype(np.float16))


@pytest.mark.parametrize("axis", [0, 1])
def test_crops_are_averaged_or_the_first_is_taken(tmp_path: Path, root: Path, axis: int) -> None:
    crops = np.stack([FEATURES, 3 * FEATURES], axis=axis)  # (crops, T, D) and (T, crops, D)
    np.save(root / "a.npy", crops)
    (outcome,) = run(tmp_path, Title("a"))
    assert outcome.notes == ("crops were averaged",)
    assert np.array_equal(shard_of(tmp_path).features, (2 * FEATURES).astype(np.float16))
    (outcome,) = run(tmp_path, Title("a"), crops="first")  # made anew: these are other features
    assert (outcome.status, outcome.notes) == ("done", ("only the first crop was taken",))
    assert np.array_equal(shard_of(tmp_path).features, FEATURES.astype(np.float16))


def test_crops_are_told_from_rows_by_the_stated_duration(tmp_path: Path, root: Path) -> None:
    np.save(root / "a.npy", np.zeros((10, 4, 3), np.float32))  # ten crops of four seconds
    run(tmp_path, Title("a", duration_s=4.0))
    assert shard_of(tmp_path).features.shape == (4, 3)


def test_rows_stay_rows_at_their_own_rate(tmp_path: Path, root: Path) -> None:
    np.save(root / "a.npy", FEATURES)
    assert run(tmp_path, Title("a", duration_s=6.4), rate=25 / 16) == [ImportOutcome("a", "done")]
    header = shard_of(tmp_path).header
    assert (header.spec.step_s, header.coverage.samples, header.coverage.complete) == (0.64, 10, True)
    assert header.coverage.decoded_s == pytest.approx(6.4)
    assert header.grid.time_s(5) == pytest.approx(3.2)
    assert shard_of(tmp_path).pts_s.tolist() == pytest.approx([0.64 * row for row in range(10)])
    assert run(tmp_path, Title("a", duration_s=6.4), rate=25 / 16) == [ImportOutcome("a", "current")]
    assert run(tmp_path, Title("a", duration_s=6.4))[0].status == "done"  # another rate, other features


def test_rows_of_another_rate_are_told_with_the_rate_that_would_fit(tmp_path: Path, root: Path) -> None:
    np.save(root / "a.npy", np.zeros((312, 4), np.float32))
    run(tmp_path, Title("a", duration_s=200.0))
    coverage = shard_of(tmp_path).header.coverage
    assert coverage.reason == (
        "312 rows (one a second) for a stated duration of 200 s; the rows would fit at a rate of 25/16"
    )
    assert not coverage.complete


def test_two_files_that_are_no_streams_are_ambiguous(tmp_path: Path, root: Path) -> None:
    for name in ("x", "y"):
        (root / name).mkdir()
        np.save(root / name / "v_a.npy", FEATURES)
    assert failure(tmp_path, Title("a"))[0] == "ambiguous"


def test_an_array_of_another_title_is_not_taken(tmp_path: Path, root: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(root / "all.h5", "w") as file:
        file["v_b"] = FEATURES
    (outcome,) = run(tmp_path, Title("a"), folders=("in/all.h5",))
    assert (outcome.error_code, outcome.error) == ("missing", "all.h5: no array of a among its 1")


def test_what_holds_python_objects_is_refused_with_the_way_out(tmp_path: Path, root: Path) -> None:
    np.savez(root / "a.npz", features=np.array([{"rgb": 1}], dtype=object))
    code, message = failure(tmp_path, Title("a"))
    assert code == "unreadable"
    assert "never unpickled" in message


def test_a_link_out_of_the_folder_is_no_feature_file(tmp_path: Path, root: Path) -> None:
    np.save(tmp_path / "x.npy", FEATURES)
    (root / "v_a.npy").symlink_to(tmp_path / "x.npy")
    np.save(root / "v_b.npy", FEATURES)
    found = run(tmp_path, Title("a"), Title("b"))
    assert [(outcome.status, outcome.error_code) for outcome in found] == [("failed", "missing"), ("done", "")]


def test_rows_of_another_rate_are_not_taken_for_a_transpose(tmp_path: Path, root: Path) -> None:
    np.save(root / "a.npy", np.zeros((50, 32), np.float32))  # 32 s at 25/16; the width happens to be 32
    (outcome,) = run(tmp_path, Title("a", duration_s=32.0))
    assert outcome.status == "done"
    assert "would fit at a rate of 25/16" in shard_of(tmp_path).header.coverage.reason


def test_streams_of_one_name_are_told_by_their_folders(tmp_path: Path) -> None:
    for name, width in (("rgb", 10), ("flow", 4)):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "a.npy", np.zeros((width, 4), np.float32))
    (outcome,) = run(tmp_path, Title("a"), folders=("rgb", "flow"))
    assert outcome.error.startswith("rgb/a.npy + flow/a.npy: streams of 10 and 4 rows cannot be joined")
