"""A folder with a run.toml stands for ``--config``, first among a command's arguments or as its value."""

import pytest

from pipeline import cli


def run(capsys, *arguments):
    capsys.readouterr()
    with pytest.raises(SystemExit) as caught:
        cli.main([str(argument) for argument in arguments])
        raise SystemExit(0)
    return caught.value.code or 0, capsys.readouterr().out


def test_commands_take_the_folder_of_a_run(night, capsys):
    assert night.command("run") == 0
    for first in ((night.folder,), ("--config", night.folder), ("--config", night.config)):
        code, out = run(capsys, "explain", *first, "t1")
        assert (code, out.startswith("t1: flagged")) == (0, True)
    assert run(capsys, "report", night.folder, "--out", night.folder / "page.html")[0] == 0
    assert (night.folder / "page.html").is_file()
    assert run(capsys, "diff", night.folder, "current", "current")[0] == 0
    assert run(capsys, "runs", "list", "--config", night.folder)[0] == 0


def test_a_folder_without_one_is_an_argument_like_any_other(night, capsys):
    (night.folder / "empty").mkdir()
    assert run(capsys, "report", night.folder / "empty")[0] == 2
