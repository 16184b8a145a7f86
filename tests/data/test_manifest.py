import logging
from pathlib import Path

import pytest

from data.errors import ManifestError
from data.manifest import read_titles, scan_titles
from data.titles import Title


def write(folder: Path, content: str) -> Path:
    path = folder / "titles.csv"
    path.write_bytes(content.encode())
    return path


def test_reads_titles_as_text_with_extra_columns(tmp_path: Path) -> None:
    content = "title_id,path,duration_s,split,series,year\n007,a/b.mp4,00:01:23.5,train,Bond,1962\nNA,,,,,\n"
    assert read_titles(write(tmp_path, content)) == {
        "007": Title("007", "a/b.mp4", 83.5, "train", {"series": "Bond", "year": "1962"}),
        "NA": Title("NA", None, None, None, {"series": "", "year": ""}),
    }


def test_only_ids_are_needed(tmp_path: Path) -> None:
    assert read_titles(write(tmp_path, "title_id\nb\na\n")) == {"b": Title("b"), "a": Title("a")}
    assert list(read_titles(write(tmp_path, "title_id\nb\na\n"))) == ["b", "a"]


def test_absolute_paths_under_the_root_become_relative(tmp_path: Path) -> None:
    content = f"title_id,path\na,{tmp_path}/x/a.mp4\n"
    assert read_titles(write(tmp_path, content))["a"].path == "x/a.mp4"
    with pytest.raises(ManifestError, match="is not inside the media root"):
        read_titles(write(tmp_path, content), media_root=tmp_path / "media")


def test_every_problem_at_once_with_its_line(tmp_path: Path) -> None:
    content = (
        "title_id,path,duration_s,split,note\n"
        'ok,ok.mp4,10,train,"two\nlines"\n'
        "\n"
        "a/b,x.mp4,10,,\n"
        "up,../x.mp4,ten,trian,\n"
        "OK,y.mp4,0,test,\n"
        "ok,z.mp4,,validation,\n"
        "short\n"
    )
    path = write(tmp_path, content)
    with pytest.raises(ManifestError) as caught:
        read_titles(path)
    but_case = "file names may not differ in case only"
    rule = "1 to 128 letters, digits and . _ - of at most 200 bytes, not '.' or '..', not beginning with '.tmp-'"
    assert [(problem.line, problem.message) for problem in caught.value.problems] == [
        (5, f"title_id 'a/b' is not allowed; write {rule}"),
        (6, f"path '../x.mp4': is not inside the media root {tmp_path}; move the file or set media_root"),
        (6, "duration_s 'ten' is no time; write seconds (83.5), hh:mm:ss.mmm, or a frame with its rate (2002@23.976)"),
        (6, "split 'trian'; did you mean 'train'?"),
        (7, "duration_s is 0; leave it blank if it is unknown"),
        (
            7,
            f"title_id 'OK' occurs already in line 2 (as 'ok': {but_case}); ids must be unique",
        ),
        (8, "split 'validation'; allowed: train, val, test"),
        (8, "title_id 'ok' occurs already in line 2; ids must be unique"),
        (9, "1 cells where the header has 5 columns"),
    ]
    assert str(caught.value).startswith(f"9 problems in the manifests\n{path}:5: error: title_id 'a/b'")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,path\na,b\n", "no column 'title_id'"),
        ("title_id,path\n", "no titles; add one row a title"),
        ("", "empty; the first line must name the columns"),
        ("title_id;title_id\na;b\n", "column name 'title_id' occurs twice"),
    ],
)
def test_manifests_without_titles(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(ManifestError) as caught:
        read_titles(write(tmp_path, content))
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].message.startswith(message)


def test_one_file_under_two_ids_is_a_warning_and_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path, "title_id,path\na,x.mp4\nb,y.mp4\nc,x.mp4\n")
    with caplog.at_level(logging.WARNING):
        assert len(read_titles(path)) == 3
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}:4: warning: 'c' has the same path as 'a' (x.mp4)"
    ]


def test_a_title_with_a_bad_cell_is_still_known(tmp_path: Path) -> None:
    manifest = scan_titles(write(tmp_path, "title_id,duration_s\na,-3\n"))
    assert manifest.titles == {"a": Title("a")}
    assert manifest.lines == {"a": 2}
    assert len(manifest.problems) == 1


def test_many_warnings_are_counted_rather_than_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        read_titles(write(tmp_path, "title_id,path\n" + "".join(f"t{number},x.mp4\n" for number in range(26))))
    assert len(caplog.records) == 21
    assert caplog.records[-1].getMessage() == "5 more warnings; `coarse2fine labels check` lists them"


def test_a_title_is_called_by_its_name_else_by_its_file_else_by_its_id(tmp_path: Path) -> None:
    (tmp_path / "titles.csv").write_text(
        "title_id,path,name\na,x/Zoe\u0308 (2019).mkv,\nb,x/y.mkv,Kuss\tmich\nc,,\n", encoding="utf-8"
    )
    titles = read_titles(tmp_path / "titles.csv")
    assert [title.name for title in titles.values()] == ["Zo\u00eb (2019)", "Kuss mich", "c"]
    (tmp_path / "old.csv").write_text("title_id,title\na,Solaris\n", encoding="utf-8")
    assert read_titles(tmp_path / "old.csv")["a"].name == "Solaris"


def test_an_absolute_path_below_the_media_root_stays_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "films").symlink_to(tmp_path / "disk")
    (tmp_path / "titles.csv").write_text(f"title_id,path\na,{tmp_path}/films/a.mkv\nb,{tmp_path}/films/../disk/b.mkv\n")
    titles = read_titles(tmp_path / "titles.csv", Path("/"))
    assert [str(Path("/") / (title.path or "")) for title in titles.values()] == [
        f"{tmp_path}/films/a.mkv",
        f"{tmp_path}/disk/b.mkv",
    ]
