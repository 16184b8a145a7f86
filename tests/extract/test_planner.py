"""What is decoded of a group, on packets that are only numbers: a letter a picture, in the order of the file."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from extract.coded import Facts
from extract.frames import assign_samples
from extract.packets import Arrival
from extract.planner import PROOF_PICTURES, GroupReader, plan
from extract.timing import FrameClock

FPS = 4


@dataclass
class Packet:
    """K key frame, O key frame that does not restart decoding, P reference, b disposable, S parameters inside."""

    kind: str
    pts: int | None
    dts: int = 0
    duration: int = 1
    size: int = 10
    is_discard: bool = False

    @property
    def is_keyframe(self):
        return self.kind in "KO"

    def has_sidedata(self, name):
        return False

    def __bytes__(self):
        return self.kind.encode()


def look(data):
    kind = data.decode()
    return Facts(True, disposable=kind == "b", fresh=kind == "K", parameters=b"S" if kind == "S" else b"")


def groups_of(kinds, times=None):
    """``K0 P4 b2`` style: kind and time in quarters of a second."""
    packets = [Packet(word[0], int(word[1:])) for word in kinds.split()]
    clock = FrameClock("matroska,webm", Fraction(1, FPS), Fraction(FPS), None)
    return list(GroupReader(iter([Arrival(packet, damaged=False) for packet in packets]), clock, look))


def decoded(kinds, proven=PROOF_PICTURES):
    """The planned groups' decoded pictures as words; None where no plan is made."""
    groups = groups_of(kinds)
    words = []
    for before, group, after in zip([None, *groups], groups, [*groups[1:], None], strict=False):
        if not plan(group, before, after, Fraction(0), proven):
            return None
        fed = [coded for coded in group.coded if not coded.spared]
        words.append(" ".join(f"{coded.arrival.packet.kind}{coded.pts}" for coded in fed))
    return words


def test_disposable_pictures_are_decoded_only_for_a_sample():
    # samples 0, 1, 2 are the pictures 0, 4 and 8; the last picture is always wanted
    assert decoded("K0 P3 b1 b2 P6 b4 b5 P9 b7 b8") == ["K0 P3 P6 b4 P9 b8"]


def test_what_follows_the_last_pick_is_not_decoded():
    assert decoded("K0 P1 P2 P3 P4 P5 P6 K7 P8 P9") == ["K0 P1 P2 P3 P4", "K7 P8 P9"]


def test_a_group_without_a_pick_is_left_out():
    assert decoded("K0 P1 K2 P3 K4 P5 K6 P7 K8") == ["K0", "", "K4", "", "K8"]


def test_the_next_group_settles_what_is_held():
    assert decoded("K0 P1 P2 K9 P10") == ["K0 P1 P2", "K9 P10"]  # picture 2 is held for samples 1 and 2
    assert decoded("K0 P1 P2 K4 P5") == ["K0", "K4 P5"]


def test_an_open_group_keeps_the_group_before():
    assert decoded("K0 P1 P2 b3 O6 b4 b5 P7 P8") == ["K0 P1 P2", "O6 b4 P7 P8"]
    assert decoded("K0 P1 P2 O3 P4 P5") == ["K0 P1 P2", "O3 P4 P5"]  # no leading pictures, but it may look back


def test_parameters_in_a_tail_keep_it():
    assert decoded("K0 P1 S2 P3 K4 P5") == ["K0 P1 S2 P3", "K4 P5"]


def test_the_first_pictures_are_proof():
    assert decoded("K0 P3 b1 b2 P6 b4 b5", proven=PROOF_PICTURES - 3) == ["K0 P3 b1 P6 b4"]


def test_no_plan():
    assert decoded("P0 K1 P2") is None  # begins without a key frame
    assert decoded("K0 P2 P2 K4") is None  # two pictures at one time
    assert decoded("K8 P9 K4 P5") is None  # a clock that restarts
    assert decoded("K0 P121 K122") is None  # more than 30 s to look ahead
    assert decoded("K0 P4 K250") is None  # a leap of more than a minute
    assert decoded("K0 P119 K120") is not None


def test_no_plan_near_packets_that_are_damaged_or_have_no_time():
    clock = FrameClock("matroska,webm", Fraction(1, FPS), Fraction(FPS), None)
    for bad in (
        Arrival(None),
        Arrival(Packet("P", 5), damaged=True),
        Arrival(Packet("P", 5), damaged=False, skipped=True),
        Arrival(Packet("P", None), damaged=False),
    ):
        good = [Arrival(Packet(kind, pts), damaged=False) for kind, pts in [("K", 0), ("P", 1), ("K", 4)]]
        reader = GroupReader(iter([*good, bad, *good]), clock, look)
        first, second = next(groups := iter(reader)), next(groups)
        assert [len(first.coded), len(second.coded)] == [2, 2]
        assert (first.sound, second.sound) == (True, False)
        assert not plan(first, None, second, None, 0)


def test_nothing_is_lost_between_groups():
    clock = FrameClock("matroska,webm", Fraction(1, FPS), Fraction(FPS), None)
    arrivals = [Arrival(Packet(kind, pts), damaged=False) for pts, kind in enumerate("KPPKPPKPP")]
    rest = iter(arrivals)
    reader = GroupReader(rest, clock, look)
    group = next(iter(reader))
    seen = [coded.arrival for coded in group.coded] + [reader.pending.arrival, *rest]
    assert seen == arrivals


@given(st.lists(st.sampled_from("KPPPbb"), max_size=60), st.lists(st.integers(1, 9), min_size=61, max_size=61))
def test_every_sample_has_its_picture_decoded(kinds, steps):
    """Any film whose pictures are displayed in the order of the file, at any times."""
    times = [sum(steps[:number]) for number in range(len(kinds) + 1)]
    words = [f"{kind}{time}" for kind, time in zip(["K", *kinds], times, strict=True)]
    plans = decoded(" ".join(words))
    assert plans is not None
    kept = {int(word[1:]) for group in plans for word in group.split()}
    shown = [(Fraction(time, FPS), time) for time in times]
    assert {time for _, _, time in assign_samples(shown)} <= kept
    assert times[-1] in kept
