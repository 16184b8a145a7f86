"""All stages of one TOML file in order; each does only what is not done yet."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from data.catalogue import read_catalogue
from data.errors import ModerationError, StoreError
from data.parquet_file import open_parquet_footer
from infer.protocol import held_protocols
from pipeline.config import Config
from pipeline.engine import require_engine
from pipeline.report.kept import kept_report
from pipeline.runs.kept_flags import keep_test_flags
from pipeline.runs.leftovers import sweep
from pipeline.runs.own_checkpoint import checkpoint_damage, found_checkpoint
from pipeline.runs.refusals import require_named_model
from pipeline.runs.selection import Selection
from pipeline.runs.training_plan import (
    Training,
    plan_training,
    require_possible,
    require_training_allowed,
    teaching_headers,
)
from pipeline.stage_result import AbortedError, StageResult
from pipeline.stages.extract import Extraction, extract_catalogue
from pipeline.stages.infer import infer_titles, inference_run
from pipeline.stages.kept_evaluation import kept_evaluation

if TYPE_CHECKING:
    from infer.evaluation import Evaluation

TEST_SPLIT = "test"
REPORT_SEGMENTS = 100_000  # a page holds them all at once: some 300 MB
log = logging.getLogger(__name__)


def run(
    config: Config, selection: Selection | None = None, *, verify: bool = False
) -> Iterator[tuple[StageResult, Evaluation | None]]:
    """Extract, train where that is wanted, infer, evaluate where test titles are labelled, and draw a report.

    Whether it trains is decided by ``pipeline.runs.training_plan``: by default only while there is no checkpoint. A
    training that fails, where there is a checkpoint of before, leaves that one in force and the run goes on with it.
    What a killed run left behind is removed first. Yields each stage's result as it ends; the evaluation comes with
    its own.

    Args:
        selection: which titles extraction may work on; all by default.
        verify: read every video's bytes again, whatever its size and time say.

    Raises:
        ConfigError: before anything is decoded, if there is no checkpoint to score with and none can be trained, or the
            engine is not installed.
        CheckpointError: likewise, if the one that is named cannot be read.
    """
    require_engine(config.run.engine)
    require_named_model(config)
    if config.checkpoint is None and found_checkpoint(config) is None:
        if damage := checkpoint_damage(config):
            log.warning("%s", damage)
        require_training_allowed(config)
        require_possible(config, read_catalogue(config.data))
    sweep(config.work)
    extracted, features = extract_catalogue(config, selection, verify=verify)
    yield extracted, None
    if config.checkpoint is None:
        yield _trained(config, features), None
    inferred = infer_titles(inference_run(config, features.titles, features.failures, features.headers))
    yield inferred, None
    yield from _measured(config, inferred.path)
    if config.run.report:
        yield draw_report(config, inferred.path), None


def _trained(config: Config, features: Extraction) -> StageResult:
    """Train if that is wanted, or say why not and what changed."""
    try:
        catalogue = read_catalogue(config.data)
        headers = teaching_headers(config, catalogue, features.headers)
        plan = plan_training(config, catalogue, headers, features.expected)
        if plan.action is not Training.TRAIN:
            return StageResult(plan.summary, config.checkpoint_dir)
        log.info("training: %s", plan.why)
        damage = checkpoint_damage(config)
        from pipeline.stages.train import train

        result = train(config, told=True)
        notice = "\n".join(filter(None, (result.notice, f"train: {damage}" if damage else "")))
        return replace(result, notice=notice)
    except ModerationError as error:
        checkpoint = found_checkpoint(config)
        if isinstance(error, (AbortedError, StoreError)) or checkpoint is None:
            raise
        if features.expected.difference(checkpoint.feature_spec):
            raise
        why = f"train: failed, model {checkpoint.model_id} of before is used: {error}"
        return StageResult(why, config.checkpoint_dir, failed=True)


def _measured(config: Config, folder: Path) -> Iterator[tuple[StageResult, Evaluation | None]]:
    """Measure a run, if anybody labelled test titles and that was not done before."""
    kept = kept_evaluation(config, TEST_SPLIT, folder)
    if kept is not None:
        yield kept, None
        return
    if config.data.video_labels is None and config.data.clip_labels is None:
        return
    catalogue = read_catalogue(config.data)
    truth = {title.title_id: catalogue.labels[title.title_id] for title in catalogue.in_split(TEST_SPLIT)}
    if held_protocols(truth, config.data.labels, config.evaluate.protocols):
        from pipeline.stages.evaluate import evaluate

        result, evaluation = evaluate(config, TEST_SPLIT, folder, told=True)
        keep_test_flags(config, folder, evaluation, TEST_SPLIT)
        yield result, evaluation
    elif any(labels.is_labelled for labels in truth.values()):
        said = f"evaluate: nothing to measure, no title of the {TEST_SPLIT} split has a clip or a known absence"
        yield StageResult(said, folder), None


def draw_report(config: Config, folder: Path) -> StageResult:
    """Draw a run's report. What goes wrong with it is said, and is no failure of the run: its tables are written.

    Raises:
        OSError, MemoryError: of the disk and the machine, which the next night meets, too.
    """
    try:
        kept = kept_report(config, folder)
        if kept is not None:
            return StageResult("report: nothing to do", kept)
        segments = open_parquet_footer(folder / "segments.parquet").metadata.num_rows
        if segments > REPORT_SEGMENTS:
            return StageResult(f"report: left out, {segments} segments; `coarse2fine report` draws it", folder)
        from pipeline.report.stage import report

        return report(config, folder, pictures=config.run.report_pictures)
    except (OSError, MemoryError):
        raise
    except Exception as error:
        log.exception("the report of %s cannot be drawn", folder)
        why = f"{type(error).__name__}: {error}"
        return StageResult(f"report: not drawn ({why}); `coarse2fine report` tries again", folder)
