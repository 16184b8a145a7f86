"""What is in a feature file, and what is refused before memory is taken for it."""

import io
import pickle
import resource
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from data import feature_files
from data.feature_bounds import MOST_BYTES
from data.import_features import ImportOutcome
from data.shards import read_shard
from data.titles import Title


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4"])
@pytest.mark.parametrize("shape", [(10, 4), (10, 1, 1, 4), (10, 4, 1, 1), (1, 10, 4)])
@pytest.mark.parametrize("suffix", [".npy", ".npz", ".pt"])
def test_types_shapes_and_files_read_alike(files: Any, dtype: Any, shape: tuple[int, ...], suffix: str) -> None:
    features = files.features.astype(dtype).reshape(shape)
    if suffix == ".npy":
        np.save(files.root / "a.npy", features)
    elif suffix == ".npz":
        np.savez_compressed(files.root / "a.npz", features=features, other=np.zeros(3))
    else:
        torch.save(
            {"features": torch.from_numpy(features.astype(features.dtype.newbyteorder("=")))},
            files.root / "a.pt",
        )
    assert files.run(Title("a")) == [ImportOutcome("a", "done")]
    assert np.array_equal(read_shard(files.folder / "shards/a.parquet").features, files.features.astype(np.float16))


def test_bfloat16_tensors_and_one_frame(files: Any) -> None:
    torch.save(torch.tensor([[0.5, -2.0]], dtype=torch.bfloat16, requires_grad=True), files.root / "a.pt")
    assert files.run(Title("a")) == [ImportOutcome("a", "done")]
    assert read_shard(files.folder / "shards/a.parquet").features.tolist() == [[0.5, -2.0]]


def test_archives_must_say_which_array(files: Any) -> None:
    np.savez(files.root / "a.npz", x=files.features, y=files.features)
    message = "a.npz: arrays x, y; expected one, one called 'features', or rgb and flow"
    assert files.failure(Title("a")) == ("shape", message)
    torch.save({"x": 1}, files.root / "b.pt")
    assert files.failure(Title("b")) == (
        "shape",
        "b.pt: arrays none; expected one, one called 'features', or rgb and flow",
    )
    torch.save([torch.zeros(3)], files.root / "c.pt")
    assert files.failure(Title("c")) == ("unreadable", "c.pt: holds a list, expected a tensor")


class Evil:
    """Unpickling it would write a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.write_text, (self._path, "owned")


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".pt"])
def test_nothing_is_unpickled(files: Any, suffix: str) -> None:
    evil = Evil(files.folder / "owned")
    if suffix == ".npy":
        (files.root / "a.npy").write_bytes(pickle.dumps(evil))
    elif suffix == ".npz":
        np.savez(files.root / "a.npz", np.array([evil], dtype=object))
    else:
        torch.save(evil, files.root / "a.pt")
    assert files.failure(Title("a"))[0] == "unreadable"
    assert not (files.folder / "owned").exists()


def test_a_header_that_promises_more_than_the_file_holds(files: Any) -> None:
    np.save(files.root / "a.npy", files.features)
    raw = (files.root / "a.npy").read_bytes()
    promising = raw.replace(b"(10, 4), }" + 8 * b" ", b"(9999999999, 4), }")
    assert len(promising) == len(raw) and promising != raw
    (files.root / "a.npy").write_bytes(promising)
    assert files.failure(Title("a"))[0] == "size"
    (files.root / "a.npy").write_bytes(promising.replace(b"9999999999, 4), }", b"9999, 4), }      "))
    assert files.failure(Title("a"))[0] == "unreadable"
    (files.root / "a.npy").write_bytes(raw[:-1])
    assert files.failure(Title("a"))[0] == "unreadable"


@settings(max_examples=150, deadline=None)
@given(
    suffix=st.sampled_from([".npy", ".npz", ".pt"]),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6),
    keep=st.floats(0, 1),
)
def test_damaged_files_end_in_an_outcome(
    new_files: Callable[[], Any], suffix: str, changes: list[tuple[float, int]], keep: float
) -> None:
    files = new_files()
    path = files.root / f"a{suffix}"
    if suffix == ".npy":
        np.save(path, files.features)
    elif suffix == ".npz":
        np.savez_compressed(path, files.features)
    else:
        torch.save(torch.from_numpy(files.features), path)
    raw = bytearray(path.read_bytes())
    for place, value in changes:
        raw[int(place * len(raw))] = value
    path.write_bytes(raw[: int(keep * len(raw)) if keep < 0.5 else None])
    (outcome,) = files.run(Title("a"))
    assert (outcome.status == "done") == (files.folder / "shards/a.parquet").exists()
    assert (outcome.status == "done") == (not outcome.error)


def test_an_array_of_another_title_is_not_taken(files: Any) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(files.root / "all.h5", "w") as file:
        file["v_b"] = files.features
    (outcome,) = files.run(Title("a"), folders=("in/all.h5",))
    assert (outcome.error_code, outcome.error) == ("missing", "all.h5: no array of a among its 1, such as 'v_b'")


def test_what_holds_python_objects_is_refused_with_the_way_out(files: Any) -> None:
    np.savez(files.root / "a.npz", features=np.array([{"rgb": 1}], dtype=object))
    code, message = files.failure(Title("a"))
    assert code == "unreadable"
    assert "never unpickled" in message


def zip_of(path: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def npy_header(shape: tuple[int, ...], dtype: str = "<f4") -> bytes:
    raw = io.BytesIO()
    np.lib.format.write_array_header_1_0(raw, {"descr": dtype, "fortran_order": False, "shape": shape})
    return raw.getvalue()


HUGE = (10**6, 10**6)


def bomb_npy(path: Path) -> None:
    with path.open("wb") as file:  # holes: 4 TB that take a block on the disk
        file.write(npy_header(HUGE))
        file.truncate(file.tell() + 4 * 10**12)


def bomb_npy_within_the_length(path: Path) -> None:
    shape = (MOST_BYTES // 4 // 1000 + 1, 1000)
    with path.open("wb") as file:
        file.write(npy_header(shape))
        file.truncate(file.tell() + 4 * shape[0] * shape[1])


def bomb_npz(path: Path) -> None:
    zip_of(path, {"features.npy": npy_header(HUGE) + bytes(10**6)})


def bomb_npz_header(path: Path) -> None:
    header = b"\x93NUMPY\x02\x00" + (2**31).to_bytes(4, "little")
    zip_of(path, {"features.npy": header + b" " * 10**7})


def bomb_pt_strides(path: Path) -> None:
    torch.save(torch.zeros(1).expand(HUGE), path)
    assert path.stat().st_size < 2000


def bomb_pt_record(path: Path) -> None:
    torch.save(torch.zeros(4), path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    record = next(name for name in members if name.endswith("/data/0"))
    zip_of(path, {**members, record: b""})
    raw = bytearray(path.read_bytes())
    place = raw.index(b"PK\x01\x02")  # of the directory, one entry a member
    while raw[place + 46 : place + 46 + len(record)] != record.encode():
        place = raw.index(b"PK\x01\x02", place + 4)
    raw[place + 24 : place + 28] = (MOST_BYTES + 1).to_bytes(4, "little")
    path.write_bytes(raw)


def bomb_pt_old(path: Path) -> None:
    torch.save(torch.zeros(4), path, _use_new_zipfile_serialization=False)


def bomb_pt_bytearray(path: Path) -> None:
    zip_of(path, {"a/data.pkl": b"\x80\x02cbuiltins\nbytearray\n\x8a\x05\x00\x00\x00\x00\x10\x85R.", "a/version": b"3"})


def bomb_h5(path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        file.create_dataset("features", HUGE, np.float32, chunks=(1000, 1000), compression="gzip")


def bomb_h5_chunk(path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        whole = (10, MOST_BYTES // 40 + 10)
        file.create_dataset("features", (10, 4), np.float32, chunks=whole, maxshape=(None, None), compression="gzip")


BOMBS = {
    "holes": (".npy", bomb_npy, "size"),
    "holes, shorter": (".npy", bomb_npy_within_the_length, "size"),
    "compressed": (".npz", bomb_npz, "size"),
    "compressed header": (".npz", bomb_npz_header, "unreadable"),
    "strides": (".pt", bomb_pt_strides, "size"),
    "compressed record": (".pt", bomb_pt_record, "size"),
    "before PyTorch 1.6": (".pt", bomb_pt_old, "unreadable"),
    "bytearray": (".pt", bomb_pt_bytearray, "unreadable"),
    "chunks": (".h5", bomb_h5, "size"),
    "one chunk": (".h5", bomb_h5_chunk, "size"),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_size_is_refused_before_memory_is_taken(files: Any, bomb: str) -> None:
    """A file of a kilobyte that promises terabytes; a good title beside it is imported."""
    suffix, make, code = BOMBS[bomb]
    make(files.root / f"a{suffix}")
    np.save(files.root / "b.npy", files.features)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    bad, good = files.run(Title("a"), Title("b"))
    assert (bad.status, bad.error_code, good.status) == ("failed", code, "done")
    assert f"a{suffix}" in bad.error
    taken_bytes = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    assert taken_bytes < 300 * 2**20


def test_what_is_refused_says_how_much_and_what_to_do(files: Any) -> None:
    bomb_pt_strides(files.root / "a.pt")
    assert files.failure(Title("a")) == (
        "size",
        "a.pt: an array of shape (1000000, 1000000) has 3.64 TiB; at most 2 GiB are read: save fewer crops, or parts "
        "of the title",
    )


def test_small_tensors_that_repeat_what_is_stored_once_are_read(files: Any) -> None:
    torch.save(torch.tensor([[0.5, -2.0]]).expand(10, 2), files.root / "a.pt")
    assert files.run(Title("a")) == [ImportOutcome("a", "done")]
    assert files.shard().features.tolist() == [[0.5, -2.0]] * 10


def test_other_files_that_an_hdf5_file_names_are_not_read(files: Any) -> None:
    h5py = pytest.importorskip("h5py")
    other = files.folder / "other.h5"
    with h5py.File(other, "w") as file:
        file["features"] = files.features
    with h5py.File(files.root / "a.h5", "w") as file:
        file["features"] = h5py.ExternalLink(str(other), "features")
    with h5py.File(files.root / "b.h5", "w") as file:
        layout = h5py.VirtualLayout((10, 4), np.float32)
        layout[:] = h5py.VirtualSource(str(other), "features", (10, 4))
        file.create_virtual_dataset("features", layout)
    with h5py.File(files.root / "c.h5", "w") as file:
        raw = files.folder / "raw"
        raw.write_bytes(bytes(160))
        file.create_dataset("features", (10, 4), np.float32, external=[(str(raw), 0, 160)])
    with h5py.File(files.root / "d.h5", "w") as file:
        file.create_dataset("features", (10, 4), h5py.vlen_dtype(np.float32))
    outcomes = files.run(*map(Title, "abcd"))
    assert [outcome.error_code for outcome in outcomes] == ["path", "path", "path", "type"]


def test_one_file_of_all_titles_is_hashed_once(files: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(files.root / "all.h5", "w") as file:
        for title_id in "abc":
            file[f"v_{title_id}"] = files.features
    read: list[str] = []
    hashed = feature_files.file_sha256
    monkeypatch.setattr(feature_files, "file_sha256", lambda path: read.append(path.name) or hashed(path))
    titles = list(map(Title, "abc"))
    assert [outcome.status for outcome in files.run(*titles, folders=("in/all.h5",))] == ["done"] * 3
    assert read == ["all.h5"]
    with h5py.File(files.root / "all.h5", "a") as file:
        file["v_b"][0] = 5.0
    assert [outcome.status for outcome in files.run(*titles, folders=("in/all.h5",))] == ["done"] * 3
    assert files.shard("b").features[0].tolist() == [5.0] * 4
