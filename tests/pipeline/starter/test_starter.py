"""The starter as it is shipped, and `moderate` with it: real decoding, real ImageNet weights, and its own weights."""

import json
from fractions import Fraction

import numpy as np
import pandas as pd
import torch

from extract.backbone import feature_spec, load_backbone
from extract.pyav_writer import write_video
from extract.settings import ExtractSettings
from model.checkpoint import load_network
from pipeline.config import validate
from pipeline.moderate import STARTER
from pipeline.starter.build import LABELS, MAX_BYTES, NOTICE


def test_what_is_shipped_is_small_whole_and_made_for_the_default_features():
    network, checkpoint = load_network(STARTER)
    assert (STARTER / "model.safetensors").stat().st_size <= MAX_BYTES
    assert {value.dtype for value in network.state_dict().values()} == {torch.float32}
    assert checkpoint.labels == LABELS
    assert checkpoint.notice == NOTICE
    settings = ExtractSettings(device="cpu", engine="torch")
    assert checkpoint.feature_spec.difference(feature_spec(settings, load_backbone(settings))) == ""
    assert checkpoint.model_id == json.loads((STARTER / "model.json").read_text())["model_id"]


def test_the_card_is_of_what_is_shipped():
    _, checkpoint = load_network(STARTER)
    card = (STARTER / "MODEL_CARD.md").read_text()
    assert checkpoint.model_id in card
    for said in ("not a safety device", "cuts are synthetic", "research use", "not included", "How to replace it"):
        assert said in card
    average = checkpoint.training["measured_on_test"]["all-occurrence/mAP"]
    assert f"| {100 * average:.2f} |" in card


def test_moderate_without_a_checkpoint_works_and_says_whose_it_is(tmp_path, coarse2fine):
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (96, 128, 3), dtype=np.uint8) for _ in range(10)]
    write_video(tmp_path / "clip.mp4", frames, fps=Fraction(2))
    out = tmp_path / "moderation"
    code, printed, err = coarse2fine("moderate", tmp_path / "clip.mp4", "--out", out)
    assert code == 0, err
    assert NOTICE in printed.splitlines()
    titles = pd.read_parquet(out / "current" / "titles.parquet")
    assert titles.status.isin(["clear", "review", "flagged"]).all()
    scores = pd.read_parquet(out / "current" / "scores.parquet")
    assert len(scores) == 5
    record = json.loads((out / "current" / "run.json").read_text())
    assert record["notice"] == NOTICE
    assert record["model_id"] == load_network(STARTER)[1].model_id

    code, printed, _ = coarse2fine("moderate", tmp_path / "clip.mp4", "--out", out)
    assert code == 0
    assert "nothing to do" in printed
    assert NOTICE in printed.splitlines()


def test_a_run_by_configuration_never_takes_the_starter(tmp_path, coarse2fine):
    """Without a checkpoint of its own it has none."""
    (tmp_path / "titles.csv").write_text("title_id,path\nt,clip.mp4\n")
    (tmp_path / "run.toml").write_text(
        'work_dir = "work"\n[data]\ntitles = "titles.csv"\nlabels = ["intimacy", "violence", "smoking"]\n'
    )
    code, printed, err = coarse2fine("infer", "--config", tmp_path / "run.toml")
    assert code == 2
    assert "no model.json in it; give a folder that `coarse2fine train` wrote" in err
    assert NOTICE not in printed + err
    config = validate({"work_dir": tmp_path, "data": {"titles": tmp_path / "titles.csv"}}, "here")
    assert config.checkpoint_dir == tmp_path / "checkpoint"
