"""The configuration is looked for where none is given: here, then where the environment says."""

import logging
import sys

import pytest

from pipeline import cli


def type_in(capsys, *words):
    with pytest.raises(SystemExit) as caught:
        cli.main([str(word) for word in words])
        sys.exit(0)
    said = capsys.readouterr()
    return caught.value.code or 0, said.out, said.err


@pytest.fixture
def two(make_night, tmp_path):
    """Two catalogues: one of two titles, one of three."""
    return make_night(tmp_path / "two", titles=2), make_night(tmp_path / "three", titles=3)


def test_the_file_here_wins_over_the_environment_and_what_is_given_over_both(two, capsys, monkeypatch, caplog):
    few, more = two
    monkeypatch.setenv("COARSE2FINE_CONFIG", str(more.config))
    monkeypatch.chdir(few.folder)
    with caplog.at_level(logging.DEBUG):
        assert "2 titles: extract, new" in type_in(capsys, "plan")[1]
    assert f"configuration: {few.config} (found here)" in caplog.text
    assert "3 titles: extract, new" in type_in(capsys, "plan", "--config", more.config)[1]
    (few.folder / "elsewhere").mkdir()
    monkeypatch.chdir(few.folder / "elsewhere")
    caplog.clear()
    with caplog.at_level(logging.DEBUG):
        assert "3 titles: extract, new" in type_in(capsys, "plan")[1]
    assert f"configuration: {more.config} (COARSE2FINE_CONFIG)" in caplog.text


def test_without_any_the_error_says_what_was_looked_for(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COARSE2FINE_CONFIG", raising=False)
    code, _, err = type_in(capsys, "plan")
    assert code == 2
    assert "no configuration: there is no run.toml here and COARSE2FINE_CONFIG is not set; give --config FILE" in err
    assert "there is no bench.toml here" in type_in(capsys, "benchmark")[2]
    monkeypatch.setenv("COARSE2FINE_CONFIG", "nowhere.toml")
    assert "nowhere.toml: no such file" in type_in(capsys, "plan")[2]


def test_commands_that_can_do_without_take_it_too(two, capsys, monkeypatch):
    few, _ = two
    assert few.command("run") == 0
    monkeypatch.chdir(few.folder)
    assert type_in(capsys, "explain", "t0")[0] == 0
    assert type_in(capsys, "export", "--format", "webvtt", "--out", "subtitles")[0] == 0
    (few.folder / "run.toml").write_text("broken")
    assert type_in(capsys, "explain", "t0", "--run", "work/current")[0] == 0  # nothing is looked for then
