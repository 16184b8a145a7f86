import json
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
from model.settings import LossSettings, ModelSettings, TrainSettings
from model.train import Trainer, Validation

LABELS = ("a", "b")
SPEC = FeatureSpec("imported:test", "", 4, "imported", "imported", False, 0)


@pytest.fixture
def titles(tmp_path):
    """Eight titles in which feature 0 marks label a, feature 1 label b."""
    rng = np.random.default_rng(0)
    made = []
    for number in range(8):
        frames = 30 + number
        features = rng.normal(0, 0.1, (frames, 4))
        label = LABELS[number % 2]
        features[10:16, number % 2] += 3
        coverage = Coverage(f"t{number}", "", "", "import", "", "", 0, 0, 0, None, float(frames), frames, 0, True, "")
        path = write_shard(tmp_path / "shards", SPEC, coverage, np.arange(frames, dtype=float), features)
        labels = TitleLabels(f"t{number}", {x: x == label for x in LABELS}, {label: Clip(label, 10, 16)})
        made.append(TrainingTitle(f"t{number}", path, frame_targets(labels, LABELS, frames)))
    return made


def trainer(folder: Path, fingerprint="same", **train):
    model = ModelSettings(conv_channels=8, fc_channels=(8, 8), dropout=0.2, top_k_divisor=8)
    defaults = {"learning_rate": 1e-2, "batch_size": 3, "window": 25, "epochs": 4, "weight_average": 0.5}
    settings = TrainSettings(**{**defaults, **train}, device="cpu")
    network = build_network(model, width=4, labels=2, seed=settings.seed)
    return Trainer(network, (model, LossSettings(), settings), folder, fingerprint)


def weight_sum(network):
    """A validation score that depends on every weight."""
    return Validation(float(sum(value.double().abs().sum() for value in network.state_dict().values())))


class StopHereError(Exception):
    pass


def test_resuming_is_bit_identical_to_no_interruption(tmp_path, titles):
    whole = trainer(tmp_path / "whole")
    whole.run(titles, weight_sum)
    for batches in (1, 5, 6):  # in the first epoch, in the second, and just at its end
        calls = 0

        def stop(epoch, done, total, batches=batches):
            nonlocal calls
            calls += 1
            if calls == batches:
                raise StopHereError

        folder = tmp_path / f"stopped-{batches}"
        with pytest.raises(StopHereError):
            trainer(folder).run(titles, weight_sum, stop)
        resumed = trainer(folder)
        resumed.run(titles, weight_sum)
        assert len(list((folder / "tensorboard").iterdir())) == 1
        for name in ("best.safetensors", "state.safetensors", "metrics.jsonl", "state.json"):
            assert (folder / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
        one, two = whole.network.state_dict(), resumed.network.state_dict()
        assert all(torch.equal(one[name], two[name]) for name in one)


def test_the_best_epoch_is_kept_and_patience_ends_the_run(tmp_path, titles):
    scores = iter([0.1, 0.5, 0.4, 0.5, 0.3, 0.2])
    seen = []

    def validate(network):
        seen.append({name: value.clone() for name, value in network.state_dict().items()})
        return Validation(next(scores), {"val_a": 1.0})

    run = trainer(tmp_path, epochs=6, patience=2)
    state = run.run(titles, validate)
    assert (state.best_epoch, state.epoch, state.best_score) == (1, 4, 0.5)
    assert all(torch.equal(value, seen[1][name]) for name, value in run.network.state_dict().items())
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [0, 1, 2, 3]
    assert {"total", "l_video", "l_ce", "l_bg", "l_lap", "l_cs", "val_score", "val_a"} <= set(lines[0])
    assert len(list((tmp_path / "tensorboard").iterdir())) == 1


def test_the_last_epoch_is_kept_on_request_and_validated_no_oftener_than_asked(tmp_path, titles):
    seen = []

    def validate(network):
        seen.append({name: value.clone() for name, value in network.state_dict().items()})
        return Validation(1 / len(seen))

    run = trainer(tmp_path, epochs=5, patience=1, select="last", validate_every=2)
    state = run.run(titles, validate)
    assert (state.best_epoch, state.epoch, state.best_score) == (4, 5, 1 / 3)
    assert all(torch.equal(value, seen[2][name]) for name, value in run.network.state_dict().items())
    assert [line["epoch"] for line in state.history if "val_score" in line] == [1, 3, 4]


def test_training_learns_what_marks_a_label(tmp_path, titles):
    run = trainer(tmp_path, epochs=15, weight_average=0.0)
    state = run.run(titles, lambda network: Validation(-len(list(network.parameters()))))
    # no score improves on the first, so the first epoch is kept; the loss must have fallen all the same
    assert state.history[-1]["total"] < 0.5 * state.history[0]["total"]


def test_a_folder_of_another_run_is_refused(tmp_path, titles):
    trainer(tmp_path, epochs=1).run(titles, weight_sum)
    with pytest.raises(ConfigError, match="other settings, labels or features"):
        trainer(tmp_path, fingerprint="another", epochs=1).run(titles, weight_sum)


def test_no_titles_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="no titles"):
        trainer(tmp_path).run([], weight_sum)


def test_a_finished_run_does_nothing_again(tmp_path, titles):
    trainer(tmp_path, epochs=2).run(titles, weight_sum)
    before = load_file(tmp_path / "best.safetensors")

    def never(network):
        raise AssertionError("validated again")

    again = trainer(tmp_path, epochs=2)
    again.run(titles, never)
    assert all(torch.equal(value, before[name]) for name, value in again.network.state_dict().items())


def test_training_that_diverges_stops_with_advice(tmp_path, titles):
    with pytest.raises(ConfigError, match=r"lower train\.learning_rate"):
        trainer(tmp_path, learning_rate=1e30, epochs=4).run(titles, weight_sum)
