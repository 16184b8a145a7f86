"""Every example of README, guide and runbook is typed twice, with a change of titles, films and labels between.

The examples are taken from the text. What a test of its own walks, or what cannot be typed here, is named in ``LEFT``
with the reason; an example that is neither run nor left out fails the test.
"""

import os
import re
import shlex
import sys
from pathlib import Path
from unittest import mock

import click
import numpy as np
import pytest

from pipeline import cli

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", ROOT / "docs" / "guide.md", ROOT / "docs" / "runbook.md")
COMMAND = "coarse2fine "
RUN = {
    *("labels check", "plan", "run", "retry", "train", "infer", "evaluate", "thresholds", "report", "figures"),
    *("explain", "export", "quarantine list", "quarantine release", "diff", "rollback", "runs list", "runs release"),
    *("gc", "doctor", "import-features"),
}
LEFT = {
    "init": "refuses to write over a run.toml; tests/journeys/test_streaming_team.py begins with it",
    "moderate": "needs films; tests/journeys/test_self_hoster.py",
    "demo": "tests/pipeline/demo, `make demo`",
    "review": "serves until it is stopped; tests/pipeline/review",
    "labels merge": "needs a review; tests/pipeline/review/test_round_trip.py",
    "labels import": "needs files of other tools; tests/data/test_label_import.py",
    "benchmark": "a configuration of its own; tests/pipeline/benchmark",
    "synthetic": "tests/pipeline/test_synthetic_command.py",
    "extract": "needs films; tests/journeys/test_streaming_team.py runs all of it",
}
LEFT_WORDS = {
    "run.engine=ray": "needs a cluster; tests/pipeline/distribute",
    "FILE": "needs a film",
    "film.mkv": "a film",
    "moderation": "the folder of `moderate`; tests/journeys/test_self_hoster.py",
    "bench.toml": "a benchmark of a published data set; tests/pipeline/benchmark, tests/data/test_import_features.py",
}
PLACES = {"tt0123": "t13", "TITLE": "t13", "RUN": "previous", "i3d": "toy"}


def examples(page):
    """Return what a page tells people to type: lines of its code blocks, and code within text that is whole."""
    text = page.read_text(encoding="utf-8")
    fenced = [line for block in re.findall(r"^```[a-z]*\n(.*?)^```", text, re.S | re.M) for line in block.splitlines()]
    indented = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    blocks = [line.strip().removeprefix("$ ") for line in (*fenced, *indented)]
    found = [shlex.split(line, comments=True)[1:] for line in blocks if line.startswith(COMMAND)]
    inline = [shlex.split(text)[1:] for text in re.findall(rf"`({COMMAND}[^`\n]*)`", text)]
    return [*found, *(words for words in inline if is_whole(words))]


def name_of(words):
    """Return the command of an example, with its group."""
    command, names = cli.cli, []
    for word in words:
        if not isinstance(command, click.Group) or word.startswith("-"):
            break
        names.append(word)
        command = command.commands[word]
    return " ".join(names)


def is_whole(words):
    """Say whether code within text can be typed as it is, or only names a command."""
    command, rest = cli.cli, list(words)
    while isinstance(command, click.Group):
        if not rest or rest[0].startswith("-"):
            return False
        command = command.commands[rest.pop(0)]
    try:
        with (
            mock.patch.dict(os.environ, COARSE2FINE_CONFIG="run.toml"),
            command.make_context(command.name, rest, resilient_parsing=False),
        ):
            return True
    except click.MissingParameter:
        return False
    except click.ClickException:
        return True  # it is not complete for a reason that typing it will show


ALL = [words for page in PAGES for words in examples(page)]


def test_every_example_is_run_or_left_out_for_a_reason(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    unknown = {name_of(words) for words in ALL} - RUN - set(LEFT)
    assert not unknown, f"say in RUN or LEFT what becomes of {sorted(unknown)}"
    assert {"plan", "run", "diff", "thresholds", "labels check", "quarantine list"} <= {name_of(words) for words in ALL}


def is_run(words):
    return name_of(words) in RUN and not any(word in LEFT_WORDS for word in words)


def type_in(words, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(words)
        sys.exit(0)
    said = capsys.readouterr()
    return caught.value.code or 0, f"{' '.join(words)}\n{said.out}\n{said.err}"


def test_all_examples_twice_with_a_change_between(catalogue, capsys, monkeypatch):
    folder = catalogue.parent
    text = catalogue.read_text().replace("epochs = 40", "epochs = 4")
    catalogue.write_text(f'{text}[run]\nimport_name = "toy"\n')
    monkeypatch.chdir(folder)
    for more in ([], ["--set", "infer.thresholds.violence.flag=0.9"]):  # so that there is a run before the current one
        code, said = type_in(["run", *more], capsys)
        assert code == 0, said
    for night in (1, 2):
        for words in filter(is_run, ALL):
            code, said = type_in([PLACES.get(word, word) for word in words], capsys)
            assert code in (0, 1), f"night {night}: {said}"
            assert code == 0 or name_of(words) in ("run", "retry", "doctor"), f"night {night}: {said}"
            if name_of(words) == "rollback":
                assert type_in(["runs", "release"], capsys)[0] == 0
        change(folder)


def change(folder):
    """Add two titles, one of them labelled, replace the film of one that was trained on, and correct a label."""
    rng = np.random.default_rng(5)
    with (folder / "titles.csv").open("a") as file:
        for title_id in ("t20", "t21"):
            np.save(folder / "features" / f"{title_id}.npy", rng.random((120, 8), np.float32))
            file.write(f"{title_id},features/{title_id}.npy,120,train\n")
    np.save(folder / "features" / "t00.npy", rng.random((121, 8), np.float32))
    with (folder / "video_labels.csv").open("a") as file:
        file.write("t20,smoking,0\n")
    clips = folder / "clip_labels.csv"
    clips.write_text(
        "".join(line for line in clips.read_text().splitlines(keepends=True) if "t05,violence" not in line)
    )
