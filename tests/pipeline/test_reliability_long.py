"""Thirty videos, real decoding and real weights; runs killed from outside at random times, as a machine would die."""

import os
import random
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.schemas import LabelThresholds
from data.shards import read_header
from extract.pyav_writer import write_video
from model.build import build_network
from model.checkpoint import save_checkpoint
from model.settings import ModelSettings
from model.sidecar import Checkpoint

TITLES, MOMENTS, SECONDS = 30, 20, 6
CONFIG = """
work_dir = "{work}"
checkpoint = "checkpoint"
[data]
titles = "titles.csv"
labels = ["checks"]
[extract]
device = "cpu"
decode_workers = 2
[infer]
device = "cpu"
"""
COMMAND = [sys.executable, "-c", "from pipeline.cli import main; main()"]


def start(folder: Path, work: str) -> subprocess.Popen:
    path = folder / f"{work}.toml"
    path.write_text(CONFIG.format(work=work))
    return subprocess.Popen([*COMMAND, "run", "--config", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def films(tmp_path_factory) -> Path:
    """Thirty short films, two of them broken, a checkpoint, and an undisturbed run in ``whole``."""
    folder = tmp_path_factory.mktemp("films")
    rng = np.random.default_rng(0)
    rows = ["title_id,path,split"]
    for number in range(TITLES):
        frames = np.repeat(rng.integers(0, 255, (SECONDS * 2, 12, 16, 3), dtype=np.uint8), 8, axis=1).repeat(8, axis=2)
        write_video(folder / f"f{number}.mp4", list(frames), fps=Fraction(2))
        rows.append(f"f{number},f{number}.mp4,test")
    (folder / "f7.mp4").write_bytes(b"not a film")
    (folder / "f8.mp4").write_bytes((folder / "f8.mp4").read_bytes()[:3000])
    (folder / "titles.csv").write_text("\n".join(rows) + "\n")
    (folder / "none.toml").write_text(CONFIG.format(work="none"))
    extracted = [*COMMAND, "extract", "--config", folder / "none.toml"]
    assert subprocess.run(extracted, stdout=subprocess.DEVNULL, check=False).returncode == 1
    spec = read_header(folder / "none" / "features" / "f0.parquet").spec
    settings = ModelSettings(conv_channels=4, fc_channels=(4, 4), top_k_divisor=8)
    network = build_network(settings, width=spec.width, labels=1, seed=0)
    thresholds = {"checks": LabelThresholds(0.0, 0.01, 0, 0)}
    save_checkpoint(folder / "checkpoint", network, Checkpoint(settings, ("checks",), spec, thresholds))
    assert start(folder, "whole").wait() == 1  # two are broken
    return folder


def tables(work: Path) -> dict[str, object]:
    """Return the features, scores, segments and statuses, byte by byte; the ledger without times."""
    found: dict[str, object] = {}
    for path in sorted(work.rglob("*")):
        name = str(path.relative_to(work))
        if path.suffix in {".parquet", ".csv"} and path.name not in {"ledger.parquet", "coverage.parquet"}:
            found[name] = path.read_bytes()
    for name in ("ledger", "coverage"):
        table = pd.read_parquet(work / f"{name}.parquet")
        found[name] = table.drop(columns=["seconds", "updated_at", "attempts"], errors="ignore").to_csv()
    return found


def children_of(pid: int) -> list[str]:
    """Return the command lines of decode processes of a parent, dead or alive (its id is their last argument)."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if len(words) > 2 and words[-2] == str(pid).encode() and b"decode_worker" in b" ".join(words):
            found.append(str(path))
    return found


def wait_until_gone(pid: int, seconds: float = 10) -> list[str]:
    deadline_s = time.monotonic() + seconds
    while children_of(pid) and time.monotonic() < deadline_s:
        time.sleep(0.1)
    return children_of(pid)


def wait_for_progress(process: subprocess.Popen, work: Path, titles: int) -> None:
    """Wait until so many titles are extracted (two never are), or all of them and a run is begun."""
    while process.poll() is None:
        if len(list((work / "features").glob("f*.parquet"))) >= titles or (work / "runs").exists():
            return
        time.sleep(0.02)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_killed_at_twenty_random_moments(films):
    expected = tables(films / "whole")
    rng = random.Random(20)
    interrupted = 0
    for moment in range(MOMENTS):
        work = films / f"killed-{moment}"
        process = start(films, work.name)
        wait_for_progress(process, work, rng.randint(0, TITLES))
        time.sleep(rng.uniform(0, 0.5))
        process.kill()
        interrupted += process.wait() == -signal.SIGKILL
        assert wait_until_gone(process.pid) == []
        assert start(films, work.name).wait() == 1
        assert tables(work) == expected, moment
        assert list(work.rglob(".tmp-*")) == []
        assert all((run / "run.json").exists() for run in (work / "runs").iterdir())
    print(f"{interrupted} of {MOMENTS} kills met a run at work")
    assert interrupted > MOMENTS / 2


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_asked_to_end_it_exits_soon_with_whole_files_only(films):
    expected = tables(films / "whole")
    rng = random.Random(21)
    for moment in range(5):
        work = films / f"ended-{moment}"
        process = start(films, work.name)
        wait_for_progress(process, work, rng.randint(0, 20))
        asked_s = time.monotonic()
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(30) in (130, -signal.SIGTERM)  # the latter before the program has begun
        print(f"exited {time.monotonic() - asked_s:.2f} s after SIGTERM")
        assert wait_until_gone(process.pid) == []
        assert list(work.rglob(".tmp-*")) == []
        for path in (work / "features").glob("*.parquet"):
            read_header(path)
        assert start(films, work.name).wait() == 1
        assert tables(work) == expected, moment
