"""How long work still takes: by hand where numbers are known, and never a bar that runs backwards or a lie of 0 s."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.pace import WINDOW_S, Pace, Rest


class Clock:
    """A clock that a test sets."""

    def __init__(self):
        self.now_s = 1000.0

    def __call__(self):
        return self.now_s

    def go(self, seconds):
        self.now_s += seconds


def pace(lengths_s, weights=None):
    clock = Clock()
    return Pace(lengths_s, weights, clock), clock


def read_on(one, clock, title_id, start_s, stop_s, rate, length_s=None):
    """Read a title at a rate, a second of wall time at a time."""
    at_s = float(start_s)
    while at_s < stop_s:
        clock.go(1.0)
        at_s = min(stop_s, at_s + rate)
        one.reading(title_id, at_s, length_s)


def test_the_rest_of_known_lengths_is_what_is_left_by_the_rate():
    one, clock = pace({"a": 1000.0, "b": 3000.0})
    read_on(one, clock, "a", 0, 400, 20)  # 20 s of wall time
    assert (one.read_s, one.total_s, one.share, one.rate) == (400, 4000, 0.1, 20)
    assert one.rest == Rest(180.0, at_least=False)  # 3600 s of film at 20 a second
    assert str(one.rest) == "about 3 min left"


def test_before_there_is_a_rate_nothing_is_promised():
    one, clock = pace({"a": 1000.0})
    clock.go(1.0)
    one.reading("a", 20.0)
    assert (one.rate, one.rest) == (None, None)


def test_the_rate_is_that_of_the_last_minutes():
    """Ten minutes at 10 times real time, then five at 40: the first ten are forgotten."""
    one, clock = pace({"a": 100_000.0})
    read_on(one, clock, "a", 0, 6000, 10)
    read_on(one, clock, "a", 6000, 6000 + 40 * 300, 40)
    assert WINDOW_S < 300
    assert one.rate == pytest.approx(40)


def test_when_nothing_is_read_any_more_the_rest_grows_until_nobody_can_tell():
    one, clock = pace({"a": 4000.0})
    read_on(one, clock, "a", 0, 2000, 20)
    assert one.rest.seconds == pytest.approx(100)
    clock.go(50)
    assert one.rest.seconds == pytest.approx(150)  # 2000 s in 150 s, and as much again
    clock.go(2 * WINDOW_S)
    assert (one.rate, one.rest) == (0, None)


def test_a_length_is_taken_as_soon_as_the_title_is_opened():
    one, _ = pace({"a": None})
    assert (one.total_s, one.share) == (None, None)
    one.reading("a", 1.0, 7200.0)
    assert one.total_s == 7200


def test_unknown_lengths_go_by_size_among_those_that_are_known():
    """A film of 4 GB has 2 h; so an episode of 1 GB that is not opened yet has half an hour."""
    one, _ = pace({"film": 7200.0, "episode": None}, {"film": 4e9, "episode": 1e9})
    assert one.total_s == 9000


def test_without_sizes_an_unknown_title_is_as_long_as_the_others_are_on_average():
    one, _ = pace({"a": 100.0, "b": 300.0, "c": None})
    assert one.total_s == 600


def test_a_title_that_outlasts_what_its_file_said_leaves_an_open_end():
    """Declared 10 s, runs an hour: it never says that a few seconds are left, nor that all is done."""
    one, clock = pace({"a": 10.0, "b": 600.0})
    read_on(one, clock, "a", 0, 3600, 20)
    assert one.rest == Rest(30.0, at_least=True)  # the other title: 600 s at 20 a second
    assert str(one.rest) == "more than 30 s left"
    alone, clock = pace({"a": 10.0})
    read_on(alone, clock, "a", 0, 5, 1)
    assert (alone.rest, alone.share) == (Rest(5.0, at_least=False), 0.5)
    read_on(alone, clock, "a", 5, 3600, 20)
    assert (alone.rest, alone.share) == (None, 0.5)


def test_a_lone_title_of_unknown_length_has_no_share_and_no_rest():
    one, clock = pace({"a": None})
    read_on(one, clock, "a", 0, 3600, 20)
    assert (one.total_s, one.share, one.rest) == (None, None, None)
    one.ended("a", 3600.0)
    assert one.share == 1


@pytest.mark.parametrize("length_s", [1e9, float("inf"), float("nan"), 0.0, -1.0])
def test_a_length_that_no_film_has_is_no_length(length_s):
    """A damaged header would make the rest years, for this title and for all that are measured by it."""
    one, _ = pace({"a": length_s, "b": None})
    one.reading("b", 1.0, length_s)
    assert one.total_s is None
    one.reading("b", 2.0, 100.0)
    assert one.total_s == 200


def test_a_title_that_fails_is_no_longer_waited_for():
    one, _ = pace({"a": 1000.0, "b": 1000.0})
    one.reading("a", 100.0)
    one.ended("a")
    assert (one.read_s, one.total_s) == (100, 1100)


def test_a_title_that_ended_teaches_how_long_the_others_are():
    one, _ = pace({"a": None, "b": None})
    one.ended("a", 500.0)
    assert one.total_s == 1000


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        (Rest(0.4, False), "a few seconds left"),
        (Rest(44, False), "about 40 s left"),
        (Rest(1500, False), "about 25 min left"),
        (Rest(9000, False), "about 2.5 h left"),
        (Rest(1500, True), "more than 25 min left"),
        (Rest(0.4, True), "time left not known"),
    ],
)
def test_a_rest_reads_as_people_say_it(rest, words):
    assert str(rest) == words


LENGTHS = st.one_of(st.none(), st.floats(0.0, 1e5), st.floats())
STEPS = st.lists(
    st.tuples(st.integers(0, 5), st.floats(0.0, 5000.0), LENGTHS, st.booleans(), st.floats(0.0, 400.0)), max_size=60
)


@settings(deadline=None)
@given(lengths=st.lists(LENGTHS, min_size=1, max_size=6), steps=STEPS)
def test_a_bar_never_runs_backwards_and_is_full_exactly_when_all_is_over(lengths, steps):
    one, clock = pace({str(number): length for number, length in enumerate(lengths)})
    shares, read, over = [0.0], 0.0, set()
    for number, seconds, length_s, ends, wait_s in steps:
        clock.go(wait_s)
        title_id = str(number)
        if ends:
            one.ended(title_id, seconds)
        else:
            one.reading(title_id, seconds, length_s)
        over |= {title_id} & set(map(str, range(len(lengths)))) if ends else set()
        assert one.read_s >= read - 1e-6
        read = one.read_s
        share, rest, rate = one.share, one.rest, one.rate
        assert share is None or share >= shares[-1]
        shares += [] if share is None else [share]
        assert (share == 1) == (len(over) == len(lengths))
        assert rate is None or rate >= -1e-6
        assert rest is None or rest.seconds > 0
        assert one.total_s is None or one.total_s >= one.read_s - 1e-6
