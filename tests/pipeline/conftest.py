"""A small catalogue of feature files (14 titles of two minutes; two of eight dimensions mark labels), and a browser."""

import json
import os
import re
import shutil
import signal
import socket
import sys
import threading
from collections import Counter
from contextlib import contextmanager, suppress
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

SPLITS = ["train"] * 8 + ["val"] * 3 + ["test"] * 3
CONFIG = """
work_dir = "work"
[data]
titles = "titles.csv"
video_labels = "video_labels.csv"
clip_labels = "clip_labels.csv"
labels = ["smoking", "violence"]
[model]
conv_channels = 16
fc_channels = [16, 16]
top_k_divisor = 16
input_dropout = 0.0  # one of eight dimensions is all that a label has here
[train]
epochs = 40
patience = 40
learning_rate = 1e-2
batch_size = 2
device = "cpu"
[infer]
device = "cpu"
"""


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    """Write the catalogue and its run.toml; return the TOML's path."""
    rng = np.random.default_rng(0)
    titles = ["title_id,path,duration_s,split"]
    video = ["title_id,label,present"]
    clips = ["title_id,label,start_s,end_s,kind"]
    (tmp_path / "features").mkdir()
    for number, split in enumerate(SPLITS):
        title_id = f"t{number:02d}"
        features = rng.normal(0, 0.3, (120, 8))
        for c, label in enumerate(["smoking", "violence"]):
            present = (number + c) % 3 != 0
            video.append(f"{title_id},{label},{int(present)}")
            if not present:
                continue
            for occurrence, start in enumerate(sorted(rng.choice(np.arange(10, 100, 25), 2, replace=False) + 10 * c)):
                features[start : start + 8, c] += 2
                kinds = ["first_occurrence"] * (occurrence == 0) + ["all_occurrence"] * (split != "train")
                clips += [f"{title_id},{label},{start},{start + 8},{kind}" for kind in kinds]
        np.save(tmp_path / "features" / f"{title_id}.npy", features.astype(np.float32))
        titles.append(f"{title_id},features/{title_id}.npy,120,{split}")
    for name, lines in (("titles", titles), ("video_labels", video), ("clip_labels", clips)):
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "run.toml").write_text(CONFIG)
    return tmp_path / "run.toml"


@pytest.fixture
def coarse2fine(capsys):
    """Return a function that runs the command line in this process: exit code, standard output, standard error."""
    from pipeline import cli

    def run(*arguments):
        with pytest.raises(SystemExit) as caught:
            cli.main([str(argument) for argument in arguments])
            sys.exit(0)
        captured = capsys.readouterr()
        return caught.value.code or 0, captured.out, captured.err

    return run


class Night:
    """A catalogue of feature files with a checkpoint, and the runs over it."""

    LABELS = ("smoking", "violence")

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.work = folder / "work"
        self.config = folder / "run.toml"
        self._seen: Counter = Counter()

    def write_features(self, title_id: str, seed: int, seconds: int = 40) -> Path:
        """Write a title's features; equal seconds, equal size; another seed, another time of the file."""
        path = self.folder / "features" / f"{title_id}.npy"
        path.parent.mkdir(exist_ok=True)
        np.save(path, np.random.default_rng(seed).normal(0, 1, (seconds, 4)).astype(np.float32))
        os.utime(path, (1_700_000_000 + seed,) * 2)
        return path

    def write_titles(self, title_ids, seconds: int = 40) -> None:
        rows = [f"{title_id},features/{title_id}.npy,{seconds},test" for title_id in title_ids]
        (self.folder / "titles.csv").write_text("\n".join(["title_id,path,duration_s,split", *rows]) + "\n")

    def write_labels(self) -> None:
        """Label t0 to t3, all of the test split, and name the labels in the configuration."""
        rows = [f"t{number},violence,5,9,first_occurrence" for number in range(4)]
        (self.folder / "clip_labels.csv").write_text("\n".join(["title_id,label,start_s,end_s,kind", *rows]) + "\n")
        self.config.write_text(self.config.read_text().replace("[data]\n", '[data]\nclip_labels = "clip_labels.csv"\n'))

    @staticmethod
    def set_time(path: Path, seconds: int = 1_000_000_000) -> None:
        os.utime(path, (seconds, seconds))

    def write_checkpoint(self, seed: int = 0) -> None:
        """Write an untrained network: its scores are arbitrary, but they are its own."""
        from data.schemas import FeatureSpec, LabelThresholds
        from model.build import build_network
        from model.checkpoint import save_checkpoint
        from model.settings import ModelSettings
        from model.sidecar import Checkpoint

        settings = ModelSettings(conv_channels=4, fc_channels=(4, 4), top_k_divisor=8)
        spec = FeatureSpec("imported:toy", "", 4, "imported", "imported", False, 0)
        network = build_network(settings, width=4, labels=2, seed=seed)
        thresholds = {  # about the medians of seed 0
            label: LabelThresholds(0.0, frame, 0, 0) for label, frame in zip(self.LABELS, (0.0105, 0.0079), strict=True)
        }
        save_checkpoint(self.folder / "checkpoint", network, Checkpoint(settings, self.LABELS, spec, thresholds))

    def write_config(self, extra: str = "") -> None:
        self.config.write_text(
            'work_dir = "work"\ncheckpoint = "checkpoint"\n[data]\ntitles = "titles.csv"\n'
            f'labels = ["smoking", "violence"]\n[infer]\ndevice = "cpu"\n[run]\nimport_name = "toy"\n{extra}'
        )

    def command(self, *arguments) -> int:
        """Run a command on this catalogue in this process; return its exit code."""
        from pipeline import cli

        name, *rest = [str(argument) for argument in arguments]
        group = [name, rest.pop(0)] if name in ("runs", "quarantine") else [name]
        with pytest.raises(SystemExit) as caught:
            cli.main([*group, "--config", str(self.config), *rest])
            sys.exit(0)
        return caught.value.code or 0

    def work_done(self) -> dict[str, set[str]]:
        """Return the titles of each stage that was recorded since the last call."""
        logs = [self.work / "events.jsonl", *self.work.glob("runs/*/events.jsonl")]
        lines = [json.loads(line) for log in logs if log.exists() for line in log.read_text().splitlines()]
        events = Counter((line["stage"], line["title_id"], line["status"], line["at"]) for line in lines)
        found: dict[str, set[str]] = {}
        for stage, title_id, *_ in events - self._seen:
            found.setdefault(stage, set()).add(title_id)
        self._seen = events
        return found

    def table(self, name: str) -> pd.DataFrame:
        return pd.read_parquet(self.work / name).set_index("title_id")

    @property
    def run_id(self) -> str:
        return (self.work / "current").readlink().name

    def leftovers(self) -> list[Path]:
        runs = (self.work / "runs").glob("*")
        return [*self.work.rglob(".tmp-*"), *(run for run in runs if not (run / "run.json").exists())]


@pytest.fixture
def bare_night():
    """Hold a folder for a catalogue that a test writes itself."""
    return Night


@pytest.fixture
def make_night():
    """Write a catalogue of so many titles t0, t1, ... into a folder."""

    def make(folder: Path, titles: int = 4, extra: str = "", seconds: int = 40) -> Night:
        night = Night(folder)
        folder.mkdir(exist_ok=True)
        title_ids = [f"t{number}" for number in range(titles)]
        for number, title_id in enumerate(title_ids):
            night.write_features(title_id, number, seconds)
        night.write_titles(title_ids, seconds)
        night.write_checkpoint()
        night.write_config(extra)
        return night

    return make


@pytest.fixture
def night(make_night, tmp_path: Path) -> Night:
    """Four titles, not run yet."""
    return make_night(tmp_path / "night")


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# RenderDocument: with it, closing a page that has just moved on may wait for ever (microsoft/playwright#42068). The
# others are those of Playwright's own list that matter here; the last list on a command line counts.
OFF = "RenderDocument,AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,OptimizationHints,PaintHolding"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
STUCK_S = 120


class Chromium:
    """A headless browser in which a page may be stuck, but no test: what still waits then fails, and the next goes on.

    Many calls of Playwright (``evaluate``, keys, ``close``) wait without a limit, and a signal ends one of them only:
    the ``close`` of a fixture would wait again. So a timer kills the browser and Playwright's driver, which ends all.
    """

    def __init__(self):
        self._driver = self._browser = None
        self.browser_pid = self.driver_pid = 0

    @contextmanager
    def lend(self, limit_s=STUCK_S):
        """Lend the browser for so long; contexts that are left open are closed."""
        if self._driver is None:
            self._launch()
        stuck = threading.Event()
        watch = threading.Timer(limit_s, self._kill, [stuck])
        watch.daemon = True
        watch.start()
        try:
            yield self._browser
            if not stuck.is_set():
                for context in self._browser.contexts:
                    context.close()
        finally:
            watch.cancel()
            watch.join()
            if stuck.is_set():
                self.quit()
        assert not stuck.is_set(), f"stuck for {limit_s} s; the browser was killed"

    def quit(self):
        """End driver and browser; a driver whose pipe closes closes its browser."""
        driver, self._driver = self._driver, None
        if driver is not None:
            with suppress(Exception):  # that it was killed is no news
                driver.stop()

    def _launch(self):
        from playwright.sync_api import sync_playwright

        self._driver = sync_playwright().start()
        launch = self._driver.chromium.launch
        self._browser = launch(executable_path=CHROMIUM, args=[*FLAGS, f"--disable-features={OFF}"])
        processes = self._browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
        self.browser_pid = next(process["id"] for process in processes if process["type"] == "browser")
        status = Path(f"/proc/{self.browser_pid}/status").read_text()
        self.driver_pid = int(re.search(r"^PPid:\s*(\d+)", status, re.MULTILINE)[1])

    def _kill(self, stuck):
        stuck.set()
        for process in (self.browser_pid, self.driver_pid):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


@pytest.fixture(scope="module")  # a driver that lives on would leave its event loop to tests of other modules
def chromium():
    pytest.importorskip("playwright.sync_api", reason="no playwright; install the dev extra")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine (Debian: apt install chromium)")
    made = Chromium()
    yield made
    made.quit()


@pytest.fixture
def browser(chromium):
    """Lend a headless Chromium; a test that is stuck in it fails after ``STUCK_S``."""
    with chromium.lend() as lent:
        yield lent


@pytest.fixture
def shut_out():
    """Return a function: what axe-core finds wrong with a page, as (rule, impact, beginning of the element)."""
    axe = pytest.importorskip("axe_playwright_python", reason="no axe-core; install the dev extra")
    script = resources.files(axe).joinpath("axe.min.js").read_text(encoding="utf-8")

    def look(page):
        page.evaluate(script)
        found = page.evaluate("axe.run({ resultTypes: ['violations'] }).then((answer) => answer.violations)")
        return [(rule["id"], rule["impact"], rule["nodes"][0]["html"][:120]) for rule in found]

    return look


@pytest.fixture
def served():
    """Return a context manager that serves a review session from a thread; it gives the address."""
    pytest.importorskip("fastapi", reason="the extra `review` is not installed")
    from pipeline.review.server import ADDRESS, make_server

    @contextmanager
    def serve(session):
        with socket.create_server((ADDRESS, 0)) as listening:
            server, address = make_server(session, listening.getsockname()[1])
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
            thread.start()
            yield address
            server.should_exit = True
            thread.join(60)
        assert not thread.is_alive()

    return serve
