"""``coarse2fine train`` as torchrun starts it: two processes, one training."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from pipeline.cli import cli
from pipeline.lock import folder_lock

SETTINGS = ("train.epochs=3", "train.precision=float32", "train.learning_rate=1e-3", "model.input_dropout=0.3")
COMMAND = [str(Path(sys.executable).with_name("coarse2fine"))]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--no-python"]


def run(command: list[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*command, *arguments], check=False, capture_output=True, text=True, timeout=250)


def train(command: list[str], config: Path, work_dir: Path) -> subprocess.CompletedProcess[str]:
    settings = (*SETTINGS, f"work_dir={work_dir}", f"features={config.parent / 'work' / 'features'}")
    return run(command, "train", "--config", str(config), *(part for each in settings for part in ("--set", each)))


@pytest.fixture
def imported(catalogue: Path) -> Path:
    done = CliRunner().invoke(cli, ["import-features", "--config", str(catalogue), "--name", "toy"])
    assert done.exit_code == 0, done.output
    return catalogue


@pytest.mark.slow
def test_two_processes_write_what_one_writes(imported: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    alone = train(COMMAND, imported, one)
    assert alone.returncode == 0, alone.stderr
    together = train(TORCHRUN + COMMAND, imported, two)
    assert together.returncode == 0, together.stderr
    assert together.stdout.count("train: 8 titles") == 1
    assert together.stderr.count(" epoch=1 ") == 1
    weights, others = (load_file(folder / "checkpoint" / "model.safetensors") for folder in (one, two))
    for name, value in weights.items():
        torch.testing.assert_close(value, others[name], rtol=1e-5, atol=1e-5)
    sidecars = [json.loads((folder / "checkpoint" / "model.json").read_text()) for folder in (one, two)]
    assert sidecars[0]["thresholds"].keys() == sidecars[1]["thresholds"].keys()
    for label, limits in sidecars[0]["thresholds"].items():
        assert limits == pytest.approx(sidecars[1]["thresholds"][label], rel=1e-3)
    again = train(TORCHRUN + COMMAND, imported, two)
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("nothing to do") == 1


@pytest.mark.slow
def test_a_folder_in_use_ends_all_processes(imported: Path, tmp_path: Path) -> None:
    with folder_lock(tmp_path / "busy"):
        done = train(TORCHRUN + COMMAND, imported, tmp_path / "busy")
    assert done.returncode != 0
    assert done.stderr.count("another run holds the lock") == 1
    assert not (tmp_path / "busy" / "training").exists()


def test_other_commands_are_not_for_torchrun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "test")
    done = CliRunner().invoke(cli, ["infer", "--config", "run.toml"])
    assert done.exit_code == 2
    assert "torchrun starts `train` only, not `infer`" in done.output
