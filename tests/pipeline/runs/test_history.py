"""Runs that are kept, put in force, rolled back and removed."""

import json
import shutil

import pytest

from pipeline.runs.event_log import EventLog, append_event, move_events, read_events

FRAMES = ("0.0104", "0.0106", "0.0108")


@pytest.fixture
def runs(night):
    """Three runs; returns the catalogue and their ids in order."""
    ids = []
    for frame in FRAMES:
        assert night.command("run", "--set", f"infer.thresholds.smoking.frame={frame}") == 0
        ids.append(night.run_id)
    assert len(set(ids)) == 3
    return night, ids


def again(night, frame):
    assert night.command("run", "--set", f"infer.thresholds.smoking.frame={frame}") == 0


def test_a_rollback_holds_until_it_is_released(runs, capsys):
    night, (first, second, third) = runs
    assert night.command("rollback") == 0
    assert night.run_id == second
    # neither a night without changes nor one with changes undoes what was decided
    again(night, "0.0108")
    assert night.run_id == second
    assert f"a rollback holds run {second} in force" in capsys.readouterr().out
    again(night, "0.0109")
    assert night.run_id == second
    assert "coarse2fine_rollback_held 1" in (night.work / "metrics.prom").read_text()
    assert night.command("rollback") == 0
    assert night.run_id == first
    assert night.command("rollback") == 2
    assert "no run before the current one" in capsys.readouterr().err
    assert night.command("rollback", third[:6]) == 0
    assert night.run_id == third
    assert night.command("runs", "release") == 0
    assert night.run_id not in (first, second, third)  # the newest, made while the rollback held
    again(night, "0.0104")
    assert night.run_id == first


def test_gc_keeps_the_newest_and_what_is_in_force(runs):
    night, (first, _, third) = runs
    assert night.command("rollback", first) == 0
    (night.work / "features" / ".tmp-0123-t9.parquet").write_bytes(b"half")
    (night.work / "runs" / "abandoned").mkdir()
    (night.work / "runs" / "abandoned" / "segments.csv").write_text("half")
    assert night.command("gc", "--keep", "1", "--dry-run") == 0
    assert len(list((night.work / "runs").iterdir())) == 4
    assert night.command("gc", "--keep", "1") == 0
    assert {run.name for run in (night.work / "runs").iterdir()} == {first, third}
    assert night.leftovers() == []
    assert night.run_id == first


def test_gc_keeps_the_scores_of_kept_runs_only(runs):
    night, _ = runs
    (old,) = (night.work / "scores").iterdir()
    night.write_features("t1", seed=9, seconds=41)
    again(night, "0.0108")
    assert len(list(old.iterdir())) == 5
    assert night.command("gc", "--keep", "9") == 0
    assert len(list(old.iterdir())) == 4  # not those of bytes that are gone
    night.write_checkpoint(seed=3)
    again(night, "0.0108")
    assert night.command("gc", "--keep", "1") == 0
    assert not old.exists()
    again(night, "0.0108")
    night.work_done()
    again(night, "0.0108")
    assert night.work_done() == {}


def test_diff_by_name(runs, capsys):
    night, (first, _, third) = runs
    capsys.readouterr()
    for names in ((first, third), (first[:8],), (first, "current")):
        assert night.command("diff", *names, "--out", night.folder / "d.csv") == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[-2].startswith("violence: 0 added, 0 removed, 0 moved, 0 decision")
        assert any(line.startswith("smoking: ") and " 0 same" not in line for line in lines)
    assert night.command("diff", "previous") == 0
    assert night.command("diff", "zz") == 2
    assert f"run 'zz': no such run in {night.work}/runs; there are: {first}, " in capsys.readouterr().err


def test_a_torn_line_is_skipped_and_cut_off(tmp_path):
    log = tmp_path / "log.jsonl"
    append_event(log, name="a")
    with log.open("a") as handle:
        handle.write('{"at": "2026", "na')
    assert [event["name"] for event in read_events(log)] == ["a"]
    with EventLog(log) as events:
        events.add(name="b")
    assert [json.loads(line)["name"] for line in log.read_text().splitlines()] == ["a", "b"]


def test_events_move_to_their_run_whole(tmp_path):
    pending, target = tmp_path / "events.jsonl", tmp_path / "run" / "events.jsonl"
    move_events(pending, target)
    assert not target.exists()
    for name in ("a", "b"):
        append_event(pending, name=name)
        move_events(pending, target)
        assert not pending.exists()
    assert [event["name"] for event in read_events(target)] == ["a", "b"]


def test_a_copy_of_the_work_folder_without_its_links_is_said(settled, capsys):
    """As a disk of a camera, or an unpacked archive, leaves it: `current` is a folder of its own."""
    target = settled.work / "current"
    folder = target.resolve()
    target.unlink()
    shutil.copytree(folder, target)
    capsys.readouterr()
    assert settled.command("run") == 2
    assert f"{target}: a folder, not the link to a run that it should be" in capsys.readouterr().err
    shutil.rmtree(target)
    assert settled.command("run") == 0
    assert target.resolve() == folder
