"""What is written into a library is ours to change and remove, and nothing else is."""

import csv
import os
from dataclasses import replace
from pathlib import Path

import pytest

from data.files import remove_folder
from data.locations import locate
from data.schemas import Segment
from infer.export.settings import ExportSettings
from infer.export.source import ExportRun, ExportTitle
from infer.title_status import TitleRow
from pipeline import beside as module
from pipeline.beside import SHARED, BesideFile, export_beside, files_of, is_marked
from pipeline.moderation_summary import _files

SETTINGS = ExportSettings(severity={"violence": "high"})


def title(title_id: str, status: str = "flagged", times=((10.0, 20.5),)) -> ExportTitle:
    segments = tuple(
        Segment(title_id, "violence", n, start, end, 0.9, 0.8, None, None, 0.9, 0.1, 0.1, "flag", start)
        for n, (start, end) in enumerate(times)
    )
    row = TitleRow(
        title_id, status, "violence", len(times), 10.5, 60.0, 60.0, 1.0, 60, 0, "", "", "", "f", f"Name of {title_id}"
    )
    return ExportTitle(row, segments, 0, title_id, {})


def clear(title_id: str, status: str = "clear") -> ExportTitle:
    return title(title_id, status, times=())


class Library:
    def __init__(self, folder: Path) -> None:
        self.folder = folder / "Library"
        self.folder.mkdir()
        self.table = folder / "out" / "exports.csv"
        self.videos: dict[str, Path] = {}

    def film(self, title_id: str, name: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"video")
        self.videos[title_id] = path
        return path

    def export(self, *titles: ExportTitle, forms=("edl",), **options):
        run = ExportRun("run0", "model0", "2026-11-28", ("violence",), titles)
        videos = {one.title_id: self.videos[one.title_id] for one in titles}
        met = [path for path in self.folder.rglob("*") if is_marked(path)]
        done = export_beside(run, forms, videos, self.table, SETTINGS, met=met, **options)
        return {(file.title_id or file.name, file.form): file.outcome for file in done}

    def move(self, to: Path) -> None:
        """Move the library; its films have other ids then, as those of `moderate` do."""
        to.parent.mkdir(parents=True, exist_ok=True)
        self.folder.rename(to)
        self.videos = {f"{title_id}2": to / path.relative_to(self.folder) for title_id, path in self.videos.items()}
        self.folder = to

    def others(self) -> set[str]:
        return {path.name for path in self.folder.rglob("*") if path.is_file()} - {v.name for v in self.videos.values()}


@pytest.fixture
def library(tmp_path: Path) -> Library:
    found = Library(tmp_path)
    found.film("a", "Küss mich, Zoë! (2019)/Küss mich, Zoë! (2019).mkv")
    found.film("b", "日本語.mkv")
    return found


def test_only_films_with_something_to_skip_have_a_file_where_players_look(library: Library) -> None:
    assert library.export(title("a"), clear("b"), forms=("edl", "mcf")) == {
        ("a", "edl"): "written",
        ("a", "mcf"): "written",
    }
    assert library.others() == {"Küss mich, Zoë! (2019).edl", "Küss mich, Zoë! (2019).mcf"}
    text = library.videos["a"].with_suffix(".edl").read_text(encoding="utf-8")
    assert text.splitlines()[-1] == "10.000 20.500 3"
    assert "## name Name of a" in text
    assert "violence=high" in library.videos["a"].with_suffix(".mcf").read_text()


def test_a_second_call_writes_nothing(library: Library) -> None:
    library.export(title("a"))
    path = library.videos["a"].with_suffix(".edl")
    os.utime(path, (1, 1))
    assert library.export(title("a")) == {("a", "edl"): "current"}
    assert path.stat().st_mtime == 1


def test_our_file_follows_the_film_and_goes_when_it_is_clear(library: Library) -> None:
    path = library.videos["a"].with_suffix(".edl")
    library.export(title("a"))
    assert library.export(title("a", times=((1.0, 2.0),))) == {("a", "edl"): "written"}
    assert "1.000 2.000 3" in path.read_text()
    for status in ("partial", "quarantined"):  # nothing new is known: what was known stays
        assert library.export(clear("a", status)) == {("a", "edl"): "kept"}
        assert path.exists()
    assert library.export(clear("a", "review")) == {("a", "edl"): "removed"}
    assert not path.exists()
    assert library.export(clear("a")) == {}


def test_a_file_of_somebody_else_is_never_touched_unasked(library: Library) -> None:
    own = library.videos["a"].with_suffix(".edl")
    own.write_text("5 9 0\n")
    assert library.export(title("a"), clear("b")) == {("a", "edl"): "kept"}
    assert library.export(clear("a")) == {}
    assert own.read_text() == "5 9 0\n"
    former = own.with_name(f"{own.name}.bak")
    former.write_text("1 2 0\n")
    assert library.export(title("a"), overwrite=True) == {("a", "edl"): "written"}
    assert former.read_text() == "1 2 0\n"  # an earlier copy is not written over
    assert own.with_name(f"{own.name}.bak2").read_text() == "5 9 0\n"
    [row] = csv.DictReader(library.table.open(encoding="utf-8"))
    assert row["detail"] == f"replaced; what was there is kept as {own.name}.bak2"
    own.write_text("5 9 0\n")
    assert library.export(title("a"), overwrite=True) == {("a", "edl"): "written"}
    assert not own.with_name(f"{own.name}.bak3").exists()  # there is a copy of this already
    assert library.export(title("a"), overwrite=True) == {("a", "edl"): "current"}
    own.write_text(own.read_text().replace("10.000", "11.000"))
    assert library.export(title("a", times=((1.0, 2.0),))) == {("a", "edl"): "kept"}
    assert library.export(clear("a")) == {("a", "edl"): "kept"}
    assert library.export(clear("a"), overwrite=True) == {("a", "edl"): "kept"}
    assert own.read_text().endswith("11.000 20.500 3\n")


def test_two_videos_that_would_share_a_file_are_said_and_nothing_is_written(library: Library) -> None:
    library.film("c", "日本語.mp4")
    assert library.export(title("b"), clear("c")) == {("b", "edl"): "shared"}
    assert library.others() == set()
    rows = list(csv.DictReader(library.table.open(encoding="utf-8")))
    assert rows[0]["detail"] == "日本語.mkv and 日本語.mp4 would share it; rename one of them"
    assert library.export(clear("b"), clear("c")) == {}
    library.export(title("b"))
    written = library.videos["b"].with_suffix(".edl").read_bytes()
    assert library.export(title("b"), title("c")) == {("b", "edl"): "shared", ("c", "edl"): "shared"}
    for row in csv.DictReader(library.table.open(encoding="utf-8")):
        assert row["detail"].endswith("rename one of them; what an earlier call wrote is still there")
    assert library.videos["b"].with_suffix(".edl").read_bytes() == written


def test_a_library_that_cannot_be_written_is_recorded_and_the_rest_goes_on(library: Library, monkeypatch) -> None:
    write_text = module.write_text

    def refuse(path: Path, text: str) -> None:
        if path.parent == library.videos["a"].parent:
            raise OSError(30, "Read-only file system", str(path))
        write_text(path, text)

    monkeypatch.setattr(module, "write_text", refuse)
    assert library.export(title("a"), title("b")) == {("a", "edl"): "failed", ("b", "edl"): "written"}
    rows = {row["title_id"]: row for row in csv.DictReader(library.table.open(encoding="utf-8"))}
    assert (rows["a"]["outcome"], rows["a"]["detail"]) == ("failed", "Read-only file system")
    assert rows["a"]["name"] == "Name of a"
    library.videos["a"].with_suffix(".edl").write_text("somebody's")
    monkeypatch.setattr(module, "write_text", write_text)
    assert library.export(title("a")) == {("a", "edl"): "kept"}


def test_a_call_that_is_killed_leaves_whole_files_of_ours(library: Library, monkeypatch) -> None:
    write_text = module.write_text
    path = library.videos["a"].with_suffix(".edl")

    def killed(place: Path, text: str) -> None:
        write_text(place, text)
        (path.parent / f".tmp-0123456789ab-{path.name}").write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "write_text", killed)
    with pytest.raises(KeyboardInterrupt):
        library.export(title("a"), title("b"))
    monkeypatch.undo()
    assert library.export(title("a", times=((1.0, 2.0),))) == {("a", "edl"): "written"}
    assert [p.name for p in path.parent.iterdir() if p.name.startswith(".tmp-")] == []
    assert library.export(clear("a")) == {("a", "edl"): "removed"}


MOVES = {
    "a renamed folder": lambda library: library.move(library.folder.with_name("Films")),
    "another mount point": lambda library: library.move(library.folder.parent / "mnt" / "nas" / "Library"),
    "another folder of results": lambda library: setattr(library, "table", library.table.with_name("other.csv")),
}


@pytest.mark.parametrize("moved", MOVES.values(), ids=MOVES)
@pytest.mark.parametrize("form", ["edl", "mcf", "srt", "webvtt"])
def test_a_file_of_ours_is_known_wherever_it_is_and_whoever_asks(library: Library, moved, form: str) -> None:
    library.export(title("a"), title("b"), forms=(form,))
    moved(library)
    a, b = library.videos
    assert library.export(title(a, times=((1.0, 2.0),)), clear(b), forms=(form,)) == {
        (a, form): "written",
        (b, form): "removed",
    }
    [name] = library.others()
    assert name.startswith("Küss mich, Zoë! (2019).")


@pytest.mark.parametrize("form", ["edl", "mcf", "srt", "webvtt"])
def test_whatever_somebody_changes_in_a_file_is_kept_wherever_it_is(library: Library, form: str) -> None:
    library.export(title("a"), forms=(form,))
    [path] = files_of([library.videos["a"]], [form])
    written = path.read_bytes()
    for change in (
        written.replace(b"10", b"11", 1),
        written[:-1],
        written + b"\n",
        written.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + written,
        written + written,
    ):
        path.write_bytes(change)
        assert library.export(title("a", times=((1.0, 2.0),)), forms=(form,)) == {("a", form): "kept"}
        assert library.export(clear("a"), forms=(form,)) == {("a", form): "kept"}
        assert path.read_bytes() == change
    path.write_bytes(written)
    assert library.export(title("a"), forms=(form,)) == {("a", form): "current"}


def test_the_file_of_a_film_that_is_no_more_goes_too_but_not_while_its_disk_is_away(library: Library) -> None:
    library.film("stream", "Stream.mkv")
    library.export(title("a"), title("b"), title("stream"))
    away = library.videos["a"].parent
    away.rename(library.folder.parent / "elsewhere")
    library.videos["b"].unlink()
    library.videos["stream"].rename(library.folder / "stream.STRM")  # plays, though it is no video
    library.film("c", "c.mkv")
    assert library.export(clear("c")) == {("日本語", "edl"): "removed"}
    (library.folder.parent / "elsewhere").rename(away)
    assert library.videos["a"].with_suffix(".edl").exists()
    assert library.export(clear("c")) == {}
    assert {"Küss mich, Zoë! (2019).edl", "Stream.edl"} < library.others()


def test_a_changed_file_of_a_film_that_is_no_more_is_kept_and_said(library: Library) -> None:
    library.export(title("b"))
    path = library.videos["b"].with_suffix(".edl")
    path.write_text(path.read_text() + "30 40 0\n")
    library.videos["b"].unlink()
    assert library.export(clear("a")) == {("日本語", "edl"): "kept"}
    assert path.exists()


def test_a_library_on_a_store_is_treated_alike(library: Library) -> None:
    base = locate("memory://films/beside")
    try:
        (base / "empty.edl").write_bytes(b"")
        for name in ("a", "b", "empty"):
            library.videos[name] = base / f"{name}.mkv"
            library.videos[name].write_bytes(b"video")
        library.export(title("a"), title("b"))
        (base / "b.edl").write_bytes(b"5 9 0\n")
        moved = {"a": title("a", times=((1.0, 2.0),)), "b": title("b")}
        assert library.export(*moved.values(), title("empty")) == {
            ("a", "edl"): "written",
            ("b", "edl"): "kept",
            ("empty", "edl"): "kept",
        }
        assert library.export(moved["b"], overwrite=True) == {("b", "edl"): "written"}
        assert (base / "b.edl.bak").read_bytes() == b"5 9 0\n"
        assert is_marked(base / "a.edl")
        library.videos["a"].unlink()
        run = ExportRun("run0", "model0", "2026-11-28", ("violence",), (clear("b"),))
        [b, a] = export_beside(
            run, ["edl"], {"b": base / "b.mkv"}, library.table, SETTINGS, met=[base / "a.edl", base / "b.edl"]
        )
        assert [(one.path.name, one.outcome) for one in (a, b)] == [("a.edl", "removed"), ("b.edl", "removed")]
        assert {path.name for path in base.files_below()} == {"b.mkv", "empty.mkv", "empty.edl", "b.edl.bak"}
    finally:
        remove_folder(base)


def test_a_film_and_its_subtitles_keep_their_names(library: Library) -> None:
    (library.folder / "日本語.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nこんにちは\n")
    library.export(title("b"), forms=("srt", "webvtt"))
    assert library.others() == {"日本語.srt", "日本語.coarse2fine.srt", "日本語.coarse2fine.vtt"}


def test_the_longest_name_of_a_film_has_its_file(library: Library) -> None:
    library.film("long", "語" * 83 + ".mkv")
    assert library.export(title("long")) == {("long", "edl"): "written"}


def test_names_of_rows_without_one_are_ids() -> None:
    plain = title("a")
    assert replace(plain, row=replace(plain.row, name="")).name == "a"


def test_a_file_that_several_films_would_share_is_told_once(tmp_path):
    shared = [BesideFile(name, name, "edl", tmp_path / "a.edl", SHARED, "a.mkv and a.mp4") for name in "xyz"]
    assert list(_files(shared)) == [f"! {tmp_path / 'a.edl'}: not written (a.mkv and a.mp4)"]
