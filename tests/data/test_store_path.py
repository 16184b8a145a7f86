import json
import os
import pickle
import shutil
import stat
from pathlib import Path

import pytest

from data.errors import ConfigError
from data.files import atomic_path, file_sha256, local_copy, remove_folder, size_below, write_json
from data.locations import is_url, locate
from data.store_path import StorePath, in_parallel
from data.titles import media_path


@pytest.fixture
def folder():
    place = locate("memory://bucket/store-path")
    yield place
    remove_folder(place)


def test_a_place_is_a_path(folder):
    place = folder / "runs" / "a.parquet"
    assert isinstance(place, Path)
    assert str(place) == "memory://bucket/store-path/runs/a.parquet"
    assert (place.name, place.suffix, place.parent.parent) == ("a.parquet", ".parquet", folder)
    assert str(place.relative_to(folder)) == "runs/a.parquet"
    assert place.with_name("b") == folder / "runs" / "b"
    assert pickle.loads(pickle.dumps(place)) == place
    assert isinstance(pickle.loads(pickle.dumps(place)), StorePath)


def test_looking_listing_reading_and_removing(folder):
    assert not folder.exists()
    assert list(folder.glob("*")) == []
    (folder / "a" / "one.txt").write_text("eins\r\nzwei")
    (folder / "two.bin").write_bytes(b"\0\1")
    assert folder.is_dir() and (folder / "a").is_dir() and not (folder / "a").is_file()
    assert (folder / "two.bin").is_file() and not (folder / "three").exists()
    assert sorted(child.name for child in folder.iterdir()) == ["a", "two.bin"]
    assert [child.name for child in folder.glob("*.bin")] == ["two.bin"]
    assert (folder / "a" / "one.txt").read_text() == "eins\nzwei"
    with (folder / "a" / "one.txt").open(encoding="utf-8") as file:
        assert file.readlines() == ["eins\n", "zwei"]
    assert stat.S_ISREG((folder / "two.bin").stat().st_mode)
    assert (folder / "two.bin").stat().st_size == 2
    assert size_below(folder) == 12
    (folder / "two.bin").unlink()
    with pytest.raises(FileNotFoundError):
        (folder / "two.bin").unlink()
    (folder / "two.bin").unlink(missing_ok=True)
    with pytest.raises(FileNotFoundError):
        (folder / "two.bin").read_bytes()
    remove_folder(folder)
    assert not folder.exists()


@pytest.mark.parametrize(
    "act",
    [
        os.fspath,
        os.listdir,
        open,
        shutil.rmtree,
        lambda path: path.rename("elsewhere"),
        lambda path: path.chmod(0o600),
        lambda path: path.symlink_to("elsewhere"),
    ],
)
def test_what_is_meant_for_files_of_this_machine_touches_none(folder, act):
    with pytest.raises(TypeError, match="memory://bucket/store-path: on a store"):
        act(folder)


def test_files_appear_whole_or_not_at_all(folder):
    write_json(folder / "a.json", {"x": 1})
    assert json.loads((folder / "a.json").read_text()) == {"x": 1}

    def fail_halfway():
        with atomic_path(folder / "a.json") as temporary:
            temporary.write_text("half")
            raise ValueError

    with pytest.raises(ValueError):
        fail_halfway()
    assert json.loads((folder / "a.json").read_text()) == {"x": 1}
    assert [path.name for path in folder.iterdir()] == ["a.json"]
    with pytest.raises(OSError, match="written whole"):
        (folder / "a.json").open("w")


def test_a_local_copy_is_the_file_itself_or_goes_away(folder, tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    with local_copy(tmp_path / "x") as copy:
        assert copy == tmp_path / "x"
    (folder / "x").write_bytes(b"abc")
    with local_copy(folder / "x") as copy:
        assert copy.read_bytes() == b"abc"
        assert file_sha256(copy) == file_sha256(folder / "x")
    assert not copy.exists()


def test_conditions_of_writing_are_looked_at_where_a_store_does_not(folder):
    assert (folder / "lease").write_if(b"1", absent=True)
    assert not (folder / "lease").write_if(b"2", absent=True)
    assert (folder / "lease").read_bytes() == b"1"


def test_many_are_asked_at_a_time_and_answers_stay_in_order(folder):
    assert list(in_parallel(folder, lambda number: number * 2, range(100))) == list(range(0, 200, 2))
    with pytest.raises(ZeroDivisionError):
        list(in_parallel(folder, lambda number: 1 // number, range(3)))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("s3://bucket/films", "s3://bucket/films"),
        ("S3A://bucket//films/", "s3://bucket/films"),
        ("s3://bucket/a/../b", "s3://bucket/b"),
        ("memory://x/y", "memory://x/y"),
        ("file:///tmp/films", "/tmp/films"),
        ("films", "films"),
        ("/a/b://c", "/a/b:/c"),
    ],
)
def test_urls_and_paths_are_told_apart(text, found):
    assert str(locate(text)) == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("s3://me:secret@bucket/x", "s3://bucket/x: a URL with user, password or query"),
        ("s3://bucket/x?X-Amz-Signature=secret", "s3://bucket/x: a URL with user, password or query"),
        ("s3://", "names no bucket"),
        ("nonsense://bucket/x", "not a kind of store"),
    ],
)
def test_urls_that_are_refused_say_why_and_no_secret(text, said):
    with pytest.raises(ConfigError, match=said) as caught:
        locate(text)
    assert "secret" not in str(caught.value)
    assert is_url(text)


def test_a_missing_library_is_named_with_its_install_line(monkeypatch):
    import fsspec

    def missing(protocol):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec, "get_filesystem_class", missing)
    with pytest.raises(ConfigError, match=r"pip install -c constraints.txt '\.\[s3\]'"):
        locate("s3://bucket/x")


@pytest.mark.parametrize("path", ["../other", "/etc/passwd", "a/../../x", "../../../x", "."])
def test_titles_stay_below_the_media_root(folder, path):
    with pytest.raises(Exception, match="is not inside the media root"):
        media_path(folder, path)


def test_titles_below_the_media_root_are_found(folder):
    assert str(media_path(folder, "season 1/ä?.mkv")) == f"{folder}/season 1/ä?.mkv"
