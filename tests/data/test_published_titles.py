"""A data set as published: one JSON gives titles, durations, splits and labels."""

import json
from pathlib import Path

import pytest

from data.catalogue import read_catalogue, scan_catalogue
from data.found_labels import chosen_labels, with_found_labels
from data.label_check import check_labels, render_report
from data.labels import Clip
from data.manifest import read_titles, scan_titles
from data.settings import PAPER_LABELS, DataSettings
from data.titles import Title


def entry(subset: str = "training", duration: object = 100.0, *clips: tuple[object, object, str]) -> dict[str, object]:
    return {
        "duration": duration,
        "subset": subset,
        "annotations": [{"segment": [start, end], "label": label} for start, end, label in clips],
    }


def write(folder: Path, database: object, *, wrapped: bool = True) -> Path:
    path = folder / "gt.json"
    path.write_text(json.dumps({"version": "1.3", "database": database} if wrapped else database), encoding="utf-8")
    return path


@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize("prefix", ["", "v_"])
def test_one_json_is_titles_splits_durations_and_labels(tmp_path: Path, wrapped: bool, prefix: str) -> None:
    database = {
        f"{prefix}a": entry("training", "100.5", ("1.5", "4", "Long jump")),
        f"{prefix}b": entry("Validation", 60, (2, 3, "BaseballPitch")),
        f"{prefix}c": entry("testing", None),
    }
    settings = DataSettings(titles=write(tmp_path, database, wrapped=wrapped))
    catalogue = read_catalogue(with_found_labels(settings))
    assert list(catalogue.titles) == ["a", "b", "c"]
    assert [title.duration_s for title in catalogue.titles.values()] == [100.5, 60.0, None]
    assert catalogue.splits == {"a": "train", "b": "val", "c": "test"}
    assert catalogue.labels["a"].first == {"Long jump": Clip("Long jump", 1.5, 4.0)}
    assert catalogue.labels["a"].present == {"BaseballPitch": False, "Long jump": True}
    assert not catalogue.labels["c"].is_labelled  # withheld, as ActivityNet's test titles are


@pytest.mark.parametrize("subset", ["validation", "train"])
def test_titles_of_one_development_subset_are_drawn_into_train_and_val_and_test_is_left_alone(
    tmp_path: Path, subset: str
) -> None:
    database = {f"d{n}": entry(subset, 10, (1, 2, "Diving")) for n in range(200)}
    database |= {f"t{n}": entry("test", 10, (1, 2, "Diving")) for n in range(50)}
    catalogue = scan_catalogue(DataSettings(titles=write(tmp_path, database), labels=("Diving",)))
    assert [title_id for title_id, split in catalogue.splits.items() if split == "test"] == [f"t{n}" for n in range(50)]
    assert 8 <= list(catalogue.splits.values()).count("val") <= 45  # 200/9 expected
    assert "200 titles of a" in str(catalogue.problems[0])
    assert "are drawn into train and val" in str(catalogue.problems[0])


def test_withheld_test_titles_are_said_and_the_remedy_works(tmp_path: Path) -> None:
    database = {f"t{n}": entry("training", 10, (1, 2, "Diving")) for n in range(40)}
    database |= {"v": entry("validation", 10, (1, 2, "Diving")), "w": entry("testing", 10)}
    path = write(tmp_path, database)
    assert "no annotations of any title of test (1 title)" in scan_titles(path).problems[0].message
    told = {"validation": "test", "testing": "none", "training": "draw"}
    settings = DataSettings.model_validate({"titles": path, "labels": ("Diving",), "subsets": told})
    catalogue = scan_catalogue(settings)
    assert [problem for problem in catalogue.problems if "withheld" in problem.message] == []
    assert {title_id: split for title_id, split in catalogue.splits.items() if split == "test"} == {"v": "test"}
    assert set(catalogue.splits.values()) == {"train", "val", "test"}


def test_subsets_may_be_told_what_they_are(tmp_path: Path) -> None:
    database = {
        "a": entry("training"),
        "b": entry("validation"),
        "c": entry("testing"),
        "d": entry("extra"),
        "e": entry(""),
    }
    path = write(tmp_path, database)
    told = scan_titles(path, subsets={"Validation": "test", "testing": "none", "training": "draw", "extra": "val"})
    splits = {title_id: title.split for title_id, title in told.titles.items()}
    assert splits == {"a": None, "b": "test", "d": "val", "e": None}
    messages = [problem.message for problem in scan_titles(path, subsets={"val": "test"}).problems]
    assert messages[0].startswith("subset 'extra' (1 title) is no split: what is in it is drawn")
    assert messages[1].startswith("[data.subsets] 'val' is no subset")


def test_what_is_wrong_with_titles_in_json_is_said_at_once(tmp_path: Path) -> None:
    database = {"a/b": entry(), "ok": entry("training", "soon"), "OK": entry(), "up": {**entry(), "path": "../x.mp4"}}
    manifest = scan_titles(write(tmp_path, database))
    assert [(problem.severity, problem.message.split(";")[0]) for problem in manifest.problems[:4]] == [
        ("error", "title_id 'a/b' is not allowed"),
        ("warning", "title 'ok': duration 'soon' is no time"),
        ("error", "title 'OK' differs from 'ok' in case only"),
        ("error", f"title 'up': path '../x.mp4': is not inside the media root {tmp_path}"),
    ]
    assert manifest.titles["ok"].duration_s is None


def test_other_keys_are_kept_as_columns_are(tmp_path: Path) -> None:
    path = write(tmp_path, {"a": {**entry(), "resolution": "320x240", "fps": 30, "path": "films/a.mp4"}})
    title = read_titles(path)["a"]
    assert title == Title("a", "films/a.mp4", 100.0, None, {"resolution": "320x240", "fps": "30"})


def test_two_hundred_labels_are_taken_from_the_file_and_said(tmp_path: Path) -> None:
    names = [f"Class number {n:03d}" for n in range(200)]
    database = {f"t{n}": entry("training", 100, (1, 5, name)) for n, name in enumerate(names)}
    settings = with_found_labels(DataSettings(titles=write(tmp_path, database)))
    assert settings.labels == tuple(names)
    assert settings.labels_found
    assert "200 labels, as the label files have them ([data] labels is not listed)" in render_report(
        check_labels(settings)
    )


def test_listed_labels_are_what_counts(tmp_path: Path) -> None:
    path = write(tmp_path, {"a": entry("training", 100, (1, 5, "Diving"))})
    listed = DataSettings(titles=path, labels=("Running",))
    assert with_found_labels(listed) is listed


@pytest.mark.parametrize(
    ("found", "labels"),
    [
        ([], PAPER_LABELS),
        (["violence"], PAPER_LABELS),
        (["violense", "sex"], PAPER_LABELS),  # misspelt: reported, as where labels are listed
        (["Violence"], ("Violence",)),
        (["smoking", "violence"], ("smoking", "violence")),
        (["b", "a"], ("a", "b")),
    ],
)
def test_the_paper_s_labels_stay_where_files_use_them(found: list[str], labels: tuple[str, ...]) -> None:
    assert chosen_labels(found) == labels


@pytest.mark.parametrize(
    ("name", "content", "labels"),
    [
        (
            "long.csv",
            "title_id,label,start_s,end_s,kind\na,Long jump,1,2,all_occurrence\na,курение,1,,\n",
            ["Long jump"],
        ),
        ("long.csv", "title_id,label,present\na,Long jump,1\na,курение,0\n", ["Long jump", "курение"]),
        (
            "wide.csv",
            "title_id,series,Long jump,Long jump_start,Long jump_end,smoking\na,X,1,3,4,0\nb,Y,0,,,1\n",
            ["Long jump", "smoking"],
        ),
        (
            "tasks.json",
            json.dumps(
                [
                    {
                        "data": {"video": "a.mp4"},
                        "annotations": [
                            {"result": [{"type": "labels", "value": {"start": 1, "end": 2, "labels": ["Long jump"]}}]}
                        ],
                    }
                ]
            ),
            ["Long jump"],
        ),
    ],
)
def test_labels_are_found_in_files_of_any_form(tmp_path: Path, name: str, content: str, labels: list[str]) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    settings = DataSettings(titles=tmp_path / "titles.csv", clip_labels=tmp_path / name)
    assert with_found_labels(settings).labels == tuple(labels)


def test_two_hundred_labels_that_lack_the_same_are_one_line(tmp_path: Path) -> None:
    database = {f"t{n}": entry("training", 100, (1, 5, f"Class {n:03d}")) for n in range(200)}
    database |= {f"v{n}": entry("validation", 100, (1, 5, f"Class {n:03d}")) for n in range(199)}
    lines = render_report(check_labels(with_found_labels(DataSettings(titles=write(tmp_path, database)))))
    said = [line for line in lines if "warning" in line]
    assert len(said) < 5
    assert any(
        "199 labels ('Class 000', 'Class 001', 'Class 002' and 196 more) have clips, but none in test" in line
        for line in said
    )
    assert not any(
        line.startswith("label ") and "paper" in line for line in lines
    )  # whose columns say nothing of these labels


def test_the_paper_s_labels_by_default_are_said_to_be_the_paper_s(tmp_path: Path) -> None:
    settings = with_found_labels(DataSettings(titles=write(tmp_path, {"a": entry("training", 10, (1, 2, "violence"))})))
    said = "4 labels, the paper's, since the label files use no others ([data] labels is not listed)"
    assert said in render_report(check_labels(settings))
