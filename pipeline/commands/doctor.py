"""The command that says what this host can do, and what is in a file."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from data.counted import counted
from data.errors import ConfigError
from data.stores import configure
from pipeline.commands.terminal import FILE, optional_config, set_option
from pipeline.config import load_config

if TYPE_CHECKING:
    from extract.settings import ExtractSettings

PATIENCE_S = 20.0  # with a store


@click.command()
@click.argument("files", nargs=-1, type=FILE)
@optional_config
@set_option
@click.option("--strict", is_flag=True, help="Exit with 1 for warnings, too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def doctor(
    files: Sequence[Path], config_path: Path | None, overrides: dict[str, Any], strict: bool, as_json: bool
) -> None:
    """Say what this host has and can enforce: FFmpeg, sandbox, weights, device, disk, stores, cluster.

    With FILES, say of each video what is in it, how much of it can be read, where it is damaged, and what to do.

    Exit code 1 if extraction would fail here or a decoder could pass its limits; with FILES, if one of them cannot be
    read to its end.
    """
    from extract.settings import ExtractSettings
    from pipeline.store_check import store_uses

    if config_path is None:
        if overrides:
            raise click.UsageError("--set overrides keys of a file; give --config, too")
        settings, work_dir, stores, run = ExtractSettings(), Path.cwd(), [], None
    else:
        config = load_config(config_path, overrides)
        settings, work_dir, stores, run = config.extract, config.work_dir, store_uses(config), config.run
        configure(timeout_s=config.storage.timeout_s, patience_s=min(config.storage.patience_s, PATIENCE_S))
    if files:
        sys.exit(_examine_files(files, settings, as_json=as_json))
    from pipeline.doctor import Finding, examine

    counts = {"ok": 0, "warning": 0, "failure": 0}
    found: list[Finding] = []
    for finding in examine(settings, work_dir, stores, run):
        counts[finding.state] += 1
        found.append(finding)
        if not as_json:
            click.echo(f"{finding.state:8}{finding.subject:10}{finding.words}")
    if as_json:
        click.echo(json.dumps({"counts": counts, "findings": [asdict(finding) for finding in found]}, indent=2))
    else:
        click.echo(f"{counted(counts['failure'], 'failure')}, {counted(counts['warning'], 'warning')}")
    sys.exit(1 if counts["failure"] or (strict and counts["warning"]) else 0)


def _examine_files(files: Sequence[Path], settings: ExtractSettings, *, as_json: bool) -> int:
    """Print what is found in each file as it is read; return the exit code."""
    from extract.examine import examine_video
    from pipeline import file_doctor
    from pipeline.pace import Pace
    from pipeline.progress import titles_bar

    absent = [path for path in files if not path.exists()]
    if absent:
        raise ConfigError(f"{absent[0]}: no such file; name video files, or none to look at this host")
    not_read = 0
    found: list[dict[str, Any]] = []
    for path in files:
        with titles_bar("doctor", Pace({"": None}), 1) as bar:
            seen = examine_video(path, settings, partial(bar.reading, "", str(path)))
        not_read += seen.verdict != "complete"
        if as_json:
            found.append(file_doctor.as_json(seen))
        else:
            click.echo("\n".join(file_doctor.describe(seen)))
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    return 1 if not_read else 0
