"""Each reason to redo something redoes exactly what depends on it: judged by recorded work, not by time."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from prometheus_client.parser import text_string_to_metric_families

ALL = {"t0", "t1", "t2", "t3"}


@pytest.fixture
def settled(night):
    """A catalogue that was run once."""
    assert night.command("run") == 0
    night.first = night.work_done()
    return night


def set_time(path, seconds=1_000_000_000):
    os.utime(path, (seconds, seconds))


def test_the_first_run_does_everything_and_the_second_nothing(settled, capsys):
    assert settled.first == {"extract": ALL, "score": ALL, "segments": ALL}
    run_id = settled.run_id
    before = {path: path.stat().st_mtime_ns for path in (settled.work / "features").iterdir()}
    assert settled.command("run") == 0
    assert "infer: nothing to do" in capsys.readouterr().out
    assert settled.work_done() == {}
    assert settled.run_id == run_id
    assert before == {path: path.stat().st_mtime_ns for path in before}
    assert settled.leftovers() == []


def test_a_changed_video_is_extracted_and_scored_and_no_other(settled):
    before = settled.table("current/scores.parquet").loc["t0"]
    set_time(settled.write_features("t2", seed=99))
    assert settled.command("run") == 0
    done = settled.work_done()
    assert (done["compare"], done["extract"], done["score"]) == ({"t2"}, {"t2"}, {"t2"})
    pd.testing.assert_frame_equal(settled.table("current/scores.parquet").loc["t0"], before)


def test_a_video_of_another_size_is_not_compared_first(settled):
    settled.write_features("t2", seed=99, seconds=41)
    assert settled.command("run") == 0
    done = settled.work_done()
    assert (done.get("compare"), done["extract"], done["score"]) == (None, {"t2"}, {"t2"})


def test_touching_redoes_nothing_and_is_looked_into_once(settled):
    run_id = settled.run_id
    set_time(settled.folder / "features" / "t1.npy")
    assert settled.command("run") == 0
    assert settled.work_done() == {"compare": {"t1"}}
    assert settled.command("run") == 0
    assert settled.work_done() == {}
    assert settled.run_id == run_id


def test_verify_sees_changed_bytes_behind_equal_size_and_time(settled):
    path = settled.folder / "features" / "t3.npy"
    status = path.stat()
    settled.write_features("t3", seed=77)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert settled.command("run") == 0
    assert settled.work_done() == {}
    assert settled.command("run", "--verify") == 0
    done = settled.work_done()
    assert (done["compare"], done["extract"], done["score"]) == (ALL, {"t3"}, {"t3"})


def test_a_changed_threshold_makes_segments_only_even_without_the_weights(settled):
    (settled.folder / "checkpoint" / "model.safetensors").unlink()
    run_id = settled.run_id
    assert settled.command("run", "--set", "infer.thresholds.smoking.frame=0.9") == 0
    assert settled.work_done() == {"segments": ALL}
    assert settled.run_id != run_id
    # and back again is a run that exists
    assert settled.command("run") == 0
    assert settled.work_done() == {}
    assert settled.run_id == run_id


def test_another_checkpoint_scores_everything_and_extracts_nothing(settled):
    settled.write_checkpoint(seed=5)
    assert settled.command("run") == 0
    assert settled.work_done() == {"score": ALL, "segments": ALL}


def test_other_features_are_all_made_anew_after_the_old_are_gone(settled, capsys):
    assert settled.command("run", "--set", "run.import_name=other") == 2
    assert "holds features of imported:toy, not imported:other" in capsys.readouterr().err
    assert settled.work_done() == {}
    assert settled.command("plan", "--set", "run.import_name=other") == 0
    assert "4 titles: extract, other features wanted" in capsys.readouterr().out


def test_a_lost_shard_and_a_damaged_one_are_made_again(settled):
    features = settled.work / "features"
    (features / "t0.parquet").unlink()
    (features / "t1.parquet").write_bytes(b"PAR1 no more")
    assert settled.command("run") == 0
    assert settled.work_done() == {"extract": {"t0", "t1"}}  # the same features: scores and segments stand


def test_a_lost_ledger_costs_a_comparison_and_nothing_else(settled):
    (settled.work / "ledger.parquet").unlink()
    assert settled.command("run") == 0
    assert settled.work_done() == {"compare": ALL}
    assert settled.command("run") == 0
    assert settled.work_done() == {}


def test_damaged_rows_are_found_by_scoring_and_mended_by_the_next_run(settled):
    shard = settled.work / "features" / "t2.parquet"
    data = shard.read_bytes()
    shard.write_bytes(data[:100] + b"\xff" * 200 + data[300:])
    settled.write_checkpoint(seed=5)
    assert settled.command("run") == 1
    assert settled.table("current/titles.parquet").status["t2"] == "quarantined"
    assert settled.table("ledger.parquet").stage["t2"] == "infer"
    settled.work_done()
    assert settled.command("run") == 0
    done = settled.work_done()
    assert (done["extract"], done["score"]) == ({"t2"}, {"t2"})
    assert shard.read_bytes() == data


def test_removed_titles_leave_the_view_and_come_back_without_work(settled):
    settled.write_titles(["t0", "t1", "t2"])
    assert settled.command("run") == 0
    assert set(settled.table("current/titles.parquet").index) == {"t0", "t1", "t2"}
    assert settled.table("ledger.parquet").status["t3"] == "removed"
    assert settled.work_done() == {"segments": {"t0", "t1", "t2"}}
    settled.write_titles(sorted(ALL))
    assert settled.command("run") == 0
    assert settled.work_done() == {}
    assert settled.table("ledger.parquet").status["t3"] == "done"


def test_late_files_are_seen_when_they_come(settled):
    settled.write_titles([*sorted(ALL), "late"])
    assert settled.command("run") == 1
    ledger = settled.table("ledger.parquet")
    assert (ledger.status["late"], ledger.attempts["late"]) == ("missing", 0)
    assert settled.table("current/titles.parquet").status["late"] == "quarantined"
    settled.work_done()
    settled.write_features("late", seed=4)
    assert settled.command("run") == 0
    done = settled.work_done()
    assert (done["extract"], done["score"]) == ({"late"}, {"late"})


def test_a_bad_title_is_tried_so_often_then_quarantined_until_it_changes_or_is_released(settled, capsys):
    path = settled.folder / "features" / "t1.npy"
    path.write_bytes(b"not an array")
    for attempt in (1, 2, 3):
        assert settled.command("run" if attempt != 2 else "retry") == 1
        assert settled.work_done().get("extract") == {"t1"}
        assert settled.table("ledger.parquet").attempts["t1"] == attempt
    assert settled.table("ledger.parquet").status["t1"] == "quarantined"
    assert settled.command("run") == 1
    assert settled.work_done() == {}
    capsys.readouterr()
    assert settled.command("quarantine", "list") == 0
    assert "t1  quarantined  extract  unreadable  attempts=3  features/t1.npy" in capsys.readouterr().out

    assert settled.command("quarantine", "release", "t0") == 2
    assert settled.command("quarantine", "release", "t1") == 0
    assert settled.command("retry") == 1
    assert settled.work_done()["extract"] == {"t1"}

    settled.write_features("t1", seed=1)
    assert settled.command("run") == 0
    row = settled.table("ledger.parquet").loc["t1"]
    assert (row.status, row.attempts, row.error) == ("done", 0, "")


def test_retry_leaves_everything_else_for_the_next_run(settled):
    (settled.folder / "features" / "t1.npy").write_bytes(b"not an array")
    settled.command("run")
    settled.write_features("t2", seed=50, seconds=41)
    settled.work_done()
    assert settled.command("retry") == 1
    assert settled.work_done()["extract"] == {"t1"}


def test_selections_leave_other_titles_as_they_are(settled):
    for number in (0, 1, 2):
        set_time(settled.write_features(f"t{number}", seed=60 + number, seconds=41), 1_600_000_000 + number * 86_400)
    (settled.folder / "some.txt").write_text("# these\nt0\n\n")
    assert settled.command("run", "--titles", settled.folder / "some.txt") == 0
    assert settled.work_done()["extract"] == {"t0"}
    assert settled.command("run", "--since", "2020-09-15T00:00+00:00") == 0
    assert settled.work_done()["extract"] == {"t2"}
    (settled.work / "features" / "t3.parquet").write_bytes(b"damaged")
    assert settled.command("run", "--changed") == 1  # t3 has no features now
    assert settled.work_done()["extract"] == {"t1"}


def test_plan_says_what_run_then_does(settled, capsys):
    settled.write_features("t0", seed=10, seconds=41)
    set_time(settled.folder / "features" / "t1.npy")
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
    settled.command("plan")
    assert capsys.readouterr().out.splitlines()[-4:] == [
        "4 titles: nothing, current",
        "extract: nothing to do",
        "score: nothing to do",
        "segments: nothing to do",
    ]


def test_plan_and_a_run_without_changes_do_not_import_torch(settled):
    write_labels(settled)
    assert settled.command("run") == 0
    script = (
        "import sys\nfrom pipeline import cli\n"
        "try:\n    cli.main(sys.argv[1:])\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "assert 'torch' not in sys.modules"
    )
    for command in ("plan", "run"):
        subprocess.run([sys.executable, "-c", script, command, "--config", settled.config], check=True)


def test_too_many_failures_abort_and_are_recorded_against_nobody(make_night, tmp_path, capsys):
    night = make_night(tmp_path / "night", titles=12, extra="abort_after = 4\n")
    assert night.command("run") == 0
    ledger = night.table("ledger.parquet")
    run_id = night.run_id
    for number in range(12):
        np.save(night.folder / "features" / f"t{number}.npy", np.full((40, 4), np.nan, np.float32))
    assert night.command("run") == 5
    assert "4 of 4 titles failed" in capsys.readouterr().err
    columns = ["status", "attempts", "error"]
    pd.testing.assert_frame_equal(night.table("ledger.parquet")[columns], ledger[columns])
    assert night.run_id == run_id
    assert "coarse2fine_last_run_exit_code 5" in (night.work / "metrics.prom").read_text()
    # within the limit they are the titles' own
    assert night.command("run", "--set", "run.max_error_rate=1.0") in (1, 4)


def test_a_store_that_is_not_mounted_is_not_a_thousand_bad_titles(make_night, tmp_path, capsys):
    night = make_night(tmp_path / "night", titles=4, extra="abort_after = 2\n")
    assert night.command("run") == 0
    features = night.folder / "features"
    features.rename(tmp_path / "away")
    assert night.command("run") == 5
    assert "4 of 4 files that were there are gone" in capsys.readouterr().err
    assert night.command("run", "--set", f"data.media_root={tmp_path / 'nowhere'}") == 5
    assert "the media root is not there" in capsys.readouterr().err
    (tmp_path / "away").rename(features)
    night.work_done()
    assert night.command("run") == 0
    assert night.work_done() == {}


def write_labels(night):
    """Label the four titles, all of the test split."""
    rows = [f"t{number},violence,5,9,first_occurrence" for number in range(4)]
    (night.folder / "clip_labels.csv").write_text("\n".join(["title_id,label,start_s,end_s,kind", *rows]) + "\n")
    night.config.write_text(night.config.read_text().replace("[data]\n", '[data]\nclip_labels = "clip_labels.csv"\n'))


def written(night, *names):
    return [(night.work / "current" / name).stat().st_mtime_ns for name in names]


def test_a_run_is_measured_and_reported_once(night, capsys):
    write_labels(night)
    assert night.command("run") == 0
    said = capsys.readouterr().out
    assert "evaluate: 4 titles of the test split" in said
    assert "report: 4 titles of run" in said
    products = ("evaluation-test.json", "operator-test.csv", "report.html")
    before = written(night, *products)
    assert night.command("run") == 0
    said = capsys.readouterr().out
    assert "evaluate: nothing to do" in said
    assert "report: nothing to do" in said
    assert written(night, *products) == before

    (night.folder / "clip_labels.csv").write_text(
        "title_id,label,start_s,end_s,kind\nt0,violence,1,9,first_occurrence\n"
    )
    assert night.command("run") == 0  # other labels: measured and reported anew
    assert all(now > then for now, then in zip(written(night, *products), before, strict=True))
    before = written(night, *products)
    assert night.command("run", "--set", "evaluate.bootstrap_draws=10") == 0
    assert all(now > then for now, then in zip(written(night, *products), before, strict=True))

    for product in ("evaluation-test.json", "operator-test.csv"):  # lost, it is made again
        path = night.work / "current" / product
        whole = path.read_bytes()
        path.unlink()
        assert night.command("run", "--set", "evaluate.bootstrap_draws=10") == 0
        assert path.read_bytes() == whole


def test_a_report_that_cannot_be_drawn_is_said_and_fails_nothing(night, monkeypatch, capsys):
    def broken(*_arguments, **_options):
        raise RuntimeError("no ink")

    monkeypatch.setattr("pipeline.report.stage.render", broken)
    assert night.command("run") == 0
    assert "report: not drawn (RuntimeError: no ink)" in capsys.readouterr().out
    assert not (night.work / "current" / "report.html").exists()
    assert night.leftovers() == []
    assert json.loads((night.work / "last_success.json").read_text())["exit_code"] == 0
    monkeypatch.undo()
    assert night.command("run") == 0  # tried again
    assert (night.work / "current" / "report.html").exists()


def test_a_report_can_be_left_out(night, capsys):
    assert night.command("run", "--set", "run.report=false") == 0
    assert "report:" not in capsys.readouterr().out
    assert not (night.work / "current" / "report.html").exists()


def test_a_report_of_very_many_segments_is_left_to_who_asks_for_it(night, monkeypatch, capsys):
    monkeypatch.setattr("pipeline.runs.stage.REPORT_SEGMENTS", 3)
    assert night.command("run") == 0
    found = len(pd.read_parquet(night.work / "current" / "segments.parquet"))
    assert f"report: left out, {found} segments" in capsys.readouterr().out
    assert not (night.work / "current" / "report.html").exists()


def test_what_a_killed_report_left_behind_is_removed(settled):
    torn = settled.work / "current" / ".tmp-0123456789ab-report.html"
    torn.write_text("<!DOCTYPE html>")
    assert settled.command("run") == 0
    assert settled.leftovers() == []


def exposed(metrics):
    """What Prometheus would take from a textfile: values by labels, by name; each name once, typed and explained."""
    families = list(text_string_to_metric_families(metrics))
    assert all(family.type == "gauge" and family.documentation for family in families)
    found = {
        family.name.removeprefix("coarse2fine_"): {
            tuple(sample.labels.items()): sample.value for sample in family.samples
        }
        for family in families
    }
    assert len(found) == len(families)
    return found


def test_artefacts_for_monitoring(settled):
    success = json.loads((settled.work / "last_success.json").read_text())
    assert (success["run_id"], success["exit_code"]) == (settled.run_id, 0)
    metrics = (settled.work / "metrics.prom").read_text()
    assert 'coarse2fine_ledger_titles{status="done"} 4' in metrics
    assert "coarse2fine_last_run_exit_code 0" in metrics
    values = exposed(metrics)
    assert values.pop("last_run_timestamp_seconds")[()] >= success["at_unix_s"]
    assert values == {
        "last_run_exit_code": {(): 0},
        "last_run_duration_seconds": {(): success["seconds"]},
        "last_success_timestamp_seconds": {(): success["at_unix_s"]},
        "ledger_titles": {(("status", "done"),): 4},
        "titles": {(("status", "flagged"),): 4},
        "rollback_held": {(): 0},
    }
    shutil.rmtree(settled.folder / "checkpoint")
    assert settled.command("run") == 2
    assert json.loads((settled.work / "last_success.json").read_text()) == success
    assert "coarse2fine_last_run_exit_code 2" in (settled.work / "metrics.prom").read_text()


def test_the_order_of_runs_does_not_hang_on_the_clock(settled, capsys):
    first = settled.run_id
    record = json.loads((settled.work / "runs" / first / "run.json").read_text())
    record["finished_at"] = "2099-01-01T00:00:00+00:00"
    (settled.work / "runs" / first / "run.json").write_text(json.dumps(record))
    assert settled.command("run", "--set", "infer.thresholds.smoking.frame=0.9") == 0
    second = settled.run_id
    capsys.readouterr()
    assert settled.command("runs", "list") == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in listed] == [first, "*"]
    assert second in listed[1]
    assert settled.command("gc", "--keep", "1") == 0
    assert [run.name for run in (settled.work / "runs").iterdir()] == [second]


def test_videos_are_extracted_again_for_other_features_and_other_bytes_only(bare_night, tmp_path, capsys):
    from fractions import Fraction

    from extract.pyav_writer import write_video

    night = bare_night(tmp_path)
    rng = np.random.default_rng(0)
    for title_id in ("v0", "v1"):
        write_video(tmp_path / f"{title_id}.mp4", list(rng.integers(0, 255, (4, 64, 64, 3), np.uint8)), fps=Fraction(2))
    (tmp_path / "titles.csv").write_text("title_id,path\nv0,v0.mp4\nv1,v1.mp4\n")
    night.config.write_text(
        'work_dir = "work"\n[data]\ntitles = "titles.csv"\n[extract]\ndevice = "cpu"\ndecode_workers = 1\n'
    )
    assert night.command("extract") == 0
    assert night.work_done() == {"extract": {"v0", "v1"}}
    set_time(tmp_path / "v0.mp4")
    assert night.command("extract") == 0
    assert night.work_done() == {"compare": {"v0"}}
    squeezed = ("--set", "extract.framing=center-crop")
    capsys.readouterr()
    assert night.command("plan", *squeezed) == 0
    assert "v0  extract+score  other features wanted: framing 'full' is not 'center-crop'" in capsys.readouterr().out
    assert night.command("extract", *squeezed) == 0
    assert night.work_done() == {"extract": {"v0", "v1"}}
    with (tmp_path / "v1.mp4").open("ab") as handle:
        handle.write(b"\0\0\0\x08free")
    assert night.command("extract", *squeezed) == 0
    assert night.work_done() == {"extract": {"v1"}}
    assert set(night.table("ledger.parquet").status) == {"done"}
