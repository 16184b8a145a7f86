"""What the Tab key proposes, asked as a shell asks: by a process of its own, which must not wait for torch."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CODE = """
import sys
from pipeline.cli import main
try:
    main([])
finally:
    print("torch" in sys.modules, file=sys.stderr)
"""


def proposed(words, cwd, **environment):
    """Return what bash would be told for a line that ends with the last word."""
    asked = {
        "COMP_WORDS": " ".join(words),
        "COMP_CWORD": str(len(words) - 1),
        "_COARSE2FINE_COMPLETE": "bash_complete",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    command, environment = [sys.executable, "-c", CODE], {**os.environ, **asked, **environment}
    ran = subprocess.run(command, env=environment, cwd=cwd, text=True, capture_output=True, check=False)
    assert ran.stderr.splitlines()[-1] == "False", ran.stderr
    return [line for line in ran.stdout.splitlines() if line]


def test_commands_and_options_are_proposed(tmp_path):
    assert "plain,moderate" in proposed(["coarse2fine", "mo"], tmp_path)
    assert "plain,--json" in proposed(["coarse2fine", "doctor", "--j"], tmp_path)


@pytest.mark.parametrize("words", [["moderate", "Fil"], ["run", "--config", "ru"], ["doctor", "a"]])
def test_files_are_the_shells_to_propose(tmp_path, words):
    assert proposed(["coarse2fine", *words], tmp_path)[0].startswith("file,")


def test_titles_and_labels_are_those_of_the_configuration(night):
    config = str(night.config)
    asked = ["coarse2fine", "explain", "--config", config, "t"]
    assert proposed(asked, night.folder) == [f"plain,t{number}" for number in range(4)]
    assert proposed(["coarse2fine", "explain", "t2"], night.folder) == ["plain,t2"]  # run.toml of the folder
    elsewhere = proposed(["coarse2fine", "explain", "t2"], night.folder.parent, COARSE2FINE_CONFIG=config)
    assert elsewhere == ["plain,t2"]
    asked = ["coarse2fine", "thresholds", "--config", config, "--label", "v"]
    assert proposed(asked, night.folder) == ["plain,violence"]


def test_without_a_configuration_nothing_is_proposed_and_nothing_breaks(tmp_path):
    assert proposed(["coarse2fine", "explain", "t"], tmp_path) == []
