"""A library is walked as people keep it: films are found, all else is counted, what cannot be looked at is said."""

import os
import unicodedata
from pathlib import Path

import pytest

from data.errors import ConfigError
from data.library import begins_like_video, find_films
from data.store_path import StorePath

EBML = b"\x1a\x45\xdf\xa3" + bytes(60)


def put(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture
def library(tmp_path: Path) -> Path:
    root = tmp_path / "Library"
    for name in (
        "Films/Küss mich, Zoë! (2019)/Küss mich, Zoë! (2019).mkv",
        "Films/日本語.mkv",
        "Films/Сталкер.AVI",
        "Series/A/Season 01/S01E03.mkv",
        "Series/B/Season 01/S01E03.mp4",
        "Series/B/Extras/Making of.mkv",
    ):
        put(root / name)
    for name in ("Films/日本語.srt", "Films/日本語.nfo", "Films/poster.JPG", "Films/Thumbs.db", "Series/B/x.srt"):
        put(root / name, b"1\n00:00:01,000 --> 00:00:02,000\nHallo\n")
    for name in (".DS_Store", "Films/._日本語.mkv", "@eaDir/日本語.mkv", ".trash/old.mkv", "#recycle/a.mkv"):
        put(root / name)
    return root


def names(listing) -> list[str]:
    return [film.name for film in listing.films]


def test_subfolders_are_walked_and_what_is_no_film_is_counted(library: Path) -> None:
    found = find_films([library])
    assert names(found) == [
        "Films/Küss mich, Zoë! (2019)/Küss mich, Zoë! (2019)",
        "Films/Сталкер",
        "Films/日本語",
        "Series/A/Season 01/S01E03",
        "Series/B/Extras/Making of",
        "Series/B/Season 01/S01E03",
    ]
    assert found.left_out == {"hidden": 5, ".srt": 2, ".nfo": 1, ".jpg": 1, ".db": 1}
    assert found.left_out_words() == "5 hidden, 2 .srt, 1 .db, 1 .jpg, 1 .nfo"
    assert found.problems == []


def test_without_a_known_suffix_the_first_bytes_decide_and_with_one_the_suffix_does(tmp_path: Path) -> None:
    put(tmp_path / "film", EBML)
    put(tmp_path / "film.2019", EBML)
    put(tmp_path / "unfinished.mkv.part", EBML)
    put(tmp_path / "sound.mka", EBML)
    put(tmp_path / "letter.pages", b"PK\x03\x04" + bytes(60))
    put(tmp_path / "broken.mp4", b"<html>404</html>")
    put(tmp_path / "empty.mkv", b"")
    found = find_films([tmp_path])
    assert sorted(film.path.name for film in found.films) == ["broken.mp4", "empty.mkv", "film", "film.2019"]
    assert found.left_out == {".part": 1, ".mka": 1, ".pages": 1}


@pytest.mark.parametrize(
    ("head", "is_video"),
    [
        (EBML, True),
        (b"\0\0\0\x20ftypisom" + bytes(20), True),
        (b"\0\0\0\x20ftypM4A " + bytes(20), False),
        (b"\0\0\0\x20ftypavif" + bytes(20), False),
        (b"RIFF\0\0\0\0AVI LIST", True),
        (b"RIFF\0\0\0\0WAVEfmt ", False),
        (b"RIFF\0\0\0\0WEBPVP8 ", False),
        ((b"\x47" + bytes(187)) * 3, True),
        ((bytes(4) + b"\x47" + bytes(187)) * 3, True),
        (b"\x47" + bytes(600), False),
        (b"OggS" + bytes(24) + b"\x80theora", True),
        (b"OggS" + bytes(24) + b"\x01vorbis", False),
        (b"%PDF-1.7", False),
        (b"", False),
    ],
)
def test_first_bytes(head: bytes, is_video: bool) -> None:
    assert begins_like_video(head) is is_video


def test_a_named_file_is_a_film_whatever_it_is(tmp_path: Path) -> None:
    put(tmp_path / "notes.txt", b"not a film")
    found = find_films([tmp_path / "notes.txt"])
    assert [(film.name, film.path) for film in found.films] == [("notes", tmp_path / "notes.txt")]


def test_links_that_lead_round_and_two_ways_to_a_film_are_walked_once(library: Path, tmp_path: Path) -> None:
    (library / "Series" / "A" / "round").symlink_to(library)
    (library / "Zweiter Weg").symlink_to(library / "Films")
    (library / "nowhere.mkv").symlink_to(library / "gone.mkv")
    (library / "itself.mkv").symlink_to(library / "itself.mkv")
    found = find_films([library])
    assert len(found.films) == 8
    assert {"nowhere", "itself"} < set(names(found))  # they are bad titles, not nothing
    again = find_films([library, library / "Films", library / "Films" / "日本語.mkv"])
    assert sorted(names(again)) == sorted(names(found))
    assert sorted(names(find_films([library / "Films" / "日本語.mkv", library]))) == sorted(names(found))


def test_a_pipe_is_no_film_and_is_never_opened(tmp_path: Path) -> None:
    put(tmp_path / "a.mkv")
    os.mkfifo(tmp_path / "b.mkv")
    os.mkfifo(tmp_path / "c")
    found = find_films([tmp_path])
    assert names(found) == ["a"]
    assert found.left_out == {"special": 2}


def test_a_folder_that_may_not_be_looked_into_is_said(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def refuse(path):
        if Path(path).name == "B":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = find_films([library])
    assert found.problems == [f"{library}/Series/B: cannot be looked into (Permission denied)"]
    assert len(found.films) == 4


def test_patterns_choose_by_name_or_by_path_in_any_case_and_normal_form(library: Path) -> None:
    assert names(find_films([library], include=["Series/*"])) == [
        "Series/A/Season 01/S01E03",
        "Series/B/Extras/Making of",
        "Series/B/Season 01/S01E03",
    ]
    found = find_films([library], exclude=["extras", "*.avi", "*E03.*"])
    assert names(found) == ["Films/Küss mich, Zoë! (2019)/Küss mich, Zoë! (2019)", "Films/日本語"]
    assert found.left_out["not asked for"] == 4
    loose = unicodedata.normalize("NFD", "küss*")
    assert names(find_films([library], include=[loose])) == ["Films/Küss mich, Zoë! (2019)/Küss mich, Zoë! (2019)"]
    for folder in ("Series/A", "series/a/", "Series/A/Season 01", "Series/A/*"):
        assert len(find_films([library], exclude=[folder]).films) == 5, folder
    assert len(find_films([library], exclude=["Season 01/"]).films) == 4


def test_a_pattern_that_meets_nothing_is_told_for_folders_and_for_films_that_are_named(library: Path) -> None:
    assert find_films([library], exclude=["Extars"]).unused == ["Extars"]
    assert find_films([library], include=["Films", "Flims"], exclude=["Extars"]).unused == ["Flims", "Extars"]
    named = [library / "Films" / "日本語.mkv", library / "Series" / "A" / "Season 01" / "S01E03.mkv"]
    found = find_films(named, include=["*.mkv", "*.mp4"], exclude=["日本*", "Series/*"])
    assert found.unused == ["*.mp4", "Series/*"]
    assert (names(found), found.not_asked_for, found.named) == (["S01E03"], [named[0]], named)
    assert find_films([*named, library / "Films"], exclude=["日本語.mkv"]).unused == []
    with pytest.raises(ConfigError) as caught:
        find_films([library], include=["Flims"])
    assert str(caught.value) == (
        f"none of 6 films in {library} is asked for (--include, --exclude); no film or folder is like 'Flims'; left "
        "out: 6 not asked for, 5 hidden, 2 .srt, 1 .db, 1 .jpg, 1 .nfo; correct the patterns"
    )


def test_films_that_would_be_called_alike_are_told_apart(tmp_path: Path) -> None:
    put(tmp_path / "One" / "a.mkv")
    put(tmp_path / "One" / "a.mp4")
    put(tmp_path / "Two" / "b.mkv")
    put(tmp_path / "Three" / "b.mkv")
    found = find_films([tmp_path / "One", tmp_path / "Two", tmp_path / "Three"])
    assert names(found) == ["One/a.mkv", "One/a.mp4", "Two/b.mkv", "Three/b.mkv"]


def test_the_folder_of_results_is_not_looked_into(library: Path) -> None:
    put(library / "moderation" / "x.mkv")
    assert len(find_films([library], skipped=library / "moderation").films) == 6


def test_files_that_were_written_beside_films_are_not_spoken_of(library: Path) -> None:
    ours = put(library / "Films" / "日本語.edl")
    put(library / "Films" / "Сталкер.edl")
    found = find_films([library], is_ours=lambda path: path == ours)
    assert found.left_out[".edl"] == 1
    assert found.ours == [ours]


def test_no_film_at_all_says_what_there_was(tmp_path: Path) -> None:
    put(tmp_path / "a" / "b.srt")
    with pytest.raises(ConfigError, match=r"no video files in .* or below; left out: 1 \.srt; name at least one"):
        find_films([tmp_path])
    with pytest.raises(ConfigError, match="no such file; name a video file, or a folder of them"):
        find_films([tmp_path / "gone"])


def test_a_name_that_is_no_text_is_a_name_all_the_same(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"\xc9t\xe9")
    for name in (b"caf\xe9.mkv", b"caf\xe8.mkv", "cafÉ.mkv".encode()):
        put(folder / os.fsdecode(name))
    found = find_films([tmp_path])
    assert not found.problems
    assert sorted(os.fsencode(film.path.name) for film in found.films) == sorted(
        [b"caf\xe9.mkv", b"caf\xe8.mkv", "cafÉ.mkv".encode()]
    )
    assert len({film.name for film in found.films}) == 3
    for film in found.films:
        film.name.encode()


def test_a_store_is_walked_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    for key in ("lib/Кино/a.mkv", "lib/Кино/a.srt", "lib/.x/b.mkv", "lib/out/c.mkv"):
        memory.pipe(f"/{key}", b"x")
    root = StorePath("/", "memory:", "lib")
    try:
        found = find_films([root], skipped=root / "out")
        assert [(film.name, str(film.path)) for film in found.films] == [("Кино/a", "memory://lib/Кино/a.mkv")]
        assert found.left_out == {".srt": 1, "hidden": 1}
    finally:
        memory.rm("/lib", recursive=True)
