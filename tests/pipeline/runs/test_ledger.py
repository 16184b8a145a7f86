"""The ledger of a large catalogue: the same rows, and little of a run's time, however long a write takes."""

import pytest

from pipeline.runs import ledger as module
from pipeline.runs.ledger import DONE, QUARANTINED, LedgerRow, read_ledger


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now_s = 0.0

        def monotonic(self):
            return self.now_s

    made = Clock()
    monkeypatch.setattr(module, "time", made)
    return made


def test_rows_are_read_back_as_they_were_put(tmp_path):
    rows = [
        LedgerRow("b", "infer", QUARANTINED, 3, "schema", "damaged", "b.mkv", 7, 8, None, "ab", 1.5, given_up=True),
        LedgerRow("a", status=DONE),
    ]
    ledger = read_ledger(tmp_path / "ledger.parquet")
    for row in rows:
        ledger.put(row)
    ledger.write()
    found = list(read_ledger(tmp_path / "ledger.parquet"))
    assert found == [ledger.get("a"), ledger.get("b")]
    assert [row.title_id for row in found] == ["a", "b"]


@pytest.mark.parametrize(("costs_s", "writes"), [(0.0, 200), (0.05, 199), (1.0, 20), (10.0, 2)])
def test_writing_takes_a_fiftieth_of_the_time_at_most(tmp_path, clock, monkeypatch, costs_s, writes):
    ledger = read_ledger(tmp_path / "ledger.parquet")
    written = []

    def write(table, sink):
        written.append(table.num_rows)
        clock.now_s += costs_s
        sink.write_bytes(b"a table")

    monkeypatch.setattr(module.pq, "write_table", write)
    while clock.now_s < 1000:
        clock.now_s += 0.5
        ledger.put(LedgerRow(f"t{clock.now_s}"))
    assert len(written) == pytest.approx(writes, abs=3 if costs_s else 1)
    assert costs_s * len(written) <= 0.02 * clock.now_s + costs_s
