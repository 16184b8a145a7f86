"""``coarse2fine demo``: the main job from video files to measured segments, on a catalogue that it makes itself."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from data.files import write_text
from infer.evaluation import Evaluation
from pipeline.config import load_config
from pipeline.demo.catalogue import make_demo_catalogue
from pipeline.progress import progress_bar
from pipeline.report.stage import report
from pipeline.stage_result import StageResult
from pipeline.stages.evaluate import evaluate
from pipeline.stages.extract import extract
from pipeline.stages.infer import infer
from pipeline.stages.train import train

log = logging.getLogger(__name__)

DEMO_SPLIT = "test"
CONFIG = "demo.toml"


def demo(out: Path, *, titles: int, seed: int) -> Iterator[tuple[StageResult, Evaluation | None]]:
    """Run every stage in ``out``, yielding each result as it comes; that of ``evaluate`` with its evaluation.

    Training is told what the paper's annotators note, first occurrences; the test titles are judged by all.

    The catalogue is made once per folder; a second call does only what is missing.
    """
    catalogue = out / "catalogue"
    if not (catalogue / "titles.csv").is_file():
        log.info("cutting %d short titles from photographs", titles)
        with progress_bar("making videos") as advance:
            make_demo_catalogue(catalogue, titles=titles, seed=seed, advance=advance)
    yield StageResult(f"catalogue: {titles} titles; where the pictures come from: SOURCES.txt", catalogue), None
    path = out / CONFIG
    write_text(path, resources.files("pipeline").joinpath("configs", "demo.toml").read_text(encoding="utf-8"))
    config = load_config(path)
    yield extract(config), None
    yield train(config), None
    yield infer(config, DEMO_SPLIT), None
    yield evaluate(config, DEMO_SPLIT)
    yield report(config), None
