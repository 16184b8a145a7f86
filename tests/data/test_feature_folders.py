"""Which files are those of a title."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.feature_files import common_ending
from data.feature_folders import FeatureFolders
from data.files import remove_folder
from data.import_features import FeatureImport, import_features
from data.locations import locate
from data.shards import read_shard
from data.titles import Title


def test_the_manifest_names_the_file_or_the_title_does(files: Any) -> None:
    (files.root / "sub").mkdir()
    np.save(files.root / "sub" / "x.npy", files.features)
    np.save(files.root / "b.npy", files.features)
    titles = (Title("a", path="sub/x.npy"), Title("b", path="videos/b.mp4"))
    assert [outcome.status for outcome in files.run(*titles)] == ["done", "done"]
    assert read_shard(files.folder / "shards/a.parquet").header.coverage.source == "sub/x.npy"


def test_files_that_are_missing_ambiguous_or_outside(files: Any) -> None:
    assert files.failure(Title("a")) == (
        "missing",
        f"a: no file called so (.npy, .npz, .pt, .h5, .hdf5) under {files.root}",
    )
    assert files.failure(Title("a", path="x.npy")) == (
        "missing",
        f"x.npy: no such file under {files.root}; correct its path",
    )
    np.save(files.folder / "x.npy", files.features)
    (files.root / "b.npy").symlink_to(files.folder / "x.npy")
    for title in (Title("a", path="../x.npy"), Title("b")):
        code, message = files.failure(title)
        assert code == "path"
        assert "is not inside the media root" in message
    np.save(files.root / "c.npy", files.features)
    np.savez(files.root / "c.npz", files.features)
    assert files.failure(Title("c")) == ("ambiguous", "c: both c.npy and c.npz exist; name one in the manifest")


def test_two_files_that_are_no_streams_are_ambiguous(files: Any) -> None:
    for name in ("x", "y"):
        (files.root / name).mkdir()
        np.save(files.root / name / "v_a.npy", files.features)
    assert files.failure(Title("a"))[0] == "ambiguous"


def test_a_link_out_of_the_folder_is_no_feature_file(files: Any) -> None:
    np.save(files.folder / "x.npy", files.features)
    (files.root / "v_a.npy").symlink_to(files.folder / "x.npy")
    np.save(files.root / "v_b.npy", files.features)
    found = files.run(Title("a"), Title("b"))
    assert [(outcome.status, outcome.error_code) for outcome in found] == [("failed", "missing"), ("done", "")]


def test_streams_of_one_name_are_told_by_their_folders(files: Any) -> None:
    for name, width in (("rgb", 10), ("flow", 4)):
        (files.folder / name).mkdir()
        np.save(files.folder / name / "a.npy", np.zeros((width, 4), np.float32))
    (outcome,) = files.run(Title("a"), folders=("rgb", "flow"))
    assert outcome.error.startswith("rgb/a.npy + flow/a.npy: streams of 10 and 4 rows cannot be joined")


def save(path: Path, width: int, value: float = 1.0, rows: int = 10) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, np.full((rows, width), value, np.float32))


LAYOUTS = {
    "subset/stream": ("train/rgb/{}.npy", "train/flow/{}.npy"),
    "stream/subset": ("rgb/validation/{}.npy", "flow/validation/{}.npy"),
    "words of folders": ("I3D_RGB/train/{}.npy", "I3D-flow/train/{}.npy"),
    "folders in a folder": ("thumos/i3d/rgb/v_{}.npy", "thumos/i3d/flow/v_{}.npy"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("given", ["one folder", "each folder"])
def test_rgb_and_flow_are_found_in_folders_of_subsets_too(files: Any, layout: str, given: str) -> None:
    """As BaSNet, P-MIL and others publish THUMOS14: train/rgb, train/flow, test/rgb, test/flow."""
    folders = set()
    for title_id, subset in (("a", "train"), ("b", "test")):
        for (pattern, width), value in zip(zip(LAYOUTS[layout], (3, 2)), (1.0, 2.0)):
            file = Path(pattern.format(title_id).replace("validation", subset).replace("train", subset))
            save(files.root / file, width, value)
            folders.add(str(Path("in") / file.parent))
    chosen = ("in",) if given == "one folder" else tuple(sorted(folders, key=lambda name: "flow" in name))
    outcomes = files.run(Title("a"), Title("b"), folders=chosen)
    assert [(outcome.status, outcome.error) for outcome in outcomes] == [("done", ""), ("done", "")]
    for title_id in "ab":
        assert files.shard(title_id).features[0].tolist() == [1, 1, 1, 2, 2]


def test_folders_of_subsets_are_looked_through_one_after_the_other(files: Any) -> None:
    save(files.root / "features_train" / "a.npy", 4)
    save(files.root / "features_test" / "b.npy", 4)
    both = ("in/features_train", "in/features_test")
    assert [outcome.status for outcome in files.run(Title("a"), Title("b"), folders=both)] == ["done", "done"]
    save(files.root / "features_test" / "a.npy", 4)
    (outcome,) = files.run(Title("a"), folders=both)
    assert (outcome.status, outcome.error_code) == ("failed", "ambiguous")
    (outcome,) = files.run(Title("c"), folders=both)
    assert outcome.error_code == "missing"
    assert "features_train" in outcome.error and "features_test" in outcome.error


def test_hdf5_files_of_subsets_are_looked_through_too(files: Any) -> None:
    h5py = pytest.importorskip("h5py")
    for subset, title_id in (("train", "v_a"), ("test", "v_b")):
        with h5py.File(files.root / f"{subset}.h5", "w") as file:
            file[title_id] = files.features
    both = ("in/train.h5", "in/test.h5")
    assert [outcome.status for outcome in files.run(Title("a"), Title("b"), folders=both)] == ["done", "done"]


def test_folders_of_other_names_are_joined_in_the_order_given(files: Any) -> None:
    save(files.root / "vggish" / "a.npy", 2, 5.0)
    save(files.root / "clip" / "a.npy", 1, 7.0)
    (outcome,) = files.run(Title("a"), folders=("in/vggish", "in/clip"))
    assert outcome.notes == ("vggish (2 wide) and clip (1 wide) were joined in this order",)
    assert files.shard().features[0].tolist() == [5, 5, 7]


@pytest.mark.parametrize("folders", [("in/rgb", "in/flow"), ("in",)])
def test_a_stream_alone_is_said_and_not_taken(files: Any, folders: tuple[str, ...]) -> None:
    for title_id in "ab":
        save(files.root / "rgb" / f"{title_id}.npy", 4)
    save(files.root / "flow" / "b.npy", 4)
    alone, whole = files.run(Title("a"), Title("b"), folders=folders)
    assert (alone.status, alone.error_code, whole.status) == ("failed", "missing", "done")
    assert alone.error.endswith("rgb/a.npy is there")
    assert "flow" in alone.error
    assert files.shard("b").features.shape == (10, 8)


def test_what_all_names_end_in_is_no_part_of_a_title(files: Any) -> None:
    for title_id in ("a", "b", "c_1"):
        save(files.root / f"{title_id}-i3d-25fps-16.npy", 4)
    outcomes = files.run(Title("a"), Title("b"), Title("c_1"))
    assert [outcome.status for outcome in outcomes] == ["done", "done", "done"]
    assert outcomes[2].called == "c_1-i3d-25fps-16.npy"


@pytest.mark.parametrize(
    ("stems", "ending"),
    [
        (["a-x-16", "b-x-16", "cc-x-16"], "-x-16"),
        (["a-x-16", "b-x-16"], ""),  # too few to tell an ending from a name
        (["v_0001", "v_0011", "v_0021"], ""),  # digits are no ending: no separator before them is shared
        (["a_0001", "b_0001", "c_0001"], "_0001"),
        (["-x", "a-x", "b-x"], ""),  # nothing would be left of a name
    ],
)
def test_common_endings(stems: list[str], ending: str) -> None:
    assert common_ending(stems) == ending


def test_a_name_is_told_where_it_is_not_the_titles_own(files: Any) -> None:
    save(files.root / "a.npy", 4)
    save(files.root / "v_B.npy", 4)
    save(files.root / "sub" / "x.npy", 4)
    outcomes = files.run(Title("a"), Title("b"), Title("c", path="sub/x.npy"))
    assert [outcome.called for outcome in outcomes] == ["", "v_B.npy", ""]
    again = files.run(Title("a"), Title("b"), Title("c", path="sub/x.npy"))
    assert [(outcome.status, outcome.called) for outcome in again] == [
        ("current", ""),
        ("current", "v_B.npy"),
        ("current", ""),
    ]


def test_files_that_no_title_took_are_known(files: Any) -> None:
    save(files.root / "a.npy", 4)
    save(files.root / "odd" / "other.npy", 4)
    folders = FeatureFolders((files.root,))
    save(files.root / "odd" / "third.npy", 4)
    titles = [Title("a"), Title("b", path="odd/third.npy")]
    assert [path.name for path in folders.unused(titles)] == ["other.npy"]


@pytest.mark.parametrize("given", [("",), ("train/rgb", "train/flow")])
def test_files_on_a_store_are_found_alike(tmp_path: Path, given: tuple[str, ...]) -> None:
    place = locate("memory://bucket/feature-folders")
    try:
        for stream, value in (("rgb", 1.0), ("flow", 2.0)):
            content = io.BytesIO()
            np.save(content, np.full((10, 2), value, np.float32))
            (place / "train" / stream / "v_a.npy").write_bytes(content.getvalue())
        wanted = FeatureImport("net", FeatureFolders(tuple(place / folder if folder else place for folder in given)))
        found, missing = import_features([Title("a"), Title("b")], wanted, tmp_path)
        assert (found.status, missing.error_code) == ("done", "missing")
        assert read_shard(tmp_path / "a.parquet").features[0].tolist() == [1, 1, 2, 2]
        assert len(wanted.folders.unused([Title("b")])) == 2
    finally:
        remove_folder(place)
