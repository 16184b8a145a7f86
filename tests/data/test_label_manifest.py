import json
from pathlib import Path

import pytest

from data.errors import ManifestError
from data.label_manifest import scan_labels
from data.label_reading import LabelReading
from data.labels import Clip, TitleLabels
from data.manifest import raise_errors
from data.titles import Title

LABELS = ("sex", "violence")
TITLES = {title_id: Title(title_id, duration_s=100.0) for title_id in ("a", "b", "c", "d")}


def write(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.write_text(content)
    return path


def test_long_files_joined(tmp_path: Path) -> None:
    video = write(tmp_path, "v.csv", "title_id,label,present\na,sex,1\nb,sex,0\nb,violence,0\nc,sex,\n")
    rows = "a,sex,10,20,first_occurrence\na,violence,3,4,first_occurrence\nc,sex,7,8,first_occurrence\n"
    clips = write(tmp_path, "c.csv", "title_id,label,start_s,end_s,kind\n" + rows)
    assert scan_labels(video, clips, LABELS, TITLES).labels == {
        "a": TitleLabels(
            "a",
            {"sex": True, "violence": True},
            {"sex": Clip("sex", 10.0, 20.0), "violence": Clip("violence", 3.0, 4.0)},
        ),
        "b": TitleLabels("b", {"sex": False, "violence": False}),
        "c": TitleLabels("c", {"sex": True, "violence": None}, {"sex": Clip("sex", 7.0, 8.0)}),
        "d": TitleLabels("d", {"sex": None, "violence": None}),
    }


def test_all_occurrences_give_the_first_and_a_catalogue_with_background_titles(tmp_path: Path) -> None:
    video = write(tmp_path, "v.csv", "title_id,label,present\nb,sex,0\nb,violence,0\nc,sex,0\n")
    rows = "a,sex,50,60,all_occurrence\na,sex,10,20,all_occurrence\na,violence,15,25,all_occurrence\n"
    clips = write(tmp_path, "c.csv", "title_id,label,start_s,end_s,kind\n" + rows)
    found = scan_labels(video, clips, LABELS, TITLES).labels
    assert found["a"].first == {"sex": Clip("sex", 10.0, 20.0), "violence": Clip("violence", 15.0, 25.0)}
    assert found["a"].occurrences == (Clip("sex", 10.0, 20.0), Clip("violence", 15.0, 25.0), Clip("sex", 50.0, 60.0))
    assert found["b"].occurrences == ()  # known to hold nothing
    assert found["c"].occurrences is None  # nobody looked for violence
    assert found["d"].occurrences is None


def test_a_stated_first_occurrence_wins_over_the_earliest(tmp_path: Path) -> None:
    rows = "a,sex,30,40,first_occurrence\na,sex,10,20,all_occurrence\n"
    clips = write(tmp_path, "c.csv", "title_id,label,start_s,end_s,kind\n" + rows)
    found = scan_labels(None, clips, LABELS, TITLES).labels["a"]
    assert found.first == {"sex": Clip("sex", 30.0, 40.0)}
    assert found.occurrences == (Clip("sex", 10.0, 20.0),)


def test_a_label_with_only_its_first_occurrence_keeps_it_among_all(tmp_path: Path) -> None:
    rows = "a,sex,30,40,all_occurrence\na,violence,10,20,first_occurrence\n"
    clips = write(tmp_path, "c.csv", "title_id,label,start_s,end_s,kind\n" + rows)
    found = scan_labels(None, clips, LABELS, TITLES).labels["a"]
    assert found.occurrences == (Clip("violence", 10.0, 20.0), Clip("sex", 30.0, 40.0))


def test_every_form_says_the_same(tmp_path: Path) -> None:
    """Two titles, one with sex at 10-20 s and no violence, one with nothing, in each form."""
    titles = {title_id: TITLES[title_id] for title_id in ("a", "b")}
    video = write(tmp_path, "v.csv", "title_id,label,present\na,sex,1\na,violence,0\nb,sex,0\nb,violence,0\n")
    clips = write(tmp_path, "c.csv", "title_id,label,start_s,end_s,kind\na,sex,10,00:00:20,first_occurrence\n")
    wide = write(tmp_path, "w.csv", "title_id\tsex\tsex_start\tsex_end\tviolence\na\t1\t250f\t500f\t0\nb\t0\t\t\t0\n")
    database = {"a": {"annotations": [{"label": "sex", "segment": ["10", "20"]}]}, "v_b": {"annotations": []}}
    activitynet = write(tmp_path, "x.json", json.dumps({"database": database}))
    long = scan_labels(video, clips, LABELS, titles).labels
    assert scan_labels(wide, None, LABELS, titles, reading=LabelReading(25.0)).labels == long
    assert scan_labels(wide, wide, LABELS, titles, reading=LabelReading(25.0)).labels == long
    assert scan_labels(None, wide, LABELS, titles, reading=LabelReading(25.0), form="wide").labels == long
    exhaustive = scan_labels(None, activitynet, LABELS, titles).labels
    assert {key: (value.present, value.first) for key, value in exhaustive.items()} == {
        key: (value.present, value.first) for key, value in long.items()
    }
    assert exhaustive["a"].occurrences == (Clip("sex", 10.0, 20.0),)
    assert exhaustive["b"].occurrences == ()


def test_an_explicit_row_beats_what_json_implies(tmp_path: Path) -> None:
    video = write(tmp_path, "v.csv", "title_id,label,present\na,violence,\nb,violence,1\n")
    value = {"a": {"annotations": [{"label": "sex", "segment": [1, 2]}]}, "b": {"annotations": []}}
    clips = write(tmp_path, "x.json", json.dumps(value))
    found = scan_labels(video, clips, LABELS, TITLES).labels
    assert found["a"].present == {"sex": True, "violence": None}
    assert found["b"].present == {"sex": False, "violence": True}


def test_ids_keep_the_spelling_of_the_titles(tmp_path: Path) -> None:
    value = {"v_1": {"annotations": [{"label": "sex", "segment": [1, 2]}]}, "2": {"annotations": []}}
    path = write(tmp_path, "x.json", json.dumps(value))
    found = scan_labels(None, path, LABELS, {"1": Title("1"), "v_2": Title("v_2")}).labels
    assert found["1"].present == {"sex": True, "violence": False}
    assert found["v_2"].present == {"sex": False, "violence": False}


def test_errors_of_both_files_at_once_and_no_warnings_among_them(tmp_path: Path) -> None:
    video = write(tmp_path, "v.csv", "title_id,label,present\na,sex,2\na,violence,1\n")
    clips = write(tmp_path, "c.csv", "title_id,label,start_s,end_s,kind\nb,sex,5,4,first_occurrence\n")
    with pytest.raises(ManifestError) as caught:
        raise_errors(scan_labels(video, clips, LABELS, TITLES).problems)
    assert [str(problem) for problem in caught.value.problems] == [
        f"{video}:2: error: present '2'; write 1, 0, or nothing if unknown",
        f"{clips}:2: error: title 'b', sex: 5-4 s is no interval; the end must be after the start",
    ]
    assert len(scan_labels(video, clips, LABELS, TITLES).problems) == 3


def test_no_files_mean_that_nobody_looked() -> None:
    assert scan_labels(None, None, LABELS, {"a": Title("a")}).labels == {
        "a": TitleLabels("a", {"sex": None, "violence": None})
    }
