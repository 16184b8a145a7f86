"""What a run ends with: measures, report, files for monitoring, and its place in the order of runs."""

import json
import shutil

import pandas as pd
import pytest
from prometheus_client.parser import text_string_to_metric_families

from data.files import atomic_path


def written(night, *names):
    return [(night.work / "current" / name).stat().st_mtime_ns for name in names]


def test_a_run_is_measured_and_reported_once(night, capsys):
    night.write_labels()
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
        "given_up_titles": {(): 0},
        "missing_titles": {(): 0},
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


@pytest.mark.parametrize("command", ["run", "train", "extract"])
def test_a_report_that_is_being_drawn_is_not_swept_away_by_a_run_that_starts(settled, command):
    page = settled.work / "current" / "report.html"
    torn = settled.work / ".tmp-0123456789ab-coverage.parquet"
    torn.write_text("half")
    with atomic_path(page) as temporary:
        temporary.write_text("another page")
        assert settled.command(command) in (0, 2)  # nothing can be trained here
        assert temporary.exists()
    assert page.read_text() == "another page"
    assert not torn.exists()
