"""`train.occurrences = "all"`: the upper bound, from labels that tell of later occurrences."""

import pytest

from data.errors import ConfigError
from model.sidecar import WEIGHTS_NAME
from pipeline.config import load_config
from pipeline.stages.extract import feature_import, import_feature_files
from pipeline.stages.train import train


def weights(config):
    return (config.checkpoint_dir / WEIGHTS_NAME).read_bytes()


def test_the_upper_bound_is_trained_on_later_occurrences(catalogue):
    first = load_config(catalogue, {"train": {"epochs": 1}})
    import_feature_files(first, feature_import(first, "toy"))
    train(first)
    told = {"features": str(first.features_dir), "work_dir": str(catalogue.parent / "all")}
    everything = load_config(catalogue, {**told, "train": {"epochs": 1, "occurrences": "all"}})
    with pytest.raises(ConfigError, match="no title of the train split has all its occurrences labelled; label some"):
        train(everything)
    clips = catalogue.parent / "clip_labels.csv"
    lines = clips.read_text().splitlines()
    firsts = [line for line in lines if line.endswith("first_occurrence")]
    missing = {line.replace("first_occurrence", "all_occurrence") for line in firsts} - set(lines)
    clips.write_text("\n".join([*lines, *sorted(missing)]) + "\n")
    train(everything)
    assert weights(everything) != weights(first)
