"""Commands for configuration and label files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from pipeline.commands.terminal import FILE, config_option, print_lines
from pipeline.config import load_config
from pipeline.stage_result import USAGE


@click.command()
@click.argument("path", type=FILE, default=Path("run.toml"))
def init(path: Path) -> None:
    """Write a configuration file to start from (default: run.toml)."""
    from importlib import resources

    if path.exists():
        raise click.ClickException(f"{path}: exists already; name another file")
    path.write_text(resources.files("pipeline").joinpath("configs", "example.toml").read_text(encoding="utf-8"))
    click.echo(f"wrote {path}: set the paths in [data], then `coarse2fine labels check --config {path}`")


@click.group()
def labels() -> None:
    """Work with label files."""


@labels.command()
@config_option
def check(config_path: Path, overrides: dict[str, Any]) -> None:
    """Report every problem of the manifests and labels at once, and counts beside the paper's Table 1."""
    from data.label_check import check_labels, render_report

    report = check_labels(load_config(config_path, overrides).data)
    print_lines(render_report(report))
    sys.exit(USAGE if report.errors else 0)
