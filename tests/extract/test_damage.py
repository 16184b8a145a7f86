from __future__ import annotations

from fractions import Fraction

from extract.damage import DamageLedger


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
