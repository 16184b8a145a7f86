import numpy as np
import pytest

from data.labels import Clip, TitleLabels
from data.schemas import LabelThresholds, Segment
from infer.title_scores import TitleScores
from pipeline.report.mistakes import FALSE, MISSED, Mistake, curves, mistakes, worst

LIMITS = {"violence": LabelThresholds(0.1, 0.2, 0, 0, 0.5)}


def segment(start_s, end_s, score, title_id="film", decision="flag"):
    return Segment(
        title_id, "violence", 0, start_s, end_s, score, score, None, None, 0.9, 0.2, 0.1, decision, start_s + 1
    )


def located(*clips, title_id="film"):
    return TitleLabels(title_id, {"violence": bool(clips)}, {}, tuple(Clip("violence", *clip) for clip in clips))


def first_only(start_s, end_s, title_id="film"):
    return TitleLabels(title_id, {"violence": True}, {"violence": Clip("violence", start_s, end_s)})


def test_a_curve_by_hand():
    # two clips; hits at 0.9 and 0.6, a miss at 0.8. Any overlap: P = 1, 1/2, 2/3; R = 1/2, 1/2, 1
    found = [segment(0, 10, 0.9), segment(40, 50, 0.8), segment(20, 30, 0.6)]
    truth = {"film": located((0, 10), (29, 39))}
    any_overlap, tiou_1, tiou_2 = curves(found, truth, LIMITS)
    assert any_overlap.recall_K == (0.5, 0.5, 1.0)
    assert any_overlap.precision_K == pytest.approx((1, 1 / 2, 2 / 3))
    assert any_overlap.chosen == pytest.approx((1.0, 2 / 3))  # all reach the flag threshold of 0.5
    assert any_overlap.clips == 2
    # the third overlaps 1 s of 19: tIoU 0.05, no hit at 0.1
    assert tiou_1.recall_K == tiou_2.recall_K == (0.5, 0.5, 0.5)


def test_equal_scores_are_one_point():
    found = [segment(0, 10, 0.7), segment(40, 50, 0.7), segment(70, 80, 0.3)]
    any_overlap = curves(found, {"film": located((0, 10))}, LIMITS)[0]
    assert any_overlap.recall_K == (1.0, 1.0)
    assert any_overlap.precision_K == pytest.approx((1 / 2, 1 / 3))
    assert any_overlap.chosen == (1.0, 0.5)


def test_nothing_found_is_an_empty_curve_and_no_clips_none():
    empty = curves([], {"film": located((0, 10))}, LIMITS)[0]
    assert (empty.recall_K, empty.chosen) == ((), None)
    assert curves([], {"film": located()}, LIMITS) == []


def test_mistakes_by_hand():
    action_TC = np.zeros((60, 1), np.float32)
    action_TC[33, 0] = 0.25
    scores = TitleScores("film", None, None, action_TC, np.zeros(1, np.float32))
    found = [segment(0, 10, 0.9), segment(20, 25, 0.8), segment(31, 34, 0.3, decision="review")]
    truth = located((5, 8), (30, 40))
    assert mistakes("film", truth, found, scores, labels=("violence",)) == [
        Mistake(FALSE, "film", "violence", 20, 25, 0.8, 21),
        Mistake(MISSED, "film", "violence", 30, 40, 0.25, 35),
    ]


def test_what_nobody_looked_at_is_no_mistake():
    found = [segment(0, 3, 0.9), segment(50, 60, 0.8)]
    made = mistakes("film", first_only(10, 20), found, None, labels=("violence",))
    assert [(mistake.kind, mistake.start_s, mistake.score) for mistake in made] == [
        (FALSE, 0, 0.9),
        (MISSED, 10, None),
    ]
    unknown = TitleLabels("film", {"violence": True})
    assert mistakes("film", unknown, found, None, labels=("violence",)) == []


def test_the_worst_are_the_surest():
    found = [Mistake(kind, "film", "violence", 0, 1, score, 0) for kind in (MISSED, FALSE) for score in (0.2, 0.9, 0.5)]
    shown = worst(found, ("smoking", "violence"), 2)
    assert [(mistake.kind, mistake.score) for mistake in shown] == [
        (FALSE, 0.9),
        (FALSE, 0.5),
        (MISSED, 0.2),
        (MISSED, 0.5),
    ]


def test_each_title_is_looked_at_by_all_that_is_labelled_of_it():
    """One title with all its occurrences beside one with its first: neither hides the other."""
    found = [segment(50, 60, 0.9), segment(50, 60, 0.8, "other"), segment(0, 10, 0.7, "other")]
    truth = {"film": located((0, 10), (50, 60)), "other": first_only(0, 10, "other")}
    any_overlap = curves(found, truth, LIMITS)[0]
    # the second lies after the first occurrence of a title of which only that is labelled: hit, hit of three clips
    assert (any_overlap.clips, any_overlap.recall_K, any_overlap.precision_K) == (3, (1 / 3, 2 / 3), (1.0, 1.0))
    made = [mistakes(title_id, truth[title_id], found[1:2], None, labels=("violence",)) for title_id in truth]
    assert [[(mistake.kind, mistake.start_s) for mistake in one] for one in made] == [[(MISSED, 0)], [(MISSED, 0)]]
