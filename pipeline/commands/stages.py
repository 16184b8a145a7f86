"""Commands that run the stages: a catalogue's videos to segments and metrics."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from data.errors import ConfigError
from data.manifest import SPLITS
from data.settings import Crops
from pipeline.commands.terminal import (
    FILE,
    config_option,
    config_words,
    finish,
    locked,
    optional_config,
    print_evaluation,
    print_lines,
    print_outcome,
    set_option,
    tiou_option,
    with_tiou,
)
from pipeline.config import load_config, merged, validate_section

if TYPE_CHECKING:
    from infer.evaluation import Evaluation


@click.command()
@config_option
def extract(config_path: Path, overrides: dict[str, Any]) -> None:
    """Decode every title at 1 FPS and write its features."""
    with locked(config_path, overrides) as config:
        from pipeline.runs.closing import extract_line
        from pipeline.stages.extract import extract as stage

        result = stage(config)
        print_outcome(result, None)
        click.echo(extract_line(config, config_words(config_path)))
    sys.exit(result.exit_code)


@click.command("import-features")
@config_option
@click.option(
    "--features",
    "folders",
    type=FILE,
    multiple=True,
    help="Folder of the feature files (default: [data] feature_folders, else the media root); given twice, as for rgb "
    "and flow, the rows are joined. Also an HDF5 file that holds all titles.",
)
@click.option("--name", required=True, help="What made the features, for example i3d; never mixed with others.")
@click.option("--rate", metavar="ROWS", help="Rows a second: 1, or 25/16 for a row every 16 frames at 25 a second.")
@click.option("--crops", type=click.Choice(get_args(Crops)), help="Of several crops of a picture: their mean, or one.")
def import_features(
    config_path: Path,
    overrides: dict[str, Any],
    folders: tuple[Path, ...],
    name: str,
    rate: str | None,
    crops: str | None,
) -> None:
    """Turn features that are there, .npy, .npz, .pt or .h5 with one (T, D) array a title, into shards.

    Files are found by title id (also with v_ before or -rgb after it). Rate and crops are those of [data] unless given.
    """
    given = {"feature_folders": list(folders) or None, "feature_rate": rate, "feature_crops": crops}
    data = {key: value for key, value in given.items() if value is not None}
    for folder in folders:
        if not folder.is_dir() and not (folder.is_file() and folder.suffix.casefold() in (".h5", ".hdf5")):
            raise ConfigError(
                f"{folder}: no folder of feature files, and no .h5 that holds all titles; correct --features"
            )
    with locked(config_path, merged(overrides, {"data": data} if data else {})) as config:
        from pipeline.stages.extract import feature_import, import_feature_files

        finish([(import_feature_files(config, feature_import(config, name)), None)])


@click.command()
@config_option
def train(config_path: Path, overrides: dict[str, Any]) -> None:
    """Train, choose thresholds on validation, write the checkpoint; resumes where it was interrupted."""
    with locked(config_path, overrides) as config:
        from pipeline.stages.train import train as stage

        finish([(stage(config), None)])


@click.command()
@config_option
@click.option("--split", type=click.Choice(SPLITS), help="Only the titles of this split.")
def infer(config_path: Path, overrides: dict[str, Any], split: str | None) -> None:
    """Score titles and write segments, titles and scores."""
    with locked(config_path, overrides) as config:
        from pipeline.stages.infer import infer as stage
        from pipeline.trust import doubts_of_run

        result = stage(config, split)
        print_lines(doubts_of_run(result.path))
        finish([(result, None)])


@click.command()
@optional_config
@set_option
@click.option("--split", type=click.Choice(SPLITS), default="test", show_default=True, help="Split to measure on.")
@click.option("--run", "run_dir", type=FILE, help="A run's folder (default: the current one).")
@click.option("--ground-truth", type=FILE, help="Foreign ground truth, ActivityNet JSON.")
@click.option("--predictions", type=FILE, help="Foreign predictions, ActivityNet JSON.")
@click.option("--subset", help="Foreign ground truth: only titles of this subset, for example test.")
@tiou_option
@click.option(
    "--official",
    is_flag=True,
    help="ActivityNet's evaluator to the digit: all occurrences in whole titles, tIoU >= threshold, every segment; of "
    "foreign files or of a run.",
)
@click.option("--all", "everything", is_flag=True, help="Print every table: all protocols, rules, frames, calibration.")
@click.option("--json", "as_json", is_flag=True, help="Print everything that was measured as JSON, and nothing else.")
def evaluate(
    config_path: Path | None,
    overrides: dict[str, Any],
    split: str,
    run_dir: Path | None,
    ground_truth: Path | None,
    predictions: Path | None,
    subset: str | None,
    tiou: str | None,
    official: bool,
    everything: bool,
    as_json: bool,
) -> None:
    """Measure segments on labelled titles: what is found, what is correct, false flags per hour, and mAP.

    One table, by the protocol that holds clips; the files in the run's folder have the others, and so has --all.
    """
    overrides = with_tiou(overrides, tiou)
    if (ground_truth is None) != (predictions is None):
        raise click.UsageError("--ground-truth and --predictions belong together")
    if ground_truth is not None and predictions is not None:
        from infer.settings import EvaluateSettings
        from pipeline.stages.evaluate import evaluate_foreign

        settings = validate_section(EvaluateSettings, "evaluate", overrides, "--set")
        measured = evaluate_foreign(ground_truth, predictions, subset=subset, official=official, settings=settings)
        if as_json:
            _print_json(measured)
        else:
            print_evaluation(measured, everything=everything, official=official)
        return
    if subset is not None:
        raise click.UsageError("--subset is of foreign ground truth; --split names titles of a run")
    if config_path is None:
        raise click.UsageError("give --config, or both --ground-truth and --predictions")
    from pipeline.stages.evaluate import evaluate as stage

    result, evaluation = stage(load_config(config_path, overrides), split, run_dir, official=official)
    if as_json:
        _print_json(evaluation, split=split, folder=str(result.path))
        sys.exit(result.exit_code)
    print_evaluation(evaluation, everything=everything, official=official)
    finish([(result, None)])


def _print_json(evaluation: Evaluation, **facts: str) -> None:
    from infer.evaluation import as_json

    click.echo(json.dumps({**facts, **as_json(evaluation)}, indent=2, allow_nan=False))
