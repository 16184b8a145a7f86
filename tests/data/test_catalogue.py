from pathlib import Path

import pytest

from data.catalogue import read_catalogue, scan_catalogue
from data.errors import ManifestError
from data.settings import DataSettings


def settings(folder: Path, titles: str, **more: object) -> DataSettings:
    (folder / "titles.csv").write_text(titles)
    (folder / "clips.csv").write_text("title_id,label,start_s,end_s,kind\na,sex,1,2,first_occurrence\n")
    values = {"titles": folder / "titles.csv", "clip_labels": folder / "clips.csv", "labels": ("sex",), **more}
    return DataSettings.model_validate(values)


def test_titles_labels_and_splits_together(tmp_path: Path) -> None:
    catalogue = read_catalogue(settings(tmp_path, "title_id,split\nb,val\na,train\nc,val\n"))
    assert list(catalogue.titles) == list(catalogue.labels) == list(catalogue.splits) == ["b", "a", "c"]
    assert [title.title_id for title in catalogue.in_split("val")] == ["b", "c"]
    assert catalogue.labels["a"].present == {"sex": True}
    assert catalogue.problems == ()


def test_the_split_file_keeps_what_it_says_and_gains_new_titles(tmp_path: Path) -> None:
    path = tmp_path / "splits.csv"
    path.write_text("title_id,split\ngone,test\na,test\n")
    only_val = {"train_fraction": 0, "val_fraction": 1, "test_fraction": 0, "split_file": path}
    catalogue = read_catalogue(settings(tmp_path, "title_id\na\nb\n", **only_val))
    assert catalogue.splits == {"a": "test", "b": "val"}
    assert path.read_text() == "title_id,split\ngone,test\na,test\nb,val\n"
    before = path.stat().st_mtime_ns
    read_catalogue(settings(tmp_path, "title_id\na\nb\n", **only_val))
    assert path.stat().st_mtime_ns == before


def test_errors_of_all_files_at_once_and_no_split_file(tmp_path: Path) -> None:
    titles = "title_id,duration_s,split,series\na,x,train,X\nb,9,test,X\n"
    configured = settings(tmp_path, titles, group_column="series", split_file=tmp_path / "splits.csv")
    (tmp_path / "clips.csv").write_text("title_id,label,start_s,end_s,kind\na,sex,2,1,first_occurrence\n")
    with pytest.raises(ManifestError) as caught:
        read_catalogue(configured)
    assert [(problem.path.name, problem.line) for problem in caught.value.problems] == [
        ("titles.csv", 2),
        ("clips.csv", 2),
        ("titles.csv", 2),
    ]
    assert "group 'X' is in several splits (a in train, b in test)" in caught.value.problems[2].message
    assert not (tmp_path / "splits.csv").exists()
    assert scan_catalogue(configured).splits == {}
