import base64

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from data.labels import Clip, TitleLabels
from infer.title_scores import TitleScores
from infer.title_status import TitleRow
from pipeline.report.signals import BINS, encode, highest_per_bin, quantise, shown_status, title_data, truth_data

scores = arrays(np.float32, st.integers(1, 2000), elements=st.floats(0, 1, width=32))


def row(status="clear", samples=12, reason="", error="", coverage=1.0):
    return TitleRow("film", status, "", 0, 0.0, 12.0, 12.0, coverage, samples, 0, reason, "", error, None)


def test_a_byte_is_the_square_root_of_the_score():
    # 255 * sqrt(0.04) = 51; 255 * sqrt(0.0059) = 19.6
    assert quantise(np.array([0.0, 0.0059, 0.04, 1.0])).tolist() == [0, 20, 51, 255]


def test_each_part_keeps_its_highest_score():
    # five frames in two parts: floor(5 / 2) = 2, so frames 0-1 and 2-4
    assert highest_per_bin(np.array([0.1, 0.7, 0.2, 0.3, 0.6]), bins=2).tolist() == [0.7, 0.6]


@given(scores)
def test_no_peak_is_lost(value_T):
    level_B = np.frombuffer(base64.b64decode(encode(value_T)), np.uint8)
    assert len(level_B) == min(BINS, len(value_T))
    restored = (level_B.max() / 255) ** 2
    assert restored == pytest.approx(float(value_T.max()), abs=0.0041)  # half a step at the top: 1 - (254.5 / 255)^2


@given(st.sampled_from(["clear"]), st.sampled_from([None, 0, 12]), st.sampled_from(["", "broken"]), st.booleans())
def test_an_unread_film_is_never_shown_clear(status, samples, why, as_error):
    found = row(status, samples, "" if as_error else why, why if as_error else "")
    assert (shown_status(found) == "clear") == (samples == 12 and not why)


@pytest.mark.parametrize("status", ["flagged", "review", "partial", "quarantined"])
def test_other_statuses_are_shown_as_they_are(status):
    assert shown_status(row(status, samples=None, reason="why")) == status


def test_what_lies_after_a_first_occurrence_is_unknown():
    first_only = TitleLabels("film", {"violence": True}, {"violence": Clip("violence", 3, 6)})
    assert truth_data(first_only, "violence") == {"present": True, "clips": [(3, 6)], "until_s": 6}
    everything = TitleLabels("film", {"violence": True}, {}, (Clip("violence", 8, 9), Clip("violence", 3, 6)))
    assert truth_data(everything, "violence") == {"present": True, "clips": [(3, 6), (8, 9)], "until_s": None}
    absent = TitleLabels("film", {"violence": False})
    assert truth_data(absent, "violence") == {"present": False, "clips": [], "until_s": None}
    assert truth_data(None, "violence") == {"present": None, "clips": [], "until_s": None}


def test_a_title_without_scores_or_without_decomposition_is_still_a_title():
    action_TC = np.full((12, 1), 0.5, np.float32)
    plain = TitleScores("film", None, None, action_TC, np.array([0.5], np.float32))
    data = title_data(row(), plain, [], None, ("violence",))
    assert data["fs"] is None and data["labels"][0]["cs"] is None
    assert base64.b64decode(data["labels"][0]["as"]) == bytes([180] * 12)  # 255 * sqrt(0.5) = 180.3
    unscored = title_data(row("quarantined", None), None, [], None, ("violence",))
    assert unscored["labels"][0] == {
        "label": "violence",
        "cs": None,
        "as": None,
        "score": None,
        "said": "",
        "truth": {"present": None, "clips": [], "until_s": None},
    }
