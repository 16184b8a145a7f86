"""A small catalogue of feature files: 14 titles of two minutes; two of eight feature dimensions mark labels."""

import json
import os
import sys
from collections import Counter
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
