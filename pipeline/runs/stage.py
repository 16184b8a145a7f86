"""All stages of one TOML file in order; each does only what is not done yet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from data.catalogue import read_catalogue
from pipeline.config import Config
from pipeline.runs.leftovers import sweep
from pipeline.runs.selection import Selection
from pipeline.stage_result import StageResult
from pipeline.stages.extract import extract
from pipeline.stages.infer import infer

if TYPE_CHECKING:
    from infer.evaluation import Evaluation

TEST_SPLIT = "test"


def run(
    config: Config, selection: Selection | None = None, *, verify: bool = False
) -> Iterator[tuple[StageResult, Evaluation | None]]:
    """Extract, train where no checkpoint is named, infer, and evaluate where test titles are labelled.

    What a killed run left behind is removed first. Yields each stage's result as it ends; the evaluation comes with
    its own.

    Args:
        selection: which titles extraction may work on; all by default.
        verify: read every video's bytes again, whatever its size and time say.
    """
    sweep(config.work)
    yield extract(config, selection, verify=verify), None
    if config.checkpoint is None:
        from pipeline.stages.train import train

        yield train(config), None
    yield infer(config), None
    catalogue = read_catalogue(config.data)
    if any(catalogue.labels[title.title_id].is_labelled for title in catalogue.in_split(TEST_SPLIT)):
        from pipeline.stages.evaluate import evaluate

        yield evaluate(config, TEST_SPLIT)
