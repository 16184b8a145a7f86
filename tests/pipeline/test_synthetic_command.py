"""`coarse2fine synthetic`: a catalogue that the other commands take as it is, and that can grow."""

import sys

import pytest

from data.shards import list_shards
from pipeline import cli
from pipeline.config import load_config


def coarse2fine(capsys, *arguments):
    """Run the command line in this process; return exit code, standard output and standard error."""
    with pytest.raises(SystemExit) as caught:
        cli.main([str(argument) for argument in arguments])
        sys.exit(0)
    captured = capsys.readouterr()
    return caught.value.code or 0, captured.out, captured.err


def test_a_catalogue_that_the_other_commands_take(tmp_path, capsys):
    out = tmp_path / "synthetic"
    for titles in (4, 8):
        code, text, _ = coarse2fine(capsys, "synthetic", out, "--titles", titles, "--width", 4, "--seed", 2)
        assert (code, f"synthetic: {titles} titles, features of width 4" in text) == (0, True)
    assert len(list(list_shards(load_config(out / "run.toml").features_dir))) == 8
    code, text, _ = coarse2fine(capsys, "labels", "check", "--config", out / "run.toml")
    assert (code, "splits: train 6, val 1, test 1" in text, "0 errors" in text) == (0, True, True)


def test_labels_only(tmp_path, capsys):
    code, text, _ = coarse2fine(capsys, "synthetic", tmp_path, "--titles", 3, "--labels-only")
    assert (code, "3 titles, labels only" in text) == (0, True)
    assert not (tmp_path / "work").exists()


def test_no_titles_are_refused(tmp_path, capsys):
    code, _, err = coarse2fine(capsys, "synthetic", tmp_path, "--titles", 0)
    assert (code, "0 is not in the range" in err) == (2, True)
