"""Bad titles are tried a few times and put aside; a fault of the installation gives up no title."""

import shlex
from pathlib import Path

import numpy as np
import pytest

from pipeline.commands.terminal import config_words
from pipeline.config import load_config
from pipeline.runs.closing import next_for_files
from pipeline.runs.ledger import read_ledger
from pipeline.settings import RunSettings


def test_a_bad_title_is_tried_so_often_then_quarantined_until_it_changes_or_is_released(settled, capsys):
    path = settled.folder / "features" / "t1.npy"
    path.write_bytes(b"not an array")
    for attempt in (1, 2, 3):
        assert settled.command("run" if attempt != 2 else "retry") == 1
        assert settled.work_done().get("extract") == {"t1"}
        assert settled.table("ledger.parquet").attempts["t1"] == attempt
    assert settled.table("ledger.parquet").status["t1"] == "quarantined"
    assert settled.table("ledger.parquet").given_up["t1"]
    assert settled.command("run") == 1
    assert settled.work_done() == {}
    capsys.readouterr()
    assert settled.command("quarantine", "list") == 0
    assert "t1  quarantined  extract  unreadable  attempts=3, given up  features/t1.npy" in capsys.readouterr().out

    assert settled.command("quarantine", "release", "t0") == 2
    assert settled.command("quarantine", "release", "t1") == 0
    assert settled.command("retry") == 1
    assert settled.work_done()["extract"] == {"t1"}

    settled.write_features("t1", seed=1)
    assert settled.command("run") == 0
    row = settled.table("ledger.parquet").loc["t1"]
    assert (row.status, row.attempts, row.error) == ("done", 0, "")


def break_features(night, title_ids):
    for title_id in title_ids:
        np.save(night.folder / "features" / f"{title_id}.npy", np.full((40, 4), np.nan, np.float32))


def test_too_many_failures_abort_and_give_up_no_title(make_night, tmp_path, capsys):
    night = make_night(tmp_path / "night", titles=12, extra="abort_after = 4\nattempts = 1\n")
    assert night.command("run") == 0
    run_id = night.run_id
    break_features(night, [f"t{number}" for number in range(12)])
    assert night.command("run") == 5
    assert "12 of 12 new titles failed, more than [run] max_error_rate = 0.5" in capsys.readouterr().err
    ledger = night.table("ledger.parquet")
    assert (set(ledger.status), set(ledger.attempts), set(ledger.given_up)) == ({"quarantined"}, {1}, {False})
    assert night.run_id == run_id
    assert "coarse2fine_last_run_exit_code 5" in (night.work / "metrics.prom").read_text()
    # what failed before tells nothing of the installation: the files are to blame, and the night after says so
    assert night.command("run") in (1, 4)
    assert night.table("ledger.parquet").given_up.all()


def test_a_fault_of_the_installation_is_known_after_a_few_titles_from_all_over_the_manifest(make_night, tmp_path):
    night = make_night(tmp_path / "night", titles=90)
    night.work_done()
    all_titles = {f"t{number}" for number in range(90)}
    break_features(night, all_titles)
    tried = set()
    for _ in range(2):
        assert night.command("run") == 5
        tonight = night.work_done()["extract"]
        assert 10 + 20 < len(tonight) < 40  # 10 raise suspicion; 0.5 ** 20 is a chance of one in a million
        assert tonight.isdisjoint(tried)
        tried |= tonight
    assert set(night.table("ledger.parquet").status) == {"quarantined"}
    assert not night.table("ledger.parquet").given_up.any()
    for number in range(90):
        night.write_features(f"t{number}", number)
    assert night.command("run") == 0
    assert set(night.table("ledger.parquet").status) == {"done"}


@pytest.mark.parametrize("bad", [range(15), range(15, 30), range(0, 30, 2)], ids=["first", "last", "mixed"])
def test_whether_too_many_failed_does_not_depend_on_the_order_of_the_manifest(make_night, tmp_path, bad):
    night = make_night(tmp_path / "night", titles=31, extra="report = false\n")
    break_features(night, [f"t{number}" for number in bad])
    assert night.command("run") == 1
    status = night.table("ledger.parquet").status
    assert set(status[status == "done"].index) == {f"t{number}" for number in range(31) if number not in bad}


def test_what_could_be_read_on_a_night_of_too_many_failures_is_scored(make_night, tmp_path, caplog):
    night = make_night(tmp_path / "night", titles=15)
    break_features(night, [f"t{number}" for number in range(12)])
    assert night.command("run") == 5
    assert "12 of 15 new titles failed" in caplog.text
    titles = night.table("current/titles.parquet")
    assert set(titles.index[titles.status != "quarantined"]) == {"t12", "t13", "t14"}
    assert not (night.work / "last_success.json").exists()
    for code in (1, 1, 1):
        assert night.command("run") == code
    assert set(night.table("ledger.parquet").attempts) == {0, 3}
    night.write_features("t40", 40)
    night.write_titles([f"t{number}" for number in (*range(15), 40)])
    assert night.command("run") == 1
    assert night.table("ledger.parquet").status["t40"] == "done"


def test_a_store_that_is_not_mounted_is_not_a_thousand_bad_titles(make_night, tmp_path, capsys):
    night = make_night(tmp_path / "night", titles=4, extra="abort_after = 2\n")
    assert night.command("run") == 0
    features = night.folder / "features"
    features.rename(tmp_path / "away")
    assert night.command("run") == 5
    assert "4 of 4 files that were there are gone" in capsys.readouterr().err
    assert night.command("run", "--set", f"data.media_root={tmp_path / 'nowhere'}") == 5
    assert "nowhere: the folder of feature files is not there" in capsys.readouterr().err
    (tmp_path / "away").rename(features)
    night.work_done()
    assert night.command("run") == 0
    assert night.work_done() == {}


def test_runs_and_extractions_end_with_counts_and_what_to_do_next(settled, capsys):
    (settled.folder / "features" / "t1.npy").write_bytes(b"not an array")
    (settled.folder / "features" / "t2.npy").unlink()
    capsys.readouterr()
    assert settled.command("extract") == 1
    typed = f" --config {settled.config}"  # as it can be typed
    what = (
        f"`coarse2fine quarantine list{typed}` says what is wrong; `coarse2fine retry{typed}` tries again; put missing "
        "files back, or take their titles out of titles.csv"
    )
    train = f"`coarse2fine train{typed}` and `infer`, or `coarse2fine run{typed}` for all that is to be done"
    assert capsys.readouterr().out.splitlines()[-1] == f"  next: {train}; {what}"
    assert settled.command("run") == 1
    *_, counts, following = capsys.readouterr().out.splitlines()
    assert counts == "run: 4 titles: 3 flagged, 1 quarantined; 1 of them missing, known from before"
    report = settled.work / "runs" / settled.run_id / "report.html"
    assert following == f"  next: open {report}; {what}"
    assert settled.command("retry") == 1
    following = capsys.readouterr().out.splitlines()[-1]
    assert f"`coarse2fine quarantine list{typed}`" in following
    assert "retry" not in following  # given up


def test_what_to_type_next_can_be_typed_as_it_is_printed(settled, capsys, monkeypatch):
    """Where the configuration is found without being named, it is not named; a film's name is quoted for the shell."""
    (settled.folder / "features" / "it's t1.npy").write_bytes(b"not an array")
    titles = settled.folder / "titles.csv"
    titles.write_text(titles.read_text().replace("features/t1.npy", "features/it's t1.npy"))
    config = load_config(settled.config)
    assert settled.command("run") == 1
    rows = [row for row in read_ledger(config.work.ledger) if row.title_id == "t1"]
    videos = config.model_copy(update={"run": RunSettings()})
    *_, doctor = next_for_files(videos, rows, "")
    command = doctor.split("`")[1]
    assert shlex.split(command) == ["coarse2fine", "doctor", str(settled.folder / "features" / "it's t1.npy")]
    monkeypatch.chdir(settled.folder)
    assert config_words(Path("run.toml")) == ""
    assert config_words(settled.config) == f" --config {settled.config}"
    monkeypatch.chdir(settled.folder.parent)
    monkeypatch.setenv("COARSE2FINE_CONFIG", str(settled.config))
    assert config_words(settled.config) == ""
