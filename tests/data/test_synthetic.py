import csv
import tracemalloc

import numpy as np
import pytest

from data.catalogue import read_catalogue
from data.errors import ConfigError
from data.settings import PAPER_LABELS, DataSettings
from data.shards import list_shards, read_shard, shard_path
from data.synthetic import write_catalogue
from data.synthetic_features import LIKENESS, draw_features, draw_world
from data.synthetic_titles import draw_title
from data.targets import clip_frames


def settings_of(folder):
    return DataSettings(
        titles=folder / "titles.csv", video_labels=folder / "video_labels.csv", clip_labels=folder / "clip_labels.csv"
    )


def test_the_files_say_what_was_drawn(tmp_path):
    seen = []
    write_catalogue(
        tmp_path, titles=24, seed=3, width=4, features_dir=tmp_path / "f", advance=lambda *call: seen.append(call)
    )
    catalogue = read_catalogue(settings_of(tmp_path))
    assert catalogue.problems == ()
    drawn = {title.title_id: title for title in (draw_title(3, index) for index in range(24))}
    assert catalogue.labels == {title_id: title.labels for title_id, title in drawn.items()}
    assert catalogue.splits == {title_id: title.split for title_id, title in drawn.items()}
    headers = {header.title_id: header for header in list_shards(tmp_path / "f")}
    assert {title_id: header.frames for title_id, header in headers.items()} == {
        title_id: title.frames for title_id, title in drawn.items()
    }
    assert {header.spec.features_id for header in headers.values()} == {next(iter(headers.values())).spec.features_id}
    assert seen[-1] == (24, 24, "s3-000023")
    assert len(seen) == 24


def test_a_larger_catalogue_begins_with_the_smaller_one(tmp_path):
    for titles in (3, 6):
        folder = tmp_path / str(titles)
        write_catalogue(folder, titles=titles, width=4, features_dir=folder)
    for name in ("titles.csv", "video_labels.csv", "clip_labels.csv"):
        assert (tmp_path / "6" / name).read_text().startswith((tmp_path / "3" / name).read_text())
    for path in (tmp_path / "3").glob("*.parquet"):
        assert (tmp_path / "6" / path.name).read_bytes() == path.read_bytes()


def test_shards_that_are_there_are_kept_and_others_are_written_anew(tmp_path):
    write_catalogue(tmp_path, titles=2, width=4, features_dir=tmp_path)
    paths = sorted(tmp_path.glob("*.parquet"))
    before = [path.stat().st_mtime_ns for path in paths]
    paths[1].unlink()
    write_catalogue(tmp_path, titles=3, width=4, features_dir=tmp_path)
    assert [path.stat().st_mtime_ns == old for path, old in zip(paths, before, strict=True)] == [True, False]
    write_catalogue(tmp_path, titles=1, width=5, features_dir=tmp_path)
    assert read_shard(paths[0]).features.shape[1] == 5


def test_labels_alone(tmp_path):
    write_catalogue(tmp_path, titles=5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip_labels.csv", "titles.csv", "video_labels.csv"]
    with (tmp_path / "video_labels.csv").open() as handle:
        assert len(list(csv.DictReader(handle))) == 5 * len(PAPER_LABELS)


def test_what_makes_no_sense_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="0 titles of width None; both must be at least 1"):
        write_catalogue(tmp_path, titles=0)
    with pytest.raises(ConfigError, match="without a folder to write them to; give features_dir"):
        write_catalogue(tmp_path, titles=1, width=4)


def test_memory_does_not_grow_with_the_catalogue(tmp_path):
    peaks = []
    write_catalogue(tmp_path / "warm", titles=1, width=4, features_dir=tmp_path / "warm")
    for titles in (8, 64):
        folder = tmp_path / str(titles)
        tracemalloc.start()
        write_catalogue(folder, titles=titles, width=4, features_dir=folder)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0] + 500_000


@pytest.fixture(scope="module")
def world():
    return draw_world(0, 32)


def test_events_and_look_alikes_are_alike_but_not_the_same(world):
    cosines = world.event_CD @ world.alike_CD.T
    assert np.diag(cosines) == pytest.approx([LIKENESS] * 4, abs=1e-5)
    assert np.linalg.norm(world.alike_CD, axis=1) == pytest.approx([1.0] * 4, abs=1e-5)


def test_frames_of_a_scene_look_alike_and_cuts_are_sudden(world):
    features_TD = draw_features(world, 0, draw_title(0, 0)).astype(np.float64)
    step_T = np.linalg.norm(np.diff(features_TD, axis=0), axis=1)
    # within a shot only noise moves: sqrt(2 x 32) x 0.3 = 2.4
    assert np.median(step_T) == pytest.approx(2.4, rel=0.1)
    # a new shot adds 4, a new scene 8
    assert (step_T > 2.7 * np.median(step_T)).mean() == pytest.approx(1 / 60, rel=0.8)


def test_an_event_shows_in_most_of_its_frames_and_look_alikes_elsewhere(world):
    inside, outside = [], []
    for index in range(30):
        title = draw_title(0, index)
        shown_T = draw_features(world, 0, title).astype(np.float64) @ world.event_CD[2]
        held_T = np.zeros(title.frames, dtype=bool)
        for clip in title.labels.occurrences:
            if clip.label == "violence":
                held_T[clip_frames(clip, title.frames)] = True
        inside.append(shown_T[held_T])
        outside.append(shown_T[~held_T])
    inside, outside = np.concatenate(inside), np.concatenate(outside)
    assert inside.mean() - outside.mean() == pytest.approx(0.8 * 3.0, rel=0.35)
    # the weakest frames of an event are cutaways, the strongest others are look-alikes
    assert np.quantile(inside, 0.1) < outside.mean() + 1.5
    assert np.quantile(outside, 0.99) > np.median(inside) - 1.0


def test_features_depend_on_seed_and_width_alone(world):
    title = draw_title(0, 1)
    once, again = (draw_features(draw_world(0, 32), 0, title) for _ in range(2))
    assert once.dtype == np.float16
    np.testing.assert_array_equal(once, again)
    assert (draw_features(world, 1, title) != once).any()


def test_the_paths_of_shards_are_those_of_the_pipeline(tmp_path):
    write_catalogue(tmp_path, titles=1, width=4, features_dir=tmp_path)
    assert shard_path(tmp_path, "s0-000000").is_file()
