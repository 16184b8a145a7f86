"""What `thresholds` says: per label what a threshold finds and costs, and how far so few clips can be trusted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console

from data.counted import counted, written_threshold
from infer.certainty import CONFIDENCE, Certainty, certainty
from infer.operating_point import Choice
from pipeline.terminal_table import print_table

HEADER = ["label", "flagged from", "clips found", "flags correct", "false flags\nper hour", "titles flagged", "reached"]
FROM = (
    "Flagged from: a segment whose score reaches `flag`, made of frames that reach `frame`, in a title whose own score "
    "reaches `title`. All counts go through all three, as in a run."
)
READING = (
    f'In brackets and "at least": {CONFIDENCE:.0%} intervals (Clopper-Pearson; false flags: Poisson), two-sided. The '
    "thresholds were chosen on these same clips, so other titles may do worse."
)


def print_choices(console: Console, choices: Sequence[Choice]) -> None:
    """Print what was chosen for each label, what it reaches on validation, and what must be known of that."""
    rows = [HEADER, *(_cells(choice) for choice in choices)]
    print_table(console, f"Thresholds for {choices[0].goal}, on validation", rows)
    for choice in choices:
        for line in remarks(choice):
            console.print(f"{choice.label}: {line}", soft_wrap=True)
    for line in (FROM, READING):
        console.print(line, soft_wrap=True)


def remarks(choice: Choice) -> Iterator[str]:
    """Yield what a person must know before a threshold is used, in words."""
    if choice.goal.wanted != "false_per_hour" and not choice.curve.clips:
        yield "val holds no clip of it, so there is nothing to choose by"
        return
    if choice.row is None:
        yield "nothing of it scores high enough in val to be a segment, so there is nothing to choose from"
        return
    yield _how_sure(choice, certainty(choice))
    yield from _what_decides(choice)
    if choice.titles is not None and choice.titles.nearly_all:
        titles = choice.titles
        flagged = "every title" if titles.flagged == titles.titles else f"{titles.flagged} of {titles.titles} titles"
        yield f"it flags {flagged} of val, and {titles.holding} of {titles.titles} are known to hold it"


def _what_decides(choice: Choice) -> Iterator[str]:
    """Yield what must be known of a flag threshold and a title threshold together: a run asks for both."""
    dropped, title = choice.dropped, choice.shown.title
    drops = dropped is not None and dropped.segments > 0
    if choice.flags_every_candidate:
        lowest = written_threshold(float(choice.curve.score_K[-1]))
        if drops:
            yield (
                f"its flag threshold lies below the lowest candidate of the titles that are kept ({lowest}): what is "
                "flagged is decided by the title threshold"
            )
        else:
            yield (
                f"the threshold lies below the lowest candidate of val ({lowest}): everything is flagged that comes up "
                "at all"
            )
    if title != choice.before.title:
        without = f"the title threshold {written_threshold(choice.before.title)}"
        if choice.reached:
            yield (
                f"flagged also in titles whose own score is low: {without} is lifted, since with it too little is found"
            )
        else:
            yield f"counted without {without}, which stays"
    if dropped is not None and drops:
        said = (
            "segment of val scores as high and is" if dropped.segments == 1 else "segments of val score as high and are"
        )
        yield (
            f"{dropped.segments} {said} not flagged: the own score of {counted(dropped.titles, 'title')} lies below "
            f"the title threshold {written_threshold(title)}"
        )


def _how_sure(choice: Choice, sure: Certainty) -> str:
    low, high = sure.interval
    if choice.goal.wanted == "false_per_hour":
        said = f"{counted(sure.count, 'false flag')} in {sure.of:.1f} h: at most {high:.3g} an hour"
        wanted = f"{choice.goal.value:g} an hour"
        unit = f"{sure.needed:.1f} h without one" if sure.needed is not None else ""
    else:
        noun, verb = ("clip", "found") if choice.goal.wanted == "recall" else ("flag", "correct")
        said = f"{sure.count} of {counted(int(sure.of), noun)} {verb}: at least {_percent(low)}"
        wanted = f"all {noun}s" if choice.goal.value >= 1 else _percent(choice.goal.value)
        unit = f"{counted(int(sure.needed), noun)} without a miss" if sure.needed is not None else ""
    if sure.promised:
        return said
    if not choice.reached:
        return f"{said}; no threshold reaches {choice.goal}, this is the nearest"
    few = "too little time" if choice.goal.wanted == "false_per_hour" else "too few"
    if sure.needed is None:
        remedy = "no number of them is enough for that"
    elif sure.needed > sure.of:
        remedy = f"at least {unit} are needed"
    else:
        remedy = "it lies too near to what was reached; ask for less, or label more"
    return f"{said}, {few} to promise {wanted}: {remedy}"


def _cells(choice: Choice) -> list[str]:
    curve, row = choice.curve, choice.row
    numbers = ["-"] * 4
    if row is not None:
        found, flagged, false = int(curve.found_K[row]), int(curve.flagged_K[row]), int(curve.false_K[row])
        titles = choice.titles
        numbers = [
            f"{found} of {curve.clips}",
            f"{flagged - false} of {flagged}",
            "-" if not curve.hours else f"{curve.false_per_hour[row]:.2f}",
            "-" if titles is None else f"{titles.flagged} of {titles.titles}",
        ]
    reached = "nothing to choose by" if choice.row is None else "no, this is the nearest"
    if choice.reached:
        reached = "yes" if certainty(choice).promised else "here, not promised"
    return [choice.label, _thresholds(choice), *numbers, reached]


def _thresholds(choice: Choice) -> str:
    """Return every threshold that takes part, a line each: of the segment, of its title, of its frames."""
    before, shown = choice.before, choice.shown
    flag = title = ""
    if choice.row is not None:
        flag = f" -> {written_threshold(shown.flag)}"
    if shown.title != before.title:
        title = f" -> {written_threshold(shown.title)}"
    lines = (f"flag {written_threshold(before.flag)}{flag}", f"title {written_threshold(before.title)}{title}")
    return "\n".join((*lines, f"frame {written_threshold(before.frame)}"))


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %" if share in (0, 1) or share >= 0.995 else f"{100 * share:.2g} %"
