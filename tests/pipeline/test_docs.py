"""What the documents tell people to type is there: commands, their options, and the queries of the runbook."""

import re
from pathlib import Path

import click
import duckdb
import pandas as pd
import pytest

from pipeline.cli import cli

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
CALL = re.compile(r"coarse2fine ((?:[a-z][a-z-]*)(?: [^`\n#|&;)]*)?)")


def commands_of(page: Path) -> list[list[str]]:
    return [call.split() for call in CALL.findall(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_options_exist(page):
    for words in commands_of(page):
        command: click.Command = cli
        for word in words:
            if not isinstance(command, click.Group) or word.startswith("-"):
                break
            assert word in command.commands, f"{page.name}: coarse2fine {' '.join(words)}"
            command = command.commands[word]
        known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        unknown = {word.partition("=")[0] for word in words if word.startswith("--")} - known
        assert not unknown, f"{page.name}: coarse2fine {' '.join(words)}"


def test_the_runbook_names_commands():
    found = {words[0] for words in commands_of(ROOT / "docs" / "runbook.md")}
    assert {"plan", "quarantine", "runs", "rollback", "gc", "retry", "doctor", "diff"} <= found


def test_the_ledger_answers_the_queries_of_the_runbook(night, monkeypatch):
    (night.folder / "features" / "t1.npy").write_bytes(b"not an array")
    assert night.command("run") == 1
    runbook = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
    (query,) = re.findall(r'duckdb -c "(.*)"', runbook)
    (expression,) = re.findall(r'python -c "import pandas; print\((.*)\)"', runbook)
    monkeypatch.chdir(night.folder)
    assert set(duckdb.sql(query).fetchall()) == {("done", "", 3), ("failed", "unreadable", 1)}
    assert list(eval(expression, {"pandas": pd}).title_id) == ["t1"]
