"""Films, a checkpoint, and real Ray clusters on this machine."""

import os
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.schemas import LabelThresholds
from extract.backbone import feature_spec, load_backbone
from extract.pyav_writer import write_video
from extract.settings import ExtractSettings
from model.build import build_network
from model.checkpoint import save_checkpoint
from model.settings import ModelSettings
from model.sidecar import Checkpoint

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
SECONDS = 6
PATIENCE_S = 400
"""For what takes seconds: a busy machine may take so long to import torch in a new process."""
CONFIG = """
work_dir = "{work}"
checkpoint = "checkpoint"
[data]
titles = "{titles}.csv"
labels = ["checks"]
[extract]
device = "cpu"
engine = "torch"
decode_workers = 2
[infer]
device = "cpu"
[run]
{run}
"""
COMMAND = [sys.executable, "-c", "from pipeline.cli import main; main()"]
NODE = {"num_cpus": 1, "object_store_memory": 80 * 2**20, "include_dashboard": False}


class Films:
    """Short films in one folder, and the runs over them, each with a work folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[subprocess.Popen] = []

    def write_film(self, title_id: str, seed: int, seconds: int = SECONDS) -> Path:
        """Write a film of noise: each second of it is another picture."""
        noise = np.random.default_rng(seed).integers(0, 255, (seconds * 2, 12, 16, 3), dtype=np.uint8)
        path = self.folder / f"{title_id}.mp4"
        write_video(path, (frame.repeat(8, axis=0).repeat(8, axis=1) for frame in noise), fps=Fraction(2))
        return path

    def write_titles(self, name: str, title_ids) -> None:
        rows = [f"{title_id},{title_id}.mp4,test" for title_id in title_ids]
        (self.folder / f"{name}.csv").write_text("\n".join(["title_id,path,split", *rows]) + "\n")

    def write_checkpoint(self, spec) -> None:
        """Write an untrained network for these features."""
        settings = ModelSettings(conv_channels=4, fc_channels=(4, 4), top_k_divisor=8)
        network = build_network(settings, width=spec.width, labels=1, seed=0)
        thresholds = {"checks": LabelThresholds(0.0, 0.01, 0, 0)}
        save_checkpoint(self.folder / "checkpoint", network, Checkpoint(settings, ("checks",), spec, thresholds))

    def work(self, name: str) -> Path:
        return self.folder / name

    def config(self, work: str, titles: str = "titles", **run) -> Path:
        path = self.folder / f"{work}.toml"
        lines = (f"{key} = {value!r}" for key, value in run.items())
        path.write_text(CONFIG.format(work=work, titles=titles, run="\n".join(lines)))
        return path

    def start(self, stage: str, config: Path, *arguments) -> subprocess.Popen:
        """Start a command in a process of its own; what it prints goes to a file."""
        with config.with_suffix(".log").open("w") as log:
            child = subprocess.Popen([*COMMAND, stage, "--config", config, *arguments], stdout=log, stderr=log)
        self.started.append(child)
        return child

    def run(self, stage: str, config: Path, *arguments) -> tuple[int, str]:
        """Run a command; return its exit code and what it printed."""
        code = self.start(stage, config, *arguments).wait(timeout=PATIENCE_S)
        return code, config.with_suffix(".log").read_text()

    def ledger(self, work: str) -> pd.DataFrame:
        return pd.read_parquet(self.work(work) / "ledger.parquet").set_index("title_id")

    def blamed(self, work: str) -> set[str]:
        """Return the titles that the ledger, where one was written, holds to have failed."""
        if not (self.work(work) / "ledger.parquet").exists():
            return set()
        status = self.ledger(work).status
        return set(status[status.isin(["failed", "quarantined"])].index)

    def leftovers(self, work: str) -> list[Path]:
        return [*self.work(work).rglob(".tmp-*")]

    def products(self, work: str) -> dict[str, object]:
        """Return shards, scores, segments and statuses byte by byte; the ledger and coverage without times."""
        folder = self.work(work)
        found: dict[str, object] = {}
        for path in sorted(folder.rglob("*")):
            if path.suffix in {".parquet", ".csv"} and path.name not in {"ledger.parquet", "coverage.parquet"}:
                found[str(path.relative_to(folder))] = path.read_bytes()
        for name in ("ledger", "coverage"):
            table = pd.read_parquet(folder / f"{name}.parquet")
            found[name] = table.drop(columns=["seconds", "updated_at"], errors="ignore").to_csv()
        return found


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Six short films, a seventh that is none, an eighth that breaks off, and a checkpoint."""
    films = Films(tmp_path_factory.mktemp("films"))
    for number in range(6):
        films.write_film(f"f{number}", number)
    (films.folder / "bad.mp4").write_bytes(b"not a film")
    (films.folder / "cut.mp4").write_bytes(films.write_film("cut", 9).read_bytes()[:3000])
    films.write_titles("titles", [*(f"f{number}" for number in range(6)), "bad", "cut"])
    settings = ExtractSettings(device="cpu", engine="torch")
    films.write_checkpoint(feature_spec(settings, load_backbone(settings)))
    yield films
    for child in films.started:
        child.kill()
        child.wait()


@pytest.fixture
def no_films(tmp_path):
    """A manifest of a film that nobody will come to decode."""
    films = Films(tmp_path)
    films.write_titles("titles", ["f0"])
    return films


@pytest.fixture(scope="module")
def start_cluster():
    """``start_cluster(nodes)``: a real cluster with one core a node, ended with the module."""
    from ray.cluster_utils import Cluster

    clusters = []

    def start(nodes: int = 2, **settings) -> Cluster:
        for attempt in (1, 2, 3):  # Ray gives a node 30 s to start, which a busy machine may not manage
            cluster = Cluster(shutdown_at_exit=True)
            try:
                for _ in range(nodes):
                    cluster.add_node(**NODE, **settings)
            except Exception:
                cluster.shutdown()
                if attempt == 3:
                    raise
            else:
                clusters.append(cluster)
                return cluster
        raise AssertionError

    yield start
    for cluster in clusters:
        cluster.shutdown()


class Processes:
    """Looks at and waits for the processes of this machine."""

    @staticmethod
    def of(node) -> set[int]:
        """Return a node's processes that extract a title: those that its raylet started."""
        (raylet,) = (info.process.pid for info in node.all_processes["raylet"])
        return {pid for pid in Processes._named(b"ray::extract_title") if Processes._parent(pid) == raylet}

    @staticmethod
    def decoders_of(pid: int) -> set[int]:
        """Return the decode processes that a process has started."""
        return {child for child in Processes._named(None) if Processes._parent(child) == pid}

    @staticmethod
    def exists(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False

    @staticmethod
    def wait_until(condition, timeout_s: float = PATIENCE_S):
        """Wait until something is true, and return it."""
        end_s = time.monotonic() + timeout_s
        while time.monotonic() < end_s:
            value = condition()
            if value:
                return value
            time.sleep(0.05)
        raise AssertionError("it did not happen")

    @staticmethod
    def _named(name: bytes | None) -> list[int]:
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and (name is None or (entry / "cmdline").read_bytes().startswith(name)):
                    found.append(int(entry.name))
            except OSError:
                continue
        return found

    @staticmethod
    def _parent(pid: int) -> int:
        try:
            return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return 0


@pytest.fixture
def machine():
    """The processes of this machine."""
    return Processes


@pytest.fixture
def run_command():
    """Run a command in this process and return its exit code."""
    from pipeline import cli

    def run(stage: str, config: Path) -> int:
        with pytest.raises(SystemExit) as caught:
            cli.main([stage, "--config", str(config)])
            sys.exit(0)
        return int(caught.value.code or 0)

    return run
