"""The command that says why."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.commands.terminal import FILE, print_lines


@click.command()
@click.argument("title_id")
@click.option("--run", "run_dir", type=FILE, required=True, help="A run's folder, for example work/current.")
@click.option(
    "--misses", default=5, show_default=True, type=click.IntRange(min=0), help="How many near misses to show."
)
@click.option("--plot", type=FILE, help="PNG for the score curves.")
def explain(title_id: str, run_dir: Path, misses: int, plot: Path | None) -> None:
    """Print why each segment of a title is there, and what was nearly one."""
    from pipeline.stages.explain import explain as stage

    print_lines(stage(run_dir, title_id, misses=misses, plot=plot))
