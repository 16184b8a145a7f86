from __future__ import annotations

from fractions import Fraction

import pytest

from extract.damage import MAX_SPOTS, DamageLedger, Spot, damage_words


def play(ledger, seconds, *, keys=(0,), missing=()):
    """One picture a second, all promised; those in ``missing`` are never shown."""
    for second in seconds:
        ledger.promise(Fraction(second), Fraction(second + 1))
    for second in seconds:
        if second not in missing:
            ledger.shown(Fraction(second), Fraction(second + 1), key=second in keys)


def test_an_intact_video_loses_nothing():
    ledger = DamageLedger()
    play(ledger, range(10))
    ledger.finish()
    assert (ledger.lost_s, ledger.faults) == (0, 0)


def test_a_hold_without_evidence_is_no_loss():
    ledger = DamageLedger()
    play(ledger, [0, 1, 8, 9])
    ledger.finish()
    assert (ledger.lost_s, ledger.faults) == (0, 0)


def test_promised_pictures_that_never_come_spoil_up_to_the_next_key():
    ledger = DamageLedger()
    play(ledger, range(10), keys=(0, 6), missing=(3, 4))
    ledger.finish()
    assert (ledger.lost_s, ledger.faults) == (3, 1)  # 3, 4 and the 5 that was predicted from them


def test_a_fault_without_a_later_key_spoils_the_rest():
    ledger = DamageLedger()
    play(ledger, range(4))
    ledger.fault(Fraction(4))
    play(ledger, range(5, 10), keys=())
    ledger.finish()
    assert ledger.lost_s == 6


def test_a_key_before_the_fault_does_not_end_it():
    """The decoder is a few pictures behind the packet that it refuses."""
    ledger = DamageLedger()
    play(ledger, range(3))
    ledger.fault(Fraction(5))
    ledger.shown(Fraction(3), Fraction(4), key=True)
    ledger.shown(Fraction(8), Fraction(9), key=True)
    ledger.finish()
    assert ledger.lost_s == 5


def test_skipped_bytes_make_the_next_gap_a_loss():
    ledger = DamageLedger()
    play(ledger, range(3))
    ledger.suspect(Fraction(7))
    ledger.shown(Fraction(7), Fraction(8), key=True)
    ledger.shown(Fraction(20), Fraction(21), key=False)
    ledger.finish()
    assert (ledger.lost_s, ledger.faults) == (4, 1)


def test_packets_at_the_end_that_never_became_pictures_are_lost():
    ledger = DamageLedger()
    play(ledger, range(10), missing=(8, 9))
    ledger.finish()
    assert ledger.lost_s == 2


def test_pictures_before_the_first_key_are_lost():
    ledger = DamageLedger()
    play(ledger, range(5), keys=(3,))
    ledger.finish()
    assert (ledger.lost_s, ledger.faults) == (3, 1)


def test_a_key_frame_that_an_edit_list_hides_is_not_missing():
    ledger = DamageLedger()
    ledger.key_fed()
    play(ledger, range(5), keys=())
    ledger.finish()
    assert (ledger.lost_s, ledger.faults) == (0, 0)


def test_a_place_says_where_how_long_and_how_many_packets():
    ledger = DamageLedger()
    play(ledger, range(4))
    ledger.fault(Fraction(4))
    ledger.fault(Fraction(5))
    play(ledger, range(6, 20), keys=(8,), missing=(15, 16))
    ledger.finish()
    assert ledger.spots.first == [Spot(4.0, 4.0, 2), Spot(15.0, 5.0, 0)]
    assert ledger.lost_s == sum(spot.lost_s for spot in ledger.spots.first)


def test_of_many_places_the_first_are_kept_and_all_are_counted():
    ledger = DamageLedger()
    for second in range(0, 40, 2):
        ledger.shown(Fraction(second), Fraction(second + 1), key=True)
        ledger.fault(Fraction(second + 1))
    ledger.finish()
    assert ledger.spots.count == 20
    assert [spot.start_s for spot in ledger.spots.first] == [1, 3, 5, 7, 9]
    assert len(ledger.spots.first) == MAX_SPOTS


def test_an_intact_video_has_no_spots():
    ledger = DamageLedger()
    play(ledger, [0, 1, 8, 9])
    ledger.finish()
    assert (ledger.spots.first, ledger.spots.count, ledger.stepped_over.count) == ([], 0, 0)


@pytest.mark.parametrize(
    ("spots", "count", "words"),
    [
        ([Spot(83.4, 4.0, 1)], 1, "1 packet at 00:01:23 of 00:03:33 is damaged (4.0 s of video are lost)"),
        ([Spot(83.4, 4.0, 3)], 1, "3 packets at 00:01:23 of 00:03:33 are damaged (4.0 s of video are lost)"),
        ([Spot(83.4, 4.0)], 1, "4.0 s of video at 00:01:23 of 00:03:33 are missing"),
        (
            [Spot(1.0, 2.0, 1), Spot(9.0, 2.0, 1)],
            2,
            "2 packets at 00:00:01 and 00:00:09 of 00:03:33 are damaged (4.0 s of video are lost)",
        ),
        (
            [Spot(float(start_s), 1.0, 1) for start_s in range(5)],
            60,
            "5 packets and more at 00:00:00, 00:00:01, 00:00:02 and 57 more places of 00:03:33 are damaged "
            "(4.0 s of video are lost)",
        ),
    ],
)
def test_damage_in_words(spots, count, words):
    assert damage_words(spots, count, 4.0, 213.0) == words
