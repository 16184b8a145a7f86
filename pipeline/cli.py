"""The command line ``coarse2fine``: its commands, its log lines, its exit codes.

Stages are imported when they run, so that ``--help`` does not wait for torch.
"""

from __future__ import annotations

import io
import logging
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

import click

from data.byte_names import WITH_BYTES
from data.errors import ModerationError
from pipeline import launch
from pipeline.commands import (
    benchmark,
    doctor,
    explain,
    export,
    files,
    labels,
    report,
    review,
    runs,
    stages,
    synthetic,
    thresholds,
)
from pipeline.commands.sections import SectionedGroup
from pipeline.crash import crash_line
from pipeline.progress import LogLines
from pipeline.runs.os_fault import os_fault
from pipeline.stage_result import CRASHED, INTERRUPTED, UNREAD, USAGE, UnreadError, error_exit_code

PACKAGES = ("data", "extract", "infer", "model", "pipeline")
"""Whose log lines -vv shows all of; other libraries' are left out."""


@click.group(cls=SectionedGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-v", "--verbose", count=True, help="Log stages and epochs, also on a terminal; -vv: everything.")
@click.version_option(package_name="coarse2fine")
@click.pass_context
def cli(context: click.Context, verbose: int) -> None:
    """Find sex, nudity, violence and drug-use in movies and episodes: video files to a table of segments.

    Exit codes: 0 done; 1 finished, but some titles were not read to their end; 2 usage or configuration; 3 another run
    holds the lock; 4 nothing could be scored; 5 aborted, a fault of the installation; 70 an unexpected error, which
    crash.log tells of; 130 interrupted; 141 nobody reads what is printed.
    """
    command = context.invoked_subcommand
    if launch.launched() and command != "train":
        raise click.UsageError(f"torchrun starts `train` only, not `{command}`; run `coarse2fine {command}` without it")
    level = logging.INFO if (verbose or not sys.stderr.isatty()) and launch.is_first() else logging.WARNING
    where = " %(name)s" if verbose > 1 else ""  # which module says it helps who looks for a fault, and nobody else
    logging.basicConfig(
        level=level,
        handlers=[LogLines()],
        format=f"%(asctime)s %(levelname)s{where} %(message)s",
        datefmt="%Y-%m-%d %H:%M:%S",
    )
    if verbose > 1 and launch.is_first():
        for package in PACKAGES:
            logging.getLogger(package).setLevel(logging.DEBUG)


SECTIONS = {
    "First steps": (files.demo, files.moderate, labels.init, doctor.doctor),
    "One stage at a time": (
        *(stages.extract, stages.import_features, stages.train, stages.infer, stages.evaluate),
        *(labels.labels, thresholds.thresholds),
    ),
    "All of them, every night": (
        *(runs.plan, runs.run, runs.retry, runs.quarantine, runs.runs, runs.diff, runs.rollback, runs.gc),
    ),
    "See, correct, hand on": (report.report, review.review, explain.explain, report.figures, export.export),
    "Research": (benchmark.benchmark, synthetic.synthetic),
}
for section, commands in SECTIONS.items():
    for command in commands:
        cli.add_command(command)
        cli.sections.setdefault(section, []).append(command.name or "")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=WITH_BYTES)
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as of nohup
        signal.signal(signal.SIGHUP, _interrupt)
    try:
        _to_the_end(arguments)
    except UnreadError:
        _drop_output()
        sys.exit(UNREAD)
    except click.ClickException as error:
        error.show()
        sys.exit(USAGE)
    except ModerationError as error:
        click.echo(f"coarse2fine: {error}", err=True)
        sys.exit(error_exit_code(error))
    except OSError as error:  # of one title it would have been recorded with the title
        fault = os_fault(error)
        _drop_output()
        click.echo(f"coarse2fine: {fault}", err=True)
        sys.exit(error_exit_code(fault))
    except (KeyboardInterrupt, click.Abort):
        click.echo("coarse2fine: interrupted; what is written is whole, run it again to go on", err=True)
        sys.exit(INTERRUPTED)
    except Exception as error:
        _drop_output()
        click.echo(f"coarse2fine: {crash_line(error)}", err=True)
        sys.exit(CRASHED)


def _to_the_end(arguments: Sequence[str] | None) -> None:
    """Run the command line, and have all of its output written before it ends."""
    try:
        cli.main(arguments, prog_name="coarse2fine", standalone_mode=False)
    except SystemExit:
        _flush()
        raise
    _flush()


def _flush() -> None:
    try:
        if sys.stdout is not None:  # closed by whoever started this
            sys.stdout.flush()
    except BrokenPipeError as error:
        raise UnreadError from error


def _drop_output() -> None:
    """Give up what standard output still holds, if it cannot be written: Python would end with a code of its own."""
    try:
        _flush()
    except (UnreadError, OSError, ValueError):
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  for the rest of the process


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
