"""What is to be done is said beforehand by `plan`, and narrowed down by `retry` and options."""

import json
import subprocess
import sys
from fractions import Fraction

import numpy as np

from extract.pyav_writer import write_video


def test_plan_says_what_run_then_does(settled, capsys):
    settled.write_features("t0", seed=10, seconds=41)
    settled.set_time(settled.folder / "features" / "t1.npy")
    capsys.readouterr()
    before = sorted(settled.work.rglob("*"))
    assert settled.command("plan") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        "t0  extract+score  video changed",
        "t1  compare        size or time of the file changed",
    ]
    assert "compare: 1 title, 0.0 GB to read" in lines
    assert any(line.startswith("extract: 1 title, 0.0 h of video, about 0 s at") for line in lines)
    assert sorted(settled.work.rglob("*")) == before
    settled.command("run")
    done = settled.work_done()
    assert (done["extract"], done["compare"]) == ({"t0"}, {"t1"})
    capsys.readouterr()
    settled.command("plan")
    assert capsys.readouterr().out.splitlines() == [
        "4 titles: nothing to do",
        "extract: nothing to do",
        f"train: nothing to do, {settled.folder}/checkpoint is named in the configuration",
        "score: nothing to do",
        "segments: nothing to do",
    ]


def test_plan_and_a_run_without_changes_do_not_import_torch(settled):
    settled.write_labels()
    assert settled.command("run") == 0
    script = (
        "import sys\nfrom pipeline import cli\n"
        "try:\n    cli.main(sys.argv[1:])\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "assert 'torch' not in sys.modules"
    )
    for command in ("plan", "run"):
        subprocess.run([sys.executable, "-c", script, command, "--config", settled.config], check=True)


def test_retry_leaves_everything_else_for_the_next_run(settled):
    (settled.folder / "features" / "t1.npy").write_bytes(b"not an array")
    settled.command("run")
    settled.write_features("t2", seed=50, seconds=41)
    settled.work_done()
    assert settled.command("retry") == 1
    assert settled.work_done()["extract"] == {"t1"}


def test_selections_leave_other_titles_as_they_are(settled):
    for number in (0, 1, 2):
        settled.set_time(
            settled.write_features(f"t{number}", seed=60 + number, seconds=41), 1_600_000_000 + number * 86_400
        )
    (settled.folder / "some.txt").write_text("# these\nt0\n\n")
    assert settled.command("run", "--titles", settled.folder / "some.txt") == 0
    assert settled.work_done()["extract"] == {"t0"}
    assert settled.command("run", "--since", "2020-09-15T00:00+00:00") == 0
    assert settled.work_done()["extract"] == {"t2"}
    (settled.work / "features" / "t3.parquet").write_bytes(b"damaged")
    assert settled.command("run", "--changed") == 1  # t3 has no features now
    assert settled.work_done()["extract"] == {"t1"}


def test_a_plan_folds_what_is_alike_and_lists_it_all_on_request(make_night, tmp_path, capsys):
    night = make_night(tmp_path / "many", titles=25, extra="report = false\n")
    assert night.command("plan") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:20]] == [f"t{number}" for number in range(20)]
    assert lines[20:22] == ["... and 5 more: extract+score, new; --all lists them", "25 titles: extract, new"]
    assert night.command("plan", "--all") == 0
    assert capsys.readouterr().out.splitlines()[25] == "25 titles: extract, new"


def test_a_plan_says_what_left_the_manifest_and_what_is_extracted_but_not_scored(settled, capsys):
    settled.write_titles(["t0", "t1", "t2"])
    settled.write_checkpoint(seed=5)
    capsys.readouterr()
    assert settled.command("plan") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        "t0  score  extracted, not scored",
        "t1  score  extracted, not scored",
        "t2  score  extracted, not scored",
        "t3  leave out  no longer in the manifest",
    ]
    assert "3 titles: score, extracted, not scored" in lines
    assert "1 title: leave out, no longer in the manifest" in lines
    assert settled.command("plan", "--json") == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["format"] == "coarse2fine.plan/1"
    assert plan["removed"] == ["t3"]
    assert plan["titles"][0] == {
        "title_id": "t0",
        "name": "t0",
        "action": "nothing",
        "score": True,
        "reason": "extracted, not scored",
        "detail": "",
        "duration_s": 40.0,
    }
    assert plan["stages"]["score"]["titles"] == 3
    assert plan["stages"]["extract"] == {"titles": 0, "video_s": 0, "unknown_length": 0, "seconds": 0.0}
    assert plan["train"]["action"] is None


def test_differences_are_json_too(settled, capsys):
    before = settled.run_id
    assert settled.command("run", "--set", "infer.thresholds.smoking.frame=0.9") == 0
    capsys.readouterr()
    assert settled.command("diff", "previous", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["format"], found["before"], found["after"]) == ("coarse2fine.diff/1", before, settled.run_id)
    assert {change["change"] for change in found["changes"]} <= {"removed", "status"}
    assert found["labels"]["smoking"]["removed"] == sum(change["label"] == "smoking" for change in found["changes"])


def test_lengths_that_nobody_stated_are_read_from_headers_and_what_is_no_film_is_said_to_be_unknown(
    bare_night, tmp_path, capsys
):
    night = bare_night(tmp_path)
    for title_id, seconds in (("v0", 3), ("v1", 5)):
        pictures = [np.full((64, 64, 3), value, np.uint8) for value in range(2 * seconds)]
        write_video(tmp_path / f"{title_id}.mp4", pictures, fps=Fraction(2))
    (tmp_path / "v2.mp4").write_bytes(b"no film at all")
    (tmp_path / "titles.csv").write_text("title_id,path,duration_s\nv0,v0.mp4,\nv1,v1.mp4,\nv2,v2.mp4,\nv3,v3.mp4,7\n")
    (tmp_path / "v3.mp4").write_bytes(b"its length is stated")
    night.config.write_text('work_dir = "work"\n[data]\ntitles = "titles.csv"\n')
    assert night.command("plan", "--json") == 0
    plan = json.loads(capsys.readouterr().out)
    assert [item["duration_s"] for item in plan["titles"]] == [3.0, 5.0, None, 7.0]
    assert plan["stages"]["extract"] == {"titles": 4, "video_s": 15.0, "unknown_length": 1, "seconds": None}


def test_wanted_ids_that_no_title_has_are_said_and_never_left_out_silently(settled, capsys, caplog):
    wanted = settled.folder / "wanted.txt"
    wanted.write_text("t1\nt77\n")
    assert settled.command("plan", "--titles", wanted) == 0
    assert "no title of titles.csv has the id t77; the others are worked on" in caplog.text
    wanted.write_text("t77\nt78\n")
    for command in ("plan", "run"):
        capsys.readouterr()
        assert settled.command(command, "--titles", wanted) == 2
        assert "no title of titles.csv has the id t77, t78; write ids as they are there" in capsys.readouterr().err
    wanted.write_text("# nothing new tonight\n")
    assert settled.command("run", "--titles", wanted) == 0
