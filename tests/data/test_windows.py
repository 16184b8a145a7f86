import tracemalloc

import numpy as np
import pytest

from data.labels import Clip, TitleLabels
from data.schemas import Coverage, FeatureSpec
from data.shards import write_shard
from data.targets import frame_targets
from data.windows import (
    COMPARED_BACKGROUND_FRAMES,
    COMPARED_EVENT_FRAMES,
    TitlesOnDemand,
    TrainingTitle,
    choose_window,
    compared_frames,
    epoch_batches,
    load_batch,
)

SPEC = FeatureSpec("imported:test", "", 3, "imported", "imported", False, 0)
LABELS = ("a",)


@pytest.fixture
def titles(tmp_path):
    """Five titles of 4 to 12 frames; feature [i, 0] is the frame number, [i, 1] the title's."""
    made = []
    for number, frames in enumerate([4, 12, 7, 9, 5]):
        features = np.stack([np.arange(frames), np.full(frames, number), np.ones(frames)], axis=1)
        coverage = Coverage(f"t{number}", "", "", "import", "", "", 0, 0, 0, None, float(frames), frames, 0, True, "")
        path = write_shard(tmp_path, SPEC, coverage, np.arange(frames, dtype=float), features)
        labels = TitleLabels(f"t{number}", {"a": True}, {"a": Clip("a", 2, 4)})
        made.append(TrainingTitle(f"t{number}", path, frame_targets(labels, LABELS, frames)))
    return made


def test_a_batch_holds_each_window_at_its_start_and_padding_behind(titles):
    batch = load_batch(titles[:2], window=6, background_share=0.5, rng=np.random.default_rng(0))
    assert batch.features_NTD.shape == (2, 6, 3)
    assert batch.valid_NT.tolist() == [[True] * 4 + [False] * 2, [True] * 6]
    assert not batch.features_NTD[0, 4:].any()
    for name in ("positive_NTC", "known_NTC", "background_NT"):
        assert not getattr(batch, name)[0, 4:].any()
    frame_numbers = batch.features_NTD[1, :, 0].astype(int)
    assert (np.diff(frame_numbers) == 1).all()
    # targets are cut with the same window as the features: the clip is frames 2 and 3
    assert batch.positive_NTC[1, :, 0].tolist() == [number in (2, 3) for number in frame_numbers]


def test_compared_frames_are_events_and_drawn_background_of_the_window(titles):
    batch = load_batch(titles[:2], window=6, background_share=0.5, rng=np.random.default_rng(0))
    for n in range(2):
        compared_K = batch.compared_NK[n][batch.compared_NK[n] >= 0]
        event_T = batch.positive_NTC[n].any(axis=1)
        assert sorted(compared_K) == list(np.flatnonzero(event_T | batch.background_NT[n]))
    assert batch.compared_NK.shape == (2, COMPARED_EVENT_FRAMES + COMPARED_BACKGROUND_FRAMES)


def test_no_more_frames_are_compared_than_were_agreed():
    event_T = np.arange(500) < 200
    compared_K = compared_frames(event_T, ~event_T, np.random.default_rng(0))
    assert len(set(compared_K)) == len(compared_K)
    assert (event_T[compared_K].sum(), (~event_T)[compared_K].sum()) == (
        COMPARED_EVENT_FRAMES,
        COMPARED_BACKGROUND_FRAMES,
    )
    assert len(compared_frames(event_T & False, event_T & False, np.random.default_rng(0))) == 0


def test_long_titles_prefer_windows_with_a_whole_clip():
    labels = TitleLabels("t", {"a": True}, {"a": Clip("a", 500, 510)})
    targets = frame_targets(labels, LABELS, 1000)
    rng = np.random.default_rng(0)
    windows = [choose_window(targets, 50, rng) for _ in range(300)]
    holding = sum(start <= 500 and stop >= 510 for start, stop in windows)
    assert 0.85 < holding / 300 < 0.97
    assert all(0 <= start < stop <= 1000 and stop - start == 50 for start, stop in windows)
    assert len({start for start, _ in windows}) > 30


def test_an_epoch_visits_every_title_once_in_its_own_order(titles):
    def visited(epoch):
        batches = epoch_batches(titles, batch_size=2, window=100, background_share=0.5, seed=3, epoch=epoch)
        return [int(number) for batch in batches for number in batch.features_NTD[:, 0, 1]]

    assert sorted(visited(0)) == [0, 1, 2, 3, 4]
    assert visited(0) == visited(0)
    assert any(visited(0) != visited(epoch) for epoch in range(1, 4))


def test_no_titles_no_batches():
    assert list(epoch_batches([], batch_size=2, window=10, background_share=0.5, seed=0, epoch=0)) == []


def test_every_other_batch_is_short_the_first_included(titles):
    batches = epoch_batches(titles, batch_size=1, window=100, background_share=0.5, seed=0, epoch=0, short_window=3)
    lengths = [batch.valid_NT.shape[1] for batch in batches]
    assert [length == 3 for length in lengths] == [True, False, True, False, True]


def test_titles_on_demand_are_made_when_asked_for_and_may_be_sliced(titles):
    made = []

    def make(number):
        made.append(number)
        return titles[number]

    lazy = TitlesOnDemand(make, range(5))
    assert len(lazy) == 5
    assert made == []
    assert lazy[1:4][1] is titles[2]
    assert made == [2]
    assert [title.title_id for title in lazy[3:]] == ["t3", "t4"]


def test_memory_of_an_epoch_does_not_grow_with_the_number_of_titles(tmp_path):
    frames = 2000
    coverage = Coverage("t", "", "", "import", "", "", 0, 0, 0, None, float(frames), frames, 0, True, "")
    path = write_shard(tmp_path, SPEC, coverage, np.arange(frames, dtype=float), np.ones((frames, 3)))
    labels = TitleLabels("t", {"a": True}, {"a": Clip("a", 200, 220)})

    def peak_bytes(count):
        lazy = TitlesOnDemand(lambda _: TrainingTitle("t", path, frame_targets(labels, LABELS, frames)), range(count))
        tracemalloc.start()
        for _ in epoch_batches(lazy, batch_size=4, window=1500, background_share=0.2, seed=0, epoch=0):
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    peak_bytes(8)  # what is imported and cached once
    assert peak_bytes(500) < 1.1 * peak_bytes(50)
