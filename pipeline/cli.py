"""The command line ``coarse2fine``: the only place that prints or exits.

Results go to standard output; progress, log lines and errors to standard error. Stages are imported when they run, so
that ``--help`` does not wait for torch.
"""

from __future__ import annotations

import logging
import signal
import sys
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from data.errors import ModerationError
from data.manifest import SPLITS
from pipeline.config import Config, load_config
from pipeline.lock import folder_lock
from pipeline.stage_result import INTERRUPTED, USAGE, StageResult, error_exit_code

if TYPE_CHECKING:
    from infer.evaluation import Evaluation

FILE = click.Path(path_type=Path)


def _assignment(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> dict[str, Any]:
    """Turn ``section.key=value`` into nested values; a value that is not TOML is text."""
    nested: dict[str, Any] = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not equals:
            raise click.BadParameter(f"{value!r}: write section.key=value, for example train.epochs=3")
        *sections, key = name.split(".")
        table = nested
        for section in sections:
            table = table.setdefault(section, {})
        try:
            table[key] = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            table[key] = text
    return nested


def config_option(command: Any) -> Any:
    """Add ``--config`` and ``--set`` to a command."""
    command = click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="SECTION.KEY=VALUE",
        callback=_assignment,
        help="Override a key of the file; may be repeated.",
    )(command)
    return click.option("--config", "config_path", type=FILE, required=True, help="The run's TOML file.")(command)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-v", "--verbose", is_flag=True, help="Log every title and epoch, also on a terminal.")
@click.version_option(package_name="coarse2fine")
def cli(verbose: bool) -> None:
    """Find sex, nudity, violence and drug-use in movies and episodes: video files to a table of segments.

    Exit codes: 0 done; 1 finished, but some titles were not read to their end; 2 usage or configuration; 3 another run
    holds the lock; 4 nothing could be scored; 130 interrupted.
    """
    level = logging.INFO if verbose or not sys.stderr.isatty() else logging.WARNING
    logging.basicConfig(level=level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")


@cli.command()
@click.argument("path", type=FILE, default=Path("run.toml"))
def init(path: Path) -> None:
    """Write a configuration file to start from (default: run.toml)."""
    from importlib import resources

    if path.exists():
        raise click.ClickException(f"{path}: exists already; name another file")
    path.write_text(resources.files("pipeline").joinpath("configs", "example.toml").read_text(encoding="utf-8"))
    click.echo(f"wrote {path}: set the paths in [data], then `coarse2fine labels check --config {path}`")


@cli.command()
@config_option
def extract(config_path: Path, overrides: dict[str, Any]) -> None:
    """Decode every title at 1 FPS and write its features."""
    with _locked(config_path, overrides) as config:
        from pipeline.extract_stage import extract as stage

        _finish([(stage(config), None)])


@cli.command("import-features")
@config_option
@click.option("--features", "feature_root", type=FILE, help="Folder of the feature files (default: the media root).")
@click.option("--name", required=True, help="What made the features, for example i3d-rgb; never mixed with others.")
def import_features(config_path: Path, overrides: dict[str, Any], feature_root: Path | None, name: str) -> None:
    """Turn per-title .npy, .npz or .pt features (T, D), one row a second, into shards."""
    with _locked(config_path, overrides) as config:
        from pipeline.extract_stage import import_feature_files

        _finish([(import_feature_files(config, feature_root or config.data.media_folder, name), None)])


@cli.group()
def labels() -> None:
    """Work with label files."""


@labels.command()
@config_option
def check(config_path: Path, overrides: dict[str, Any]) -> None:
    """Report every problem of the manifests and labels at once, and counts beside the paper's Table 1."""
    from data.label_check import check_labels, render_report

    report = check_labels(load_config(config_path, overrides).data)
    _print_lines(render_report(report))
    sys.exit(USAGE if report.errors else 0)


@cli.command()
@config_option
def train(config_path: Path, overrides: dict[str, Any]) -> None:
    """Train, choose thresholds on validation, write the checkpoint; resumes where it was interrupted."""
    with _locked(config_path, overrides) as config:
        from pipeline.train_stage import train as stage

        _finish([(stage(config), None)])


@cli.command()
@config_option
@click.option("--split", type=click.Choice(SPLITS), help="Only the titles of this split.")
def infer(config_path: Path, overrides: dict[str, Any], split: str | None) -> None:
    """Score titles and write segments, titles and scores."""
    with _locked(config_path, overrides) as config:
        from pipeline.infer_stage import infer as stage

        _finish([(stage(config, split), None)])


@cli.command()
@click.option("--config", "config_path", type=FILE, help="The run's TOML file.")
@click.option("--set", "overrides", multiple=True, metavar="SECTION.KEY=VALUE", callback=_assignment, help="Override.")
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
        from pipeline.evaluate_stage import evaluate_foreign

        settings = EvaluateSettings.model_validate(overrides.get("evaluate", {}))
        _print_evaluation(
            evaluate_foreign(ground_truth, predictions, subset=subset, official=official, settings=settings)
        )
        return
    if config_path is None:
        raise click.UsageError("give --config, or both --ground-truth and --predictions")
    from pipeline.evaluate_stage import evaluate as stage

    result, evaluation = stage(load_config(config_path, overrides), split, run_dir)
    _finish([(result, evaluation)])


@cli.command()
@config_option
def run(config_path: Path, overrides: dict[str, Any]) -> None:
    """Extract, train (unless a checkpoint is named), infer and evaluate; only what is not done yet."""
    with _locked(config_path, overrides) as config:
        from pipeline.run_stage import run as stages

        _finish(stages(config))


@cli.command()
@click.argument("videos", nargs=-1, required=True, type=FILE)
@click.option("--checkpoint", type=FILE, required=True, help="Checkpoint folder.")
@click.option("--out", type=FILE, default=Path("moderation"), show_default=True, help="Folder for the results.")
def moderate(videos: tuple[Path, ...], checkpoint: Path, out: Path) -> None:
    """Find segments in video files, and print them; no configuration needed."""
    from pipeline.moderate import moderate as stage

    result = stage(videos, checkpoint, out)
    _print_segments(result.path)
    _finish([(result, None)])


@cli.command()
@click.option("--out", type=FILE, default=Path("demo-output"), show_default=True, help="Folder for everything.")
@click.option("--titles", default=36, show_default=True, type=click.IntRange(min=12), help="Size of the catalogue.")
@click.option("--seed", default=0, show_default=True, help="Another seed, another catalogue.")
def demo(out: Path, titles: int, seed: int) -> None:
    """Make a small catalogue of videos and run everything on it: extract, train, infer, evaluate."""
    from pipeline.demo import DEMO_SPLIT
    from pipeline.demo import demo as stages

    with folder_lock(out):
        for outcome in stages(out, titles=titles, seed=seed):
            _print_outcome(*outcome)
    _print_segments(out / "work" / "current")
    click.echo(f"The titles above are the {DEMO_SPLIT} split, which training never saw; two of its files are broken.")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        cli.main(arguments, prog_name="coarse2fine", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(USAGE)
    except ModerationError as error:
        click.echo(f"coarse2fine: {error}", err=True)
        sys.exit(error_exit_code(error))
    except (KeyboardInterrupt, click.Abort):
        click.echo("coarse2fine: interrupted; what is written is whole, run it again to go on", err=True)
        sys.exit(INTERRUPTED)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def _locked(config_path: Path, overrides: dict[str, Any]) -> Iterator[Config]:
    config = load_config(config_path, overrides)
    with folder_lock(config.work_dir):
        yield config


def _finish(outcomes: Iterable[tuple[StageResult, Evaluation | None]]) -> None:
    """Print each stage's outcome as it ends, and exit with the worst code."""
    worst = 0
    for result, evaluation in outcomes:
        _print_outcome(result, evaluation)
        worst = max(worst, result.exit_code)
    sys.exit(worst)


def _print_outcome(result: StageResult, evaluation: Evaluation | None) -> None:
    if evaluation is not None:
        _print_evaluation(evaluation)
    click.echo(f"{result.summary}\n  -> {result.path}")


def _print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


def _print_evaluation(evaluation: Evaluation) -> None:
    from pipeline.summary import print_evaluation

    print_evaluation(evaluation)


def _print_segments(run_dir: Path) -> None:
    from pipeline.summary import print_run

    print_run(run_dir)
