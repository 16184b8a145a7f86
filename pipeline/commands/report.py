"""Commands that show a run to people: a report, and figures for papers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from pipeline.commands.completion import complete_title
from pipeline.commands.terminal import FILE, config_option, finish
from pipeline.config import load_config


@click.command()
@config_option
@click.option(
    "--run", "run_dir", type=FILE, help="A run: a folder or (the beginning of) an id. Default: the current one."
)
@click.option("--against", type=FILE, help="The run to compare with, named likewise (default: the one before).")
@click.option("--out", type=FILE, help="HTML file to write (default: report.html in the run's folder).")
@click.option(
    "--benchmark",
    type=FILE,
    help="Folder of benchmark tables (.csv, .md) to show (default: those in the work folder, if any).",
)
@click.option("--thumbnails/--no-thumbnails", default=True, help="Decode small pictures of what was found.")
def report(
    config_path: Path,
    overrides: dict[str, Any],
    run_dir: Path | None,
    against: Path | None,
    out: Path | None,
    benchmark: Path | None,
    thumbnails: bool,
) -> None:
    """Write one HTML file to look at a run: statuses, scores over time, segments, drift, measures, mistakes."""
    from pipeline.report.stage import report as stage
    from pipeline.runs.history import hold_words

    config = load_config(config_path, overrides)
    result = stage(config, run_dir, against=against, out=out, benchmark=benchmark, pictures=thumbnails)
    finish([(replace(result, notice=hold_words(config.work)), None)])


@click.command()
@config_option
@click.option(
    "--title",
    "titles",
    multiple=True,
    shell_complete=complete_title,
    help="Title to draw heat bars of; may be repeated.",
)
@click.option("--out", type=FILE, required=True, help="Folder for the files.")
@click.option(
    "--run", "run_dir", type=FILE, help="A run: a folder or (the beginning of) an id. Default: the current one."
)
@click.option("--reveal", is_flag=True, help="Show pictures of the films as they are, not blurred.")
def figures(
    config_path: Path, overrides: dict[str, Any], titles: tuple[str, ...], out: Path, run_dir: Path | None, reveal: bool
) -> None:
    """Draw the report's figures as PNG and SVG: heat bars of titles, mistakes, precision-recall, reliability, drift."""
    from pipeline.stages.figures import figures as stage

    finish([(stage(load_config(config_path, overrides), titles, out, run_dir, reveal=reveal), None)])
