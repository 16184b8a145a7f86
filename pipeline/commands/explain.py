"""The command that says why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pipeline.commands.completion import complete_title
from pipeline.commands.terminal import FILE, find_config, print_lines, set_option
from pipeline.config import load_config


@click.command()
@click.argument("title_id", shell_complete=complete_title)
@click.option(
    "--config",
    "config_path",
    type=FILE,
    help="The run's TOML file: the current run, or --run names an id. Looked for where there is no --run.",
)
@set_option
@click.option("--run", "run_dir", type=FILE, help="A run's folder, for example work/current; with --config also an id.")
@click.option(
    "--misses", default=5, show_default=True, type=click.IntRange(min=0), help="How many near misses to show."
)
@click.option("--plot", type=FILE, help="PNG or SVG for the score curves.")
def explain(
    title_id: str,
    config_path: Path | None,
    overrides: dict[str, Any],
    run_dir: Path | None,
    misses: int,
    plot: Path | None,
) -> None:
    """Print why each segment of a title is there, and what was nearly one."""
    config_path = config_path if run_dir is not None else find_config(config_path)
    if config_path is None and run_dir is None:
        raise click.UsageError("name a run: --run FOLDER, or --config FILE for the current one")
    from pipeline.report.run import find_run
    from pipeline.stages.explain import explain as stage

    if config_path is not None:
        run_dir = find_run(load_config(config_path, overrides), run_dir)
    assert run_dir is not None
    print_lines(stage(run_dir, title_id, misses=misses, plot=plot))
