"""What ends a whole run is known by the next one, and a decoder that the system kills is not its film's failure."""

import json
import os

import pytest

from extract.oom import KILLED
from pipeline import feature_work
from pipeline.feature_work import Worked
from pipeline.runs.at_work import AtWork, suspects
from pipeline.runs.extraction_plan import Action, PlannedTitle, Reason
from pipeline.runs.ledger import FileState


class Ended(BaseException):
    """What a test has in place of the end of its own process: nothing after it is run but the test."""


@pytest.fixture
def importer(monkeypatch):
    """Have a function called with the titles in work before each is imported; it may return what became of one."""
    asked = []
    plain = feature_work.Importer.__call__

    def watched(self, jobs, watch):
        def noted(items):
            for item in items:
                asked.append(item.title.title_id)
                self.told.append(item.title.title_id)
                yield item

        self.told = []
        for worked in plain(self, noted(jobs), watch):
            yield hook(worked, self.told) or worked

    def hook(worked, told):
        return None

    def change(function):
        nonlocal hook
        hook = function
        asked.clear()

    monkeypatch.setattr(feature_work.Importer, "__call__", watched)
    change.asked = asked
    return change


def end_at(title_id):
    def end(worked, told):
        if worked.title_id == title_id:
            raise Ended
        return

    return end


@pytest.fixture
def keeps_log(monkeypatch):
    """Let the log stand as a kill would have."""
    plain = AtWork.__exit__

    def leave(self, kind, error, trace):
        if kind is Ended:
            os.close(self._descriptor)
            return
        plain(self, kind, error, trace)

    monkeypatch.setattr(AtWork, "__exit__", leave)


def test_a_title_that_ends_the_run_is_tried_last_and_alone_and_then_given_up(make_night, tmp_path, importer, keeps_log):
    night = make_night(tmp_path / "night", titles=4, extra="report = false\n")
    importer(end_at("t1"))
    with pytest.raises(Ended):
        night.command("run")
    assert (night.work / "at_work.jsonl").exists()
    for attempt in (1, 2):
        importer(end_at("t1"))
        with pytest.raises(Ended):
            night.command("run")
        assert importer.asked[-1] == "t1"
        row = night.table("ledger.parquet").loc["t1"]
        assert (row.error_code, row.attempts, row.given_up) == ("ended_run", attempt, False)
    importer(end_at("t1"))
    assert night.command("run") == 1
    assert importer.asked == []
    row = night.table("ledger.parquet").loc["t1"]
    assert (row.attempts, row.given_up) == (3, True)
    assert set(night.table("ledger.parquet").drop("t1").status) == {"done"}
    assert not (night.work / "at_work.jsonl").exists()
    night.write_features("t1", 77)
    importer(lambda worked, told: None)
    assert night.command("run") == 0


def test_who_was_at_work_by_chance_is_cleared_by_the_next_run(make_night, tmp_path, importer, keeps_log):
    night = make_night(tmp_path / "night", titles=3, extra="report = false\n")
    importer(end_at("t2"))
    with pytest.raises(Ended):
        night.command("run")
    importer(lambda worked, told: None)
    assert night.command("run") == 0
    row = night.table("ledger.parquet").loc["t2"]
    assert (row.status, row.attempts, row.error_code) == ("done", 0, "")


def test_a_crash_of_the_program_leaves_the_log_and_what_a_run_can_tell_of_does_not(tmp_path):
    path = tmp_path / "at_work.jsonl"
    for error, left in [
        (None, False),
        (KeyboardInterrupt(), False),
        (OSError(28, "full"), False),
        (MemoryError(), True),
    ]:
        try:
            with AtWork(path) as log:
                list(log.noting([planned("a")]))
                if error is not None:
                    raise error
        except BaseException as raised:
            assert raised is error
        assert path.exists() == left, error
    assert [suspect.title_id for suspect in suspects(path)] == ["a"]


def test_a_log_that_a_kill_cut_off_is_read_as_far_as_it_goes(tmp_path):
    path = tmp_path / "at_work.jsonl"
    lines = [{"begun": "a", "source": "a.mp4", "state": [7, 8]}, {"begun": "b", "source": None, "state": None}]
    lines.append({"ended": "a"})
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"begun": "c", "sou')
    (found,) = suspects(path)
    assert (found.title_id, found.source, found.state) == ("b", None, None)
    path.write_text(json.dumps(lines[0]) + "\n[]\nnull\n" + "[" * 5000)
    (found,) = suspects(path)
    assert found.state == FileState(7, 8)


def planned(title_id):
    from data.titles import Title

    return PlannedTitle(Title(title_id, f"{title_id}.npy"), Action.EXTRACT, Reason.NEW)


def killed(worked):
    return Worked(worked.title_id, "failed", KILLED, "the decoder was killed, the machine ran out of memory", 0.1)


def test_a_decoder_that_was_killed_among_others_is_tried_again_alone(make_night, tmp_path, importer):
    night = make_night(tmp_path / "night", titles=4, extra="report = false\n")
    importer(lambda worked, told: killed(worked) if worked.title_id == "t1" and len(told) > 1 else None)
    assert night.command("run") == 0
    assert importer.asked == ["t0", "t1", "t2", "t3", "t1"]
    assert set(night.table("ledger.parquet").status) == {"done"}


def test_nights_without_memory_give_up_no_film(make_night, tmp_path, importer):
    night = make_night(tmp_path / "night", titles=4, extra="report = false\n")
    importer(lambda worked, told: killed(worked) if worked.title_id == "t1" else None)
    for _ in range(5):
        assert night.command("run") == 1
        row = night.table("ledger.parquet").loc["t1"]
        assert (row.error_code, row.attempts, row.given_up) == (KILLED, 0, False)
    importer(lambda worked, told: None)
    assert night.command("run") == 0
    assert night.table("ledger.parquet").status["t1"] == "done"
