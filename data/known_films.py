"""What is known of films beside what the title manifest states of them: where they end.

A manifest may leave the length of a film blank. Its header says it before a night of decoding, its features after one.
Not in the paper, whose films all have one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from data.counted import brief_clock

SLACK_S = 1.0
"""A label that ends so little beyond the film was rounded up, as people do."""
HEADER_SLACK_S, HEADER_SLACK_SHARE = (
    2.0,
    0.02,
)  # headers are rounded, and may leave out what comes before the first picture


@dataclass(frozen=True)
class FilmEnd:
    """Where a film ends, seconds of the player's clock.

    Args:
        was_read: it was read to there; else its header says so, roughly.
    """

    end_s: float
    was_read: bool

    @property
    def slack_s(self) -> float:
        """How far beyond it a label may end without a word."""
        return SLACK_S if self.was_read else max(HEADER_SLACK_S, HEADER_SLACK_SHARE * self.end_s)

    def __str__(self) -> str:
        what = "the film was read to" if self.was_read else "the film's header says that it ends at"
        return f"{what} {self.end_s:.6g} s ({brief_clock(self.end_s)})"


@dataclass(frozen=True)
class KnownFilms:
    """What is known of films, by title.

    Args:
        ends: where they end; titles that state their duration need none.
    """

    ends: Mapping[str, FilmEnd] = field(default_factory=dict)


NOTHING_KNOWN = KnownFilms()
