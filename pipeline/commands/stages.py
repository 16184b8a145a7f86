"""Commands that run the stages: a catalogue's videos to segments and metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from data.manifest import SPLITS
from pipeline.commands.terminal import FILE, config_option, finish, locked, print_evaluation, set_option
from pipeline.config import load_config


@click.command()
@config_option
def extract(config_path: Path, overrides: dict[str, Any]) -> None:
    """Decode every title at 1 FPS and write its features."""
    with locked(config_path, overrides) as config:
        from pipeline.stages.extract import extract as stage

        finish([(stage(config), None)])


@click.command("import-features")
@config_option
@click.option("--features", "feature_root", type=FILE, help="Folder of the feature files (default: the media root).")
@click.option("--name", required=True, help="What made the features, for example i3d-rgb; never mixed with others.")
def import_features(config_path: Path, overrides: dict[str, Any], feature_root: Path | None, name: str) -> None:
    """Turn per-title .npy, .npz or .pt features (T, D), one row a second, into shards."""
    with locked(config_path, overrides) as config:
        from pipeline.stages.extract import import_feature_files

        finish([(import_feature_files(config, feature_root or config.data.media_folder, name), None)])


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

        finish([(stage(config, split), None)])


@click.command()
@click.option("--config", "config_path", type=FILE, help="The run's TOML file.")
@set_option
@click.option("--split", type=click.Choice(SPLITS), default="test", show_default=True, help="Split to measure on.")
@click.option("--run", "run_dir", type=FILE, help="A run's folder (default: the current one).")
@click.option("--ground-truth", type=FILE, help="Foreign ground truth, ActivityNet JSON.")
@click.option("--predictions", type=FILE, help="Foreign predictions, ActivityNet JSON.")
@click.option("--subset", help="Foreign ground truth: only titles of this subset, for example test.")
@click.option("--official", is_flag=True, help="Foreign files: reproduce the official evaluator's numbers exactly.")
def evaluate(
    config_path: Path | None,
    overrides: dict[str, Any],
    split: str,
    run_dir: Path | None,
    ground_truth: Path | None,
    predictions: Path | None,
    subset: str | None,
    official: bool,
) -> None:
    """Measure segments: mAP by both rules and both protocols, per label, beside the trivial row."""
    if ground_truth is not None and predictions is not None:
        from infer.settings import EvaluateSettings
        from pipeline.stages.evaluate import evaluate_foreign

        settings = EvaluateSettings.model_validate(overrides.get("evaluate", {}))
        print_evaluation(
            evaluate_foreign(ground_truth, predictions, subset=subset, official=official, settings=settings)
        )
        return
    if config_path is None:
        raise click.UsageError("give --config, or both --ground-truth and --predictions")
    from pipeline.stages.evaluate import evaluate as stage

    result, evaluation = stage(load_config(config_path, overrides), split, run_dir)
    finish([(result, evaluation)])
