"""Feature files of a test: a folder, and what becomes of it when it is imported."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.feature_folders import FeatureFolders
from data.import_features import FeatureImport, ImportOutcome, import_features
from data.shards import read_shard, shard_path
from data.titles import Title


class FeatureFiles:
    """Feature files in ``root``; shards go beside it."""

    features = np.random.default_rng(0).normal(size=(10, 4)).astype(np.float32)

    def __init__(self, folder: Path) -> None:
        self.folder, self.root = folder, folder / "in"
        self.root.mkdir()

    def run(
        self, *titles: Title, name: str = "net", folders: tuple[str, ...] = ("in",), **how: Any
    ) -> list[ImportOutcome]:
        wanted = FeatureImport(name, FeatureFolders(tuple(self.folder / one for one in folders)), **how)
        return list(import_features(titles, wanted, self.folder / "shards"))

    def failure(self, title: Title, **how: Any) -> tuple[str, str]:
        (outcome,) = self.run(title, **how)
        assert outcome.status == "failed"
        assert not (self.folder / "shards").exists()
        return outcome.error_code, outcome.error

    def shard(self, title_id: str = "a") -> Any:
        return read_shard(shard_path(self.folder / "shards", title_id))


@pytest.fixture
def files(tmp_path: Path) -> FeatureFiles:
    return FeatureFiles(tmp_path)


@pytest.fixture(scope="session")
def new_files(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], FeatureFiles]:
    """Another folder at each call, for tests that run many times."""
    return lambda: FeatureFiles(tmp_path_factory.mktemp("features"))
