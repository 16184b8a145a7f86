"""`features`: one extraction serves the runs of several configurations."""

import pytest

from data.errors import ConfigError
from pipeline.config import load_config
from pipeline.stages.extract import extract, feature_import, import_feature_files
from pipeline.stages.infer import infer
from pipeline.stages.train import train


def test_another_work_folder_trains_and_infers_with_the_same_shards(catalogue):
    own = load_config(catalogue)
    import_feature_files(own, feature_import(own, "toy"))
    shared = {"work_dir": str(catalogue.parent / "other"), "features": str(own.features_dir), "train": {"epochs": 1}}
    other = load_config(catalogue, shared)
    train(other)
    assert infer(other, "test").not_read == 0
    assert (other.work_dir / "current" / "segments.parquet").is_file()
    assert not (other.work_dir / "features").exists()
    for stage in (extract, lambda config: import_feature_files(config, feature_import(config, "toy"))):
        with pytest.raises(ConfigError, match="belongs to another configuration; extract with that one"):
            stage(other)
