"""What is said before a cluster has done anything, and of machines that are not like this one. No cluster is needed."""

import socket
from importlib.util import find_spec
from pathlib import Path

import pytest
import ray
from ray.exceptions import RayTaskError, WorkerCrashedError

from data.errors import ConfigError, DecodeError, WeightsError
from extract.settings import ExtractSettings
from extract.title import ExtractJob, Outcome
from pipeline import doctor, engine
from pipeline.distribute import backbones, cluster, extraction
from pipeline.distribute.cluster import LostError
from pipeline.settings import RunSettings
from pipeline.stage_result import AbortedError
from pipeline.work_folder import WorkFolder


@pytest.fixture
def closed_address():
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return f"127.0.0.1:{port}"


@pytest.fixture
def without_ray(monkeypatch):
    monkeypatch.setattr(engine, "find_spec", lambda name: None if name == "ray" else find_spec(name))


@pytest.mark.parametrize("stage", ["run", "extract"])
def test_a_missing_extra_is_an_error_with_what_to_install(no_films, without_ray, capsys, stage, run_command):
    assert run_command(stage, no_films.config("none", engine="ray")) == 2
    assert "the package ray is not installed; run pip install -c constraints.txt '.[ray]'" in capsys.readouterr().err


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_an_address_where_nobody_answers_is_one_error(no_films, closed_address, capsys, run_command, scheme):
    config = no_films.config("none", engine="ray", ray_address=scheme + closed_address)
    assert run_command("extract", config) == 5
    error = capsys.readouterr().err
    assert error.startswith(f"coarse2fine: [run] ray_address = '{scheme}{closed_address}': nothing answers there")
    assert error.count("\n") == 1


def test_auto_is_the_address_of_the_environment(no_films, closed_address, monkeypatch, capsys, run_command):
    monkeypatch.setenv("RAY_ADDRESS", closed_address)
    assert run_command("extract", no_films.config("none", engine="ray")) == 5
    assert closed_address in capsys.readouterr().err


@pytest.mark.parametrize("address", ["auto", "head:6379", "ray://10.0.0.1:10001", "[::1]:6379"])
def test_addresses(address):
    assert RunSettings(ray_address=address).ray_address == address


@pytest.mark.parametrize("address", ["", "local", "head", "http://head:8265", "ray://head", "head:6379/x"])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(ValueError, match="use 'auto', 'host:port' or 'ray://host:port'"):
        RunSettings(ray_address=address)


def findings(tmp_path, **run):
    return {
        found.subject: (found.state, found.words)
        for found in doctor.examine(ExtractSettings(), tmp_path, run=RunSettings(**run))
    }


def test_the_doctor_speaks_of_ray_where_it_is_asked_for(tmp_path, closed_address, monkeypatch):
    for slow in ("_sandbox", "_weights", "_device"):
        monkeypatch.setattr(doctor, slow, lambda settings: iter(()))
    assert "ray" not in findings(tmp_path)
    state, words = findings(tmp_path, engine="ray", ray_address=closed_address)["ray"]
    assert (state, closed_address in words) == ("failure", True)
    monkeypatch.setattr(engine, "find_spec", lambda name: None)
    state, words = findings(tmp_path, engine="ray")["ray"]
    assert (state, "pip install" in words) == ("failure", True)


@pytest.fixture
def worked(tmp_path, monkeypatch):
    """``worked(what a task returned or raised)``: what becomes of title ``t`` on this machine."""
    video = tmp_path / "t.mp4"
    video.write_bytes(b"a film")
    extractor = extraction.RayExtractor(ExtractSettings(), WorkFolder(tmp_path), RunSettings())

    def become(outcome):
        def result(reference):
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        monkeypatch.setattr(extraction, "result", result)
        return extractor._worked(ExtractJob("t", video, "t.mp4"), None)

    return become


def done(status="failed", coverage=None, has_video=True):
    return extraction._Done(Outcome("t", status, coverage, "decode", "t.mp4: bad", 1.5), "node7", has_video)


def test_a_bad_title_is_its_own_fault(worked):
    found = worked(done())
    assert (found.status, found.error_code, found.error, found.seconds) == ("failed", "decode", "t.mp4: bad", 1.5)


def test_a_machine_without_the_videos_is_not_the_titles_fault(worked):
    with pytest.raises(AbortedError, match=r"t\.mp4: is here, but not on machine node7"):
        worked(done(has_video=False))


def test_a_machine_that_is_denied_a_video_does_not_see_it(tmp_path, monkeypatch):
    def exists(path):
        raise PermissionError(13, "Access Denied", str(path))

    (tmp_path / "t.mp4").touch()
    assert extraction._is_seen(tmp_path / "t.mp4")
    monkeypatch.setattr(Path, "exists", exists)
    assert not extraction._is_seen(tmp_path / "t.mp4")


def test_a_machine_with_another_work_folder_is_not_the_titles_fault(worked, monkeypatch):
    monkeypatch.setattr(extraction, "VISIBLE_TIMEOUT_S", 0)
    with pytest.raises(AbortedError, match="machine node7 of the Ray cluster wrote it, but it is not seen here"):
        worked(done("done", coverage=object()))


def test_a_title_that_takes_every_process_with_it_is_to_blame_and_its_old_shard_goes(worked, tmp_path):
    shard = tmp_path / "features" / "t.parquet"
    shard.parent.mkdir()
    shard.write_bytes(b"of other bytes")
    found = worked(LostError("killed by signal 9"))
    assert (found.status, found.error_code) == ("failed", "process_lost")
    assert "lost 4 times (killed by signal 9)" in found.error
    assert not shard.exists()


def test_few_tasks_are_in_flight_however_many_titles_there_are(monkeypatch):
    """Titles are taken from their iterator as tasks end; what is not done when the run stops is cancelled."""
    taken, most, cancelled = 0, 0, []

    def jobs():
        nonlocal taken
        for number in range(41_000):
            taken += 1
            yield number

    monkeypatch.setattr(cluster, "cores", lambda: 3)
    monkeypatch.setattr(cluster, "wait_for_any", lambda references: references[-1:])
    monkeypatch.setattr(cluster, "cancel", cancelled.extend)
    ended = cluster.completed(lambda number: f"task {number}", jobs())
    for done in range(1000):
        job, reference = next(ended)
        assert reference == f"task {job}"
        most = max(most, taken - done)
    ended.close()
    assert most == 6
    assert len(cancelled) == 5


def test_a_cluster_without_machines_is_not_waited_for_forever(monkeypatch):
    monkeypatch.setattr(ray, "wait", lambda references, num_returns, timeout: ([], references))
    monkeypatch.setattr(cluster, "cores", lambda: 0)
    monkeypatch.setattr(cluster, "NO_CORES_TIMEOUT_S", -1)
    with pytest.raises(AbortedError, match="has had no core"):
        cluster.wait_for_any(["task"])


def raised(error):
    """The error as ``ray.get`` raises it."""
    return RayTaskError("f", "Traceback ...", error).as_instanceof_cause()


@pytest.mark.parametrize(
    ("error", "becomes", "words"),
    [
        (raised(WeightsError("no weights")), WeightsError, "no weights"),
        (raised(raised(WeightsError("of an actor"))), WeightsError, "of an actor"),
        (raised(OSError(28, "No space left on device", "/x")), OSError, "No space left"),
        (WorkerCrashedError(), LostError, "worker died"),
        (raised(ModuleNotFoundError("No module named 'pipeline'")), AbortedError, "install the same version"),
        (raised(ZeroDivisionError("a bug")), ZeroDivisionError, "pid="),
    ],
)
def test_errors_arrive_as_what_they_are(monkeypatch, error, becomes, words):
    def get(reference):
        raise error

    monkeypatch.setattr(ray, "get", get)
    with pytest.raises(becomes, match=words):
        cluster.result(None)


def test_errors_keep_their_code():
    error = raised(DecodeError("no film", code="unreadable"))
    assert cluster._cause(error).code == "unreadable"


@pytest.mark.parametrize(
    ("device", "in_cluster", "asked", "expected"),
    [
        ("auto", 0, None, (0, 0)),
        ("auto", 4, None, (4, 1)),
        ("cpu", 4, None, (0, 0)),
        ("cuda", 4, 2, (2, 1)),
        ("auto", 2, 3, (3, 0.5)),
        ("auto", 0, 2, (2, 0)),
        ("auto", 4, 0, (0, 0)),
    ],
)
def test_gpus_are_shared_out(monkeypatch, device, in_cluster, asked, expected):
    monkeypatch.setattr(backbones, "gpus", lambda: in_cluster)
    assert backbones._actors(ExtractSettings(device=device), RunSettings(ray_backbones=asked)) == expected


def test_a_gpu_that_is_asked_for_must_be_there(monkeypatch):
    monkeypatch.setattr(backbones, "gpus", lambda: 0)
    with pytest.raises(ConfigError, match=r"device = 'cuda:1' in .extract., but the Ray cluster has no GPU"):
        backbones._actors(ExtractSettings(device="cuda:1"), RunSettings())


def test_another_machines_weights_are_refused():
    settings = ExtractSettings(device="cpu", engine="torch")
    spec = extraction.feature_spec(settings, extraction.load_backbone(settings))
    assert backbones.expected_backbone(settings, spec).width == spec.width
    with pytest.raises(ConfigError, match="give all machines the same weights"):
        backbones.expected_backbone(settings, spec.__class__(**{**vars(spec), "weights_sha256": "0" * 64}))
