"""Two thousand titles: looking at them takes one look each, and the memory that a list of them takes."""

import json
import subprocess
import sys

import pytest

FEW, MANY = 100, 2000
MEASURED = r"""
import json, re, sys
from data import shards
from pipeline import cli

opened = []
opener = shards.open_parquet_footer
shards.open_parquet_footer = lambda path: opened.append(path.name) or opener(path)
try:
    cli.main(sys.argv[1:])
except SystemExit as end:
    assert not end.code, end.code
with open("/proc/self/status") as status:  # getrusage would count the parent's memory before exec
    peak_mb = int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1]) / 1024
with open({result!r}, "w") as file:
    json.dump({{"opened": opened, "peak_mb": peak_mb}}, file)
"""


def measured(night, command, tmp_path):
    """Run a command in a process of its own; return which shards it looked into, and its peak of memory."""
    result = tmp_path / "measured.json"
    script = MEASURED.format(result=str(result))
    subprocess.run([sys.executable, "-c", script, command, "--config", night.config], check=True, capture_output=True)
    return json.loads(result.read_text())


@pytest.mark.parametrize("command", ["plan", "run"])
def test_each_shard_is_looked_into_once(night, command, tmp_path):
    assert night.command("run") == 0
    opened = measured(night, command, tmp_path)["opened"]
    assert sorted(opened) == ["t0.parquet", "t1.parquet", "t2.parquet", "t3.parquet"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_thousand_titles_take_memory_of_a_list_of_them(make_night, tmp_path):
    peaks = {}
    for titles in (FEW, MANY):
        night = make_night(tmp_path / str(titles), titles, "report = false\n")
        assert night.command("run") == 0
        night.work_done()
        for command in ("plan", "run"):
            found = measured(night, command, tmp_path)
            assert len(found["opened"]) == titles
            peaks[titles, command] = found["peak_mb"]
        assert night.work_done() == {}
    print(peaks)
    for command in ("plan", "run"):
        assert peaks[MANY, command] - peaks[FEW, command] < 40  # 20 kB a title, of which Python's objects are most
