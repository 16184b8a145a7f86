"""Raw video files to segments: real decoding, real ImageNet weights, a network trained on the spot."""

import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from extract.pyav_writer import write_video

FPS, SECONDS = 4, 24
CONFIG = """
work_dir = "work"
[data]
titles = "titles.csv"
clip_labels = "clip_labels.csv"
video_labels = "video_labels.csv"
labels = ["checks"]
[extract]
device = "cpu"
[model]
conv_channels = 16
fc_channels = [16, 16]
top_k_divisor = 8
[train]
epochs = 8
learning_rate = 3e-3
batch_size = 3
device = "cpu"
"""


def film(path: Path, event: tuple[int, int] | None, seed: int) -> None:
    """A film of drifting gradients; during the event it shows a chessboard."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:96, 0:128]
    frames = []
    for number in range(FPS * SECONDS):
        second = number // FPS
        base = (rows + columns + 2 * number + 40 * rng.integers(0, 2)) % 256
        if event is not None and event[0] <= second < event[1]:
            base = np.where(((rows // 12) + (columns // 12) + seed) % 2, 235, 20)
        frames.append(np.stack([base, np.roll(base, 7), 255 - base], axis=2).astype(np.uint8))
    write_video(path, frames, fps=Fraction(FPS))


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    titles, video, clips = ["title_id,path,split"], ["title_id,label,present"], ["title_id,label,start_s,end_s,kind"]
    for number, split in enumerate(["train"] * 5 + ["val"] * 3):
        event = (4 + 2 * number % 11, 9 + 2 * number % 11) if number % 4 != 3 else None
        film(folder / f"film {number}.mp4", event, number)
        titles.append(f"f{number},film {number}.mp4,{split}")
        video.append(f"f{number},checks,{int(event is not None)}")
        if event is not None:
            clips += [
                f"f{number},checks,{event[0]},{event[1]},{kind}" for kind in ("first_occurrence", "all_occurrence")
            ]
    for name, lines in (("titles", titles), ("video_labels", video), ("clip_labels", clips)):
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    (folder / "run.toml").write_text(CONFIG)
    return folder


def test_films_to_a_checkpoint_to_the_segments_of_new_files(catalogue, coarse2fine):
    code, out, err = coarse2fine("run", "--config", catalogue / "run.toml")
    assert code == 0, err
    lines = [line for line in out.splitlines() if not line.startswith(" ")]
    assert [line.split(":")[0] for line in lines[:4]] == ["extract", "train", "infer", "report"]
    assert lines[4].startswith("It looks for checks, and for nothing else")  # no test titles: how sure it is comes last
    assert lines[5].startswith("Flagged from a score of: checks 0.")
    assert lines[6].startswith("Measured on its validation titles, by which its thresholds were chosen, too")
    assert re.match(r"Of the \d+ flags? raised in the ", lines[7])
    doubts = [line for line in lines[8:] if line.startswith("! ")]  # of so small a model some films are flagged whole
    assert all("that is hardly so" in line for line in doubts)
    assert [line.split(":")[0] for line in lines[8 + len(doubts) :]] == ["run"]
    coverage = pd.read_parquet(catalogue / "work" / "coverage.parquet")
    assert (coverage.samples == SECONDS).all()
    assert coverage.complete.all()

    new = catalogue / "new"
    new.mkdir()
    film(new / "Film (2026).mp4", (11, 17), seed=20)
    film(new / "cut.mkv", None, seed=21)
    data = (new / "cut.mkv").read_bytes()
    (new / "cut.mkv").write_bytes(data[: len(data) // 2])
    (new / "notes.mp4").write_text("not a film\n")
    out_dir = catalogue / "moderation"
    arguments = ("moderate", new, "--checkpoint", catalogue / "work" / "checkpoint", "--out", out_dir)
    code, out, _ = coarse2fine(*arguments)
    assert code == 1  # two of three were not read to their end
    titles = pd.read_parquet(out_dir / "current" / "titles.parquet").set_index("title_id")
    assert titles.set_index("name").status.to_dict() == {
        "Film (2026)": "flagged",
        "cut": "partial",
        "notes": "quarantined",
    }
    assert titles.path.tolist() == [str(new / name) for name in ("cut.mkv", "Film (2026).mp4", "notes.mp4")]
    [film_id] = titles.index[titles["name"] == "Film (2026)"]
    segments = pd.read_parquet(out_dir / "current" / "segments.parquet")
    found = segments[(segments.title_id == film_id) & (segments.decision == "flag")]
    assert ((found.start_s < 17) & (found.end_s > 11)).any()
    assert "Film (2026)" in out
    assert "partial" in out

    code, out, _ = coarse2fine(*arguments)
    assert "nothing to do" in out
    assert code == 1
    the_files_beside_films_are_known_wherever_they_are(coarse2fine, new, arguments[2:4])


def the_files_beside_films_are_known_wherever_they_are(coarse2fine, folder: Path, checkpoint) -> None:
    """Walk a library with skip files: moved, called from elsewhere, edited, left out and overwritten."""

    def moderate(*options, out: str = "first"):
        code, printed, errors = coarse2fine(
            "moderate", library, *checkpoint, "--export", "edl", "--out", library.with_name(out), *options
        )
        assert code == 1, errors  # a film that breaks off, and notes
        return printed

    library = folder
    lower = ("--threshold", "0.0001")
    moderate(*lower)  # a second or more of every film
    assert {path.name for path in library.glob("*.edl")} == {"Film (2026).edl", "cut.edl"}
    before = (library / "Film (2026).edl").read_bytes()
    out = moderate(*lower)
    assert "0 .edl written, 2 up to date already; nothing to do" in out

    # a call without the threshold says so; in a renamed folder, with other results, the files are ours
    out = moderate()
    said = "not asked as in the call before: without --threshold 0.0001. To have it as before: coarse2fine moderate "
    assert f"! {said}" in out
    assert (library / "Film (2026).edl").read_bytes() != before
    library = folder.with_name("renamed")
    folder.rename(library)
    out = moderate(*lower, out="second")
    assert "2 .edl written" in out
    assert "left out" not in out
    assert "  its .edl was written all the same; to be without, remove it and leave the film out: --exclude " in out

    # what somebody changed is kept; --overwrite names it, and keeps a copy
    mine = library / "Film (2026).edl"
    mine.write_text("1 2 0\n")
    out = moderate(*lower, out="second")
    assert f"! {mine}: left as it is (not ours, or changed since it was written; --overwrite replaces it)" in out
    out = moderate(*lower, "--overwrite", out="third")
    assert f"! {mine}: replaced; what was there is kept as Film (2026).edl.bak" in out
    assert mine.with_name(f"{mine.name}.bak").read_text() == "1 2 0\n"

    # a film that is left out keeps its file, which is said; one that flags nothing loses it, whoever wrote it
    out = moderate("--threshold", "1", "--exclude", "cut*", "--exclude", "Trailers", out="fourth")
    assert "! no film or folder is like 'Trailers'" in out
    assert "1 file that an earlier call wrote beside films that are left out now stay" in out
    assert f"{mine}: removed (nothing is to be skipped any more)" in out
    assert {path.name for path in library.glob("*.edl*")} == {"cut.edl", "Film (2026).edl.bak"}


def test_a_checkpoint_of_imported_features_cannot_moderate(catalogue, tmp_path, coarse2fine):
    from data.schemas import FeatureSpec, LabelThresholds
    from model.build import build_network
    from model.checkpoint import save_checkpoint
    from model.settings import ModelSettings
    from model.sidecar import Checkpoint

    settings = ModelSettings(conv_channels=2, fc_channels=(2, 2))
    spec = FeatureSpec("imported:i3d", "", 4, "imported", "imported", False, 0)
    network = build_network(settings, width=4, labels=1, seed=0)
    save_checkpoint(tmp_path, network, Checkpoint(settings, ("a",), spec, {"a": LabelThresholds(0, 0.5, 0, 0)}))
    code, _, err = coarse2fine("moderate", catalogue / "film 0.mp4", "--checkpoint", tmp_path)
    assert code == 2
    assert "trained on imported:i3d features, which this program cannot make from a video" in err


def test_a_checkpoint_of_int8_features_needs_their_calibration(tmp_path, monkeypatch):
    from types import SimpleNamespace

    from data.errors import CheckpointError
    from data.schemas import FeatureSpec
    from pipeline.moderate import moderate

    spec = FeatureSpec("resnet50", "ab", 4, "presented-1fps/1", "full", True, 224, "int8:openvino:00")
    monkeypatch.setattr("pipeline.moderate.read_checkpoint", lambda folder: SimpleNamespace(feature_spec=spec))
    with pytest.raises(CheckpointError, match=r"trained on features in int8:openvino:00, .*use `run` with the config"):
        moderate([tmp_path], tmp_path / "checkpoint", tmp_path / "out")
