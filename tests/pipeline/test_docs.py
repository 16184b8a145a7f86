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


LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors_of(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as a forge makes them."""
    headings = re.findall(r"^#+ (.*)", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "docs" / "measured" / "README.md"], ids=lambda page: page.name)
def test_links_lead_to_files_and_headings_that_are_there(page):
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), f"{page.name}: {link}"
        assert not anchor or anchor in anchors_of(target), f"{page.name}: {link}"


def test_the_readme_is_short_and_names_three_ways_and_every_page():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(readme.splitlines()) <= 120
    assert len(re.findall(r"^## [123]\. ", readme, re.M)) == 3
    linked = {link.partition("#")[0] for link in LINK.findall(readme)}
    assert {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")} <= linked


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
    assert set(duckdb.sql(query).fetchall()) == {("done", "", 3), ("quarantined", "unreadable", 1)}
    assert list(eval(expression, {"pandas": pd}).title_id) == ["t1"]


def test_the_map_names_files_that_are_there():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:data|extract|infer|model|pipeline|tests|\.ci)/[\w./]*)`", text))
    assert {"data/time_grid.py", "tests/journeys/"} <= named
    assert not [name for name in sorted(named) if not (ROOT / name).exists()]
