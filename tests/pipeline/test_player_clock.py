"""A film whose pictures begin 3 s after its sound: what people and players read, and write, counts from the sound."""

import json
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from data.catalogue import read_catalogue
from data.schemas import LabelThresholds
from data.shards import read_header, read_shard, shard_path, write_shard
from model.build import build_network
from model.checkpoint import save_checkpoint
from model.settings import ModelSettings
from model.sidecar import Checkpoint
from pipeline import cli
from pipeline.config import load_config
from pipeline.runs.training_plan import inputs_of
from pipeline.score_store import ScoreStore
from pipeline.stages.train import _training_title

LATE_S, SECONDS = 3, 4
FILMS = ("film.mp4", "film.mkv", "film.ts")
CONFIG = """
work_dir = "work"
checkpoint = "checkpoint"
[data]
titles = "titles.csv"
clip_labels = "clip_labels.csv"
labels = ["checks"]
[extract]
device = "cpu"
[infer]
device = "cpu"
"""


def coarse2fine(*arguments):
    with pytest.raises(SystemExit) as caught:
        cli.main([str(argument) for argument in arguments])
    return caught.value.code or 0


@pytest.fixture(scope="module")
def films(tmp_path_factory, film_writer):
    """Extract three films with a label about 5.5 s of the player, and score them by a network that flags all."""
    folder = tmp_path_factory.mktemp("late")
    rows, clips = ["title_id,path,split"], ["title_id,label,start_s,end_s,kind"]
    for name in FILMS:
        grey = (np.full((64, 96, 3), 6 * number, np.uint8) for number in range(10 * SECONDS))
        film_writer(folder / name, grey, picture_start_s=LATE_S, sound_s=8)
        title_id = name.replace(".", "-")
        rows.append(f"{title_id},{name},test")
        clips.append(f"{title_id},checks,5.3,5.7,first_occurrence")
    (folder / "titles.csv").write_text("\n".join(rows) + "\n")
    (folder / "clip_labels.csv").write_text("\n".join(clips) + "\n")
    (folder / "run.toml").write_text(CONFIG)
    assert coarse2fine("extract", "--config", folder / "run.toml") == 0
    settings = ModelSettings(conv_channels=4, fc_channels=(4, 4), top_k_divisor=8)
    spec = header_of(folder, "film-mp4").spec
    network = build_network(settings, width=spec.width, labels=1, seed=0)
    limits = {"checks": LabelThresholds(0.0, 0.0, 0.0, 0.0, 0.0)}
    save_checkpoint(folder / "checkpoint", network, Checkpoint(settings, ("checks",), spec, limits))
    assert coarse2fine("infer", "--config", folder / "run.toml") == 0
    return folder


def header_of(folder, title_id):
    return read_header(shard_path(folder / "work" / "features", title_id))


@pytest.mark.parametrize("title_id", [name.replace(".", "-") for name in FILMS])
def test_segments_titles_and_scores_are_on_the_clock_of_a_player(films, title_id):
    run = films / "work" / "current"
    [row] = pd.read_csv(run / "segments.csv").query("title_id == @title_id").to_dict("records")
    assert (row["start_s"], row["end_s"]) == pytest.approx((LATE_S, LATE_S + SECONDS), abs=0.11)
    title = pd.read_csv(run / "titles.csv").set_index("title_id").loc[title_id]
    assert title.duration_s == pytest.approx(LATE_S + SECONDS, abs=0.11)
    assert title.decoded_s == pytest.approx(SECONDS, abs=0.11)
    assert title.coverage == pytest.approx(1, abs=0.01)
    times_s = pd.read_parquet(run / "scores.parquet").query("title_id == @title_id").time_s.tolist()
    assert times_s == pytest.approx([3, 4, 5, 6], abs=0.06)
    coverage = pd.read_parquet(films / "work" / "coverage.parquet").set_index("title_id").loc[title_id]
    assert coverage.picture_start_s == pytest.approx(LATE_S, abs=0.06)


def test_exports_begin_with_the_pictures(films, tmp_path):
    for form in ("edl", "webvtt", "jellyfin"):
        assert coarse2fine("export", "--config", films / "run.toml", "--format", form, "--out", tmp_path / form) == 0
    edl = (tmp_path / "edl" / "film-mp4.edl").read_text()
    [start, end, _] = edl.splitlines()[-1].split()
    assert (float(start), float(end)) == pytest.approx((3, 7), abs=0.11)
    assert "00:00:03.000 --> 00:00:0" in (tmp_path / "webvtt" / "film-mp4.vtt").read_text()
    jellyfin = json.loads((tmp_path / "jellyfin" / "film-mp4.json").read_text())
    assert '"StartTicks": 30000000' in json.dumps(jellyfin)


@pytest.mark.parametrize("title_id", [name.replace(".", "-") for name in FILMS])
def test_a_label_at_five_and_a_half_seconds_of_a_player_teaches_the_row_that_shows_it(films, title_id):
    config = load_config(films / "run.toml", {})
    labels = read_catalogue(config.data).labels[title_id]
    header = header_of(films, title_id)
    targets = _training_title(config, header, labels).targets
    assert targets.positive_TC[:, 0].nonzero()[0].tolist() == [2]


def test_evaluation_finds_the_label_where_it_was_drawn(films):
    assert coarse2fine("evaluate", "--config", films / "run.toml") == 0
    found = json.loads((films / "work" / "current" / "evaluation-test.json").read_text())
    assert found["judged_protocol"] == "first-occurrence"
    frames = pd.read_csv(films / "work" / "current" / "operator-test.csv").query("label == 'checks'").iloc[0]
    assert (frames.frames, frames.positive_frames) == (9, 3)  # rows at 3, 4 and 5 s of three films; the last is it


def test_a_shard_of_before_has_no_offset_and_features_of_the_same_kind_but_other_scores(films, tmp_path):
    shard = read_shard(header_of(films, "film-mp4").path)
    older = write_shard(tmp_path, shard.header.spec, shard.header.coverage, shard.pts_s, shard.features)
    table = pq.read_table(older)
    coverage = asdict(shard.header.coverage)
    del coverage["picture_start_s"]
    metadata = {**table.schema.metadata, b"coarse2fine.coverage": json.dumps(coverage).encode()}
    pq.write_table(table.replace_schema_metadata(metadata), older, row_group_size=len(table))
    header = read_header(older)
    assert header.coverage.picture_start_s == 0
    assert header.spec.features_id == shard.header.spec.features_id
    [checkpoint] = [path.name for path in (films / "work" / "scores").iterdir()]
    store = ScoreStore(films / "work" / "scores", checkpoint, ("checks",))
    assert not store.has(header)
    assert store.read(shard.header).grid.start_s == shard.header.coverage.picture_start_s


def test_a_checkpoint_is_made_anew_when_labels_meet_other_rows(films):
    config = load_config(films / "run.toml", {})
    catalogue = read_catalogue(config.data)
    header = header_of(films, "film-mp4")
    moved = replace(header, coverage=replace(header.coverage, picture_start_s=4.0))
    before, after = (inputs_of(config, catalogue, [each]) for each in (header, moved))
    assert before != after
    assert before == inputs_of(config, catalogue, [header_of(films, "film-mp4")])
