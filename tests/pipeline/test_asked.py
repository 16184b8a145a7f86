"""A call of `moderate` says what it was asked otherwise than the one before, with words that can be typed."""

import json
import shlex
from pathlib import Path

import click
import pytest

from pipeline.asked import changed, keep, options
from pipeline.commands.files import moderate
from pipeline.moderation_folder import threshold_values

LABELS = ("violence", "drug-use")
CALL = "coarse2fine moderate Library --out moderation"


def asked(*typed: str) -> list[str]:
    """Return the options of a call as the command line reads it."""
    context = moderate.make_context("moderate", ["Library", *typed])
    given = context.params
    return options(
        checkpoint=given["checkpoint"],
        include=given["include"],
        exclude=given["exclude"],
        thresholds=threshold_values(given["thresholds"], LABELS),
        labels=LABELS,
        overrides=given["overrides"],
    )


def test_a_call_without_the_thresholds_of_the_one_before_says_so_and_how_to_have_them(tmp_path: Path) -> None:
    assert changed(tmp_path, asked("--threshold", "violence=0.9"), CALL) == ""  # there is none before
    keep(tmp_path, asked("--threshold", "violence=0.9"))
    assert changed(tmp_path, asked(), CALL) == (
        "not asked as in the call before: without --threshold violence=0.9. To have it as before: "
        "coarse2fine moderate Library --out moderation --threshold violence=0.9"
    )
    assert changed(tmp_path, asked("--threshold", "violence=0.8", "--exclude", "Extras"), CALL) == (
        "not asked as in the call before: without --threshold violence=0.9; with --threshold violence=0.8, "
        f"--exclude Extras. To have it as before: {CALL} --threshold violence=0.9"
    )
    keep(tmp_path, asked())
    assert changed(tmp_path, asked("--include", "*E03.*"), CALL).endswith(f"To have it as before: {CALL}")


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (("--threshold", "0.9"), ("--threshold", "violence=0.9", "--threshold", "drug-use=0.90")),
        (("--exclude", "a", "--exclude", "b"), ("--exclude", "b", "--exclude", "a", "--exclude", "b")),
        (("--set", "export.edl_action=mute"), ("--set", 'export.edl_action="mute"')),
        (("--set", "run.report=false", "--set", "run.attempts=2"), ("--set=run.attempts=2", "--set=run.report=false")),
        (("--checkpoint", "work/checkpoint"), ("--checkpoint", str(Path("work/checkpoint").absolute()))),
        (("--threshold", "0.5", "--threshold", "0.9"), ("--threshold", "0.9")),
    ],
)  # fmt: skip
def test_the_same_said_in_another_way_is_the_same(tmp_path: Path, before, now) -> None:
    keep(tmp_path, asked(*before))
    assert changed(tmp_path, asked(*now), CALL) == ""


@pytest.mark.parametrize(
    "typed",
    [
        ("--threshold", "0.9995"),
        ("--threshold", "drug-use=1e-05", "--checkpoint", "/films of mine/it's a checkpoint"),
        ("--set", "export.severity.violence=low", "--set", "infer.window_s=12.5", "--set", "run.report=false"),
        ("--set", 'export.mcf_category."drug-use"="drugs"', "--set", 'export.edl_action="it\'s $HOME"'),
        ("--include", "Küss*", "--exclude", "*'; rm -rf ~ #", "--exclude", "-x", "--exclude", "[a]?"),
    ],
)
def test_the_words_to_type_read_back_as_what_was_asked(tmp_path: Path, typed) -> None:
    before = asked(*typed)
    keep(tmp_path, before)
    said = changed(tmp_path, [], CALL)
    words = shlex.split(said.partition("To have it as before: ")[2])
    assert words[:3] == ["coarse2fine", "moderate", "Library"]
    assert asked(*words[3:]) == before


@pytest.mark.parametrize("content", ["", "{", "[]", '{"options": 3}', '{"options": null}', "\x00"])
def test_a_damaged_record_is_as_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "asked.json").write_text(content)
    assert changed(tmp_path, asked("--threshold", "0.5"), CALL) == ""
    keep(tmp_path, asked("--threshold", "0.5"))
    assert json.loads((tmp_path / "asked.json").read_text())["options"] == ["--threshold 0.5"]


def test_every_option_that_chooses_or_judges_films_is_compared() -> None:
    """An option that is added to the command is compared, too, or is one of these."""
    elsewhere = {"videos", "out", "exports", "overwrite"}
    compared = {"checkpoint", "include", "exclude", "thresholds", "overrides"}
    parameters = {one.name for one in moderate.params if isinstance(one, (click.Option, click.Argument))}
    assert parameters - elsewhere == compared
