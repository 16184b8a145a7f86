import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from data.errors import ConfigError
from extract.decode_pool import Limits, Sample, TitleEnd, decode, decode_ticking
from extract.decode_worker import HELD_HEAD, MOST_HELD, WorkerConfig
from extract.oom import oom_kills

HERE = Path(__file__).parent
SIDE = 8
PATIENT = Limits(workers=1, no_progress_timeout_s=60, title_timeout_s=120)


@pytest.fixture(autouse=True)
def _fake_reader_importable(monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))


def config(reader="fake_reader:FakeReader", letterbox=False, memory_mib=4096, sandbox="available"):
    return WorkerConfig(reader, "full", letterbox, SIDE, memory_mib, sandbox=sandbox)


def run(paths, limits=PATIENT, **options):
    return list(decode(paths, config(**options), limits))


def only_end(news):
    ends = [item for item in news if isinstance(item, TitleEnd)]
    assert len(ends) == 1 and news[-1] is ends[0]
    return ends[0]


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(pid):
    for _ in range(500):
        if not is_running(pid):
            return True
        time.sleep(0.02)
    return False


def descendants(pid, generation):
    """The processes that many generations below one, once there are any."""
    for _ in range(1500):
        found = [pid]
        for _ in range(generation):
            found = [child for parent in found for child in children(parent)]
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"no processes {generation} generations below {pid}")


def children(parent):
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(stat.parent.name))
    return found


def test_samples_arrive_in_order_with_their_times_and_pixels(tmp_path):
    news = run([tmp_path / "ok-3"])
    samples = news[:-1]
    assert [sample.pts_s for sample in samples] == [0.0005, 1.0005, 2.0005]
    assert [np.unique(sample.pixels).tolist() for sample in samples] == [[10], [20], [30]]
    assert {sample.pixels.shape for sample in samples} == {(SIDE, SIDE, 3)}
    end = only_end(news)
    assert end.error is None and end.report.samples == 3 and end.info.container == "fake"


def test_the_decode_process_never_imports_torch(tmp_path):
    import torch  # noqa: F401  the parent has it

    assert only_end(run([tmp_path / "ok-1"])).info.codec == "no torch"


@pytest.mark.parametrize("behaviour", ["held", "equal"])
def test_a_picture_like_the_one_before_is_not_sent_again(tmp_path, behaviour):
    samples = run([tmp_path / f"{behaviour}-4"])[:-1]
    assert [sample.pixels is None for sample in samples] == [False, True, True, True]


def test_letterbox_is_found_over_the_title_and_cut_before_the_resize(tmp_path):
    with_bars = run([tmp_path / "barred-1"])[0].pixels
    without = run([tmp_path / "barred-1"], letterbox=True)[0].pixels
    assert with_bars[0].max() == 0
    assert without.min() == 200


def test_one_process_serves_many_titles_and_errors_are_per_title(tmp_path):
    names = ["ok-1", "refused-0", "damaged-2", "ok-2"]
    ends = [item for item in run([tmp_path / name for name in names]) if isinstance(item, TitleEnd)]
    assert [end.job for end in ends] == [0, 1, 2, 3]
    assert [end.error.code if end.error else "" for end in ends] == ["", "no_video", "decode", ""]
    assert str(ends[1].error) == "refused-0: no video stream (found audio only)"
    assert str(ends[2].error) == f"{tmp_path}/damaged-2: the decoder raised IndexError: list index out of range"


@pytest.mark.parametrize(
    ("behaviour", "why"), [("crash", "(signal 11, Segmentation fault)"), ("exit", "(exit code 7)")]
)
def test_a_decoder_that_dies_fails_its_title_and_the_next_is_served(tmp_path, behaviour, why):
    news = run([tmp_path / f"{behaviour}-1", tmp_path / "ok-1"])
    first, second = (item for item in news if isinstance(item, TitleEnd))
    assert first.error.code == "decoder_crashed"
    assert str(first.error) == f"{tmp_path}/{behaviour}-1: the decoder died {why}"
    assert second.error is None


def test_a_hanging_decoder_is_killed_with_its_children(tmp_path):
    """Without the sandbox, which forbids children: worker, decoder, and what the decoder started."""
    limits = Limits(workers=1, no_progress_timeout_s=4, title_timeout_s=60)
    seen = []
    watch = threading.Thread(target=lambda: seen.extend(descendants(os.getpid(), 3)))
    watch.start()
    end = only_end(run([tmp_path / "grandchild-1"], limits, sandbox="off"))
    watch.join()
    assert end.error.code == "timeout"
    assert str(end.error) == f"{tmp_path}/grandchild-1: the decoder gave nothing for no_progress_timeout_s = 4"
    assert seen and all(wait_until_gone(pid) for pid in seen)


def test_a_decoder_cannot_start_processes(tmp_path):
    end = only_end(run([tmp_path / "grandchild-1"]))
    assert str(end.error).endswith("the decoder raised PermissionError: [Errno 1] Operation not permitted")


def test_a_title_without_end_is_given_up_although_it_makes_progress(tmp_path):
    limits = Limits(workers=1, no_progress_timeout_s=60, title_timeout_s=2)
    end = only_end(run([tmp_path / "endless-1"], limits))
    assert end.error.code == "timeout"
    assert str(end.error).endswith("endless-1: not decoded within title_timeout_s = 2")


def test_a_slow_parent_is_not_the_decoders_fault(tmp_path):
    limits = Limits(workers=1, no_progress_timeout_s=4, title_timeout_s=60)
    news = []
    for item in decode([tmp_path / "ok-40"], config(), limits):
        if len(news) == 3:
            time.sleep(5)
        news.append(item)
    assert only_end(news).error is None and len(news) == 41


def test_a_decoder_that_wants_too_much_memory_fails_its_title(tmp_path):
    end = only_end(run([tmp_path / "greedy-1"], memory_mib=2048))
    assert end.error.code == "memory"
    assert "decode_memory_mib = 2048" in str(end.error)


def test_a_report_that_contradicts_the_samples_is_not_believed(tmp_path):
    error = only_end(run([tmp_path / "liar-2"])).error
    assert error.code == "decoder_crashed"
    assert str(error).endswith("malformed message (a report of 3 samples after 2)")


def test_a_picture_that_is_held_for_long_is_told_of_in_few_messages(tmp_path):
    *samples, end = run([tmp_path / "slide-14000"])
    assert end.error is None and end.report.samples == 14_000
    assert sum(sample.count for sample in samples) == 14_000
    assert samples[0].pixels is not None and samples[0].count == 1
    assert {(sample.pts_s, sample.pixels) for sample in samples[1:]} == {(0.0005, None)}
    assert len(samples) < 50


def test_a_small_file_cannot_claim_days(tmp_path):
    """Two pictures with 400,000 s between them cost gigabytes and ten minutes; 4 h are free, then it takes bytes."""
    path = tmp_path / "slide-20000"
    path.write_bytes(bytes(8 * 100))
    *samples, end = run([path])
    assert end.error.code == "too_long"
    assert "shows pictures for more than 4.0 h, which its 800 bytes cannot hold" in str(end.error)
    assert sum(sample.count for sample in samples) <= 14_400 + 100
    path.write_bytes(bytes(8 * 5600))
    assert only_end(run([path])).error is None


def test_no_title_is_longer_than_a_hundred_hours_whatever_its_size(tmp_path, monkeypatch):
    monkeypatch.setattr("extract.decode_pool.MOST_SAMPLES", 7200)
    (tmp_path / "slide-7300").write_bytes(bytes(100_000))
    end = only_end(run([tmp_path / "slide-7300"]))
    assert (end.error.code, "for more than 2.0 h; its times" in str(end.error)) == ("too_long", True)


@pytest.mark.parametrize("count", [0, MOST_HELD + 1])
def test_held_samples_are_counted_before_they_are_believed(tmp_path, monkeypatch, count):
    monkeypatch.setattr("extract.decode_pool.HELD_HEAD", Claimed(count))
    end = only_end(run([tmp_path / "slide-40"]))
    assert (end.error.code, "malformed message" in str(end.error)) == ("decoder_crashed", True)


class Claimed:
    """Reads any message of held samples as one of so many."""

    def __init__(self, count):
        self.size, self._count = HELD_HEAD.size, count

    def unpack(self, body):
        return (*HELD_HEAD.unpack(body)[:2], self._count)


@pytest.mark.parametrize(("kills", "why"), [([7, 7], "not by this program"), ([7, 8], "the machine ran out of memory")])
def test_a_decoder_that_somebody_kills_is_not_the_films_fault(tmp_path, monkeypatch, kills, why):
    counted = iter(kills)
    monkeypatch.setattr("extract.decode_pool.oom_kills", lambda: next(counted))
    end = only_end(run([tmp_path / "killed-1"]))
    assert end.error.code == "killed"
    assert str(end.error) == f"{tmp_path}/killed-1: the decoder was killed, {why} (signal 9, Killed)"


def test_the_kernels_counts_of_killed_processes_are_read(tmp_path, monkeypatch):
    assert oom_kills() >= 0
    (tmp_path / "memory.events").write_text("low 0\nhigh 3\nmax 5\noom 2\noom_kill 4\noom_group_kill 1\n")
    monkeypatch.setattr("extract.oom._own_group", lambda: tmp_path)
    with_group = oom_kills()
    (tmp_path / "memory.events").unlink()
    assert with_group - oom_kills() == 4


def test_ticks_come_while_nobody_says_anything(tmp_path):
    limits = Limits(workers=1, no_progress_timeout_s=3, title_timeout_s=60)
    news = list(decode_ticking([tmp_path / "hang-1"], config(), limits, 0.1))
    assert news.count(None) > 5


def test_two_workers_decode_two_titles_at_the_same_time(tmp_path):
    limits = Limits(workers=2, no_progress_timeout_s=3, title_timeout_s=60)
    news = run([tmp_path / "hang-1", *(tmp_path / f"ok-2-{index}" for index in range(3))], limits)
    ends = [item for item in news if isinstance(item, TitleEnd)]
    assert {end.job: end.error is None for end in ends} == {0: False, 1: True, 2: True, 3: True}
    assert ends[-1].job == 0  # the others did not wait for it


def test_titles_are_taken_only_when_a_worker_is_free(tmp_path):
    taken = []

    def paths():
        for index in range(100):
            taken.append(index)
            yield tmp_path / f"ok-2-{index}"

    news = decode(paths(), config(), PATIENT)
    assert isinstance(next(news), Sample)
    assert taken == [0]
    news.close()


def test_closing_the_generator_ends_the_processes(tmp_path):
    news = decode([tmp_path / "hang-1"], config(), PATIENT)
    list(islice(news, 1))
    (worker,), (decoder,) = (descendants(os.getpid(), generation) for generation in (1, 2))
    news.close()
    assert not is_running(worker)
    assert wait_until_gone(decoder)


def test_a_reader_that_is_not_installed_ends_the_run(tmp_path):
    with pytest.raises(ConfigError, match="no_such_reader: cannot be used here"):
        run([tmp_path / "ok-1"], reader="no_such_reader:Reader")


SCRIPT = """
import sys
from pathlib import Path
from extract.decode_pool import Limits, decode
from extract.decode_worker import WorkerConfig
config = WorkerConfig("fake_reader:FakeReader", "full", False, 8, None)
for item in decode([Path(sys.argv[1])], config, Limits(1, 60, 120)):
    print(type(item).__name__, flush=True)
"""


@pytest.mark.parametrize("how", ["-c", "-", "file", "-m"])
def test_it_does_not_matter_how_the_program_was_started(tmp_path, how):
    (tmp_path / "unguarded.py").write_text(SCRIPT)
    start = {"-c": ["-c", SCRIPT], "-": ["-"], "file": ["unguarded.py"], "-m": ["-m", "unguarded"]}[how]
    ran = subprocess.run(
        [sys.executable, *start, str(tmp_path / "ok-1")],
        check=False,
        input=SCRIPT,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=dict(os.environ, PYTHONPATH=str(HERE)),
        timeout=60,
    )
    assert (ran.stdout, ran.stderr, ran.returncode) == ("Sample\nTitleEnd\n", "", 0)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_decoder_survives_its_parent(tmp_path, sent):
    parent = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "hang-1")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=dict(os.environ, PYTHONPATH=str(HERE)),
    )
    pids = [*descendants(parent.pid, 2), *descendants(parent.pid, 1)]
    parent.send_signal(sent)
    parent.wait(30)
    assert all(wait_until_gone(pid) for pid in pids)
