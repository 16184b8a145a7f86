"""A film whose file is gone keeps what is known of it, and everything that counts says so in one word: missing."""

import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infer.export.source import read_run
from infer.export.statement import statement
from infer.write import read_titles_table
from pipeline.report.signals import shown_status

GONE = "gone since"


@pytest.fixture
def gone(settled):
    """Four titles, run once; then the file of t1 is taken away, and it is run again."""
    before = settled.table("current/segments.parquet").loc["t1"]
    (settled.folder / "features" / "t1.npy").rename(settled.folder / "away.npy")
    assert settled.command("run") == 1
    settled.before = before
    return settled


def settled_on(night, day):
    """Date the day on which a file was first missed back."""
    path = night.work / "ledger.parquet"
    table = pq.read_table(path)
    rows = table.to_pylist()
    for row in rows:
        row["error"] = row["error"].replace(row["error"][len(GONE) + 1 : len(GONE) + 11], day) if row["error"] else ""
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)


def test_a_vanished_file_keeps_its_status_and_segments_and_says_since_when(gone, capsys):
    row = gone.table("current/titles.parquet").loc["t1"]
    assert row.status == "flagged"
    assert row.reason.startswith(GONE)
    assert "no such file under" in row.reason
    segments = gone.table("current/segments.parquet").loc["t1"]
    columns = ["label", "start_s", "end_s", "score", "decision"]
    pd.testing.assert_frame_equal(segments[columns], gone.before[columns])
    assert gone.work_done().get("extract") is None


def test_everything_that_counts_calls_it_missing(gone, capsys):
    ledger = gone.table("ledger.parquet")
    assert (ledger.status["t1"], ledger.error_code["t1"], ledger.attempts["t1"]) == ("missing", "missing", 0)
    assert json.loads((gone.work / "current" / "run.json").read_text())["missing"] == 1
    metrics = (gone.work / "metrics.prom").read_text()
    assert 'coarse2fine_ledger_titles{status="missing"} 1' in metrics
    assert "coarse2fine_missing_titles 1" in metrics
    assert json.loads((gone.work / "last_success.json").read_text())["missing"] == 1
    capsys.readouterr()
    assert gone.command("quarantine", "list") == 0
    said = capsys.readouterr()
    assert f"t1  missing  infer  missing  attempts=0  {GONE}" in said.out
    assert said.err == "1 missing\n"
    assert gone.command("plan") == 0
    assert f"t1  wait  no such file: {GONE}" in capsys.readouterr().out
    assert gone.command("run") == 1
    out = capsys.readouterr().out
    assert "extract: 4 titles, nothing to do, 0 quarantined, 0 partial, 1 missing" in out
    assert "run: 4 titles: 4 flagged; 1 of them missing, known from before" in out
    assert "put missing files back, or take their titles out of titles.csv" in out
    coverage = gone.table("coverage.parquet").loc["t1"]
    assert (coverage.error_code, bool(coverage.complete)) == ("missing", True)


def test_the_day_is_that_of_the_first_night_without_it_and_later_nights_do_nothing(gone):
    settled_on(gone, "2026-11-27")
    assert gone.command("run") == 1
    assert gone.table("current/titles.parquet").reason["t1"].startswith("gone since 2026-11-27")
    run_id = gone.run_id
    gone.work_done()
    assert gone.command("run") == 1
    assert (gone.run_id, gone.work_done()) == (run_id, {})


def test_it_is_scored_by_another_model_with_the_features_of_before(gone):
    gone.work_done()
    gone.write_checkpoint(seed=5)
    assert gone.command("run") == 1
    assert "t1" in gone.work_done()["score"]
    assert gone.table("current/titles.parquet").reason["t1"].startswith(GONE)
    assert gone.table("ledger.parquet").status["t1"] == "missing"
    assert gone.command("infer") == 1  # on its own, it says the same
    assert gone.table("current/titles.parquet").reason["t1"].startswith(GONE)


def test_it_comes_back_without_work(gone):
    run_id = next(path.name for path in (gone.work / "runs").iterdir() if path.name != gone.run_id)
    (gone.folder / "away.npy").rename(gone.folder / "features" / "t1.npy")
    gone.work_done()
    assert gone.command("run") == 0
    assert (gone.run_id, gone.work_done()) == (run_id, {})
    assert gone.table("ledger.parquet").status["t1"] == "done"


def test_another_path_is_another_film_and_nothing_is_known_of_it(settled):
    text = (settled.folder / "titles.csv").read_text()
    (settled.folder / "titles.csv").write_text(text.replace("features/t1.npy", "features/other.npy"))
    for _ in range(2):
        assert settled.command("run") == 1
        row = settled.table("current/titles.parquet").loc["t1"]
        assert (row.status, row.error_code, row.reason) == ("quarantined", "missing", "")


def test_what_was_replaced_by_something_broken_and_then_vanished_is_not_the_film_of_before(settled):
    path = settled.folder / "features" / "t1.npy"
    path.write_bytes(b"not an array")
    assert settled.command("run") == 1
    path.unlink()
    for _ in range(2):
        assert settled.command("run") == 1
        assert settled.table("current/titles.parquet").status["t1"] == "quarantined"


def test_a_lost_ledger_does_not_lose_the_film(gone):
    (gone.work / "ledger.parquet").unlink()
    for _ in range(2):
        assert gone.command("run") == 1
        assert gone.table("current/titles.parquet").reason["t1"].startswith(GONE)


def test_reports_and_exports_say_it_and_show_the_status_that_it_had(gone, tmp_path):
    row = next(row for row in read_titles_table(gone.work / "current" / "titles.parquet") if row.title_id == "t1")
    assert shown_status(row) == row.status
    said = [
        statement(title) for title in read_run(gone.work / "current", "all", {}).titles if title.row.title_id == "t1"
    ]
    assert GONE in said[0]
