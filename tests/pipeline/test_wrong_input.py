"""Whatever a command is given that is no file of ours ends in exit 2 and a message that names it: never a traceback."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from data.schemas import Coverage
from infer.title_status import title_row
from infer.write import Origin, open_scores, write_results
from pipeline import cli

WRONG: dict[str, bytes | None] = {
    "missing": None,
    "folder": None,
    "not UTF-8": b"\xff\xfe\x80bad\n",
    "Latin-1": b"key = \xe9\n",
    "empty": b"",
    "half": b'{"a":',
    "list": b"[1, 2]",
    "text": b"x\n",
}
NEEDED = {
    "import-features": ["--name", "i3d"],
    "import": ["LABELS", "--out", "out"],
    "merge": ["--out", "out"],
    "thresholds": ["--recall", "0.9"],
    "release": [],
    "diff": ["one"],
    "rollback": [],
    "gc": ["--keep", "3"],
    "figures": ["--out", "out"],
    "explain": ["title"],
    "export": ["--format", "edl", "--out", "out"],
}
SETTINGS = ["nonsense.key=1", "train.epoch=3", "train.epochs=none", "evaluate.tiou_thresholds=2", "evaluate.tiou=0.1"]


def with_config(command: click.Command, names: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the commands that take ``--config`` and ``--set``."""
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from with_config(child, (*names, name))
    options = {option for parameter in command.params for option in parameter.opts}
    if {"--config", "--set"} <= options and names:
        yield names


COMMANDS = sorted(with_config(cli.cli))


def put(path: Path, kind: str) -> None:
    """Put something wrong where a file is expected."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    content = WRONG[kind]
    if kind == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)


@pytest.fixture
def type_line(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Type a command; return its exit code and what it said on standard error."""

    def run(*arguments: object) -> tuple[int, str]:
        with pytest.raises(SystemExit) as caught:
            cli.main([str(argument) for argument in arguments])
            sys.exit(0)
        return int(caught.value.code or 0), capsys.readouterr().err

    return run


def needed(names: tuple[str, ...], folder: Path) -> list[str]:
    (folder / "labels.csv").write_text("title_id,a\nt,1\n")
    found = NEEDED.get(names[-1], [])
    if names == ("quarantine", "release"):
        found = ["--all"]
    if names == ("rollback",):
        found = ["run"]
    if names == ("diff",):
        found = ["one", "two"]
    return [str(folder / "labels.csv") if word == "LABELS" else word for word in found]


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_a_configuration_that_is_none_is_named(names, tmp_path, type_line, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "mine.toml"
    for kind in WRONG:
        put(config, kind)
        code, said = type_line(*names, *needed(names, tmp_path), "--config", config)
        assert (code, "mine.toml" in said, "Traceback" in said) == (2, True, False), (kind, said)


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_a_wrong_set_is_explained(names, tmp_path, type_line, monkeypatch):
    """As a wrong key of the file is: where it is, and what was probably meant."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "titles.csv").write_text("title_id,path\nt,t.mp4\n")
    (tmp_path / "run.toml").write_text('work_dir = "work"\n[data]\ntitles = "titles.csv"\n')
    for setting in SETTINGS:
        code, said = type_line(*names, *needed(names, tmp_path), "--config", "run.toml", "--set", setting)
        key = setting.partition("=")[0].rpartition(".")[2]
        assert (code, key in said or "nonsense" in said) == (2, True), (setting, said)
        assert "Traceback" not in said
        assert "pydantic" not in said


@pytest.mark.parametrize("setting", [*SETTINGS, "train.epochs=3", "evaluate=3", "evaluate.tiou_thresholds.x=1"])
def test_a_wrong_set_without_a_configuration_is_explained(setting, tmp_path, type_line, monkeypatch):
    monkeypatch.chdir(tmp_path)
    truth, predictions = foreign(tmp_path)
    code, said = type_line("evaluate", "--ground-truth", truth, "--predictions", predictions, "--set", setting)
    assert code == 2
    assert all(line.removeprefix("coarse2fine: ").startswith("--set: ") for line in said.splitlines())
    run = tmp_path / "run"
    code, said = type_line("export", "--run", run, "--format", "edl", "--out", "out", "--set", f"export.{setting}")
    assert (code, said.startswith("coarse2fine: --set: [export] ")) == (2, True)


def test_a_key_that_is_set_as_a_value_and_as_a_section_is_explained(tmp_path, type_line):
    truth, predictions = foreign(tmp_path)
    line = ("evaluate", "--ground-truth", truth, "--predictions", predictions)
    code, said = type_line(*line, "--set", "evaluate=3", "--set", "evaluate.seed=3")
    assert (code, "it is a section or a value" in " ".join(said.split())) == (2, True)


def test_the_nearest_key_is_offered_without_a_configuration(tmp_path, type_line, monkeypatch):
    monkeypatch.chdir(tmp_path)
    truth, predictions = foreign(tmp_path)
    line = ("evaluate", "--ground-truth", truth, "--predictions", predictions, "--set", "evaluate.tiou=[0.5]")
    _, said = type_line(*line)
    assert said == "coarse2fine: --set: [evaluate] tiou: unknown key; did you mean 'tiou_thresholds'?\n"


def foreign(folder: Path) -> tuple[Path, Path]:
    clip = {"segment": [1, 2], "label": "a"}
    truth, predictions = folder / "truth.json", folder / "predictions.json"
    truth.write_text(json.dumps({"t": {"subset": "test", "duration": 9, "annotations": [clip]}}))
    predictions.write_text(json.dumps({"results": {"t": [{**clip, "score": 1}]}}))
    return truth, predictions


@pytest.mark.parametrize(
    "line",
    [("demo", "--out"), ("synthetic",), ("moderate", "films", "--out"), ("labels", "import", "labels.csv", "--out")],
)
def test_a_file_where_a_folder_is_needed_is_a_wrong_path_and_no_fault_of_the_disk(
    line, catalogue_run, tmp_path, type_line, monkeypatch
):
    monkeypatch.chdir(catalogue_run)
    (catalogue_run / "films").mkdir(exist_ok=True)
    (catalogue_run / "films" / "a.mp4").touch()
    (tmp_path / "taken").write_text("mine\n")
    for place in ("taken", "taken/below"):
        code, said = type_line(*line, tmp_path / place)
        assert (code, str(tmp_path / "taken") in said, "disk" in said) == (2, True, False), said
    assert (tmp_path / "taken").read_text() == "mine\n"


def path_options(command: click.Command, names: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield every option and argument that names a place; an argument as an empty name."""
    if isinstance(command, click.Group) and not command.invoke_without_command:
        for name, child in command.commands.items():
            yield from path_options(child, (*names, name))
    for parameter in command.params:
        if parameter.type.name == "path":
            yield names, parameter.opts[0] if isinstance(parameter, click.Option) else ""


@pytest.mark.parametrize(("names", "option"), sorted(path_options(cli.cli)), ids=str)
def test_an_empty_path_is_not_the_working_directory(names, option, type_line):
    """``moderate "$FILMS"`` with a variable that is not set must not write beside films of the working directory."""
    code, said = type_line(*names, *([option, ""] if option else [""]))
    assert (code, "is empty; write ." in said) == (2, True), said


@pytest.mark.parametrize("goal", ["--recall", "--precision", "--fp-per-hour"])
@pytest.mark.parametrize("value", ["nan", "inf", "-1", "x"])
def test_a_goal_that_is_no_number_is_a_usage_error(goal, value, catalogue_run, type_line):
    code, said = type_line("thresholds", "--config", catalogue_run / "run.toml", goal, value)
    assert (code, goal in said) == (2, True)


@pytest.mark.parametrize("names", ["demo", "synthetic"])
def test_a_seed_that_nothing_can_be_drawn_by_is_a_usage_error(names, tmp_path, type_line):
    code, said = type_line(names, *(["--out"] if names == "demo" else []), tmp_path / "out", "--seed", "-1")
    assert (code, "--seed" in said) == (2, True)


@pytest.mark.parametrize("kind", WRONG)
def test_foreign_files_that_are_none_are_named(kind, tmp_path, type_line):
    truth, predictions = foreign(tmp_path)
    wrong = tmp_path / "wrong.json"
    put(wrong, kind)
    for pair in ((wrong, predictions), (truth, wrong)):
        code, said = type_line("evaluate", "--ground-truth", pair[0], "--predictions", pair[1])
        assert (code, "wrong.json" in said) == (2, True), said


@pytest.mark.parametrize("kind", [kind for kind in WRONG if kind != "missing"])
@pytest.mark.parametrize(
    "line", [("evaluate",), ("report",), ("diff", "run", "run"), ("export", "--format", "edl", "--out", "out")], ids=str
)
def test_a_damaged_record_of_a_run_is_named(kind, line, catalogue_run, tmp_path, type_line, monkeypatch):
    """``run.json`` appears whole; a disk or a person may still have changed it."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(catalogue_run, tmp_path / "all", symlinks=True)
    put(tmp_path / "all" / "work" / "current" / "run.json", kind)
    code, said = type_line(*line, "--config", tmp_path / "all" / "run.toml")
    assert code == 2, said
    if not (line[0] == "diff" and kind == "folder"):  # without run.json a folder is no finished run
        assert "run.json" in said


@pytest.mark.parametrize("kind", [kind for kind in WRONG if kind != "folder"])
def test_features_that_are_no_folder_are_named(kind, catalogue_run, tmp_path, type_line):
    put(tmp_path / "i3d", kind)
    line = ("import-features", "--config", catalogue_run / "run.toml", "--name", "i3d", "--features", tmp_path / "i3d")
    code, said = type_line(*line)
    assert (code, "i3d: no folder of feature files" in said) == (2, True)


@pytest.mark.parametrize("content", [b"\xff\xfe\n", b'{"event":\n', b"[1]\n", b"\n"])
def test_a_damaged_line_of_the_history_is_named(content, catalogue_run, tmp_path, type_line):
    shutil.copytree(catalogue_run, tmp_path / "all", symlinks=True)
    (tmp_path / "all" / "work" / "history.jsonl").write_bytes(content)
    code, said = type_line("runs", "list", "--config", tmp_path / "all" / "run.toml")
    assert (code, "history.jsonl:1: damaged" in said) == (2, True), said


@pytest.fixture(scope="module")
def catalogue_run(tmp_path_factory):
    """Make a run of two titles by hand: its tables are never reached."""
    folder = tmp_path_factory.mktemp("damaged")
    (folder / "titles.csv").write_text("title_id,path,split\nt,t.mp4,test\n")
    (folder / "labels.csv").write_text("title_id,a\nt,1\n")
    (folder / "run.toml").write_text(
        'work_dir = "work"\n[data]\ntitles = "titles.csv"\nvideo_labels = "labels.csv"\nlabels = ["a"]\n'
    )
    run = folder / "work" / "runs" / "run"
    run.mkdir(parents=True)
    (folder / "work" / "current").symlink_to("runs/run")
    write_run(run)
    return folder


def write_run(folder: Path) -> None:
    coverage = Coverage("t.mp4", "", "", "pyav", "mp4", "h264", 96, 48, 0, 9, 9, 9, 0, True, "")
    row = title_row("t", [], coverage)
    write_results(folder, [(row, [])], Origin("run", "model", "features"))
    with open_scores(folder / "scores.parquet", ("a",)):
        pass
