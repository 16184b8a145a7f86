"""The command that measures every method on one data set."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from pipeline.commands.terminal import config_option, finish, locked, tiou_option, with_tiou

bench_option = partial(config_option, name="bench.toml")


@click.command()
@bench_option
@tiou_option
def benchmark(config_path: Path, overrides: dict[str, Any], tiou: str | None) -> None:
    """Train every method over several seeds and write the paper's Tables 1 to 5; resumes where it was interrupted.

    Features must be there: extract or import them with the same file first. Exit code 1: some runs failed.
    """
    overrides = with_tiou(overrides, tiou)
    with locked(config_path, overrides):
        from pipeline.benchmark.stage import benchmark as stage

        finish([(stage(config_path, overrides), None)])
