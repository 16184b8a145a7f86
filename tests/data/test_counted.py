from __future__ import annotations

import pytest

from data.counted import brief_clock, counted, share


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
