"""Commands that hand a run on to other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from infer.export.settings import FORMATS, Decision, ExportSettings, Format
from pipeline.commands.terminal import FILE, find_config, finish, set_option
from pipeline.config import load_config, validate_section


@click.command()
@click.option("--run", "run_dir", type=FILE, help="A run's folder (default: the current one of --config).")
@click.option("--format", "form", type=click.Choice(FORMATS), required=True, help="What to write; see docs/formats.md.")
@click.option("--out", type=FILE, required=True, help="Folder for the files.")
@click.option(
    "--decision", type=click.Choice(("flag", "all")), default="flag", show_default=True, help="all: near misses, too."
)
@click.option(
    "--config",
    "config_path",
    type=FILE,
    help="The run's TOML file: media paths, item ids, [export]. Looked for where there is no --run.",
)
@set_option
def export(
    run_dir: Path | None,
    form: Format,
    out: Path,
    decision: Decision,
    config_path: Path | None,
    overrides: dict[str, Any],
) -> None:
    """Write a run's segments for players, annotation tools and other programs.

    Severities are never made of scores: --set export.severity.violence=high.
    """
    from pipeline.runs.pointer import current_folder
    from pipeline.stages.export import export as stage
    from pipeline.stages.export import manifest_titles

    config_path = config_path if run_dir is not None else find_config(config_path)
    config = load_config(config_path, overrides) if config_path is not None else None
    if config is not None:
        run_dir = run_dir or current_folder(config.work)
    if run_dir is None:
        raise click.UsageError("give --run, or --config for its current run")
    settings = config.export if config is not None else validate_section(ExportSettings, "export", overrides, "--set")
    result = stage(run_dir, form, out, decision=decision, settings=settings, titles=manifest_titles(config))
    finish([(result, None)])
