"""The command that says what this host can do."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from data.counted import counted
from data.stores import configure
from pipeline.commands.terminal import FILE, set_option
from pipeline.config import load_config

PATIENCE_S = 20.0  # with a store


@click.command()
@click.option("--config", "config_path", type=FILE, help="The run's TOML file; without one, the defaults.")
@set_option
@click.option("--strict", is_flag=True, help="Exit with 1 for warnings, too.")
def doctor(config_path: Path | None, overrides: dict[str, Any], strict: bool) -> None:
    """Say what this host has and can enforce: FFmpeg, sandbox, weights, device, disk, stores, cluster.

    Exit code 1 if extraction would fail here, or a decoder could pass its limits.
    """
    from extract.settings import ExtractSettings
    from pipeline.doctor import examine
    from pipeline.store_check import store_uses

    if config_path is None:
        if overrides:
            raise click.UsageError("--set overrides keys of a file; give --config, too")
        settings, work_dir, stores, run = ExtractSettings(), Path.cwd(), [], None
    else:
        config = load_config(config_path, overrides)
        settings, work_dir, stores, run = config.extract, config.work_dir, store_uses(config), config.run
        configure(timeout_s=config.storage.timeout_s, patience_s=min(config.storage.patience_s, PATIENCE_S))
    counts = {"ok": 0, "warning": 0, "failure": 0}
    for finding in examine(settings, work_dir, stores, run):
        counts[finding.state] += 1
        click.echo(f"{finding.state:8}{finding.subject:10}{finding.words}")
    click.echo(f"{counted(counts['failure'], 'failure')}, {counted(counts['warning'], 'warning')}")
    sys.exit(1 if counts["failure"] or (strict and counts["warning"]) else 0)
