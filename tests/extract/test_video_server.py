"""Films on a store, read by a decode process that has no network: against the same files on disk.

``memory://`` is a store of this process alone, so whatever the decode process gets, it was served.
"""

import hashlib
import json
import os
import socket
import threading
import time

import numpy as np
import pytest

from data.errors import StoreError
from data.locations import locate
from data.ranges import BLOCK_BYTES
from data.stores import configure
from extract import sandbox_trial
from extract.decode_pool import Limits, Sample, TitleEnd, decode
from extract.decode_worker import READERS, WorkerConfig
from extract.sandbox import missing
from extract.sandbox_trial import Measure

PATIENT = Limits(workers=1, no_progress_timeout_s=60, title_timeout_s=120)
TIMES_S = [number / 10 for number in range(45)]
FORMS = {
    "end.mp4": {},
    "start.mp4": {"muxer_options": {"movflags": "faststart"}},
    "fragments.mp4": {"muxer_options": {"movflags": "frag_keyframe+empty_moov"}},
    "film.mkv": {},
    "film.ts": {},
    "film.avi": {"codec": "mpeg4", "at_fps": True, "fps": 10, "options": {}},
    "film.webm": {"codec": "libvpx", "options": {"cpu-used": "8"}},
}


@pytest.fixture
def films():
    folder = locate("memory://films/test-video-server")
    yield folder
    for path in list(folder.files_below()):
        path.unlink()


@pytest.fixture(autouse=True)
def _impatient():
    configure(timeout_s=5, patience_s=0.5)
    yield
    configure(timeout_s=30, patience_s=180)


def read(path, limits=PATIENT, sandbox="available"):
    *samples, end = decode([path], WorkerConfig(READERS["pyav"], "full", False, 32, 4096, sandbox=sandbox), limits)
    assert isinstance(end, TitleEnd) and all(isinstance(sample, Sample) for sample in samples)
    return samples, end


def upload(film, folder):
    path = folder / film.name
    path.write_bytes(film.read_bytes())
    return path


@pytest.mark.parametrize("name", FORMS)
def test_a_served_film_gives_what_the_file_gives(clip, films, name):
    film = clip(name, TIMES_S, **FORMS[name])
    expected, end = read(film)
    served, served_end = read(upload(film, films))
    assert [(sample.pts_s, sample.pixels is None) for sample in served] == [
        (sample.pts_s, sample.pixels is None) for sample in expected
    ]
    for sample, wanted in zip(served, expected, strict=True):
        assert wanted.pixels is None or np.array_equal(sample.pixels, wanted.pixels)
    assert (served_end.info, served_end.report, served_end.error) == (end.info, end.report, None)
    assert len(expected) > 3
    assert served_end.sha256.result(10) == hashlib.sha256(film.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ["end.mp4", "film.mkv", "film.ts", "film.avi"])
def test_a_cut_film_is_judged_alike(clip, films, name):
    film = clip(name, TIMES_S, **FORMS[name])
    film.write_bytes(film.read_bytes()[: int(film.stat().st_size * 0.7)])
    expected, end = read(film)
    served, served_end = read(upload(film, films))
    assert len(served) == len(expected)
    assert served_end.report == end.report
    assert (served_end.error is None) == (end.error is None)
    assert end.error is not None or not end.report.complete


def test_text_is_refused_and_a_missing_object_is_its_titles_fault(films):
    (films / "list.mp4").write_bytes(b"#EXTM3U\nhttp://127.0.0.1/other.ts\n")
    assert read(films / "list.mp4")[1].error.code == "refused_format"
    error = read(films / "gone.mp4")[1].error
    assert (error.code, str(error)) == ("missing", f"{films}/gone.mp4: no such object; correct its path")


def test_an_object_that_is_replaced_while_it_is_read_is_not_believed(clip, films, monkeypatch):
    film = clip("film.mkv", TIMES_S)
    path = upload(film, films)
    seen = []

    def replace_once(self, start, stop=None):
        if not seen:
            seen.append(start)
            path.write_bytes(film.read_bytes() + b"\0")
        return original(self, start, stop)

    original = type(path).read_range
    monkeypatch.setattr(type(path), "read_range", replace_once)
    _, end = read(path)
    with pytest.raises(Exception, match="was replaced while it was read"):
        end.sha256.result(10)
    assert seen


def failing(monkeypatch, path, error, after=0):
    """Have reading fail from the ``after``-th request on."""
    count = []

    def fail(self, start, stop=None):
        count.append(start)
        if len(count) > after:
            raise error
        return original(self, start, stop)

    original = type(path).read_range
    monkeypatch.setattr(type(path), "read_range", fail)


@pytest.mark.parametrize("after", [0, 1])
def test_a_store_that_fails_ends_the_run_instead_of_the_title(clip, films, monkeypatch, after):
    film = clip("film.mkv", TIMES_S)
    film.write_bytes(film.read_bytes() + bytes(3 * BLOCK_BYTES))  # more than one request
    path = upload(film, films)
    failing(monkeypatch, path, StoreError("the store is on fire"), after)
    with pytest.raises(StoreError, match="on fire"):
        read(path)


def test_access_denied_is_the_titles_fault(clip, films, monkeypatch):
    path = upload(clip("film.mkv", TIMES_S), films)
    failing(monkeypatch, path, PermissionError(13, "Access Denied"))
    error = read(path)[1].error
    assert (error.code, "Access Denied" in str(error)) == ("unreadable", True)


@pytest.mark.slow
def test_waiting_for_a_store_is_not_the_decoders_silence(clip, films, monkeypatch):
    path = upload(clip("film.mkv", TIMES_S), films)

    def slow(self, start, stop=None):
        time.sleep(35)
        return original(self, start, stop)

    original = type(path).read_range
    monkeypatch.setattr(type(path), "read_range", slow)
    _, end = read(path, Limits(workers=1, no_progress_timeout_s=30, title_timeout_s=32))
    assert end.error is None and end.report.complete


def test_no_thread_outlives_the_reading(clip, films):
    path = upload(clip("film.mkv", TIMES_S), films)
    before = threading.active_count()
    news = decode([path, path], WorkerConfig(READERS["pyav"], "full", False, 32, 4096), PATIENT)
    next(news)
    news.close()
    for _ in range(250):
        if threading.active_count() <= before:
            break
        time.sleep(0.02)
    assert threading.active_count() <= before


@pytest.mark.skipif(bool(missing()), reason=f"this kernel has no {' and no '.join(missing())}")
def test_a_hijacked_decoder_of_a_served_film_reads_its_film_and_nothing_else(films, tmp_path):
    path = films / "film"
    path.write_bytes(b"\0")
    other = tmp_path / "other"
    other.write_bytes(b"\0")
    with socket.create_server(("127.0.0.1", 0)) as server:
        arguments = (str(other), str(tmp_path / "new"), server.getsockname()[1], os.getpid())
        config = WorkerConfig(sandbox_trial.READER, "full", False, 8, sandbox_trial.MEMORY_MIB, arguments)
        (end,) = decode([path], config, PATIENT)
        server.settimeout(0.2)
        with pytest.raises(TimeoutError):
            server.accept()
    measures = [Measure(*row) for row in json.loads(str(end.error))]
    assert len(measures) == 16
    assert [measure.forbids for measure in measures if not measure.held] == []
