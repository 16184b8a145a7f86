"""What a diff of two runs says, worked by hand."""

from dataclasses import replace

import pandas as pd
import pytest

from data.night_schemas import DIFF
from data.schemas import Segment, check_schema_name
from infer.title_status import TitleRow
from infer.write import Origin, write_results
from pipeline.runs import diff as run_diff


def row(title_id, status):
    return TitleRow(title_id, status, "", 0, 0.0, 100.0, 100.0, 1.0, 100, 0, "", "", "", "f")


def segment(title_id, label, start_s, end_s, score=0.5, decision="flag"):
    return Segment(title_id, label, 0, start_s, end_s, score, score, None, None, 0.5, 0.2, 0.0, decision, start_s)


def write(folder, titles):
    """Write a run of ``{title_id: (status, segments)}``."""
    origin = Origin(folder.name, "m", "f")
    write_results(folder, [(row(title_id, status), found) for title_id, (status, found) in titles.items()], origin)
    return folder


@pytest.fixture
def runs(tmp_path):
    before = write(
        tmp_path / "a",
        {
            "t1": ("flagged", [segment("t1", "x", 10, 20), segment("t1", "x", 18, 30), segment("t1", "y", 40, 50)]),
            "t2": ("review", [segment("t2", "x", 5, 9, decision="review")]),
            "gone": ("clear", []),
        },
    )
    after = write(
        tmp_path / "b",
        {
            # 10-20 meets 12-22 with tIoU 8/12 and 18-30 meets it with 4/18: the first pair is it, 18-30 is removed
            "t1": ("flagged", [segment("t1", "x", 12, 22), segment("t1", "y", 40, 50, score=0.9)]),
            "t2": ("flagged", [segment("t2", "x", 5, 9), segment("t2", "x", 60, 70)]),
            "new": ("clear", []),
        },
    )
    return before, after


def test_segments_are_matched_by_the_highest_overlap(runs):
    diff = run_diff.diff_runs(*runs)
    found = [(c.title_id, c.label, c.change, c.start_s_before, c.start_s_after) for c in diff.changes if c.label]
    assert found == [
        ("t1", "x", "moved", 10, 12),
        ("t1", "x", "removed", 18, None),
        ("t2", "x", "decision", 5, 5),
        ("t2", "x", "added", None, 60),
    ]
    (moved,) = [change for change in diff.changes if change.change == "moved"]
    assert moved.tiou == pytest.approx(8 / 12)
    assert diff.labels == {"x": {"moved": 1, "removed": 1, "decision": 1, "added": 1}, "y": {"same": 1}}


def test_titles_whose_status_changed_came_or_went(runs):
    changes = run_diff.diff_runs(*runs).changes
    statuses = {c.title_id: (c.before, c.after) for c in changes if c.change == "status"}
    assert statuses == {"gone": ("clear", None), "new": (None, "clear"), "t2": ("review", "flagged")}


def test_a_run_does_not_differ_from_itself(runs):
    diff = run_diff.diff_runs(runs[0], runs[0])
    assert diff.changes == []
    assert diff.labels == {"x": {"same": 3}, "y": {"same": 1}}


def test_lines_for_a_person(runs):
    assert list(run_diff.describe(run_diff.diff_runs(*runs))) == [
        "gone  status  clear -> (not there)",
        "new  status  (not there) -> clear",
        "t2  status  review -> flagged",
        "t1  x  moved  00:00:10.000-00:00:20.000 0.500 flag -> 00:00:12.000-00:00:22.000 0.500 flag",
        "t1  x  removed  00:00:18.000-00:00:30.000 0.500 flag",
        "t2  x  decision  00:00:05.000-00:00:09.000 0.500 review -> 00:00:05.000-00:00:09.000 0.500 flag",
        "t2  x  added  00:01:00.000-00:01:10.000 0.500 flag",
        "x: 1 added, 1 removed, 1 moved, 1 decision, 0 same",
        "y: 0 added, 0 removed, 0 moved, 0 decision, 1 same",
        "titles with another status: 3",
    ]


def test_both_files_hold_the_same_rows(runs, tmp_path):
    import pyarrow.parquet as pq

    diff = run_diff.diff_runs(*runs)
    for name in ("d.csv", "d.parquet"):
        run_diff.write_diff(tmp_path / name, diff)
    check_schema_name(pq.read_schema(tmp_path / "d.parquet"), DIFF, "d")
    columns = ["title_id", "change", "start_s_before", "tiou"]
    pd.testing.assert_frame_equal(
        pd.read_csv(tmp_path / "d.csv")[columns], pd.read_parquet(tmp_path / "d.parquet")[columns]
    )


def test_changes_are_told_by_name_where_titles_have_one(tmp_path):
    for name, status in (("a", "clear"), ("b", "review")):
        rows = [(replace(row("t1", status), name="Films/Zoë"), [])]
        write_results(tmp_path / name, rows, Origin(name, "m", "f"))
    found = run_diff.diff_runs(tmp_path / "a", tmp_path / "b")
    assert next(run_diff.describe(found)) == "Films/Zoë (t1)  status  clear -> review"
    assert found.changes[0].title_id == "t1"
