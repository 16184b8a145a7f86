"""What test titles say of the checkpoint that a run trained, kept with it for those who use it elsewhere.

Thresholds are chosen on validation, so what is measured there flatters them; test titles do not.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from infer.evaluation import Evaluation
from infer.flags_measured import KEY, flags_measured
from model.sidecar import write_sidecar
from pipeline.config import Config
from pipeline.runs.inference_plan import thresholds_record
from pipeline.runs.kept_model import keep_model
from pipeline.runs.own_checkpoint import found_checkpoint

ON_TEST = "its test titles, which it was neither trained nor tuned on"


def keep_test_flags(config: Config, folder: Path, evaluation: Evaluation, split: str) -> None:
    """Record how right flags are on test titles in the checkpoint of this configuration, in the place of validation's.

    Nothing is recorded in a checkpoint that was named instead of trained, of another model or other thresholds than the
    run had, or that was trained on those titles. The model's id stays.

    Args:
        folder: of the run that was measured.
        split: which one was.
    """
    checkpoint = found_checkpoint(config) if config.checkpoint is None else None
    if checkpoint is None or evaluation.operator is None or split in checkpoint.trained_on:
        return
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    same = (record["model_id"], record["thresholds"]) == (checkpoint.model_id, thresholds_record(checkpoint))
    if not same or record["rule"] != "thresholds":
        return
    measured = flags_measured(evaluation.operator, evaluation.protocol, checkpoint.thresholds, ON_TEST)
    if checkpoint.training.get(KEY) != measured:
        write_sidecar(config.checkpoint_dir, replace(checkpoint, training={**checkpoint.training, KEY: measured}))
        keep_model(config.work, config.checkpoint_dir, folder)
