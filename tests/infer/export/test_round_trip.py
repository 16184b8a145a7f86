"""Segments go out as pre-annotations, an annotator accepts them, and they come back as labels with the same times."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.label_files import read_label_file
from data.label_reading import LabelReading
from data.schemas import Segment
from infer.export.label_studio import _range
from infer.export.settings import ExportSettings
from infer.export.write import export_run

LABELS = ("sex", "nudity", "violence", "drug-use")
IDS = ("t-flagged", "t-review", "t-clear", "t-partial", "t-quarantined")


@pytest.fixture
def exported(read):
    """Return what is exported with near misses: (title, label, start, end), sorted."""
    return sorted(
        (title.title_id, segment.label, segment.start_s, segment.end_s)
        for title in read("all").titles
        for segment in title.segments
    )


def imported(path, rate=None):
    rows = read_label_file(path, LABELS, IDS, reading=LabelReading(rate))
    assert [problem for problem in rows.problems if problem.severity == "error"] == []
    return sorted((row.title_id, row.label, row.start_s, row.end_s) for row in rows.clips)


def approximately(clips, tolerance_s):
    return [
        (*names, pytest.approx(start, abs=tolerance_s), pytest.approx(end, abs=tolerance_s))
        for *names, start, end in clips
    ]


def test_via(read, exported, tmp_path):
    export_run(read("all"), "via3", tmp_path, ExportSettings())
    assert imported(tmp_path / "via3_project.json") == exported


def test_elan_folder(read, exported, tmp_path):
    export_run(read("all"), "elan", tmp_path, ExportSettings())
    assert imported(tmp_path) == approximately(exported, 0.001)


def test_activitynet(read, exported, tmp_path):
    export_run(read("all"), "activitynet", tmp_path, ExportSettings())
    results = json.loads((tmp_path / "predictions.json").read_text())["results"]
    truth = {title_id: {"annotations": rows} for title_id, rows in results.items()}
    (tmp_path / "truth.json").write_text(json.dumps({"database": truth}))
    assert imported(tmp_path / "truth.json") == exported


@pytest.mark.parametrize("fps", [25.0, 23.976, 1.0])
def test_label_studio(read, exported, tmp_path, fps):
    export_run(read("all"), "labelstudio", tmp_path, ExportSettings(label_studio_fps=fps))
    tasks = json.loads((tmp_path / "tasks.json").read_text())
    assert imported(tmp_path / "tasks.json") == []  # a prediction is no label
    for task in tasks:
        task["annotations"] = [{"result": prediction["result"]} for prediction in task.pop("predictions")]
    (tmp_path / "export.json").write_text(json.dumps(tasks))
    assert imported(tmp_path / "export.json") == approximately(exported, 1 / fps)


@settings(max_examples=200, deadline=None)
@given(
    start=st.integers(0, 40_000),
    length=st.integers(1, 4_000),
    fps=st.sampled_from([1.0, 23.976, 24.0, 25.0, 29.97, 60.0]),
)
def test_frames_that_are_whole_come_back_exactly(start, length, fps):
    start_s, end_s = start / fps, (start + length) / fps
    segment = Segment("t", "sex", 0, start_s, end_s, 0.5, 0.5, None, None, 0.5, 0.5, 0.5, "flag", start_s)
    frames = _range(segment, fps)
    assert (frames["start"], frames["end"]) == (start + 1, start + length)
    assert math.isclose((frames["start"] - 1) / fps, start_s) and math.isclose(frames["end"] / fps, end_s)
