"""`init --media`: the title manifest of a folder of films and a configuration that fits it, and nothing overwritten."""

import csv
from pathlib import PurePosixPath

import pytest

from data.catalogue import scan_catalogue
from data.media_manifest import series_of
from pipeline.config import load_config

VIDEO = b"\x1a\x45\xdf\xa3" + bytes(100)
LIBRARY = [
    "Films/Küss mich, Zoë! (2019)/Küss mich, Zoë! (2019).mkv",
    "Series/Name/Season 01/S01E03.mkv",
    "Series/Other/Season 01/S01E03.mkv",
    "日本語.mkv",
]


@pytest.fixture
def library(tmp_path):
    folder = tmp_path / "library"
    for name in (*LIBRARY, "a.srt", "b.nfo", ".DS_Store", "work/old.mkv"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(VIDEO)
    return folder


def rows(folder):
    with (folder / "titles.csv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_titles_have_ids_names_and_series_of_their_paths_and_the_configuration_loads(library, coarse2fine, monkeypatch):
    monkeypatch.chdir(library)
    code, out, _ = coarse2fine("init", "--media", ".")
    assert (code, out.splitlines()[0]) == (
        0,
        "wrote titles.csv: 4 films, 2 series among them; left out: 1 .nfo, 1 .srt, 1 hidden",
    )
    assert [(row["title_id"], row["path"], row["series"]) for row in rows(library)] == [
        ("Films-Küss_mich_Zoë_2019", LIBRARY[0], ""),
        ("Series-Name-Season_01-S01E03", LIBRARY[1], "Series/Name"),
        ("Series-Other-Season_01-S01E03", LIBRARY[2], "Series/Other"),
        ("日本語", LIBRARY[3], ""),
    ]
    assert {row["split"] + row["duration_s"] for row in rows(library)} == {""}
    config = load_config(library / "run.toml")
    assert config.data.group_column == "series"
    assert config.data.media_folder == library
    titles = scan_catalogue(config.data).manifest
    assert titles.problems == ()
    assert all((titles.media_root / title.path).is_file() for title in titles.titles.values())


def test_nothing_is_overwritten_and_nothing_written_beside_what_is_there(library, tmp_path, coarse2fine):
    out = tmp_path / "out"
    for there, other in (("titles.csv", "run.toml"), ("run.toml", "titles.csv")):
        out.mkdir(exist_ok=True)
        (out / there).write_text("mine")
        code, _, error = coarse2fine("init", out / "run.toml", "--media", library)
        assert code == 2
        assert f"{out / there}: exists already and is not overwritten" in error
        assert (out / there).read_text() == "mine"
        assert not (out / other).exists()
        (out / there).unlink()


def test_films_elsewhere_and_labels_that_are_there_become_keys(library, tmp_path, coarse2fine):
    out = tmp_path / "out"
    out.mkdir()
    (out / "My labels.csv").write_text(
        "title_id;Long jump;Long jump_start;Long jump_end\r\n日本語;yes;00:00:03;00:00:05\r\n", encoding="utf-8-sig"
    )
    code, _, _ = coarse2fine("init", out / "run.toml", "--media", library, "--labels", out / "My labels.csv")
    assert code == 0
    config = load_config(out / "run.toml")
    assert (config.data.media_root, config.data.labels) == (library, ("Long jump",))
    assert not config.data.labels_found  # they are listed
    assert '# [infer.thresholds."Long jump"]' in (out / "run.toml").read_text()
    commented = (out / "run.toml").read_text().replace("# [infer.thresh", "[infer.thresh")
    (out / "all.toml").write_text(commented.replace("# flag", "flag").replace("# min_length_s", "min_length_s"))
    assert load_config(out / "all.toml").infer.thresholds["Long jump"].min_length_s == 2
    catalogue = scan_catalogue(config.data)
    assert [problem for problem in catalogue.problems if problem.severity == "error"] == []
    assert catalogue.labels["日本語"].present == {"Long jump": True}
    assert catalogue.labels["日本語"].first["Long jump"].start_s == 3.0
    assert "work-old" in [row["title_id"] for row in rows(out)]  # the work folder is the one beside run.toml


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04rest", "a workbook (.xlsx or .ods), not text; save its sheet as CSV UTF-8, and name that file"),
        (b"title_id;vilence;gore\na;1;0\n", "label 'vilence' (1 row) is one letter from 'violence'; mend the file, or"),
        (
            b"title_id;gore;gore start;gore_end\na;1;1;2\n",
            "column 'gore start' is not known; did you mean 'gore_start'?",
        ),
        (b"title;gore\na;1\n", "no column 'title_id'; did you mean 'title'?"),
        (b"a film and no table\n", "no column 'title_id'"),
        (b"\x00\x01", "holds a NUL character"),
        (b"{]", "not JSON"),
    ],
)
def test_a_label_file_that_must_be_mended_is_refused_before_anything_is_written(
    library, tmp_path, coarse2fine, content, said
):
    (tmp_path / "labels.xlsx").write_bytes(content)
    arguments = ("init", tmp_path / "run.toml", "--media", library, "--labels", tmp_path / "labels.xlsx")
    code, out, error = coarse2fine(*arguments)
    assert (code, out) == (2, "")
    assert said in error
    assert not (tmp_path / "run.toml").exists()
    assert not (tmp_path / "titles.csv").exists()


def test_a_label_that_looks_mistyped_is_taken_where_one_says_that_it_is_meant(library, tmp_path, coarse2fine):
    labels = tmp_path / "labels.csv"
    labels.write_text("title_id;vilence;gore\n日本語;1;0\n", encoding="utf-8")
    arguments = ("init", tmp_path / "run.toml", "--media", library, "--labels", labels)
    _, _, error = coarse2fine(*arguments)
    assert "say that it is meant: --label gore --label vilence" in error
    code, out, _ = coarse2fine(*arguments, "--label", "gore", "--label", "vilence")
    assert (code, out.splitlines()[0]) == (0, f"labels in {labels}: gore, vilence")
    assert load_config(tmp_path / "run.toml").data.labels == ("gore", "vilence")


def test_times_that_must_be_explained_are_left_to_the_configuration(library, tmp_path, coarse2fine):
    labels = tmp_path / "labels.csv"
    labels.write_text("title_id;gore;gore_start;gore_end\n日本語;1;0,000231481;0,000462963\n", encoding="utf-8")
    assert coarse2fine("init", tmp_path / "run.toml", "--media", library, "--labels", labels)[0] == 0
    code, out, _ = coarse2fine("labels", "check", "--config", tmp_path / "run.toml")
    assert code == 2
    assert "are they fractions of a day, as a spreadsheet saves times (0,000462963 would be 00:00:40)?" in out
    asked = ("labels", "check", "--config", tmp_path / "run.toml", "--set", "data.time_unit=days")
    code, out, _ = coarse2fine(*asked)
    assert code == 0
    assert "times in labels.csv: 2 as fractions of a day ('0,000231481' is 20 s)" in out


def test_more_labels_than_one_would_list_stay_in_their_file(library, tmp_path, coarse2fine):
    path = tmp_path / "labels.csv"
    names = [f"Class {n}" for n in range(40)]
    path.write_text("title_id,label,present\n" + "".join(f"日本語,{name},1\n" for name in names), encoding="utf-8")
    assert coarse2fine("init", tmp_path / "run.toml", "--media", library, "--labels", path)[0] == 0
    config = load_config(tmp_path / "run.toml")
    assert config.data.labels == tuple(sorted(names))
    assert config.data.labels_found


def test_what_cannot_be_in_a_table_is_said(library, tmp_path, coarse2fine):
    (library / " blank.mkv").write_bytes(VIDEO)
    (tmp_path / "outside.mkv").write_bytes(VIDEO)
    (library / "link.mkv").symlink_to(tmp_path / "outside.mkv")
    code, out, error = coarse2fine("init", tmp_path / "run.toml", "--media", library)
    assert code == 1
    assert "5 films" in out
    assert "link.mkv: a link out of the folder" in error
    assert "blank.mkv: begins or ends with a blank" in error


@pytest.mark.parametrize(
    "arguments", [("--media", "none"), ("--labels", "x.csv"), ("--media", ".", "--benchmark"), ("--label", "x")]
)
def test_what_is_asked_wrongly_writes_nothing(tmp_path, coarse2fine, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    assert coarse2fine("init", *arguments)[0] == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "series"),
    [
        ("Series/Name/Season 01/S01E03.mkv", "Series/Name"),
        ("Series/Name/Staffel 2/Folge 3.mkv", "Series/Name"),
        ("TV/Name.S01E03.Some.title.mkv", "TV/Name"),
        ("TV/Name - 1x03.mkv", "TV/Name"),
        ("Name/Name S01E03.mkv", "Name"),
        ("S01E03.mkv", ""),
        ("Films/Film (2019)/Film (2019).mkv", ""),
        ("film 1920x1080.mkv", ""),
        ("a/b/movie.mkv", ""),
    ],
)
def test_the_series_of_an_episode(path, series):
    assert series_of(PurePosixPath(path)) == series
