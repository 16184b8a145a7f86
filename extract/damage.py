"""How much of a video was lost, from what can be seen while decoding it.

Damaged files often decode without a single error: a title that was half read must never pass as read. So losses are
measured in seconds of video, from evidence, and in doubt counted:

- a picture whose time cannot be told (it would be displayed before one that was displayed already) is lost;
- a refused or marked picture spoils everything up to the next key frame (later pictures are predicted from it);
- so does a gap in time where packets never became pictures, or where no packet claims a stretch of the file. A gap
  without such evidence is a legitimate hold (variable frame rate).

Lost seconds add up over the title.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from data.counted import brief_clock, counted

# A title that lost more than this inside, or falls short of its declared duration by more, is not complete: together
# never more than a second. Intact files of all containers differ from their declaration by less than 0.04 s.
TOLERATED_S = Fraction(1, 2)
MAX_SPOTS, TOLD_SPOTS = 5, 3
"""So many spots are kept, and told in a sentence; of the others how many there are."""


@dataclass(frozen=True)
class Spot:
    """A stretch of a film that is lost, or where bytes were stepped over.

    Args:
        start_s: where the first fault is.
        lost_s: seconds from what was displayed last before it, to where the film is whole again.
        damaged: packets or pictures in it that were refused or marked.
    """

    start_s: float
    lost_s: float = 0.0
    damaged: int = 0


class Spots:
    """The first spots of a kind, and how many there are."""

    def __init__(self) -> None:
        self.first: list[Spot] = []
        self.count = 0

    def add(self, spot: Spot) -> None:
        """Take one more, of those that come in the order of the film."""
        self.count += 1
        if len(self.first) < MAX_SPOTS:
            self.first.append(spot)


def damage_words(spots: Sequence[Spot], count: int, lost_s: float, end_s: float) -> str:
    """Say what is lost and where: the first spots of ``count``, at least one, in a film that ends at ``end_s``."""
    moments = [brief_clock(spot.start_s) for spot in spots[:TOLD_SPOTS]]
    if count > len(moments):
        moments.append(f"{count - len(moments)} more places")
    where = f"{', '.join(moments[:-1])} and {moments[-1]}" if len(moments) > 1 else moments[0]
    at = f"at {where} of {brief_clock(end_s)}"
    damaged = sum(spot.damaged for spot in spots)
    if not damaged:
        return f"{lost_s:.1f} s of video {at} are missing"
    packets = counted(damaged, "packet") if count == len(spots) else f"{damaged} packets and more"
    return f"{packets} {at} {'is' if damaged == count == 1 else 'are'} damaged ({lost_s:.1f} s of video are lost)"


class DamageLedger:
    """Counts faults and lost seconds of one reading. All times are seconds on the clock of the stream."""

    def __init__(self) -> None:
        self.faults = 0
        self.lost_s = Fraction(0)
        self.spots = Spots()
        self.stepped_over = Spots()
        self._promised: list[tuple[Fraction, Fraction]] = []
        self._promised_end: Fraction | None = None
        self._end: Fraction | None = None
        self._key_known = False
        self._suspect_until: Fraction | None = None
        self._spoiled_since: Fraction | None = None
        self._spoiled_until_after = Fraction(0)
        self._damaged, self._seen_at = 0, Fraction(0)  # of what is spoiled now
        self._dropped_s = Fraction(0)

    def promise(self, start: Fraction, end: Fraction) -> None:
        """Register the time of a packet that should become a displayed picture."""
        if self._end is None:
            self._end = start
        heapq.heappush(self._promised, (start, end))
        self._promised_end = end if self._promised_end is None else max(self._promised_end, end)

    def key_fed(self) -> None:
        """Note that the decoder got a key frame, even if it is not displayed (an edit list may begin behind it)."""
        self._key_known = True

    def reclock(self, shift_s: Fraction) -> None:
        """Move what is promised to a new clock: its pictures are under way, those of the old one are displayed.

        Where a recording is joined to another, packets are numbered anew, and FFmpeg marks the last one of the old:
        that alone is no damage.
        """
        if self._damaged == 1 and self._end is not None and self._end - self._seen_at <= TOLERATED_S:
            self._spoiled_since, self._damaged = None, 0
            self._spoiled_until_after = Fraction(0)
            self.faults -= 1
        self._promised = [(start + shift_s, end + shift_s) for start, end in self._promised]  # a heap as before
        self._promised_end = max((end for _, end in self._promised), default=None)
        if self._suspect_until is not None:
            self._suspect_until += shift_s

    def suspect(self, until: Fraction) -> None:
        """Note that something is missing before ``until``: the next gap between pictures up to then is a fault."""
        self._suspect_until = until if self._suspect_until is None else max(self._suspect_until, until)

    def skipped(self, before: Fraction) -> None:
        """Note that bytes were stepped over, for people; ``suspect`` or ``fault`` say what that means."""
        self.stepped_over.add(Spot(float(before)))

    def fault(self, at: Fraction | None) -> None:
        """Count a refused or marked packet or picture, and distrust what follows it until the next key frame."""
        self._damaged += 1
        self._spoil(at)

    def dropped(self, length_s: Fraction) -> None:
        """Count a picture that cannot be displayed because its time is damaged, or of another film."""
        self.fault(None)
        self._dropped_s += length_s

    def _spoil(self, at: Fraction | None) -> None:
        """Distrust what follows a fault until the next key frame."""
        self.faults += 1
        time = self._end if at is None else at
        if time is None:
            time = Fraction(0)
        start = time if self._end is None else min(time, self._end)
        if self._spoiled_since is None:
            self._spoiled_since, self._seen_at = start, time
        self._spoiled_since = min(self._spoiled_since, start)
        self._spoiled_until_after = max(self._spoiled_until_after, time)

    def shown(self, start: Fraction, end: Fraction, *, key: bool) -> None:
        """Register a displayed picture."""
        self._settle_promises(start)
        before = start if self._end is None else self._end
        if not (key or self._key_known or self._spoiled_since is not None):
            self._spoil(start)  # predicted from a key frame that is missing
        self._key_known = self._key_known or key
        if self._suspect_until is not None and self._spoiled_since is None and start - before > (end - start) / 2:
            self._spoil(before)
        if self._spoiled_since is not None and key and start > self._spoiled_until_after:
            self._lose(self._spoiled_since, start)
        if self._suspect_until is not None and start >= self._suspect_until:
            self._suspect_until = None
        self._end = max(before, end)

    def finish(self) -> None:
        """Settle what is still open at the end of the stream."""
        if self._end is None:
            return
        end = self._end if self._promised_end is None else max(self._end, self._promised_end)
        if self._spoiled_since is not None or end > self._end:
            if self._spoiled_since is None:
                self._spoiled_since = self._seen_at = self._end
            self._lose(self._spoiled_since, end)

    def _lose(self, start: Fraction, end: Fraction) -> None:
        """Count a stretch that is lost."""
        lost_s = max(self._dropped_s, end - start)
        self.lost_s += lost_s
        self.spots.add(Spot(float(self._seen_at), float(lost_s), self._damaged))
        self._spoiled_since, self._damaged, self._dropped_s = None, 0, Fraction(0)

    def _settle_promises(self, start: Fraction) -> None:
        while self._promised and self._promised[0][0] <= start:
            if heapq.heappop(self._promised)[0] < start:
                self.suspect(start)
