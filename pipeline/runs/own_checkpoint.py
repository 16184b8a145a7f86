"""The checkpoint that a configuration finds before a training: is it whole, and what did somebody choose for it?"""

from __future__ import annotations

import shlex
from contextlib import suppress

from data.errors import CheckpointError
from model.sidecar import SIDECAR_NAME, Checkpoint, read_checkpoint
from pipeline.config import Config
from pipeline.runs.pointer import current_run

GOAL_OPTIONS = {"recall": "--recall", "precision": "--precision", "false_per_hour": "--fp-per-hour"}
"""How `thresholds` is asked for each goal that a checkpoint records."""


def found_checkpoint(config: Config) -> Checkpoint | None:
    """Return the checkpoint that is there, None if there is none that can be read."""
    with suppress(CheckpointError):
        return read_checkpoint(config.checkpoint_dir)
    return None


def checkpoint_damage(config: Config) -> str:
    """Say what is wrong with the checkpoint that is there, and which one could be taken back; empty if nothing is.

    Its weights are not read: kept scores may be enough.
    """
    if not (config.checkpoint_dir / SIDECAR_NAME).is_file():
        return ""
    try:
        read_checkpoint(config.checkpoint_dir)
    except CheckpointError as error:
        said = f"the checkpoint is damaged: {error}"
        run_id = current_run(config.work)
        if run_id is not None and (config.work.runs / run_id / SIDECAR_NAME).is_file():
            said += f"; or take back the model that is kept of the run in force: `coarse2fine rollback {run_id}`"
        return said
    return ""


def lost_choices(config: Config) -> tuple[list[str], tuple[tuple[str, str], ...]]:
    """Say which thresholds somebody chose for the checkpoint that is there, and what to type for the next one.

    Those that were stored are gone with it. Those of the configuration stay, but were chosen by the scores of another
    network.
    """
    before = found_checkpoint(config)
    if before is None:
        return [], ()
    chosen = {label: goal for label, goal in before.training.get("chosen", {}).items() if label in config.data.labels}
    said, then = [], []
    if chosen:
        said.append(
            f"the thresholds of {', '.join(sorted(chosen))} that were stored in the checkpoint of before are not those "
            "of the new one; choose them again with `coarse2fine thresholds`"
        )
    by_goal: dict[str, list[str]] = {}
    for label, goal in sorted(chosen.items()):
        option = f"{GOAL_OPTIONS[goal['wanted']]} {goal['value']:g}"
        by_goal.setdefault(option, []).append(f"--label {shlex.quote(label)}")
    for option, labels in by_goal.items():
        then.append(
            (f"thresholds {' '.join(labels)} {option} --write", "chooses thresholds for the new model as before")
        )
    own = sorted(config.infer.thresholds)
    if own:
        said.append(
            f"the thresholds of {', '.join(own)} in [infer.thresholds] were set for the model of before and are "
            "used with the new one, whose scores are others: look at them again"
        )
        then.append(("diff previous", f"says what the new model changes with the thresholds of {', '.join(own)}"))
    return said, tuple(then)
