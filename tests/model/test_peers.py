"""Two processes that train together end where one does: small trainings of every network.

torchrun starts this file, too: ``test_peers.py FOLDER`` trains every case in its two processes.
"""

import json
import subprocess
import sys
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from data.errors import ConfigError
from data.labels import Clip, TitleLabels
from data.schemas import Coverage, FeatureSpec
from data.shards import write_shard
from data.targets import frame_targets
from data.windows import TrainingTitle
from model.build import build_network
from model.peers import Peers, launched_peers, own_device
from model.settings import FRAMES_PER_CLIP, LossSettings, ModelSettings, SFNetLossSettings, TrainSettings
from model.train import Trainer, Validation

LABELS = ("a", "b")
WIDTH = 6
SPEC = FeatureSpec("imported:test", "", WIDTH, "imported", "imported", False, 0)
NETWORKS = ("coarse2fine", "fo", "fo-vl", "three-c-net", "sf-net-1", "sf-net-2")
CASES = {name: (name, 11) for name in NETWORKS} | {f"{name}-of-nine": (name, 9) for name in NETWORKS}
"""Name of a case: network, and titles. Of eleven in batches of four the last has three, of nine it has one."""


def write_titles(folder: Path) -> None:
    """Write twelve titles of 40 to 51 frames: feature 0 marks label a, feature 1 label b; every third holds neither."""
    rng = np.random.default_rng(0)
    for number in range(12):
        frames = 40 + number
        features = rng.normal(0, 0.3, (frames, WIDTH))
        if number % 3:
            features[15:22, number % 2] += 3
        coverage = Coverage(f"t{number}", "", "", "import", "", "", 0, 0, 0, None, float(frames), frames, 0, True, "")
        write_shard(folder, SPEC, coverage, np.arange(frames, dtype=float), features)


def read_titles(folder: Path, network: str, count: int) -> list[TrainingTitle]:
    titles = []
    for number in range(count):
        label = LABELS[number % 2] if number % 3 else None
        first = {label: Clip(label, 15, 22)} if label else {}
        labels = TitleLabels(f"t{number}", {each: each == label for each in LABELS}, first)
        targets = frame_targets(labels, LABELS, 40 + number, frames_per_clip=FRAMES_PER_CLIP.get(network, 0))
        titles.append(TrainingTitle(f"t{number}", folder / f"t{number}.parquet", targets))
    return titles


def train(folder: Path, case: str, out: Path, peers: Peers, *, epochs: int = 3) -> Trainer:
    """Train a case; the last epoch is kept."""
    network, count = CASES[case]
    model = ModelSettings(
        network=network,
        conv_channels=8,
        fc_channels=(8, 8),
        hidden_channels=8,
        dropout=0.2,
        input_dropout=0.3,
        top_k_divisor=8,
    )
    loss = LossSettings(
        contrast=0.1, use_background_titles=True, sf_net=SFNetLossSettings(mine_after=0.4, mine_least=0.5)
    )
    settings = TrainSettings(
        learning_rate=1e-3,
        batch_size=4,
        window=45,
        short_window=30,
        weight_decay=0.1,
        gradient_clip=1.0,
        weight_average=0.5,
        epochs=epochs,
        device="cpu",
    )
    built = build_network(model, width=WIDTH, labels=len(LABELS), seed=0)
    trainer = Trainer(built, (model, loss, settings), out / case, "same", peers)
    titles = read_titles(folder, network, count)
    trainer.run(titles, lambda _: Validation(peers.from_first(lambda: float(trainer.state.epoch))))
    return trainer


@pytest.fixture(scope="module")
def spread(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which two processes trained every case."""
    folder = tmp_path_factory.mktemp("spread")
    write_titles(folder / "shards")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*torchrun, __file__, str(folder)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def same(one: Path, two: Path) -> None:
    """Say that two folders hold equal losses, weights, averages and moments, to 1e-5."""
    for line, other in zip(*((path / "metrics.jsonl").read_text().splitlines() for path in (one, two)), strict=True):
        assert json.loads(line) == pytest.approx(json.loads(other), rel=1e-5, abs=1e-5)
    for name in ("best.safetensors", "state.safetensors"):
        tensors, others = load_file(one / name), load_file(two / name)
        assert tensors.keys() == others.keys()
        for key, value in tensors.items():
            torch.testing.assert_close(
                value, others[key], rtol=1e-5, atol=1e-5, msg=lambda text, key=key: f"{key}: {text}"
            )


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_two_processes_end_where_one_does(spread: Path, tmp_path: Path, case: str) -> None:
    alone = train(spread / "shards", case, tmp_path, Peers())
    assert alone.state.epoch == 3
    same(spread / "two" / case, tmp_path / case)
    assert sorted(path.name for path in (spread / "two" / case).iterdir()) == sorted(
        path.name for path in (tmp_path / case).iterdir()
    )
    assert len(list((spread / "two" / case / "tensorboard").iterdir())) == 1


@pytest.mark.slow
def test_one_process_goes_on_where_two_stopped(spread: Path, tmp_path: Path) -> None:
    train(spread / "shards", "coarse2fine", tmp_path, Peers(), epochs=3)
    resumed = train(spread / "shards", "coarse2fine", spread / "stopped", Peers(), epochs=3)
    assert resumed.state.epoch == 3
    same(spread / "stopped" / "coarse2fine", tmp_path / "coarse2fine")


@pytest.mark.parametrize("count", [1, 2, 3, 5])
@pytest.mark.parametrize("length", [0, 1, 4, 7])
def test_parts_follow_each_other_and_differ_by_one_at_most(count: int, length: int) -> None:
    parts = [list(range(length))[Peers(rank, count).part(length)] for rank in range(count)]
    assert list(chain(*parts)) == list(range(length))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_one_process_alone_keeps_everything_to_itself() -> None:
    peers, rows = Peers(), torch.ones(2, 3)
    assert peers.first
    assert peers.whole(rows, 2) is rows
    peers.add([rows])
    assert torch.equal(rows, torch.ones(2, 3))
    assert peers.gathered("a") == peers.at_first("a") == ["a"]
    assert peers.from_first(lambda: 5) == 5


def test_each_process_takes_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "test")
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert own_device("auto", Peers(1, 2)) == own_device("cuda", Peers(3, 4)) == "cuda:1"
    assert own_device("cpu", Peers(1, 2)) == "cpu"
    assert own_device("cuda:0", Peers()) == "cuda:0"
    with pytest.raises(ConfigError, match="one device for 2 processes"):
        own_device("cuda:0", Peers(1, 2))
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(ConfigError, match="no GPU of its own"):
        own_device("auto", Peers(2, 4))


if __name__ == "__main__":
    with launched_peers() as group:
        assert group.count == 2
        for name in CASES:
            train(Path(sys.argv[1]) / "shards", name, Path(sys.argv[1]) / "two", group)
        train(Path(sys.argv[1]) / "shards", "coarse2fine", Path(sys.argv[1]) / "stopped", group, epochs=2)
