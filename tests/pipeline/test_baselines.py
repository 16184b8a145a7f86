"""The baselines of Table 3 from features to measured segments, through the same stages as every network."""

import json

import numpy as np
import pandas as pd
import pytest

from data.errors import ConfigError
from pipeline.config import load_config
from pipeline.stages.evaluate import evaluate
from pipeline.stages.extract import feature_import, import_feature_files
from pipeline.stages.infer import infer
from pipeline.stages.train import train


def configured(path, preset, **infer):
    overrides = {
        "preset": preset,
        "model": {"hidden_channels": 16, "dropout": 0.2},
        "train": {"batch_size": 4, "short_window": 60},
        "loss": {"use_background_titles": True},
        "infer": infer,
    }
    return load_config(path, overrides)


def judged(config):
    evaluate(config, "test")
    results = json.loads((config.work_dir / "current" / "evaluation-test.json").read_text())["results"]
    kept = ("all-occurrence", "judged", "mAP")
    return {row["method"]: row["average"] for row in results if (row["protocol"], row["rule"], row["label"]) == kept}


@pytest.mark.parametrize("preset", ["three-c-net", "sf-net-2"])
def test_a_baseline_is_trained_tuned_scored_and_measured_like_every_network(catalogue, preset):
    config = configured(catalogue, preset)
    import_feature_files(config, feature_import(config, "toy"))
    train(config)
    infer(config)
    current = config.work_dir / "current"
    scores = pd.read_parquet(current / "scores.parquet").select_dtypes("floating")
    bounded = scores.drop(columns="time_s").dropna(axis=1, how="all")
    assert len(bounded.columns) == (2 if preset == "three-c-net" else 5)
    assert ((bounded > 0) & (bounded < 1)).all().all()
    average = judged(config)
    assert average.pop("model") > max(average.values())

    rule = "three-c-net" if preset == "three-c-net" else "sf-net"
    own = configured(catalogue, preset, rule=rule, title_gate="absolute")
    infer(own)
    segments = pd.read_parquet(current / "segments.parquet")
    assert len(segments)
    assert set(segments.decision) == {"flag"}
    assert (segments.end_s - segments.start_s >= 2).all()
    assert np.isfinite(judged(own)["model"])

    other = configured(catalogue, preset, rule="sf-net" if rule == "three-c-net" else "three-c-net")
    with pytest.raises(ConfigError, match="is not the rule of the checkpoint's network"):
        infer(other)
