"""`train.refit`: the last training uses val, too, and nothing is judged on val afterwards."""

import json
from dataclasses import replace

import pytest
from safetensors.numpy import load_file

from data.catalogue import read_catalogue
from data.errors import ConfigError
from infer.operating_point import Goal
from model.sidecar import WEIGHTS_NAME, read_checkpoint
from pipeline.config import load_config
from pipeline.stages import train as stage
from pipeline.stages.evaluate import evaluate
from pipeline.stages.extract import feature_import, import_feature_files
from pipeline.stages.infer import infer
from pipeline.stages.thresholds import choose_thresholds
from pipeline.stages.train import train

OPTIONS = {"epochs": 2, "select": "best", "patience": 9}


@pytest.fixture
def plain(catalogue):
    config = load_config(catalogue, {"train": OPTIONS})
    import_feature_files(config, feature_import(config, "toy"))
    return config


def refitted(plain, catalogue, name, **options):
    own = {"features": str(plain.features_dir), "work_dir": str(catalogue.parent / name)}
    return load_config(catalogue, {**own, "train": {**OPTIONS, **options, "refit": True}})


def weights(config):
    return load_file(config.checkpoint_dir / WEIGHTS_NAME)


def test_weights_have_seen_val_and_train_as_long_as_the_kept_ones(plain, catalogue):
    train(plain)
    config = refitted(plain, catalogue, "refit")
    said = str(train(config))
    before, after = read_checkpoint(plain.checkpoint_dir), read_checkpoint(config.checkpoint_dir)
    val = after.training["val_titles"]
    assert f"trained anew with {val} titles of val" in said
    assert after.training["val_score"] == before.training["val_score"]
    assert (before.trained_on, after.trained_on) == (("train",), ("train", "val"))
    assert any((weights(plain)[name] != value).any() for name, value in weights(config).items())
    lines = (config.training_dir / "refit" / "metrics.jsonl").read_text().splitlines()
    assert len(lines) == before.training["best_epoch"] + 1
    assert "nothing to do" in str(train(config))


def test_a_refit_is_the_same_training_as_one_whose_train_split_holds_val(plain, catalogue):
    config = refitted(plain, catalogue, "refit", select="last")
    train(config)
    titles = catalogue.parent / "titles.csv"
    rows = titles.read_text().replace(",val\n", ",train\n").replace(",test\n", ",val\n")
    titles.write_text(rows)
    merged = {"features": str(plain.features_dir), "work_dir": str(catalogue.parent / "merged")}
    together = load_config(catalogue, {**merged, "train": {**OPTIONS, "select": "last"}})
    train(together)
    for name, value in weights(together).items():
        assert (weights(config)[name] == value).all(), name


def test_thresholds_come_from_titles_that_were_not_trained_on(plain, catalogue, monkeypatch):
    seen = []
    fit, scored = stage._fit, stage.score_titles

    def noting_fit(config, headers, *arguments, **options):
        network, state = fit(config, headers, *arguments, **options)
        seen.append(("fit", {header.title_id for header in headers}))
        return network, state

    def noting_scored(config, network, headers, peers):
        seen.append(("score", {header.title_id for header in headers}))
        return scored(config, network, headers, peers)

    judged = []
    monkeypatch.setattr(stage, "_fit", noting_fit)
    monkeypatch.setattr(stage, "score_titles", noting_scored)
    judge = stage.judge
    monkeypatch.setattr(stage, "judge", lambda *rest: judged.append(judge(*rest)) or judged[-1])
    config = refitted(plain, catalogue, "refit")
    train(config)
    (_, one), (_, half), (_, two), (_, rest), (_, everything) = seen[-5:]
    assert [kind for kind, _ in seen[-5:]] == ["fit", "score", "fit", "score", "fit"]
    assert one | half == two | rest == everything
    assert not one & half and not two & rest and not half & rest
    assert half | rest == {title.title_id for title in read_catalogue(config.data).in_split("val")}
    first, halves = judged[-2][1], judged[-1][1]
    for label, chosen in read_checkpoint(config.checkpoint_dir).thresholds.items():
        assert chosen == replace(halves[label], flag=max(halves[label].flag, first[label].flag))


def test_val_judges_nothing_after_a_refit(plain, catalogue):
    config = refitted(plain, catalogue, "refit")
    train(config)
    with pytest.raises(ConfigError, match=r"was trained on val, too \(train.refit\), so what it scores there says"):
        choose_thresholds(config, [], Goal("recall", 0.9))
    infer(config)
    assert json.loads((config.work_dir / "current" / "run.json").read_text())["trained_on"] == ["train", "val"]
    assert "trained on them" not in str(evaluate(config, "test")[0])
    assert "the model was trained on them, so this says nothing of other titles" in str(evaluate(config, "val")[0])
