import math

import pytest

from data.labels import Clip, TitleLabels
from infer.frame_truth import frame_truth
from infer.settings import Protocol

FIRST, ALL = Protocol.FIRST_OCCURRENCE, Protocol.ALL_OCCURRENCE


@pytest.fixture
def title():
    """Violence at 2 to 4.5 s and 7 to 8 s, all of it labelled; no sex; nobody looked for nudity."""
    clips = (Clip("violence", 2.0, 4.5), Clip("violence", 7.0, 8.0))
    return TitleLabels("t", {"violence": True, "sex": False, "nudity": None}, {"violence": clips[0]}, clips)


def test_a_first_occurrence_is_known_up_to_its_end(title):
    assert frame_truth(title, "violence", FIRST, 10).tolist() == [False, False, True, True, True]


def test_all_occurrences_are_known_everywhere(title):
    assert frame_truth(title, "violence", ALL, 10).nonzero()[0].tolist() == [2, 3, 4, 7]
    assert len(frame_truth(title, "violence", ALL, 10)) == 10


@pytest.mark.parametrize("protocol", [FIRST, ALL])
def test_an_absent_label_is_known_everywhere_and_an_unknown_one_nowhere(title, protocol):
    assert frame_truth(title, "sex", protocol, 3).tolist() == [False, False, False]
    assert frame_truth(title, "nudity", protocol, 3) is None


def test_a_first_occurrence_alone_says_nothing_of_all_occurrences():
    title = TitleLabels("t", {"violence": True}, {"violence": Clip("violence", 1.0, 2.0)})
    assert frame_truth(title, "violence", ALL, 10) is None


def test_a_clip_that_was_not_decoded_makes_no_scored_frame_positive(title):
    assert frame_truth(title, "violence", FIRST, 2).tolist() == [False, False]
    assert frame_truth(title, "violence", ALL, 7).nonzero()[0].tolist() == [2, 3, 4]


def test_a_first_occurrence_without_valid_times_is_unknown():
    title = TitleLabels("t", {"violence": True}, {"violence": Clip("violence", 2.0, math.nan)})
    assert frame_truth(title, "violence", FIRST, 10) is None
