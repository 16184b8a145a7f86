"""The command that chooses flag thresholds for what an operator wants."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.commands.completion import complete_label
from pipeline.commands.terminal import config_option, finish, locked

if TYPE_CHECKING:
    from infer.operating_point import Goal


class _Finite(click.FloatRange):
    """A number in a range; ``nan`` is in none, though no comparison says so."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is no number to compute with", param, ctx)
        return number


SHARE = _Finite(0, 1, min_open=True)


@click.command()
@config_option
@click.option(
    "--label",
    "labels",
    multiple=True,
    shell_complete=complete_label,
    help="Only this label; may be repeated (default: all).",
)
@click.option(
    "--recall", type=SHARE, help="Find at least this share of the clips, with as few false flags as possible."
)
@click.option("--precision", type=SHARE, help="At least this share of the flagged segments lies on a clip.")
@click.option("--fp-per-hour", type=_Finite(0), help="At most so many false flags an hour.")
@click.option("--json", "as_json", is_flag=True, help="Print what was chosen as JSON, and nothing else.")
@click.option("--write", "store", is_flag=True, help="Store what was chosen in the checkpoint.")
def thresholds(
    config_path: Path,
    overrides: dict[str, Any],
    labels: tuple[str, ...],
    recall: float | None,
    precision: float | None,
    fp_per_hour: float | None,
    as_json: bool,
    store: bool,
) -> None:
    """Choose flag thresholds on validation for a wanted recall, precision, or false flags per hour.

    Prints what is reached, and how sure that is with so few clips, and writes each label's curve to
    WORK_DIR/thresholds. The checkpoint changes with --write only; the next infer then makes a new run.
    """
    goal = _goal(recall, precision, fp_per_hour)
    with locked(config_path, overrides) as config:
        from pipeline.stage_result import StageResult
        from pipeline.stages.thresholds import choice_record, choose_thresholds, curves_folder, store_thresholds
        from pipeline.summary import open_console
        from pipeline.threshold_table import print_choices, remarks

        choices = choose_thresholds(config, labels, goal)
        if as_json:
            chosen = {
                choice.label: {
                    "flag_before": choice.before.flag,
                    "flag": choice.after.flag,
                    "title_before": choice.before.title,
                    "title": choice.after.title,
                    "frame": choice.after.frame,
                    "reached": choice.reached,
                    **choice_record(choice),
                    "remarks": list(remarks(choice)),
                }
                for choice in choices
            }
            click.echo(json.dumps(chosen, indent=2, allow_nan=False))
        else:
            print_choices(open_console(), choices)
        hint = "thresholds: nothing stored, add --write to store them; the curves are here"
        result = store_thresholds(config, choices) if store else StageResult(hint, curves_folder(config))
        if not as_json:
            finish([(result, None)])


def _goal(recall: float | None, precision: float | None, fp_per_hour: float | None) -> Goal:
    from infer.operating_point import Goal, Wanted

    asked: dict[Wanted, float | None] = {"recall": recall, "precision": precision, "false_per_hour": fp_per_hour}
    goals = [Goal(wanted, value) for wanted, value in asked.items() if value is not None]
    if len(goals) != 1:
        raise click.UsageError("give one of --recall, --precision and --fp-per-hour")
    return goals[0]
