"""Each reason to redo something redoes exactly what depends on it: judged by recorded work, not by time."""

import os

import numpy as np
import pandas as pd

ALL = {"t0", "t1", "t2", "t3"}


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
    settled.set_time(settled.write_features("t2", seed=99))
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
    settled.set_time(settled.folder / "features" / "t1.npy")
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
    night.set_time(tmp_path / "v0.mp4")
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
