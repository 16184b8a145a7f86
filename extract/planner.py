"""Which pictures need decoding at all, decided before any is decoded.

A sample a second needs few of a film's pictures. Packets tell their presentation times before they are decoded, so the
picks are known beforehand (the sampling rule sees nothing but times), and two kinds of pictures are left out:

- disposable ones that are not picked (B-frames that nothing is predicted from);
- what follows the last pick of a group, up to the next key frame, if decoding can begin afresh there.

A group is a key frame and what follows it in the file. One group is read ahead, because its first picture settles how
long the last one before it is held, and because damage in it must be known in time. Whatever is unusual makes a group
unplannable: from there on, the title is decoded whole. So is everything near damage, as ``extract.decoding`` says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

from extract.coded import BROKEN, Facts, Look
from extract.frames import samples_before
from extract.packets import Arrival
from extract.timing import LEAP_S, FrameClock

# Of one group; three are held at most: the one before, for decoding it again, the one in work, and the one ahead.
GROUP_S = Fraction(30)
GROUP_BYTES = 2**26 // 3
# So many pictures at the start are all decoded: proof that every packet becomes the picture that it promises.
PROOF_PICTURES = 32


@dataclass
class Coded:
    """One arrival and what is planned for it.

    Args:
        start, end: when its picture is displayed, seconds on the clock of the stream; 0 if there is none.
        trimmed: that is before the presentation begins.
        wanted: its picture is a pick, or wanted as proof.
        spared: its picture is not decoded.
        loose: its picture may fail to come without that being a sign of damage.
        promised: (start, end) as the ledger was told; see ``Decoding``.
    """

    arrival: Arrival
    facts: Facts = BROKEN
    start: Fraction = Fraction(0)
    end: Fraction = Fraction(0)
    trimmed: bool = False
    wanted: bool = False
    spared: bool = False
    loose: bool = False
    registered: bool = False
    promised: tuple[Fraction, Fraction] | None = None

    @property
    def pts(self) -> int:
        """Presentation time in ticks; 0 if it has none (then it is in no plan)."""
        packet = self.arrival.packet
        return 0 if packet is None or packet.pts is None else packet.pts

    @property
    def hidden(self) -> bool:
        """Whether an edit list takes its picture off the screen."""
        packet = self.arrival.packet
        return self.trimmed or packet is None or packet.is_discard


@dataclass
class Group:
    """A key frame and what follows it, in the order of the file.

    Args:
        sound: nothing in it speaks of damage or is unusual.
        shown: the same in the order of presentation.
        fed: how many go to the decoder; the rest is spared.
        drained: whether the decoder is emptied behind it.
    """

    coded: list[Coded] = field(default_factory=list)
    sound: bool = True
    shown: list[Coded] = field(default_factory=list)
    fed: int = 0
    drained: bool = False

    @property
    def first(self) -> Fraction:
        """When its first picture is displayed."""
        return self.shown[0].start

    @property
    def leads(self) -> bool:
        """Whether pictures that come behind the key frame in the file are displayed before it (open group)."""
        return self.shown[0] is not self.coded[0]

    @property
    def restarts(self) -> bool:
        """Whether decoding can begin afresh with it."""
        return self.coded[0].facts.fresh and not self.leads

    @property
    def parameters(self) -> bytes:
        """What its key frame brings of headers."""
        return self.coded[0].facts.parameters


class GroupReader:
    """Puts arrivals into groups; a group that is not sound is handed out at once, without waiting for its end.

    Args:
        arrivals: the packets of the video. Whoever stops asking for groups goes on with ``pending``, then with these.
        look: reads the facts of a packet.
    """

    def __init__(self, arrivals: Iterator[Arrival], clock: FrameClock, look: Look) -> None:
        self._arrivals = arrivals
        self._clock = clock
        self._look = look
        self.pending: Coded | None = None

    def __iter__(self) -> Iterator[Group]:
        group = Group()
        size = 0
        for arrival in self._arrivals:
            coded = self._examine(arrival)
            packet = arrival.packet
            if group.coded and packet is not None and packet.is_keyframe and coded.facts.whole:
                self.pending = coded
                yield self._closed(group)
                self.pending, group, size = None, Group(), 0
            group.coded.append(coded)
            size += 0 if packet is None else packet.size
            first = group.coded[0]
            group.sound = (
                coded.facts.whole
                and coded.facts.rows == first.facts.rows
                and first.arrival.packet is not None
                and first.arrival.packet.is_keyframe
                and size <= GROUP_BYTES
                and coded.start - first.start <= GROUP_S
            )
            if not group.sound:
                yield group
                group, size = Group(), 0
        if group.coded:
            yield self._closed(group)

    def _examine(self, arrival: Arrival) -> Coded:
        """Return the packet's facts and times; it is not whole if anything about it is damaged or unusual."""
        packet = arrival.packet
        if packet is None or arrival.damaged or arrival.skipped or packet.has_sidedata("new_extradata"):
            return Coded(arrival)
        span = self._clock.packet(packet.pts, packet.dts, packet.duration)
        if span is None:
            return Coded(arrival)
        return Coded(arrival, self._look(bytes(packet)), *span, trimmed=span[0] < 0 and self._clock.trims)

    def _closed(self, group: Group) -> Group:
        group.shown = sorted(group.coded, key=lambda coded: coded.pts)
        group.sound = all(a.pts < b.pts for a, b in pairwise(group.shown))
        return group


def plan(group: Group, before: Group | None, after: Group | None, origin: Fraction | None, proven: int) -> bool:
    """Mark what to decode of a group; False if it cannot be planned.

    Args:
        before, after: its neighbours in the file; None at the ends.
        origin: when the first picture of the title is displayed; None if no picture has been displayed yet.
        proven: how many pictures of the title were planned before.
    """
    neighbours = [*([] if before is None else [(before, group)]), *([] if after is None else [(group, after)])]
    if not group.sound or (after is not None and not after.sound) or not all(_follows(a, b) for a, b in neighbours):
        return False
    if before is None:
        opening = group.leads or any(coded.hidden for coded in group.coded)
        origin = None if opening else group.first
    elif any(coded.hidden for coded in group.coded):
        return False  # the end of an edit list
    _pick(group, None if after is None else after.first, origin)
    for coded in group.coded[: max(0, PROOF_PICTURES - proven)]:
        coded.wanted = True
    _spare(group, after)
    return True


def _follows(group: Group, after: Group) -> bool:
    """Whether a group is displayed behind another without a leap, and decoded by the same headers."""
    last = group.shown[-1]
    return last.start < after.first <= last.end + LEAP_S and group.parameters == after.parameters


def _pick(group: Group, until: Fraction | None, origin: Fraction | None) -> None:
    """Want what stands for samples; everything while the origin is not known, and the last picture of the title."""
    if origin is None:
        for coded in group.coded:
            coded.wanted = coded.loose = True
        return
    settled = [samples_before(coded.start - origin) for coded in group.shown]
    settled.append(settled[-1] + 1 if until is None else samples_before(until - origin))
    for coded, (now, then) in zip(group.shown, pairwise(settled), strict=True):
        coded.wanted = then > now


def _spare(group: Group, after: Group | None) -> None:
    """Spare what is neither wanted nor needed by what is wanted."""
    neighbours = group.coded if after is None else [*group.coded, *after.coded]
    layer = max(coded.facts.layer for coded in neighbours)
    group.fed, group.drained = len(group.coded), after is None
    if after is not None and after.restarts and not any(coded.hidden for coded in after.coded):
        needed = max((number for number, coded in enumerate(group.coded, 1) if coded.wanted), default=0)
        if not any(coded.facts.parameters for coded in group.coded[max(needed, 1) :]):
            group.fed, group.drained = needed, True
    for number, coded in enumerate(group.coded):
        disposable = coded.facts.disposable and coded.facts.layer == layer
        coded.spared = not coded.wanted and (number >= group.fed or disposable)
