"""A film that cannot be read is quarantined: one word for it wherever it is counted, and counted once."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.files import TEMPORARY_PREFIX
from pipeline.config import load_config
from pipeline.runs.ledger import read_ledger


@pytest.fixture
def night(settled, capsys):
    """Of four titles that were run once, t0 is broken now, t1 is gone, and t9 never was there."""
    (settled.folder / "features" / "t0.npy").write_bytes(b"not an array")
    (settled.folder / "features" / "t1.npy").unlink()
    titles = settled.folder / "titles.csv"
    titles.write_text(titles.read_text() + "t9,features/t9.npy,40,test\n")
    capsys.readouterr()
    return settled


def typed(night, capsys, *arguments, code=1):
    assert night.command(*arguments) == code
    return capsys.readouterr().out


def test_every_line_of_a_run_calls_it_quarantined_and_counts_it_once(night, capsys):
    plan = typed(night, capsys, "plan", code=0)
    out = typed(night, capsys, "run")
    assert "extract: 5 titles, 1 worked on, 1 quarantined, 0 partial, 2 missing" in out
    assert "why: 2 no such file (t1, t9), 1 not readable (t0)" in out
    # five titles: t2 and t3, t1 as it was; t0, and t9, of which nothing was ever known
    assert "run: 5 titles: 3 flagged, 2 quarantined (1 missing); 1 of them missing, known from before" in out
    assert "without features" not in out
    assert "failed" not in plan + out


def test_plan_ledger_list_metrics_and_report_say_the_same(night, capsys):
    for attempt in (1, 2):
        typed(night, capsys, "run")
        plan = typed(night, capsys, "plan", code=0)
        assert f"t0  extract+score  quarantined: attempt {attempt + 1} of 3: features/t0.npy" in plan
        assert "1 title: extract, quarantined" in plan
    typed(night, capsys, "run")
    plan = typed(night, capsys, "plan", code=0)
    assert "t0  wait  given up: quarantined, 3 attempts: features/t0.npy" in plan
    listed = typed(night, capsys, "quarantine", "list", code=0)
    assert "t0  quarantined  extract  unreadable  attempts=3, given up  features/t0.npy" in listed
    values = json.loads(typed(night, capsys, "quarantine", "list", "--json", code=0))["titles"]
    assert {row["title_id"]: (row["status"], row["given_up"]) for row in values} == {
        "t0": ("quarantined", True),
        "t1": ("missing", False),
        "t9": ("missing", False),
    }
    assert "2 quarantined (1 given up, 1 missing); 1 of them missing" in typed(night, capsys, "run")
    metrics = (night.work / "metrics.prom").read_text()
    assert 'coarse2fine_ledger_titles{status="quarantined"} 1' in metrics
    assert "coarse2fine_given_up_titles 1" in metrics
    assert "coarse2fine_missing_titles 2" in metrics
    page = (night.work / "current" / "report.html").read_text()
    assert "2 titles missing: the files are not there. 1 title of them had been read before" in page
    said = plan + listed + metrics
    assert "failed" not in said


def test_a_title_that_is_released_or_mended_is_tried_again(night, capsys):
    for _ in range(3):
        typed(night, capsys, "run")
    night.work_done()
    typed(night, capsys, "run")
    assert night.work_done() == {}
    typed(night, capsys, "quarantine", "release", "t0", code=0)
    assert "t0  extract+score  quarantined: attempt 1 of 3" in typed(night, capsys, "plan", code=0)
    night.write_features("t0", seed=0)
    typed(night, capsys, "run")
    row = night.table("ledger.parquet").loc["t0"]
    assert (row.status, row.attempts, row.given_up) == ("done", 0, False)


def test_a_ledger_of_before_is_read_as_it_was_meant(night, capsys):
    """It called failed what was tried again, and quarantined what was not."""
    for _ in range(3):
        typed(night, capsys, "run")
    path = load_config(night.config).work.ledger
    table = pq.read_table(path)
    rows = table.drop_columns("given_up").to_pylist()
    rows[1] |= {"status": "failed", "attempts": 1}
    rows[1]["title_id"] = "t1"
    old = path.with_name(f"{TEMPORARY_PREFIX}old")
    pq.write_table(pa.Table.from_pylist(rows, schema=table.drop_columns("given_up").schema), old)
    old.replace(path)
    found = {row.title_id: (row.status, row.attempts, row.given_up) for row in read_ledger(path)}
    assert (found["t0"], found["t1"]) == (("quarantined", 3, True), ("quarantined", 1, False))
    assert found["t2"] == ("done", 0, False)
    typed(night, capsys, "run")
    assert read_ledger(path).get("t0").given_up
