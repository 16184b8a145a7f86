import hashlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from data.errors import ConfigError
from data.shards import read_shard, shard_path
from extract import decode_worker, title
from extract.backbone import Backbone, Network, feature_spec
from extract.hashing import Hasher
from extract.pyav_writer import write_video
from extract.settings import ExtractSettings
from extract.staleness import judged_alike, manifest_shortfall
from extract.title import ExtractJob, extract_titles

HERE = Path(__file__).parent


class MeanColour(nn.Module):
    """D = 3: the mean level of red, green and blue."""

    def forward(self, pictures):
        return pictures.mean(dim=(2, 3))


class NotingBackbone(Backbone):
    """Notes the size of every batch that it is given."""

    def __call__(self, pictures):
        self.__dict__.setdefault("batches", []).append(len(pictures))
        return super().__call__(pictures)


@pytest.fixture
def backbone(monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))
    monkeypatch.setitem(decode_worker.READERS, "pyav", "fake_reader:FakeReader")
    network = Network(MeanColour(), "ab" * 32, mean=(0.0,) * 3, std=(1 / 255,) * 3, input_px=8)
    noting = NotingBackbone("mean-colour", network, torch.device("cpu"))
    noting.batches.clear()
    noting.at_once, noting.lanes = 1000, 1  # whole batches, one after another
    monkeypatch.setattr(title, "WAITS_S", 600.0)
    return noting


@pytest.fixture
def videos(tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    return folder


def job(videos, name, **options):
    path = videos / name
    path.write_bytes(name.encode())
    return ExtractJob(name, path, f"catalogue/{name}", **options)


def settings(**options):
    return ExtractSettings(**{"decode_workers": 1, "letterbox": False, **options})


def extract(jobs, backbone, folder, **options):
    return {outcome.title_id: outcome for outcome in extract_titles(jobs, settings(**options), backbone, folder)}


def test_a_title_becomes_a_shard_with_its_coverage(videos, backbone, tmp_path):
    outcome = extract([job(videos, "ok-3")], backbone, tmp_path)["ok-3"]
    assert (outcome.status, outcome.error_code, outcome.error) == ("done", "", "")
    shard = read_shard(shard_path(tmp_path, "ok-3"))
    assert shard.features.tolist() == [[10] * 3, [20] * 3, [30] * 3]
    assert shard.pts_s.tolist() == [0.0005, 1.0005, 2.0005]
    assert shard.header.spec == feature_spec(settings(), backbone)
    coverage = shard.header.coverage
    assert coverage == outcome.coverage
    assert (coverage.source, coverage.source_sha256) == ("catalogue/ok-3", hashlib.sha256(b"ok-3").hexdigest())
    assert (coverage.reader, coverage.container, coverage.width_px, coverage.height_px) == ("pyav", "fake", 24, 16)
    assert (coverage.declared_duration_s, coverage.decoded_s, coverage.samples) == (3.0, 3.0, 3)
    assert (coverage.complete, coverage.reason) == (True, "")


def test_a_real_video_through_the_real_reader(videos, backbone, tmp_path, monkeypatch):
    monkeypatch.undo()  # PyAV again
    levels = [40, 90, 140, 190]
    pictures = [np.full((48, 64, 3), level, np.uint8) for level in levels for _ in range(24)]
    video = videos / "steps.mp4"
    write_video(video, pictures, fps=24)
    cut = videos / "cut.mp4"
    write_video(cut, pictures, fps=24, muxer_options={"movflags": "faststart"})
    cut.write_bytes(cut.read_bytes()[:-200])
    jobs = [ExtractJob(path.stem, path, path.name) for path in (video, cut)]
    outcomes = extract(jobs, backbone, tmp_path, letterbox=True)
    assert outcomes["steps"].status == "done"
    shard = read_shard(shard_path(tmp_path, "steps"))
    np.testing.assert_allclose(shard.features.mean(axis=1), levels, atol=3)
    assert shard.pts_s.tolist() == [0, 1, 2, 3]
    assert (shard.header.coverage.codec, shard.header.coverage.decoded_s) == ("h264", 4.0)
    assert outcomes["cut"].status in ("partial", "failed")


def test_progress_is_told_within_a_title_with_the_length_that_its_file_says(videos, backbone, tmp_path):
    told = []
    jobs = [job(videos, "ok-3"), job(videos, "held-2")]
    list(extract_titles(jobs, settings(), backbone, tmp_path, lambda *words: told.append(words)))
    assert told == [("ok-3", 1, 3), ("ok-3", 2, 3), ("ok-3", 3, 3), ("held-2", 1, 2), ("held-2", 2, 2)]


def test_batches_are_filled_across_titles(videos, backbone, tmp_path):
    names = [f"ok-{count}-{index}" for index, count in enumerate([3, 1, 4, 1, 5])]
    outcomes = extract([job(videos, name) for name in names], backbone, tmp_path, batch_size=4, decode_workers=2)
    assert backbone.batches == [4, 4, 4, 2]
    assert {outcome.status for outcome in outcomes.values()} == {"done"}
    for name in names:
        features = read_shard(shard_path(tmp_path, name)).features
        assert features[:, 0].tolist() == [10.0 * (index + 1) for index in range(int(name.split("-")[1]))]


class GatedBackbone(Backbone):
    """Computes nothing until it is let through."""

    def __call__(self, pictures):
        assert self.__dict__.setdefault("gate", threading.Event()).wait(60)
        return super().__call__(pictures)


@pytest.fixture
def gated(backbone):
    gated = GatedBackbone.__new__(GatedBackbone)
    gated.__dict__.update(backbone.__dict__, gate=threading.Event())
    return gated


def test_decoding_goes_on_while_the_network_computes(videos, gated, tmp_path):
    def watch(_, decoded_s, length_s):
        if decoded_s == 5:  # two batches are full
            gated.gate.set()

    (outcome,) = extract_titles([job(videos, "ok-9")], settings(batch_size=2), gated, tmp_path, watch)
    assert (outcome.status, outcome.coverage.samples) == ("done", 9)


def test_decoders_wait_once_three_batches_are_under_way(videos, gated, tmp_path):
    told, full = [], threading.Event()

    def watch(_, decoded_s, length_s):
        told.append(decoded_s)
        if decoded_s == 5:
            full.set()

    def run():
        return list(extract_titles([job(videos, "ok-20")], settings(batch_size=2), gated, tmp_path, watch))

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run)
        assert full.wait(60)
        time.sleep(0.3)
        assert told == [1, 2, 3, 4, 5]  # the sixth is taken, too, and waits for its batch
        gated.gate.set()
        (outcome,) = running.result()
    assert outcome.coverage.samples == 20


def test_features_are_in_order_whichever_lane_ends_first(videos, backbone, tmp_path, monkeypatch):
    def slow_at_first(self, pictures):
        time.sleep(0.1 if pictures[0, 0, 0, 0] in (10, 40) else 0)
        return Backbone.__call__(self, pictures)

    monkeypatch.setattr(NotingBackbone, "__call__", slow_at_first)
    backbone.at_once, backbone.lanes = 1, 3
    extract([job(videos, "ok-7")], backbone, tmp_path, batch_size=3)
    assert read_shard(shard_path(tmp_path, "ok-7")).features[:, 0].tolist() == [10, 20, 30, 40, 50, 60, 70]


def test_torch_keeps_its_threads(videos, backbone, tmp_path):
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        extract([job(videos, "ok-1")], backbone, tmp_path)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_a_held_picture_goes_through_the_network_once(videos, backbone, tmp_path):
    extract([job(videos, "held-6"), job(videos, "equal-5")], backbone, tmp_path)
    assert backbone.batches == [2]
    assert read_shard(shard_path(tmp_path, "held-6")).features.tolist() == [[10] * 3] * 6
    assert read_shard(shard_path(tmp_path, "equal-5")).features.tolist() == [[10] * 3] * 5


def test_a_film_that_stands_still_does_not_hold_up_titles_that_are_read(videos, backbone, tmp_path, monkeypatch):
    monkeypatch.setattr(title, "WAITS_S", 0.2)
    jobs = [job(videos, "hang-1"), job(videos, "ok-2"), job(videos, "ok-3")]
    options = settings(decode_workers=2, no_progress_timeout_s=8.0)
    outcomes = list(extract_titles(jobs, options, backbone, tmp_path))
    assert [(outcome.title_id, outcome.error_code) for outcome in outcomes[-1:]] == [("hang-1", "timeout")]
    assert {outcome.title_id for outcome in outcomes[:-1]} == {"ok-2", "ok-3"}
    assert sum(backbone.batches) == 6


def test_a_bad_title_is_an_outcome_and_the_rest_goes_on(videos, backbone, tmp_path):
    names = ["refused-0", "ok-2", "crash-3", "damaged-1", "ok-1"]
    outcomes = extract([job(videos, name) for name in names], backbone, tmp_path, decode_workers=2)
    assert {name: outcomes[name].error_code for name in names} == {
        "refused-0": "no_video",
        "ok-2": "",
        "crash-3": "decoder_crashed",
        "damaged-1": "decode",
        "ok-1": "",
    }
    failed = outcomes["refused-0"]
    assert (failed.status, failed.coverage) == ("failed", None)
    assert failed.error == "refused-0: no video stream (found audio only)"
    assert sorted(path.name for path in tmp_path.glob("*.parquet")) == ["ok-1.parquet", "ok-2.parquet"]


def test_features_beyond_float16_fail_the_title(videos, backbone, tmp_path):
    engine = backbone._engine
    backbone._engine = lambda pictures: engine(pictures) * 1e5
    outcome = extract([job(videos, "ok-1")], backbone, tmp_path)["ok-1"]
    assert (outcome.status, outcome.error_code) == ("failed", "schema")
    assert "beyond float16" in outcome.error


def test_a_failed_title_leaves_no_older_shard(videos, backbone, tmp_path):
    first = job(videos, "ok-2")
    extract([first], backbone, tmp_path)
    changed = ExtractJob("ok-2", videos / "refused-0", "now broken")
    assert extract([changed], backbone, tmp_path)["ok-2"].status == "failed"
    assert not shard_path(tmp_path, "ok-2").exists()


def test_what_was_not_read_to_its_end_is_partial(videos, backbone, tmp_path):
    outcome = extract([job(videos, "cut-4")], backbone, tmp_path)["cut-4"]
    assert outcome.status == "partial"
    assert (outcome.coverage.complete, outcome.coverage.reason) == (False, "ends early")
    assert outcome.coverage.corrupt_packets == 3


@pytest.mark.parametrize(
    ("promised_s", "status"), [(None, "done"), (4.0, "done"), (6.0, "done"), (6.1, "partial"), (1.0, "done")]
)
def test_the_manifest_must_be_met_within_two_seconds(videos, backbone, tmp_path, promised_s, status):
    outcome = extract([job(videos, "ok-4", declared_duration_s=promised_s)], backbone, tmp_path)["ok-4"]
    assert outcome.status == status
    if status == "partial":
        assert outcome.coverage.reason == "the manifest promises 6.1 s, the video has 4.0 s"


@pytest.mark.parametrize(("promised_s", "met"), [(3636.0, True), (3637.0, False)])
def test_or_within_one_percent(promised_s, met):
    assert (manifest_shortfall(3600.0, promised_s) == "") == met


def test_a_corrected_manifest_judges_the_title_again(videos, backbone, tmp_path):
    coverage = extract([job(videos, "ok-4", declared_duration_s=90.0)], backbone, tmp_path)["ok-4"].coverage
    assert judged_alike(coverage, 90.0)
    assert not judged_alike(coverage, 4.0)
    cut = extract([job(videos, "cut-4", declared_duration_s=90.0)], backbone, tmp_path)["cut-4"].coverage
    assert judged_alike(cut, 4.0)


def test_a_hash_that_the_caller_has_is_not_computed_again(videos, backbone, tmp_path, monkeypatch):
    monkeypatch.setattr(Hasher, "submit", None)
    outcome = extract([job(videos, "ok-1", source_sha256="cd" * 32)], backbone, tmp_path)["ok-1"]
    assert outcome.coverage.source_sha256 == "cd" * 32


def test_a_video_that_vanishes_is_the_titles_fault(videos, backbone, tmp_path):
    gone = job(videos, "ok-1")
    gone.video_path.unlink()
    outcome = extract([gone], backbone, tmp_path)["ok-1"]
    assert (outcome.status, outcome.error_code) == ("failed", "unreadable")


def test_a_fault_of_the_installation_ends_the_run(videos, backbone, tmp_path, monkeypatch):
    def full_disk(*arguments):
        raise OSError(28, "No space left on device")

    jobs = [job(videos, "ok-1"), job(videos, "ok-2")]
    with monkeypatch.context() as patch:
        patch.setattr(title, "write_shard", full_disk)
        with pytest.raises(OSError, match="No space left"):
            extract(jobs, backbone, tmp_path)
    monkeypatch.setitem(decode_worker.READERS, "pyav", "no_such_reader:Reader")
    with pytest.raises(ConfigError, match="choose another `reader`"):
        extract(jobs, backbone, tmp_path)


def test_the_features_of_a_title_do_not_depend_on_its_company(videos, backbone, tmp_path):
    jobs = [job(videos, f"ok-7-{index}") for index in range(3)]
    extract(jobs, backbone, tmp_path / "together", batch_size=5, decode_workers=2)
    extract(jobs[1:2], backbone, tmp_path / "alone", batch_size=2)
    together, alone = (read_shard(tmp_path / name / "ok-7-1.parquet").features for name in ("together", "alone"))
    assert np.array_equal(together, alone)
