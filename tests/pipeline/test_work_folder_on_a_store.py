"""A whole work folder on a store (``memory://``, of this process alone): the same as on disk, but without links."""

import json
import tempfile

import pytest

from data.errors import ConfigError
from data.files import remove_folder
from data.locations import locate
from pipeline.config import load_config
from pipeline.lock import LOCK_NAME, LockHeldError, folder_lock
from pipeline.runs.event_log import EventLog, append_event, move_events, read_events
from pipeline.store_check import check_stores, store_uses


@pytest.fixture
def store(night, tmp_path, monkeypatch):
    """The catalogue of ``night``, copied to a store; ``run`` is a command on it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # other tests hold the lock of the same URL
    base = locate("memory://bucket/night")
    for folder in ("features", "checkpoint"):
        for path in (night.folder / folder).iterdir():
            (base / "films" / folder / path.name).write_bytes(path.read_bytes())
    (base / "titles.csv").write_bytes((night.folder / "titles.csv").read_bytes())
    config = night.folder / "store.toml"
    text = (
        night.config.read_text()
        .replace('"work"', f'"{base}/work"')
        .replace('"checkpoint"', f'"{base}/films/checkpoint"')
    )
    config.write_text(text.replace('"titles.csv"', f'"{base}/titles.csv"\nmedia_root = "{base}/films"'))
    night.store, night.store_config, night.local_config = base, config, night.config
    yield night
    remove_folder(base)


def run(store, *arguments, local=False):
    store.config = store.local_config if local else store.store_config
    return store.command(*arguments)


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.files_below()}


def test_a_run_gives_what_it_gives_on_disk_and_the_next_does_nothing(store):
    assert run(store, "run", local=True) == run(store, "run") == 0
    found = contents(store.store / "work")
    expected = {
        str(path.relative_to(store.work)): path.read_bytes()
        for path in store.work.rglob("*")
        if path.is_file() and "current" not in path.parts
    }
    assert set(found) - {"current"} == set(expected) - {LOCK_NAME}
    same = [name for name in expected if name.startswith(("features/", "scores/", "runs/"))]
    timed = ("run.json", "events.jsonl", "report.html")
    assert [name for name in same if not name.endswith(timed) and found[name] != expected[name]] == []
    assert found["current"].decode() == f"runs/{store.run_id}\n"
    assert run(store, "run") == 0
    volatile = {"extract.run.json", "metrics.prom", "last_success.json"}
    after = contents(store.store / "work")
    assert {name for name in after if after[name] != found.get(name)} <= volatile


def test_rollback_holds_and_old_runs_are_collected(store, capsys):
    assert run(store, "run") == 0
    first = (store.store / "work" / "current").read_text()
    assert run(store, "run", "--set", "infer.thresholds.smoking.frame=0.9") == 0
    assert (store.store / "work" / "current").read_text() != first
    assert run(store, "rollback") == 0
    assert (store.store / "work" / "current").read_text() == first
    assert run(store, "runs", "release") == 0
    assert run(store, "gc", "--keep", "1", "--dry-run") == 0
    assert len(list((store.store / "work" / "runs").iterdir())) == 2
    capsys.readouterr()
    assert run(store, "gc", "--keep", "1") == 0
    assert [path.name for path in (store.store / "work" / "runs").iterdir()] != [first.strip().rpartition("/")[2]]
    assert len(list((store.store / "work" / "runs").iterdir())) == 1
    assert run(store, "quarantine", "list") == 0


def test_a_killed_run_leaves_an_unfinished_folder_that_the_next_removes(store):
    (store.store / "work" / "runs" / "abc" / "titles.csv").write_text("half a run")
    assert run(store, "run") == 0
    assert not (store.store / "work" / "runs" / "abc").exists()


def test_one_run_at_a_time(store):
    work = store.store / "work"
    with folder_lock(work):
        held = json.loads((work / LOCK_NAME).read_bytes())
        assert held["until_unix_s"] > 0
        with pytest.raises(LockHeldError), folder_lock(work):
            pass
    assert not (work / LOCK_NAME).exists()
    (work / LOCK_NAME).write_text(json.dumps({**held, "kernel_lock": "another machine's", "owner": "another"}))
    assert run(store, "run") == 3
    (work / LOCK_NAME).write_text(json.dumps(held))  # of a process of this machine that was killed
    assert run(store, "run") == 0


def test_logs_are_kept_and_moved(store):
    source, target = store.store / "a.jsonl", store.store / "b.jsonl"
    append_event(source, event="one")
    with pytest.raises(ZeroDivisionError), EventLog(source) as log:
        log.add(event="two")
        raise ZeroDivisionError
    assert [event["event"] for event in read_events(source)] == ["one", "two"]
    append_event(target, event="zero")
    move_events(source, target)
    move_events(source, target)
    assert [event["event"] for event in read_events(target)] == ["zero", "one", "two"]
    assert list(read_events(source)) == []


def test_state_of_a_training_stays_on_this_machine(store, tmp_path):
    store.store_config.write_text(f'scratch_dir = "{tmp_path}/scratch"\n' + store.store_config.read_text())
    config = load_config(store.store_config)
    assert config.training_dir.is_relative_to(tmp_path / "scratch")
    assert str(config.checkpoint_dir) == f"{store.store}/films/checkpoint"


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("extract.weights", "memory://x/w.pth", r"\[extract\] weights: .* must be on this machine"),
        ("extract.calibration", "memory://x/c", r"\[extract\] calibration: .* must be on this machine"),
        ("scratch_dir", "memory://x/s", r"scratch_dir: .* must be on this machine"),
        ("extract.reader", "decord", "'decord' reads files of this machine only"),
        ("data.media_root", "memory://me:secret@x/films", "a URL with user, password or query"),
        ("data.media_root", "nonsense://x/films", "not a kind of store"),
    ],
)
def test_what_a_setting_does_not_take_is_refused_with_a_reason(store, key, value, said):
    *sections, name = key.split(".")
    overrides = {sections[0]: {name: value}} if sections else {name: value}
    with pytest.raises(ConfigError, match=said) as caught:
        load_config(store.store_config, overrides)
    assert "secret" not in str(caught.value)


def test_commands_that_need_this_machine_say_so(store, capsys):
    assert run(store, "run") == 0
    assert run(store, "review") == 2
    assert "a review's log is appended to, which a store cannot" in capsys.readouterr().err
    assert run(store, "benchmark") == 2
    assert "a benchmark works on this machine" in capsys.readouterr().err


def test_the_doctor_looks_at_stores(store):
    uses = store_uses(load_config(store.store_config))
    assert [use.key for use in uses] == ["[data] titles", "[data] media_root", "checkpoint", "work_dir"]
    found = list(check_stores(uses))
    assert [state for state, _ in found] == ["ok", "ok", "ok", "ok", "warning"]
    assert "no writing on condition" in found[-1][1]
    remove_folder(store.store / "films")
    assert [state for state, _ in check_stores(uses)][:3] == ["ok", "failure", "failure"]
    assert [path.name for path in (store.store / "work").glob("*probe*")] == []


@pytest.mark.slow
def test_training_on_a_store_gives_the_checkpoint_of_a_training_on_disk(catalogue, tmp_path, monkeypatch, bare_night):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    night = bare_night(catalogue.parent)
    base = locate("memory://bucket/training")
    text = catalogue.read_text().replace("epochs = 40", "epochs = 2")
    catalogue.write_text(text + '[run]\nimport_name = "toy"\n')
    stored = catalogue.with_name("stored.toml")
    stored.write_text(
        f'scratch_dir = "{tmp_path}/scratch"\n' + catalogue.read_text().replace('"work"', f'"{base}/work"')
    )
    try:
        for config in (catalogue, stored):
            night.config = config
            assert night.command("run") == 0
        found = contents(base / "work" / "checkpoint")
        weights = (night.work / "checkpoint" / "model.safetensors").read_bytes()
        assert found["model.safetensors"] == weights
        evaluated = [name for name in contents(base / "work" / "runs") if name.endswith("evaluation-test.json")]
        assert len(evaluated) == 1
        assert list((tmp_path / "scratch").rglob("state.json"))
        night.config = stored
        assert night.command("train") == 0
        assert night.command("thresholds", "--recall", "0.5") == 0
    finally:
        remove_folder(base)
