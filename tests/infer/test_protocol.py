import math

import pytest

from data.labels import Clip, TitleLabels
from infer.protocol import cut_to_measured, ground_truth, index_predictions, measured_clips, refuse_invalid
from infer.settings import Protocol

FIRST, ALL = Protocol.FIRST_OCCURRENCE, Protocol.ALL_OCCURRENCE
ONE, TWO = Clip("sex", 10.0, 20.0), Clip("sex", 40.0, 50.0)


@pytest.mark.parametrize(
    ("labels", "first", "everything"),
    [
        (TitleLabels("t", {"sex": True}, {"sex": ONE}), ((ONE,), 20.0), None),
        (TitleLabels("t", {"sex": True}, {"sex": ONE}, (TWO, ONE)), ((ONE,), 20.0), ((TWO, ONE), math.inf)),
        (TitleLabels("t", {"sex": True}, {}, (TWO, ONE)), ((ONE,), 20.0), ((TWO, ONE), math.inf)),
        (TitleLabels("t", {"sex": False}), ((), math.inf), ((), math.inf)),
        (TitleLabels("t", {"sex": False}, {}, ()), ((), math.inf), ((), math.inf)),
        (TitleLabels("t", {"sex": None}), None, None),
        (TitleLabels("t", {"sex": True}), None, None),
        (TitleLabels("t", {}, {}, (Clip("drug-use", 1.0, 2.0),)), None, None),
    ],
)
def test_what_each_protocol_measures(labels, first, everything):
    assert measured_clips(labels, "sex", FIRST) == first
    assert measured_clips(labels, "sex", ALL) == everything


def test_invalid_clips_are_left_out_and_counted():
    truth = {
        "a": TitleLabels("a", {}, {}, (Clip("sex", 5.0, 5.0), Clip("sex", 1.0, 2.0))),
        "b": TitleLabels("b", {}, {}, (Clip("sex", math.nan, 5.0),)),
        "c": TitleLabels("c", {"sex": None}),
    }
    found = ground_truth(truth, ["sex"], ALL)
    assert found.measured_NC[:, 0].tolist() == [True, False, False]
    assert found.clips.start_s_G.tolist() == [1.0]
    assert found.left_out == {"invalid clip": 2, "title and label without known clips": 1}
    assert ground_truth(truth, ["sex"], ALL, keep_invalid=True).positives.tolist() == [3]


def test_invalid_predictions_are_refused_by_reason():
    rows = [
        ("a", "sex", 0.0, 1.0, 0.5),
        ("a", "sex", 0.0, 1.0, math.nan),
        ("a", "sex", math.inf, 1.0, 0.5),
        ("a", "sex", 2.0, 1.0, 0.5),
        ("a", "sex", 1.0, 1.0, 0.5),
        ("elsewhere", "sex", 0.0, 1.0, 0.5),
        ("a", "typo", 0.0, 1.0, 0.5),
    ]
    kept, counts = refuse_invalid(index_predictions(rows, ["a"], ["sex"]), 1, 1)
    assert len(kept) == 1
    assert counts == {"not finite": 2, "inverted": 1, "zero-length": 1, "title not evaluated": 1, "unknown label": 1}


@pytest.mark.parametrize(
    ("crossing", "ends", "crossed"), [("clip", [15, 20], 0), ("drop", [15], 1), ("none", [15, 30], 0)]
)
def test_predictions_are_cut_to_the_measured_span(crossing, ends, crossed):
    truth = {"a": TitleLabels("a", {"sex": True}, {"sex": ONE}), "b": TitleLabels("b", {"sex": None})}
    rows = [
        ("a", "sex", 5.0, 15.0, 0.1),
        ("a", "sex", 19.0, 30.0, 0.2),
        ("a", "sex", 20.0, 30.0, 0.3),
        ("b", "sex", 0.0, 1.0, 0.4),
    ]
    measured = ground_truth(truth, ["sex"], FIRST)
    cut, counts = cut_to_measured(index_predictions(rows, measured.title_ids, ["sex"]), measured, crossing)
    assert cut.end_s_P.tolist() == ends
    assert counts.pop("title and label not measured") == 1
    assert counts.pop("starts after the measured span") == 1
    assert counts == ({"crosses the end of the measured span": 1} if crossed else {})
