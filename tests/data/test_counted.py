from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.counted import brief_clock, counted, share, written_score, written_threshold

scores = st.floats(0, 1, width=32)


@pytest.mark.parametrize(("count", "words"), [(0, "0 titles"), (1, "1 title"), (2, "2 titles")])
def test_a_number_takes_its_noun(count, words):
    assert counted(count, "title") == words


@pytest.mark.parametrize(
    ("value", "words"), [(None, "-"), (1.0, "100 %"), (0.99999, "99.9 %"), (0.99, "99 %"), (0.5, "50 %"), (0.0, "0 %")]
)
def test_what_is_less_than_whole_is_never_called_100_percent(value, words):
    assert share(value) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.999, "00:00:00"), (83.4, "00:01:23"), (3599.99, "00:59:59"), (360_000, "100:00:00")]
)
def test_a_moment_is_rounded_down(seconds, words):
    assert brief_clock(seconds) == words


@pytest.mark.parametrize(
    ("score", "words"),
    [
        (0.9992632269859314, "0.99926"),  # what it lacks to 1 is 0.000737
        (0.9999959468841553, "0.9999959"),
        (0.9996, "0.99960"),
        (0.9758166670799255, "0.976"),
        (0.725, "0.725"),
        (0.5, "0.500"),
        (0.0369167, "0.037"),
        (1.234e-7, "1.2e-07"),
        (1.0, "1"),
        (0.0, "0"),
        (None, "-"),
    ],
)
def test_a_score_has_two_digits_of_itself_and_of_what_it_lacks_to_1(score, words):
    assert written_score(score) == words


@pytest.mark.parametrize(
    ("threshold", "words"),
    [
        (0.9987184405326843, "0.99871844"),
        (0.9758166670799255, "0.97581667"),
        (0.6515086889266968, "0.6515087"),
        (0.0369167, "0.0369167"),
        (0.9995, "0.9995"),
        (0.5, "0.5"),
        (0.0, "0"),
    ],
)
def test_a_threshold_is_written_so_that_it_can_be_typed_again(threshold, words):
    assert written_threshold(threshold) == words
    assert np.float32(words) == np.float32(threshold)


@pytest.mark.parametrize(
    ("score", "words"),
    [
        (0.9992632, "0.99926"),
        (0.9987184405326843, "0.99871844"),  # at the threshold
        (0.9987236, "0.99872"),  # 0.9987 would read as if it had not passed
        (0.9987160, "0.9987"),
        (0.9967858, "0.9968"),
    ],
)
def test_a_score_reads_on_its_own_side_of_the_threshold(score, words):
    assert written_score(score, 0.9987184405326843) == words


def test_a_near_miss_never_reads_as_if_it_had_passed():
    assert (written_score(0.97579), written_score(0.97579, 0.9758)) == ("0.976", "0.97579")


@given(scores, scores)
def test_a_higher_score_never_reads_lower_and_only_1_reads_1(one, other):
    low, high = sorted((one, other))
    assert float(written_score(low)) <= float(written_score(high))
    assert (float(written_score(high)) == 1) == (high == 1)
    assert (float(written_score(low)) == 0) == (low == 0)


@given(scores, scores)
def test_score_and_threshold_compare_as_they_are_written(score, threshold):
    said, limit = float(written_score(score, threshold)), float(written_threshold(threshold))
    assert (said > limit, said == limit) == (score > threshold, score == threshold)


@given(scores, st.integers(-3, 3))
def test_neighbours_of_a_threshold_are_told_from_it(threshold, steps):
    score = np.float32(threshold)
    for _ in range(abs(steps)):
        score = np.nextafter(score, np.float32(2 if steps > 0 else -1), dtype=np.float32)
    if 0 <= score <= 1:
        said, limit = float(written_score(float(score), threshold)), float(written_threshold(threshold))
        assert (said > limit, said == limit) == (score > threshold, score == threshold)
