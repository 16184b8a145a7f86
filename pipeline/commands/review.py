"""Commands for reviewing: the page, and how far reviewers agree."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from data.counted import counted
from data.errors import ConfigError
from pipeline.commands.terminal import FILE, LOCAL_FILE, config_option, print_lines, set_option
from pipeline.config import load_config

EXTRA = ("fastapi", "starlette", "uvicorn")


@click.group(invoke_without_command=True)
@click.option("--config", "config_path", type=FILE, help="The run's TOML file.")
@set_option
@click.option("--run", "run_dir", type=FILE, help="A run's folder or id (default: the current one).")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="On 127.0.0.1 (default 0: any that is free).")
@click.option("--reviewer", help="Your name in the log (default: that of the user).")
@click.option("--log", type=LOCAL_FILE, help="File to write to (default: review.jsonl in the work folder).")
@click.pass_context
def review(
    context: click.Context,
    config_path: Path | None,
    overrides: dict[str, Any],
    run_dir: Path | None,
    port: int,
    reviewer: str | None,
    log: Path | None,
) -> None:
    """Serve a page on this machine to watch, correct and label what a run found; ends with Ctrl-C."""
    if context.invoked_subcommand is not None:
        return
    if config_path is None:
        raise click.MissingParameter(param_hint="'--config'", param_type="option", ctx=context)
    try:
        from pipeline.review.server import serve
    except ModuleNotFoundError as error:
        if error.name not in EXTRA:
            raise
        raise ConfigError(
            f"`coarse2fine review` needs {error.name}, which is not installed; "
            "in the project's folder: pip install -c constraints.txt '.[review]'"
        ) from error
    from pipeline.review.stage import open_session

    session = open_session(load_config(config_path, overrides), run_dir, reviewer, log)
    print_lines(map(str, session.log.content.problems))
    path = session.log.content.path
    before = len(session.log.content.entries)
    with suppress(KeyboardInterrupt):  # the usual end
        serve(session, port, lambda url: click.echo(f"review of run {session.run.run_id} by {session.reviewer}: {url}"))
    if path.exists():
        session.log.refresh()
    click.echo(f"review: {counted(len(session.log.content.entries) - before, 'action')}\n  -> {path}")


@review.command()
@config_option
@click.option("--review", "logs", multiple=True, type=FILE, help="A log; may be repeated (default: the work folder's).")
def agreement(config_path: Path, overrides: dict[str, Any], logs: tuple[Path, ...]) -> None:
    """Print how far every two reviewers agree: Cohen's kappa of verdicts, overlap and distance of edges."""
    from pipeline.review.stage import agreement_lines

    print_lines(agreement_lines(load_config(config_path, overrides), logs))
