"""What may happen to a run, and what is lost then: nothing. docs/reliability.md has the longer trials.

A run is a child process that does something to itself at its n-th touch of the work folder: dies, stops, is asked to
end. So the moments are many, dense where files change, and the same each time.
"""

import json
import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

import pandas as pd
import pytest

CHILD = """
import os, resource, signal, sys
from pathlib import Path
count = 0
def watch(event, arguments):
    global count
    if event in ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.symlink"):
        if any(str(argument).startswith({work!r}) for argument in arguments[:2]):
            count += 1
            if count == {moment}:
                os.kill(os.getpid(), {signal})
sys.addaudithook(watch)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
{before}
from pipeline import cli
sys.stderr = Path({config!r}).with_name("stderr").open("w")
try:
    cli.main(["run", "--config", {config!r}])
finally:
    Path({config!r}).with_name("moments").write_text(str(count))
    sys.stderr.flush()
"""
PRELOADED = ["torch", "pipeline.cli", "pipeline.runs.stage", "infer.score", "model.checkpoint", "data.import_features"]
WITHOUT_PRIVILEGES = """
import ctypes
header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
assert ctypes.CDLL(None).capset(header, data) == 0
"""
VOLATILE = {"metrics.prom", "last_success.json", "rates.json", "extract.run.json", "events.jsonl"}
VOLATILE |= {".coarse2fine.lock", "report.html"}  # the page says when the run was finished


@pytest.fixture(scope="module")
def children():
    """Forks of a server that has imported everything."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


@pytest.fixture
def start(children):
    """Start a run that sends itself a signal at its n-th touch of the work folder (0: never)."""

    def begin(night, moment=0, number=signal.SIGKILL, before=""):
        code = CHILD.format(
            work=str(night.work), config=str(night.config), moment=moment, signal=int(number), before=before
        )
        child = children.Process(target=exec, args=(code, {}))
        child.start()
        return child

    return begin


@pytest.fixture
def run(start):
    """Run to the end; return the exit code, minus the signal that ended it."""

    def to_the_end(*arguments, **others):
        child = start(*arguments, **others)
        child.join(120)
        assert child.exitcode is not None
        return child.exitcode

    return to_the_end


def products(night):
    """Return everything a run leaves, apart from times and durations."""
    found = {}
    for path in sorted(night.work.rglob("*")):
        name = str(path.relative_to(night.work))
        if path.is_symlink():
            found[name] = str(path.readlink())
        elif path.name == "ledger.parquet":
            found[name] = pd.read_parquet(path).drop(columns=["updated_at", "seconds"]).to_csv()
        elif path.name == "history.jsonl":
            lines = map(json.loads, path.read_text().splitlines())
            found[name] = [(line["event"], line["run_id"]) for line in lines]
        elif path.name == "run.json":
            record = json.loads(path.read_text().replace(str(night.folder), ""))
            found[name] = {key: value for key, value in record.items() if key not in ("finished_at", "command")}
        elif path.is_file():
            found[name] = b"" if path.name in VOLATILE else path.read_bytes()
    return found


@pytest.fixture
def undisturbed(make_night, tmp_path, run):
    """What a run leaves that nothing happened to, and how often it touches the work folder."""
    night = make_night(tmp_path / "undisturbed", titles=6)
    assert run(night) == 0
    return products(night), int((night.folder / "moments").read_text())


def test_killed_at_any_moment_and_run_again_is_as_if_nothing_happened(make_night, tmp_path, run, undisturbed):
    expected, moments = undisturbed
    for moment in random.Random(0).sample(range(1, moments + 1), 6):
        night = make_night(tmp_path / f"killed-{moment}", titles=6)
        assert run(night, moment) == -signal.SIGKILL
        assert night.command("run") == 0
        assert products(night) == expected, moment
        assert night.leftovers() == []


def test_asked_to_end_it_leaves_whole_files_only(make_night, tmp_path, run, undisturbed):
    expected, moments = undisturbed
    for moment in random.Random(1).sample(range(1, moments + 1), 4):
        night = make_night(tmp_path / f"ended-{moment}", titles=6)
        assert run(night, moment, signal.SIGHUP if moment % 2 else signal.SIGTERM) == 130
        assert list(night.work.rglob(".tmp-*")) == []
        assert all(pd.read_parquet(path).notna().all().all() for path in (night.work / "features").glob("*.parquet"))
        assert night.command("run") == 0
        assert products(night) == expected, moment


def test_two_runs_at_once_are_one_run_and_exit_code_3(make_night, tmp_path, start, undisturbed):
    expected, moments = undisturbed
    night = make_night(tmp_path / "twice", titles=6)
    first = start(night, moments // 2, signal.SIGSTOP)
    while state_of(first.pid) != "T":
        assert first.is_alive()
        time.sleep(0.02)
    assert night.command("run") == 3
    assert night.command("gc", "--keep", "1") == 3
    assert night.command("rollback") == 3
    assert night.command("plan") == 0  # looking is free
    os.kill(first.pid, signal.SIGCONT)
    first.join(120)
    assert first.exitcode == 0
    assert products(night) == expected


def state_of(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_the_ledger_is_readable_at_any_time(make_night, tmp_path, start):
    night = make_night(tmp_path / "read", titles=12)
    always = "import pipeline.runs.ledger as ledger\nledger.WRITE_EVERY_S, ledger.MOST_SHARE = 0, 1e9"
    child = start(night, before=always)
    sizes = set()
    while child.is_alive():
        if (night.work / "ledger.parquet").exists():
            with (night.work / "ledger.parquet").open("rb") as file:  # by its path, pandas opens it twice
                table = pd.read_parquet(file)
            assert set(table.status) <= {"done"}
            sizes.add(len(table))
    assert child.exitcode == 0
    assert len(sizes) > 1
    assert len(pd.read_parquet(night.work / "ledger.parquet")) == 12


@pytest.mark.parametrize("full_at", ["the first shard", "the table of all scores"])
def test_a_full_disk_ends_the_run_and_blames_no_title(make_night, tmp_path, run, full_at):
    undisturbed = make_night(tmp_path / "undisturbed", seconds=3000)
    assert run(undisturbed) == 0
    (scores,) = undisturbed.work.glob("runs/*/scores.parquet")
    files = {"the first shard": undisturbed.work / "features" / "t0.parquet", "the table of all scores": scores}
    limit = files[full_at].stat().st_size - 1000
    night = make_night(tmp_path / "full", seconds=3000)
    limited = f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))"
    assert run(night, before=limited) == 5
    message = (night.folder / "stderr").read_text().splitlines()[-1]
    assert message.startswith(f"coarse2fine: {night.work}")
    assert message.endswith("then run again (nothing is recorded against a title)")
    assert list(night.work.rglob(".tmp-*")) == []
    if (night.work / "ledger.parquet").exists():
        assert set(night.table("ledger.parquet").status) == {"done"}
    assert not (night.work / "current").exists()
    assert "coarse2fine_last_run_exit_code 5" in (night.work / "metrics.prom").read_text()
    assert run(night) == 0
    assert products(night) == products(undisturbed)


def test_a_folder_without_write_access_is_exit_code_5(make_night, tmp_path, run):
    night = make_night(tmp_path / "locked")
    night.work.mkdir(mode=0o555)
    assert run(night, before=WITHOUT_PRIVILEGES) == 5
    assert "Permission denied; give this user write access" in (night.folder / "stderr").read_text()
    night.work.chmod(0o755)
    assert run(night) == 0
    before = products(night)
    (night.work / "features").chmod(0o555)
    night.write_features("t1", seed=9, seconds=41)
    assert run(night, before=WITHOUT_PRIVILEGES) == 5
    assert night.table("ledger.parquet").status["t1"] == "done"
    assert products(night) == before
    (night.work / "features").chmod(0o755)
    assert run(night) == 0


def test_a_clock_that_is_set_back_changes_nothing(make_night, tmp_path, run, undisturbed):
    expected, _ = undisturbed
    night = make_night(tmp_path / "back", titles=6)
    back = """
import time, datetime
time.time = lambda: 1e9
class Back(datetime.datetime):
    now = classmethod(lambda cls, tz=None: datetime.datetime(2001, 9, 9, tzinfo=tz))
import pipeline.runs.event_log, pipeline.provenance
pipeline.runs.event_log.datetime = pipeline.provenance.datetime = Back
"""
    assert night.command("run", "--set", "infer.thresholds.smoking.frame=0.0109") == 0
    first = night.run_id
    assert run(night, before=back) == 0
    second = night.run_id
    assert json.loads((night.work / "current" / "run.json").read_text())["finished_at"].startswith("2001")
    assert second != first
    night.work_done()
    assert run(night, before=back) == 0
    assert night.work_done() == {}
    assert {name: value for name, value in products(night).items() if name in expected and name != "history.jsonl"} == {
        name: value for name, value in expected.items() if name != "history.jsonl"
    }
    assert night.command("rollback") == 0
    assert night.run_id == first
