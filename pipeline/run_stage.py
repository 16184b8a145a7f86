"""All stages of one TOML file in order; each does only what is not done yet."""

from __future__ import annotations

from collections.abc import Iterator

from data.catalogue import read_catalogue
from infer.evaluation import Evaluation
from pipeline.config import Config
from pipeline.evaluate_stage import evaluate
from pipeline.extract_stage import extract
from pipeline.infer_stage import infer
from pipeline.stage_result import StageResult
from pipeline.train_stage import train

TEST_SPLIT = "test"


def run(config: Config) -> Iterator[tuple[StageResult, Evaluation | None]]:
    """Extract, train where no checkpoint is named, infer, and evaluate where test titles are labelled.

    Yields each stage's result as it ends; the evaluation comes with its own.
    """
    yield extract(config), None
    if config.checkpoint is None:
        yield train(config), None
    yield infer(config), None
    catalogue = read_catalogue(config.data)
    if any(catalogue.labels[title.title_id].is_labelled for title in catalogue.in_split(TEST_SPLIT)):
        yield evaluate(config, TEST_SPLIT)
