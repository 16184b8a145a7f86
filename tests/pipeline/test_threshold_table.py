"""What `thresholds` says of few clips: the interval, how many it would take, and when a threshold tells nothing."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from data.schemas import LabelThresholds
from infer.operating_curve import OperatingCurve
from infer.operating_point import Dropped, FlaggedTitles, Goal, choose
from pipeline.stages.thresholds import choice_record
from pipeline.threshold_table import print_choices, remarks

BEFORE = LabelThresholds(title=0.3, frame=0.2, merge_gap_s=0.0, min_length_s=0.0, flag=0.45)


def curve(rows, clips, hours=2.0):
    """Return a curve of (score, flagged, false, found) rows."""
    scores, flagged, false, found = map(np.array, zip(*rows, strict=True)) if rows else [np.zeros(0)] * 4
    return OperatingCurve(scores, flagged, false, found, clips, hours)


def chosen(goal, kept, every=None, titles=None):
    return replace(choose("sex", BEFORE, goal, kept, every or kept), titles=titles)


def test_two_of_two_found_promise_nothing():
    two = curve([(0.9, 1, 0, 1), (0.6, 3, 1, 2), (0.4, 9, 7, 2)], clips=2)
    assert list(remarks(chosen(Goal("recall", 0.9), two))) == [
        "2 of 2 clips found: at least 16 %, too few to promise 90 %: at least 36 clips without a miss are needed"
    ]
    # asked for less, the same two clips are enough
    assert list(remarks(chosen(Goal("recall", 0.15), curve([(0.9, 1, 0, 2), (0.4, 9, 7, 2)], clips=2)))) == [
        "2 of 2 clips found: at least 16 %"
    ]


@pytest.mark.parametrize(
    ("goal", "rows", "clips", "said"),
    [
        (
            Goal("precision", 0.9),
            [(0.9, 3, 0, 1), (0.5, 9, 5, 2)],
            4,
            "3 of 3 flags correct: at least 29 %, too few to promise 90 %: at least 36 flags without a miss are needed",
        ),
        (
            Goal("false_per_hour", 1.0),
            [(0.9, 3, 1, 1), (0.5, 9, 5, 2)],
            4,
            "1 false flag in 2.0 h: at most 2.79 an hour, too little time to promise 1 an hour: at least 3.7 h without "
            "one are needed",
        ),
        (
            Goal("recall", 1.0),
            [(0.9, 3, 1, 4), (0.5, 9, 5, 4)],
            4,
            "4 of 4 clips found: at least 40 %, too few to promise all clips: no number of them is enough for that",
        ),
        (
            Goal("recall", 0.9),
            [(0.9, 3, 1, 1), (0.5, 9, 5, 2)],
            4,
            "2 of 4 clips found: at least 6.8 %; no threshold reaches 90 % of the clips found, this is the nearest\n"
            "counted without the title threshold 0.3, which stays",
        ),
        (
            Goal("recall", 0.9),
            [(0.9, 60, 6, 54), (0.5, 90, 5, 54)],
            60,
            "54 of 60 clips found: at least 79 %, too few to promise 90 %: it lies too near to what was reached; ask "
            "for less, or label more",
        ),
        (
            Goal("false_per_hour", 2.0),
            [(0.9, 4, 3, 1), (0.5, 9, 5, 2)],
            4,
            "3 false flags in 2.0 h: at most 4.38 an hour, too little time to promise 2 an hour: it lies too near to "
            "what was reached; ask for less, or label more",
        ),
        (Goal("recall", 0.9), [(0.9, 3, 3, 0)], 0, "val holds no clip of it, so there is nothing to choose by"),
        (
            Goal("precision", 0.9),
            [],
            4,
            "nothing of it scores high enough in val to be a segment, so there is nothing to choose from",
        ),
        (Goal("recall", 0.9), [(0.9, 60, 0, 60), (0.5, 90, 5, 60)], 60, "60 of 60 clips found: at least 94 %"),
    ],
)
def test_remarks_in_words(goal, rows, clips, said):
    assert list(remarks(chosen(goal, curve(rows, clips)))) == said.splitlines()


def test_a_threshold_below_every_candidate_is_said_and_is_not_0():
    made = chosen(Goal("recall", 0.9), curve([(0.9, 1, 0, 1), (0.4, 9, 7, 2)], clips=2))
    assert made.after.flag == pytest.approx(0.3)  # halfway from 0.4 to tau_f, 0.2
    assert any("below the lowest candidate of val (0.4)" in line for line in remarks(made))


@pytest.mark.parametrize(
    ("titles", "said"),
    [
        (FlaggedTitles(5, 5, 3), "it flags every title of val, and 3 of 5 are known to hold it"),
        (FlaggedTitles(5, 5, 5), "it flags every title of val, and 5 of 5 are known to hold it"),
        (FlaggedTitles(9, 10, 3), "it flags 9 of 10 titles of val, and 3 of 10 are known to hold it"),
        (FlaggedTitles(9, 10, 9), None),  # right in all of them
        (FlaggedTitles(8, 10, 3), None),
    ],
)
def test_a_threshold_that_flags_nearly_all_titles_is_said(titles, said):
    made = chosen(Goal("recall", 0.9), curve([(0.9, 60, 0, 60), (0.5, 90, 5, 60)], 60), titles=titles)
    assert list(remarks(made))[1:] == ([] if said is None else [said])


def test_a_lifted_title_threshold_is_said():
    few, more = curve([(0.9, 1, 0, 1)], clips=2), curve([(0.9, 2, 0, 2), (0.5, 9, 7, 2)], clips=2)
    assert "the title threshold 0.3 is lifted" in " ".join(remarks(chosen(Goal("recall", 0.9), few, more)))


def test_what_the_title_threshold_drops_is_said():
    """A flag threshold of 0.3 that was printed alone promised segments that the title threshold kept from everybody."""
    made = chosen(Goal("recall", 0.9), curve([(0.9, 1, 0, 1), (0.4, 9, 7, 2)], clips=2))
    said = list(remarks(replace(made, dropped=Dropped(segments=5, titles=3))))[1:]
    assert said == [
        "its flag threshold lies below the lowest candidate of the titles that are kept (0.4): what is flagged is "
        "decided by the title threshold",
        "5 segments of val score as high and are not flagged: the own score of 3 titles lies below the title threshold "
        "0.3",
    ]
    said = list(remarks(replace(made, dropped=Dropped(segments=1, titles=1))))[-1]
    assert said.startswith("1 segment of val scores as high and is not flagged: the own score of 1 title lies below")
    assert list(remarks(replace(made, dropped=Dropped(0, 0)))) == list(remarks(made))


def test_the_nearest_to_a_goal_is_shown_with_the_thresholds_that_it_is_counted_at():
    few, more = curve([(0.9, 1, 0, 1)], clips=4), curve([(0.9, 2, 0, 2), (0.5, 9, 7, 2)], clips=4)
    made = chosen(Goal("recall", 0.9), few, more)
    assert (made.reached, made.after, made.shown.title, made.shown.flag) == (False, BEFORE, 0.0, 0.7)
    assert "counted without the title threshold 0.3, which stays" in list(remarks(made))


def test_the_table_speaks_in_words():
    out = io.StringIO()
    made = chosen(Goal("recall", 0.9), curve([(0.9, 3, 1, 2), (0.5, 9, 5, 2)], 2), titles=FlaggedTitles(2, 5, 3))
    print_choices(Console(file=out, width=160, highlight=False, markup=False), [made])
    printed = " ".join(out.getvalue().replace("│", " ").split())
    assert "label flagged from clips found flags correct per hour titles flagged reached" in printed
    assert "sex flag 0.45 -> 0.7 2 of 2 2 of 3 0.50 2 of 5 here, not promised title 0.3 frame 0.2" in printed
    assert "Clopper-Pearson" in printed
    assert "tau" not in printed


@pytest.mark.parametrize("hours", [0.0, 2.0])
def test_what_cannot_be_known_is_none_in_the_record(hours):
    """NaN is no JSON: storing a label without clips ended in a traceback."""
    made = chosen(Goal("false_per_hour", 4.0), curve([(0.9, 3, 3, 0)], clips=0, hours=hours))
    record = json.loads(json.dumps(choice_record(made), allow_nan=False))
    assert record.get("recall") is None
    assert record["promised"] is False
