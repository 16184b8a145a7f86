"""All stages of one TOML file in order; each does only what is not done yet."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.config import Config
from pipeline.stage_result import StageResult


def run(config: Config) -> Iterator[StageResult]:
    """Extract, train where no checkpoint is named, and infer; yield each stage's result as it ends.

    Evaluation needs labels of a test split and stays a command of its own.
    """
    from pipeline.extract_stage import extract
    from pipeline.infer_stage import infer

    yield extract(config)
    if config.checkpoint is None:
        from pipeline.train_stage import train

        yield train(config)
    yield infer(config)
