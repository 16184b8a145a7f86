"""Single-frame labels as SF-Net publishes them: samples to train on, while clips are what is judged."""

import json
from pathlib import Path

import pytest

from data.catalogue import scan_catalogue
from data.found_labels import with_found_labels
from data.label_files import read_label_file
from data.label_reading import LabelReading
from data.label_rows import LabelRows
from data.labels import Clip
from data.settings import DataSettings
from data.targets import frame_targets
from data.time_grid import TimeGrid

LABELS = ("Diving", "Long jump")


def read(folder: Path, content: str, reading: LabelReading | None = None) -> LabelRows:
    path = folder / "THUMOS1.txt"
    path.write_text(content, encoding="utf-8")
    return read_label_file(path, LABELS, ("a", "v_b"), reading=reading or LabelReading())


@pytest.mark.parametrize(
    "content",
    [
        "a,68.900356,Diving\n\nb,3.5,Long jump\n\n",  # as published: no header, a blank line after each
        "a,Diving,68.900356\nb,Long jump,3.5\n",
        "video,label,time\na,Diving,68.900356\nv_b,Long jump,3.5\n",
        "title_id;time_s;label\na;68,900356;Diving\nb;3,5;Long jump\n",
    ],
)
def test_a_moment_is_the_sample_that_it_falls_into(tmp_path: Path, content: str) -> None:
    rows = read(tmp_path, content)
    found = [(row.title_id, row.label, row.start_s, row.end_s, row.single) for row in rows.clips]
    assert found == [("a", "Diving", 68.0, 69.0, True), ("v_b", "Long jump", 3.0, 4.0, True)]
    assert [(row.title_id, row.label, row.present) for row in rows.presence] == [
        ("a", "Long jump", False),
        ("v_b", "Diving", False),
    ]
    assert rows.problems == []


def test_samples_may_be_of_any_length_and_frames_of_any_rate(tmp_path: Path) -> None:
    rows = read(tmp_path, "video,label,frame\na,Diving,100\n", LabelReading(frame_rate_fps=25.0, sample_s=0.64))
    assert [(row.start_s, row.end_s) for row in rows.clips] == [(pytest.approx(3.84), pytest.approx(4.48))]


def test_a_moment_is_one_row_of_features_of_any_rate(tmp_path: Path) -> None:
    """25/16 rows a second: whole multiples of 0.64 s begin a row, however the division is rounded."""
    path = tmp_path / "moments.csv"
    path.write_text("".join(f"a,{row * 0.64:.2f},Diving\n" for row in range(500)), encoding="utf-8")
    settings = DataSettings(titles=tmp_path / "gt.json", feature_rate="25/16", labels=LABELS)
    rows = read_label_file(path, LABELS, ("a",), reading=settings.reading)
    grid = TimeGrid(step_s=0.64)
    assert [grid.touched(clip.start_s, clip.end_s, 500) for clip in rows.clips] == [
        slice(row, row + 1) for row in range(500)
    ]


def test_what_is_wrong_is_said_by_line(tmp_path: Path) -> None:
    rows = read(tmp_path, "a,1.5,Diving\na,2.5,Divign\na,soon,Diving\n")
    assert [(problem.line, problem.severity, problem.skippable) for problem in rows.problems] == [
        (3, "error", True),
        (2, "error", True),
    ]


def test_a_table_of_clips_is_none_of_single_frames(tmp_path: Path) -> None:
    content = "title_id,label,start_s,end_s,kind\na,Diving,1,2,all_occurrence\n"
    assert [row.single for row in read(tmp_path, content).clips] == [False]


def test_training_is_told_of_moments_and_validation_judged_by_clips(tmp_path: Path) -> None:
    diving = {"segment": [3, 9], "label": "Diving"}
    later, jump = {"segment": [12, 15], "label": "Diving"}, {"segment": [1, 2], "label": "Long jump"}
    database = {
        "a": {"subset": "training", "duration": 20, "annotations": [diving, later, jump]},
        "b": {"subset": "validation", "duration": 12.5, "annotations": [diving]},
        "c": {"subset": "testing", "duration": 8.5},
    }
    (tmp_path / "gt.json").write_text(json.dumps({"database": database}))
    (tmp_path / "frames.txt").write_text("a,5.5,Diving\na,5.7,Diving\na,13.2,Diving\nb,4.1,Diving\nc,8.2,Diving\n")
    settings = DataSettings(
        titles=tmp_path / "gt.json", video_labels=tmp_path / "gt.json", clip_labels=tmp_path / "frames.txt"
    )
    catalogue = scan_catalogue(with_found_labels(settings))
    assert catalogue.labels["a"].occurrences == (Clip("Diving", 5.0, 6.0), Clip("Diving", 13.0, 14.0))
    assert catalogue.labels["b"].occurrences == (Clip("Diving", 3.0, 9.0),)
    assert catalogue.labels["c"].occurrences == (Clip("Diving", 8.0, 8.5),)  # nothing else is known of it
    assert [problem for problem in catalogue.problems if problem.severity == "error"] == []
    targets = frame_targets(catalogue.labels["a"], ("Diving",), 20, frames_per_clip=1, occurrences="all")
    assert [frame for frame in range(20) if targets.labelled_TC[frame, 0]] == [5, 13]
