import json
from pathlib import Path

import pytest

from data.errors import ManifestError
from data.label_files import read_label_file
from data.label_import import import_labels
from data.label_manifest import scan_labels
from data.labels import Clip, TitleLabels
from data.titles import Title

LABELS = ("sex", "violence")


def tasks(*results: tuple[str, str, int, int]) -> list[dict[str, object]]:
    """One Label Studio task a title; results are (title, label, first frame, last frame) at 10 fps."""
    found: dict[str, list[object]] = {}
    for title_id, label, first, last in results:
        value = {"ranges": [{"start": first, "end": last}], "timelinelabels": [label]}
        found.setdefault(title_id, []).append({"type": "timelinelabels", "value": value})
    return [
        {"data": {"title_id": title_id, "fps": 10}, "annotations": [{"result": result}]}
        for title_id, result in found.items()
    ]


def test_files_become_csv_that_reads_the_same(tmp_path: Path) -> None:
    path = tmp_path / "ls.json"
    path.write_text(json.dumps(tasks(("t1", "sex", 11, 20), ("t1", "sex", 1, 5), ("t2", "violence", 1, 1))))
    manifest = import_labels([path], tmp_path / "out", LABELS)
    assert (tmp_path / "out/clip_labels.csv").read_text() == (
        "title_id,label,start_s,end_s,kind\n"
        "t1,sex,0.000000,0.500000,all_occurrence\n"
        "t1,sex,1.000000,2.000000,all_occurrence\n"
        "t2,violence,0.000000,0.100000,all_occurrence\n"
    )
    assert (tmp_path / "out/video_labels.csv").read_text() == (
        "title_id,label,present\nt1,sex,1\nt1,violence,\nt2,sex,\nt2,violence,1\n"
    )
    titles = {title_id: Title(title_id) for title_id in ("t1", "t2")}
    again = scan_labels(tmp_path / "out/video_labels.csv", tmp_path / "out/clip_labels.csv", LABELS, titles).labels
    assert again == manifest.labels
    assert again["t1"] == TitleLabels(
        "t1",
        {"sex": True, "violence": None},
        {"sex": Clip("sex", 0.0, 0.5)},
        (Clip("sex", 0.0, 0.5), Clip("sex", 1.0, 2.0)),
    )


def test_first_occurrences_stay_first_occurrences(tmp_path: Path) -> None:
    wide = tmp_path / "wide.csv"
    wide.write_text("title_id,sex,sex_start,sex_end,violence\nt1,1,5,8,0\n")
    import_labels([wide], tmp_path / "out", LABELS)
    assert (tmp_path / "out/clip_labels.csv").read_text().splitlines()[1:] == [
        "t1,sex,5.000000,8.000000,first_occurrence"
    ]
    assert "t1,violence,0" in (tmp_path / "out/video_labels.csv").read_text()


def test_silence_is_absence_only_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "ls.json"
    path.write_text(json.dumps(tasks(("t1", "sex", 1, 10))))
    quiet = import_labels([path], tmp_path / "out", LABELS)
    stated = import_labels([path], tmp_path / "out", LABELS, silence_is_absence=True)
    assert (quiet.labels["t1"].present["violence"], stated.labels["t1"].present["violence"]) == (None, False)


def test_every_problem_of_every_file_at_once_and_nothing_written(tmp_path: Path) -> None:
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    one.write_text(json.dumps(tasks(("t1", "six", 1, 10), ("a b", "sex", 1, 10))))
    two.write_text(json.dumps(tasks(("t2", "sex", 10, 1))))
    with pytest.raises(ManifestError) as caught:
        import_labels([one, two], tmp_path / "out", LABELS)
    assert [f"{problem.path.name}: {problem.message:.48}" for problem in caught.value.problems] == [
        "one.json: unknown label 'six' (1 row); did you mean 'sex'?",
        "one.json: title_id 'a b' is not allowed; write 1 to 128 le",
        "two.json: title 't2', sex: 0.9-0.1 s is no interval; the e",
    ]
    assert not (tmp_path / "out").exists()


def test_titles_outside_the_catalogue_are_left_out_with_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "ls.json"
    path.write_text(json.dumps(tasks(("t1", "sex", 1, 10), ("t9", "sex", 1, 10))))
    manifest = import_labels([path], tmp_path / "out", LABELS, {"t1": Title("t1")})
    assert list(manifest.labels) == ["t1"]
    assert [problem.message for problem in manifest.problems] == ["title 't9' is not in the titles (1 row)"]


def test_labels_that_a_spreadsheet_would_run_are_guarded_and_read_back(tmp_path: Path) -> None:
    names = ("=1+1", "+x", "-sex", "@y", "Long jump")
    rows = "".join(f"tt1,{name},1,2,all_occurrence\n" for name in names)
    (tmp_path / "labels.csv").write_text(f"title_id,label,start_s,end_s,kind\n{rows}")
    import_labels([tmp_path / "labels.csv"], tmp_path / "out", names)
    written = (tmp_path / "out" / "clip_labels.csv").read_text().splitlines()[1:]
    assert [line.split(",")[1] for line in written] == ["'+x", "'-sex", "'=1+1", "'@y", "Long jump"]
    again = read_label_file(tmp_path / "out" / "clip_labels.csv", names, ("tt1",))
    assert sorted(clip.label for clip in again.clips) == sorted(names)
    assert again.problems == []
