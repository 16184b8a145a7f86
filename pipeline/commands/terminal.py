"""What every command shares: options, the lock around a run, and printing outcomes.

Results go to standard output; progress, log lines and errors to standard error.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shlex
import sys
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from data.locations import locate
from data.store_path import StorePath
from pipeline.config import CONFIG_NAME, Config, load_config, merged
from pipeline.crash import log_crashes_to
from pipeline.launch import is_first
from pipeline.lock import folder_lock
from pipeline.stage_result import StageResult

if TYPE_CHECKING:
    from infer.evaluation import Evaluation


log = logging.getLogger(__name__)


class _Place(click.ParamType[Path]):
    """A path of this machine, or the URL of a place on a store."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        return value if isinstance(value, Path) else locate(self._said(value, param, ctx))

    def _said(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse an empty path: an unset variable of a shell must not mean the working directory."""
        if not value.strip():
            self.fail("is empty; write . for the working directory", param, ctx)
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Have the shell propose files."""
        return [CompletionItem(incomplete, type="file")]


class _LocalFile(_Place):
    """A path of this machine."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = super().convert(value, param, ctx)
        if isinstance(path, StorePath):
            self.fail(f"{path}: must be on this machine, a URL is not taken here", param, ctx)
        return path


_ASSIGNMENT = re.compile(r"""((?:"(?:[^"\\]|\\.)*"|'[^']*'|[^='"])+)=(.*)""", re.DOTALL)
_UNQUOTED = re.compile(r"([^=]+)=(.*)", re.DOTALL)
FILE = _Place()
LOCAL_FILE = _LocalFile()


def assignment(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> dict[str, Any]:
    """Turn ``section.key=value`` into nested values; a value that is not TOML is text.

    A key that TOML would quote may be quoted: ``infer.thresholds."Long jump".flag=0.3``.
    """
    nested: dict[str, Any] = {}
    for value in values:
        match = _ASSIGNMENT.fullmatch(value) or _UNQUOTED.fullmatch(value)
        if match is None:
            raise click.BadParameter(f"{value!r}: write section.key=value, for example train.epochs=3")
        *sections, key = _keys(match[1])
        text = match[2]
        table = nested
        for section in sections:
            table = table.setdefault(section, {})
            if not isinstance(table, dict):
                raise click.BadParameter(f"{value!r}: {section} was set to a value before; it is a section or a value")
        try:
            table[key] = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            table[key] = text
        except RecursionError as error:
            raise click.BadParameter(f"{key}: nested too deeply") from error
    return nested


def _keys(name: str) -> list[str]:
    """Return the parts of a dotted key, quoted ones without their quotes."""
    try:
        table: Any = tomllib.loads(f"{name} = 0")
    except (tomllib.TOMLDecodeError, RecursionError):
        return name.split(".")
    keys = []
    while isinstance(table, dict):
        ((key, table),) = table.items()
        keys.append(key)
    return keys


set_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="SECTION.KEY=VALUE",
    callback=assignment,
    help="Override a key of the file; may be repeated.",
)


tiou_option = click.option(
    "--tiou",
    metavar="RANGE",
    help="tIoU thresholds to measure at, and to take the mean over: 0.1:0.7:0.1, or 0.3,0.5 (default: [evaluate] "
    "tiou_thresholds).",
)


def with_tiou(overrides: dict[str, Any], tiou: str | None) -> dict[str, Any]:
    """Return overrides with the thresholds of ``--tiou``, where it was given."""
    return overrides if tiou is None else merged(overrides, {"evaluate": {"tiou_thresholds": tiou}})


CONFIG_VARIABLE = "COARSE2FINE_CONFIG"


def find_config(given: Path | None, name: str = CONFIG_NAME) -> Path | None:
    """Return the TOML file to use: the one that was given, else ``run.toml`` here, else what the environment names.

    Which one was taken without being given is logged, for ``-v``. None if there is none of them.
    """
    if given is not None:
        return given
    found = _lying_config(name)
    if found is not None:
        log.debug("configuration: %s (%s)", found.absolute(), "found here" if found == Path(name) else CONFIG_VARIABLE)
    return found


def _lying_config(name: str) -> Path | None:
    named = os.environ.get(CONFIG_VARIABLE, "")
    return Path(name) if Path(name).is_file() else locate(named) if named else None


def config_words(config_path: Path) -> str:
    """Return what must be typed after a command so that it takes this file: nothing where it is found without."""
    return "" if config_path == _lying_config(CONFIG_NAME) else f" --config {shlex.quote(str(config_path))}"


def config_option(command: Any, name: str = CONFIG_NAME) -> Any:
    """Add ``--config``, which is looked for where it is not given, and ``--set`` to a command.

    Args:
        name: the file to look for in the working directory.
    """

    def needed(_context: click.Context, _option: click.Parameter, given: Path | None) -> Path:
        found = find_config(given, name)
        if found is None:
            raise click.UsageError(
                f"no configuration: there is no {name} here and {CONFIG_VARIABLE} is not set; give --config FILE, or "
                "write one with `coarse2fine init`"
            )
        return found

    said = f"The run's TOML file (default: {name} here, else {CONFIG_VARIABLE})."
    return click.option("--config", "config_path", type=FILE, callback=needed, help=said)(set_option(command))


def optional_config(command: Any) -> Any:
    """Add ``--config`` to a command that can do without; it is looked for likewise."""

    def wanted(_context: click.Context, _option: click.Parameter, given: Path | None) -> Path | None:
        return find_config(given)

    said = f"The run's TOML file (default: {CONFIG_NAME} here, else {CONFIG_VARIABLE}, else none)."
    return click.option("--config", "config_path", type=FILE, callback=wanted, help=said)(command)


@contextmanager
def locked(config_path: Path, overrides: dict[str, Any], *, sweeps: bool = True) -> Iterator[Config]:
    """Hold the run's lock while its stages work; of several processes that torchrun started, the first one holds it.

    Args:
        sweeps: what killed runs and writers left is removed first.
    """
    config = load_config(config_path, overrides)
    with folder_lock(config.work_dir) if is_first() else nullcontext():
        log_crashes_to(config.work_dir)
        if sweeps and is_first():
            from pipeline.runs.leftovers import sweep

            sweep(config.work)
        yield config


def finish(outcomes: Iterable[tuple[StageResult, Evaluation | None]]) -> None:
    """Print each stage's outcome as it ends, and exit with the worst code."""
    worst = 0
    for result, evaluation in outcomes:
        print_outcome(result, evaluation)
        worst = max(worst, result.exit_code)
    sys.exit(worst)


def print_outcome(result: StageResult, evaluation: Evaluation | None) -> None:
    """Print what a stage did and where its product is; of several processes, the first one prints."""
    if not is_first():
        return
    if evaluation is not None:
        print_evaluation(evaluation)
    click.echo(f"{result.summary}\n  -> {result.path}")
    if result.notice:
        click.echo(result.notice)


def print_lines(lines: Iterable[str]) -> None:
    """Print lines one by one."""
    for line in lines:
        click.echo(line)


def print_json(value: Any) -> None:
    """Print a result for programs, as one JSON object."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs; see docs/formats.md.")


def print_evaluation(evaluation: Evaluation, *, everything: bool = False, official: bool = False) -> None:
    """Print an evaluation as one table, or as all of them; one by the official evaluator as what that prints."""
    from pipeline import evaluation_table
    from pipeline.summary import open_console

    evaluation_table.print_evaluation(open_console(), evaluation, everything=everything, official=official)
