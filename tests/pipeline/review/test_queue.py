import pytest

from data.schemas import LabelThresholds, Segment
from pipeline.review.queue import closeness, order, queue_row, score_closeness


def test_half_and_twice_the_threshold_are_equally_uncertain():
    assert closeness(0.3, 0.3) == 1.0
    assert closeness(0.15, 0.3) == closeness(0.6, 0.3) == pytest.approx(0.5)
    assert closeness(0.0, 0.3) == closeness(0.3, 0.0) == 0.0


def test_a_segment_is_compared_with_its_label_s_flag_threshold():
    segment = Segment("a", "violence", 0, 3, 6, 0.2, 0.1, None, None, 0.3, 0.05, 0.0, "review", 4)
    assert score_closeness(segment, {"violence": LabelThresholds(0, 0.05, 0, 0, 0.4)}) == pytest.approx(0.5)
    assert score_closeness(segment, {"violence": LabelThresholds(0, 0.1, 0, 0, 0.0)}) == pytest.approx(0.5)
    assert score_closeness(segment, {}) == pytest.approx(0.25)


def test_the_queue_asks_for_the_least_certain_title_first(make_desk):
    """Certain ones that wait, then titles where nothing waits, and finished ones at the end."""
    closeness_of = {"run1:0": 0.9, "run1:1": 0.2, "run1:2": 0.3}

    def row(name, *actions, otherwise=0.5):
        desk = make_desk(title_id=name)
        for action, n in actions:
            desk.do(action, n)
        return queue_row(name, desk.review, desk.of_model, closeness_of, otherwise)

    rejected = [("reject", n) for n in range(3)]
    rows = [
        row("complete", *rejected, ("complete", None)),
        row("decided", *rejected),
        row("certain", ("accept", 0)),
        row("uncertain"),
        row("nearly", *rejected, otherwise=0.8),
    ]
    names = [one.title_id for one in sorted(rows, key=order)]
    assert names == ["uncertain", "certain", "nearly", "decided", "complete"]
    certain = rows[2]
    assert (certain.waiting, certain.decided, certain.uncertainty) == (2, 1, 0.3)
