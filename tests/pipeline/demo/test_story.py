"""The demo's end says what was made and found, and calls a flag right where it lies on a clip of its label."""

import csv
from dataclasses import replace

import pytest

from data.labels import Clip
from data.schemas import Segment
from pipeline.cli import cli
from pipeline.demo import stage
from pipeline.demo.story import judge


def flag(label: str, start_s: float, end_s: float) -> Segment:
    return Segment("t1", label, 0, start_s, end_s, 0.9, 0.8, 0.9, 0.9, 0.9, 0.5, 0.5, "flag", start_s)


def test_a_flag_is_right_where_it_overlaps_a_clip_of_its_label_and_a_clip_without_one_is_missed():
    clips = (Clip("cat", 10, 20), Clip("cat", 20, 32), Clip("rocket", 40, 50))
    on_two, beside, other = flag("cat", 18, 30), flag("rocket", 50, 60), flag("coffee", 41, 45)

    verdicts = judge([on_two, beside, other], clips)

    assert verdicts.right == ((on_two, clips[1]),)  # 10 s of the second clip, 2 s of the first
    assert verdicts.wrong == (beside, other)  # what only touches does not overlap
    assert verdicts.missed == (clips[2],)
    assert judge([], clips).missed == clips
    assert judge([replace(on_two, end_s=18.0)], clips).right == ()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_demo_ends_with_a_short_story_that_agrees_with_its_tables(tmp_path, monkeypatch, capsys):
    shorter = stage.make_demo_catalogue
    monkeypatch.setattr(
        stage, "make_demo_catalogue", lambda folder, **given: shorter(folder, **given, length_s=(60.0, 66.0))
    )
    cli.main(["demo", "--out", str(tmp_path / "out"), "--titles", "18"], standalone_mode=False)
    said = capsys.readouterr().out
    run = tmp_path / "out" / "work" / "current"

    assert len(said.splitlines()) < 50
    assert "What was made" in said and "18 short titles" in said
    assert "mAP" in said and "who looks at nothing reaches" in said
    assert "demo-test-not-a-video: quarantined" in said
    assert (run / "report.html").absolute().as_uri() in said
    with (run / "segments.csv").open(newline="") as handle:
        flags = [row for row in csv.DictReader(handle) if row["decision"] == "flag"]
    assert f"of {len(flags)} flag" in said
    flagged_s = sum(float(row["duration_s"]) for row in flags)
    assert f"by the second: {flagged_s:.0f} s are flagged" in said
    with (tmp_path / "out" / "catalogue" / "clip_labels.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert {row["title_id"].split("-")[1] for row in rows if row["kind"] == "all_occurrence"} == {"test"}
