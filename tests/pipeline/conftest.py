"""A small catalogue of feature files: 14 titles of two minutes; two of eight feature dimensions mark labels."""

from pathlib import Path

import numpy as np
import pytest

SPLITS = ["train"] * 8 + ["val"] * 3 + ["test"] * 3
CONFIG = """
work_dir = "work"
[data]
titles = "titles.csv"
video_labels = "video_labels.csv"
clip_labels = "clip_labels.csv"
labels = ["smoking", "violence"]
[model]
conv_channels = 16
fc_channels = [16, 16]
top_k_divisor = 16
[train]
epochs = 12
learning_rate = 1e-2
batch_size = 4
device = "cpu"
[infer]
device = "cpu"
"""


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    """Write the catalogue and its run.toml; return the TOML's path."""
    rng = np.random.default_rng(0)
    titles = ["title_id,path,duration_s,split"]
    video = ["title_id,label,present"]
    clips = ["title_id,label,start_s,end_s,kind"]
    (tmp_path / "features").mkdir()
    for number, split in enumerate(SPLITS):
        title_id = f"t{number:02d}"
        features = rng.normal(0, 0.3, (120, 8))
        for c, label in enumerate(["smoking", "violence"]):
            present = (number + c) % 3 != 0
            video.append(f"{title_id},{label},{int(present)}")
            if not present:
                continue
            for occurrence, start in enumerate(sorted(rng.choice(np.arange(10, 100, 25), 2, replace=False) + 10 * c)):
                features[start : start + 8, c] += 2
                kinds = ["first_occurrence"] * (occurrence == 0) + ["all_occurrence"] * (split != "train")
                clips += [f"{title_id},{label},{start},{start + 8},{kind}" for kind in kinds]
        np.save(tmp_path / "features" / f"{title_id}.npy", features.astype(np.float32))
        titles.append(f"{title_id},features/{title_id}.npy,120,{split}")
    for name, lines in (("titles", titles), ("video_labels", video), ("clip_labels", clips)):
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "run.toml").write_text(CONFIG)
    return tmp_path / "run.toml"
