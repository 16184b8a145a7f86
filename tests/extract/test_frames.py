from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from extract.frames import assign_samples


def picks(times_s):
    return [(list(samples), number) for samples, _, number in assign_samples(zip(times_s, range(len(times_s))))]


def test_each_second_takes_the_last_picture_displayed_by_then():
    assert picks([Fraction(i, 2) for i in range(5)]) == [([0], 0), ([1], 2), ([2], 4)]


def test_a_picture_is_held_over_a_gap():
    assert picks([0, Fraction(1, 2), 4]) == [([0], 0), ([1, 2, 3], 1), ([4], 2)]


def test_a_picture_up_to_a_millisecond_late_still_counts():
    assert picks([0, Fraction(1001, 1000), 3]) == [([0], 0), ([1, 2], 1), ([3], 2)]
    assert picks([0, Fraction(10011, 10000), 3]) == [([0, 1], 0), ([2], 1), ([3], 2)]


def test_the_last_sample_does_not_pass_the_last_picture():
    assert picks([0, Fraction(9995, 10000)]) == [([0], 0)]
    assert picks([0, 1]) == [([0], 0), ([1], 1)]


def picks_until(times_s, end_s):
    pictures = zip(times_s, range(len(times_s)))
    return [(samples, number) for samples, _, number in assign_samples(pictures, lambda: Fraction(end_s))]


def test_a_last_picture_that_is_held_has_samples_to_its_end():
    """Two slides of five minutes each; one picture for a minute; a closing title."""
    assert picks_until([0, 300], 600) == [(range(300), 0), (range(300, 600), 1)]
    assert picks_until([0], 60) == [(range(60), 0)]
    assert picks_until([0, Fraction(3, 2)], Fraction(11, 2)) == [(range(2), 0), (range(2, 6), 1)]


def test_a_last_picture_of_a_film_has_no_samples_of_its_own_after_it():
    """At 24 pictures a second it ends 41 ms later, which no sample waits for."""
    assert picks_until([0, Fraction(995, 100)], Fraction(1003, 100)) == [(range(10), 0)]


def test_no_picture_is_believed_to_be_held_for_days():
    ((samples, _),) = picks_until([0], 10**9)
    assert samples == range(6 * 3600)


def test_times_count_from_the_first_picture():
    assigned = list(assign_samples([(Fraction(7), "a"), (Fraction(17, 2), "b"), (Fraction(9), "c")]))
    assert assigned == [(range(0, 2), 0, "a"), (range(2, 3), 2, "c")]


def test_of_equal_times_the_last_counts():
    assert picks([0, 0, 0]) == [([0], 2)]


def test_no_drift_in_two_hours_of_film():
    """Pictures around the start, one hour, and 7000 s."""
    rate = Fraction(24000, 1001)
    shot = [0, *range(86_200, 86_400), *range(167_700, 167_900)]
    numbers = [shot[at] for samples, at in picks([i / rate for i in shot]) for _ in samples]
    assert numbers[3600] == 86313  # 3600 * 23.976... = 86313.69
    assert numbers[7000] == 167832  # 7000 * 23.976... = 167832.17


def test_nothing_comes_of_nothing():
    assert picks([]) == []


@given(st.lists(st.fractions(0, 20, max_denominator=90_000), min_size=1, max_size=30).map(sorted))
def test_the_rule_in_its_plainest_words(times_s):
    since = [time - times_s[0] for time in times_s]
    expected = [
        max(i for i, time in enumerate(since) if time <= t + Fraction(1, 1000)) for t in range(int(since[-1]) + 1)
    ]
    got = [number for samples, number in picks(times_s) for _ in samples]
    assert got == expected
    assert [t for samples, _ in picks(times_s) for t in samples] == list(range(len(expected)))


def test_one_picture_is_looked_ahead_and_no_more():
    taken = []

    def displayed():
        for i in range(10):
            taken.append(i)
            yield Fraction(i), i

    first = next(iter(assign_samples(displayed())))
    assert first == (range(0, 1), 0, 0)
    assert taken == [0, 1]


def test_the_held_picture_is_the_same_object():
    pictures = [object(), object()]
    held = [picture for _, _, picture in assign_samples([(Fraction(0), pictures[0]), (Fraction(5, 2), pictures[1])])]
    assert held == [pictures[0]]
    assert held[0] is pictures[0]
