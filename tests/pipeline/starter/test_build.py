"""The build of the starter, on a composed data set of noise in which one dimension marks each label."""

import json

import numpy as np
import pytest

from data.errors import ConfigError
from model.checkpoint import load_network
from pipeline.starter.build import LABELS, NOTICE, build_starter

SMALL = {
    "model": {"conv_channels": 8, "fc_channels": [8, 8], "input_dropout": 0.0, "top_k_divisor": 8},
    "train": {"epochs": 2, "patience": 2, "device": "cpu"},
    "infer": {"device": "cpu"},
    "evaluate": {"bootstrap_draws": 20},
}


def composed(folder, width):
    """Write 6 train, 4 val and 4 test titles of a minute; every third is without a label."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 6), ("val", 4), ("test", 4)):
        (folder / split / "features").mkdir(parents=True)
        titles, video = ["title_id,path,duration_s,split"], ["title_id,label,present"]
        clips = ["title_id,label,start_s,end_s,kind"]
        for n in range(count):
            title_id, held = f"{split}-{n:04d}", n % 3 != 2
            features = rng.random((60, width))
            titles.append(f"{title_id},features/{title_id}.npy,60,{split}")
            for c, label in enumerate(LABELS):
                video.append(f"{title_id},{label},{int(held)}")
                if held:
                    features[10 * c + n : 10 * c + n + 8, c] = 30
                    span = f"{title_id},{label},{10 * c + n},{10 * c + n + 8}"
                    clips += [f"{span},first_occurrence", f"{span},all_occurrence"]
            np.save(folder / split / "features" / f"{title_id}.npy", features.astype(np.float16))
        for name, lines in (("titles", titles), ("video_labels", video), ("clip_labels", clips)):
            (folder / split / f"{name}.csv").write_text("\n".join(lines) + "\n")


@pytest.mark.slow
def test_a_folder_of_three_splits_becomes_a_checkpoint_for_videos_and_its_card(tmp_path):
    composed(tmp_path / "reels", 1280)
    saved = build_starter(tmp_path / "reels", tmp_path / "work", tmp_path / "out", SMALL)
    network, checkpoint = load_network(tmp_path / "out")
    assert checkpoint == saved
    assert checkpoint.labels == LABELS
    assert checkpoint.notice == NOTICE
    spec = checkpoint.feature_spec
    assert (spec.backbone, spec.framing, spec.letterbox, spec.width) == ("efficientnet-lite0", "full", True, 1280)
    assert checkpoint.training["best_epoch"] == 1  # the last of two
    assert (checkpoint.training["train_titles"], checkpoint.training["val_titles"]) == (6, 4)
    assert checkpoint.trained_on == ("train", "val")

    # what is measured is what is shipped, not the float32 weights it was rounded from
    measured = json.loads((tmp_path / "work" / "current" / "run.json").read_text())
    rounded, _ = load_network(tmp_path / "work" / "rounded")
    assert all(value.equal(network.state_dict()[name]) for name, value in rounded.state_dict().items())
    assert measured["statuses"]
    card = (tmp_path / "out" / "MODEL_CARD.md").read_text()
    assert "| test | 4 | 0 | 3 | 3 | 3 |" in card
    assert saved.model_id in card
    average = checkpoint.training["measured_on_test"]["all-occurrence/mAP"]
    assert f"| {100 * average:.2f} |" in card
    assert "| all-occurrence | trivial row |" in card


@pytest.mark.slow
def test_features_of_another_width_are_refused(tmp_path):
    composed(tmp_path / "reels", 16)
    with pytest.raises(ConfigError, match="features of width 16, but efficientnet-lite0 makes 1280"):
        build_starter(tmp_path / "reels", tmp_path / "work", tmp_path / "out", SMALL)
    assert not (tmp_path / "out").exists()


def test_a_missing_split_is_named(tmp_path):
    composed(tmp_path / "reels", 16)
    (tmp_path / "reels" / "val" / "clip_labels.csv").unlink()
    with pytest.raises(ConfigError, match=r"val/clip_labels.csv: no such file; give a folder with train, val, test"):
        build_starter(tmp_path / "reels", tmp_path / "work", tmp_path / "out", SMALL)
