"""The contract that every network keeps: what the training loop, the checkpoint and the scoring rely on."""

from typing import get_args

import numpy as np
import pytest
import torch

from data.labels import Clip, TitleLabels
from data.schemas import Coverage, FeatureSpec, LabelThresholds
from data.shards import write_shard
from data.targets import frame_targets
from data.windows import TrainingTitle
from model.build import build_network
from model.checkpoint import Checkpoint, load_network, save_checkpoint
from model.settings import FRAMES_PER_CLIP, LossSettings, ModelSettings, Network, SFNetLossSettings, TrainSettings
from model.train import Trainer, Validation

NETWORKS = get_args(Network)
LABELS = ("a", "b")
WIDTH = 6
SPEC = FeatureSpec("imported:test", "", WIDTH, "imported", "imported", False, 0)
LENGTHS = (9, 4, 1)


def settings_of(name, **overrides):
    values = {"conv_channels": 16, "fc_channels": (16, 16), "hidden_channels": 16, "dropout": 0.2, "top_k_divisor": 8}
    return ModelSettings(network=name, **{**values, **overrides})


def build(name, seed=1):
    return build_network(settings_of(name), width=WIDTH, labels=len(LABELS), seed=seed).eval()


def padded(lengths, padding=0):
    generator = torch.Generator().manual_seed(0)
    features_NTD = torch.zeros(len(lengths), max(lengths) + padding, WIDTH)
    valid_NT = torch.zeros(features_NTD.shape[:2], dtype=torch.bool)
    for n, length in enumerate(lengths):
        features_NTD[n, :length] = torch.randn(length, WIDTH, generator=generator)
        valid_NT[n, :length] = True
    return features_NTD, valid_NT


@pytest.fixture(scope="module")
def make_titles(tmp_path_factory):
    """Ten titles of about 40 frames: feature 0 marks label a, feature 1 label b, and the last two hold neither."""
    folder = tmp_path_factory.mktemp("shards")
    rng = np.random.default_rng(0)
    paths, labels = [], []
    for number in range(10):
        title_id, frames = f"t{number}", 40 + number
        features = rng.normal(0, 0.1, (frames, WIDTH))
        label = LABELS[number % 2] if number < 8 else None
        if label is not None:
            features[15:22, number % 2] += 3
        coverage = Coverage(title_id, "", "", "import", "", "", 0, 0, 0, None, float(frames), frames, 0, True, "")
        paths.append(write_shard(folder, SPEC, coverage, np.arange(frames, dtype=float), features))
        first = {label: Clip(label, 15, 22)} if label else {}
        labels.append(TitleLabels(title_id, {each: each == label for each in LABELS}, first))

    def make(name):
        count = FRAMES_PER_CLIP.get(name, 0)
        targets = [frame_targets(each, LABELS, 40 + n, frames_per_clip=count) for n, each in enumerate(labels)]
        return [TrainingTitle(each.title_id, *parts) for each, *parts in zip(labels, paths, targets)]

    return make


def trainer(name, folder, *, mine_after=0.0, **train):
    values = {"learning_rate": 1e-2, "batch_size": 4, "window": 45, "short_window": 30, "epochs": 4, "device": "cpu"}
    settings = TrainSettings(**{**values, **train})
    loss = LossSettings(use_background_titles=True, sf_net=SFNetLossSettings(mine_after=mine_after, mine_least=0.5))
    model = settings_of(name)
    network = build_network(model, width=WIDTH, labels=len(LABELS), seed=settings.seed)
    return Trainer(network, (model, loss, settings), folder, "same")


@pytest.mark.parametrize("name", NETWORKS)
def test_scores_lie_in_0_1_and_padding_and_neighbours_change_nothing(name):
    network = build(name)
    together = network(*padded(LENGTHS, padding=5))
    assert together.action_NTC.shape == (3, 14, len(LABELS))
    assert together.action_NTC.dtype == torch.float32
    features_NTD, valid_NT = padded(LENGTHS)
    assert ((together.action_NTC > 0) & (together.action_NTC < 1))[:, :9][valid_NT].all()
    for n, length in enumerate(LENGTHS):
        alone = network(features_NTD[n : n + 1, :length], valid_NT[n : n + 1, :length])
        for field in ("action_NTC", *type(network.evidence(alone))._fields):
            owner = network.evidence if field.startswith(("foreground", "conditional")) else lambda scores: scores
            one, many = getattr(owner(alone), field), getattr(owner(together), field)
            if one is not None:
                torch.testing.assert_close(many[n, :length], one[0], rtol=1e-5, atol=1e-6)
        assert not together.action_NTC[n, length:].isnan().any()


@pytest.mark.parametrize("name", NETWORKS)
def test_a_score_depends_on_the_frames_within_reach_and_on_no_others(name):
    network = build(name)
    features_NTD, valid_NT = padded([12])
    before = network(features_NTD, valid_NT).action_NTC
    features_NTD[0, 6] += 5
    changed_T = (network(features_NTD, valid_NT).action_NTC != before).any(dim=2)[0]
    assert abs(torch.nonzero(changed_T).flatten() - 6).max() == network.reach


@pytest.mark.parametrize("name", NETWORKS)
def test_a_checkpoint_comes_back_whole(tmp_path, name):
    network = build(name, seed=7)
    thresholds = dict.fromkeys(LABELS, LabelThresholds(0.5, 0.5, 0, 0))
    save_checkpoint(tmp_path, network, Checkpoint(settings_of(name), LABELS, SPEC, thresholds))
    loaded, _ = load_network(tmp_path)
    batch = padded(LENGTHS)
    assert torch.equal(loaded(*batch).action_NTC, network(*batch).action_NTC)


@pytest.mark.parametrize("name", NETWORKS)
def test_training_lowers_the_loss_and_ranks_frames_and_titles_right(tmp_path, make_titles, name):
    titles = make_titles(name)
    best = trainer(name, tmp_path / "run", epochs=25, patience=25)
    epochs = iter(range(100))
    state = best.run(titles, lambda network: Validation(next(epochs)))  # the last epoch is kept
    assert state.history[-1]["total"] < 0.7 * state.history[0]["total"]
    network = best.network.eval()
    features_NTD, valid_NT = padded([30])
    features_NTD *= 0.1
    features_NTD[0, 12:18, 0] += 3  # label a
    action_TC = network(features_NTD, valid_NT).action_NTC[0].detach().numpy()
    inside = np.arange(13, 17)
    outside = np.setdiff1d(np.arange(30), np.arange(10, 20))
    assert action_TC[inside, 0].min() > action_TC[outside, 0].max()
    assert (action_TC[inside, 0] > action_TC[inside, 1]).all()


def score_of_every_weight(network):
    return Validation(float(sum(value.double().abs().sum() for value in network.state_dict().values())))


class StopHereError(Exception):
    pass


@pytest.mark.parametrize(("name", "epoch"), [*((name, 2) for name in NETWORKS), ("sf-net-1", 1), ("sf-net-1", 3)])
def test_resuming_is_bit_identical_also_across_mining_and_the_centres(tmp_path, make_titles, name, epoch):
    """Mining comes before the third epoch: the run is stopped in the second, in the third and in the fourth."""
    titles = make_titles(name)
    options = {"mine_after": 0.5, "weight_average": 0.5, "weight_decay": 5e-4, "decay": "l2"}
    whole = trainer(name, tmp_path / "whole", **options)
    whole.run(titles, score_of_every_weight)

    def stop(at, done, total):
        if (at, done) == (epoch, 2):
            raise StopHereError

    with pytest.raises(StopHereError):
        trainer(name, tmp_path / "stopped", **options).run(titles, score_of_every_weight, stop)
    resumed = trainer(name, tmp_path / "stopped", **options)
    resumed.run(titles, score_of_every_weight)
    for file in ("best.safetensors", "state.safetensors", "metrics.jsonl", "state.json"):
        assert (tmp_path / "stopped" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes(), file
    assert resumed.state.restart_epoch == whole.state.restart_epoch == (2 if name in FRAMES_PER_CLIP else 0)


def test_mining_grows_labels_once_and_starts_the_weights_afresh(tmp_path, make_titles):
    titles = make_titles("sf-net-1")
    run = trainer("sf-net-1", tmp_path / "run", mine_after=0.8, epochs=20, patience=20)
    start = {key: value.clone() for key, value in run.network.state_dict().items()}
    seen = []

    def watch(epoch, done, total):
        if epoch == 16 and done == 1:
            seen.append(max(float((run.network.state_dict()[key] - start[key]).abs().max()) for key in start))

    run.run(titles, lambda network: Validation(0.0), watch)
    # one Adam step moves a weight by the rate, 0.01, at most; sixteen epochs of three steps had moved it far more
    assert seen[0] <= 0.0101
    before = np.array([title.targets.labelled_TC.sum() for title in titles])
    after = np.array([title.targets.labelled_TC.sum() for title in run.titles])
    assert (after >= before).all()
    assert after.sum() > before.sum()
    grown = [title.targets.labelled_TC & ~title.targets.positive_TC for title in run.titles]
    assert sum(map(np.sum, grown)) <= 0.2 * (after - before).sum()  # grown frames are frames of the activity


def test_patience_starts_afresh_with_the_weights(tmp_path, make_titles):
    scores = iter([0.9, *[0.1] * 20])
    run = trainer("sf-net-1", tmp_path, mine_after=0.2, epochs=20, patience=5)
    state = run.run(make_titles("sf-net-1"), lambda network: Validation(next(scores)))
    assert (state.best_epoch, state.restart_epoch, state.epoch) == (0, 4, 9)


def test_centres_move_by_their_own_descent_alone(tmp_path, make_titles):
    moved, held = (
        trainer("three-c-net", tmp_path / str(rate), epochs=1, weight_decay=0.1, decay="l2") for rate in (0.1, 0.0)
    )
    held.loss = held.loss.model_copy(
        update={"three_c_net": held.loss.three_c_net.model_copy(update={"centre_rate": 0.0})}
    )
    start = held.network.centre_CF.clone()
    for run in (moved, held):
        run.run(make_titles("three-c-net"), score_of_every_weight)
    assert torch.equal(held.network.centre_CF, start)
    assert not torch.equal(moved.network.centre_CF, start)
