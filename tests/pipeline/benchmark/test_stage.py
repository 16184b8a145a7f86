"""`coarse2fine benchmark` on a small catalogue: what is run, what is not run again, and what is written."""

import csv
import json
import re
import sys

import pytest

from pipeline import cli
from pipeline.report.tables import read_tables
from pipeline.stages import infer as infer_stage

TABLES = [f"table{number}.{form}" for number in range(1, 6) for form in ("csv", "md", "png", "svg")]
BENCHMARK = """
[benchmark]
seeds = [0, 1]
methods = ["fo", "coarse2fine"]
[benchmark.variants.fo]
slow = { train.learning_rate = 1e-6 }
fast = {}
"""


def coarse2fine(*arguments):
    """Run the command line in this process; return its exit code."""
    with pytest.raises(SystemExit) as caught:
        cli.main([str(argument) for argument in arguments])
        sys.exit(0)
    return caught.value.code or 0


class Bench:
    def __init__(self, config):
        self.config = config
        self.folder = config.parent / "work" / "benchmark"

    def write(self, text):
        shortened = re.sub(r"epochs = \d+", "epochs = 1", self.config.read_text())
        self.config.write_text(f"{shortened}[evaluate]\nbootstrap_draws = 50\n{text}")

    def run(self, *arguments):
        return coarse2fine("benchmark", "--config", self.config, *arguments)

    @property
    def recorded(self):
        """Return (method, variant, seed, status) of every run that was not merely read."""
        lines = (self.folder / "benchmark.jsonl").read_text().splitlines()
        rows = [json.loads(line) for line in lines]
        return [(row["method"], row["variant"], row["seed"], row["status"]) for row in rows]

    def trainings(self, method):
        """Return the number of epochs that each run of a method trained."""
        logs = sorted((self.folder / "runs" / method).glob("*/*/training/metrics.jsonl"))
        return [len(log.read_text().splitlines()) for log in logs]

    def rows(self, name):
        return list(csv.DictReader(self.table(name).splitlines()))

    def table(self, name):
        return (self.folder / "tables" / name).read_text()


@pytest.fixture
def bench(catalogue):
    bench = Bench(catalogue)
    assert coarse2fine("import-features", "--config", catalogue, "--name", "toy") == 0
    return bench


def test_methods_variants_and_seeds_become_tables_and_nothing_is_run_twice(bench, capsys):
    bench.write(BENCHMARK)
    assert bench.run() == 0
    scores = {row["variant"]: float(row["val_score"]) for row in bench.rows("runs.csv") if row["seed"] == "0"}
    best = max(("slow", "fast"), key=scores.__getitem__)
    runs = [("fo", "slow", 0), ("fo", "fast", 0), ("fo", best, 1), ("coarse2fine", "preset", 0)]
    runs.append(("coarse2fine", "preset", 1))
    assert bench.recorded == [(*run, "done") for run in runs]
    assert "benchmark: 2 methods, 5 runs" in capsys.readouterr().out
    folder = bench.folder / "tables"
    assert sorted(path.name for path in folder.iterdir()) == sorted([*TABLES, "runs.csv"])
    text = bench.table("table3.md")
    for cell in ("| all-occurrence | FO | ", "| first-occurrence | FO+VL+PD (Coarse2Fine) | ", "trivial (whole title)"):
        assert cell in text
    assert f"FO: {best} (of 2); FO+VL+PD (Coarse2Fine): preset (of 1)" in text
    assert "smoking" in bench.table("table4.md")
    written = {path: path.read_bytes() for path in folder.iterdir()}

    assert bench.run() == 0
    assert len(bench.recorded) == 5
    assert {path: path.read_bytes() for path in folder.iterdir()} == written

    # only the evaluation changed: measured again, not trained again
    assert bench.run("--set", "evaluate.confidence=0.5") == 0
    assert bench.recorded[5:] == [(*run, "done") for run in runs]
    assert bench.trainings("fo") == [1, 1, 1]
    assert "[50 % interval over titles]" in bench.table("table3.md")
    assert {table.name for table in read_tables(folder)} >= {"Table 1: clips", "Table 3: methods", "runs"}

    # nothing else ran here: the report says where the tables are, and which run shows them
    capsys.readouterr()
    assert coarse2fine("report", "--config", bench.config) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert f"no finished run but those of a benchmark, whose tables are in {folder}" in said
    run = said.partition("report --run ")[2].partition("`")[0]
    assert coarse2fine("report", "--config", bench.config, "--run", run) == 0


def test_one_failed_run_does_not_lose_the_others_and_is_tried_again(bench, capsys):
    bench.write("""
[benchmark]
seeds = [0]
methods = ["broken", "fo"]
[benchmark.own.broken]
train.learning_rate = 1e30
""")
    assert bench.run() == 1
    assert bench.recorded == [("broken", "preset", 0, "failed"), ("fo", "preset", 0, "done")]
    assert "2 runs, 1 failed (see runs.csv)" in capsys.readouterr().out
    text = bench.table("table3.md")
    assert "| all-occurrence | broken | failed | failed |" in text
    assert "- failed: broken, preset, seed 0: " in text
    assert "broken,preset,yes,0,failed,,," in bench.table("runs.csv")
    assert bench.run() == 1
    assert bench.recorded[2:] == [("broken", "preset", 0, "failed")]


def test_an_interrupted_benchmark_goes_on(bench, monkeypatch):
    bench.write('\n[benchmark]\nseeds = [0, 1]\nmethods = ["fo"]\n')
    whole, calls = infer_stage.infer, []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return whole(*arguments)

    monkeypatch.setattr(infer_stage, "infer", interrupted)
    assert bench.run() == 130
    assert bench.recorded == [("fo", "preset", 0, "done")]
    assert bench.trainings("fo") == [1, 1]
    assert bench.run() == 0
    assert bench.recorded == [("fo", "preset", 0, "done"), ("fo", "preset", 1, "done")]
    assert bench.trainings("fo") == [1, 1]
    assert len(calls) == 3


def test_a_program_error_in_a_run_is_recorded_with_its_kind(bench, monkeypatch):
    bench.write('\n[benchmark]\nseeds = [0]\nmethods = ["fo"]\n')

    def out_of_memory(*arguments):
        raise RuntimeError("CUDA out of memory")

    monkeypatch.setattr(infer_stage, "infer", out_of_memory)
    assert bench.run() == 1
    assert "failed: FO, preset, seed 0: RuntimeError: CUDA out of memory" in bench.table("table3.md")
    assert not (bench.folder / "tables" / "table3.png").exists()


def test_a_full_disk_ends_the_benchmark(bench, monkeypatch, capsys):
    bench.write('\n[benchmark]\nseeds = [0]\nmethods = ["fo"]\n')

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(infer_stage, "infer", full)
    assert bench.run() == 5
    assert "No space left on device" in capsys.readouterr().err


def test_init_writes_the_example(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert coarse2fine("init", "--benchmark") == 0
    assert "[benchmark.variants.sf-net-1]" in (tmp_path / "bench.toml").read_text()
