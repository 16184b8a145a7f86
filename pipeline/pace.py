"""How far work on films is, in seconds of film, how fast it goes, and how long it still takes, as far as one can tell.

Not in the paper: it is for whoever waits. What is not known is not made up: a film without a length is taken to be as
long as its size among films of known length suggests, and where nothing suggests one there is no rest.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

WINDOW_S = 180.0
"""The rate is that of so many seconds: longer ones would remember a rate that is over, shorter ones would jump."""
LEAST_S = 4.0
"""No rate is told of less."""
CREDIBLE_S = 360_000.0
"""Longer lengths (100 h) are a damaged header's, and taken for unknown."""
SLACK_S, SLACK = 2.0, 0.01
"""A film may run so much longer than was said (seconds, share) before it has outlasted what was said."""


@dataclass(frozen=True)
class Rest:
    """How long the work still takes.

    Args:
        seconds: of wall time, > 0.
        at_least: there is more to do of which nobody knows how much.
    """

    seconds: float
    at_least: bool

    def __str__(self) -> str:
        how = "more than" if self.at_least else "about"
        if self.seconds < 10:
            return "a few seconds left" if not self.at_least else "time left not known"
        if self.seconds < 90:
            return f"{how} {round(self.seconds, -1):.0f} s left"
        minutes = self.seconds / 60
        return f"{how} {minutes:.0f} min left" if minutes < 90 else f"{how} {minutes / 60:.1f} h left"


@dataclass
class _Reading:
    """A film in work: how much of it is read, and its length as far as it is known (seconds)."""

    weight: float
    length_s: float | None
    read_s: float = 0.0

    @property
    def outlasted(self) -> bool:
        """Whether it runs on after the end that was said."""
        return self.length_s is not None and self.read_s > self.length_s * (1 + SLACK) + SLACK_S


def _credible(length_s: float | None) -> float | None:
    return length_s if length_s is not None and 0 < length_s <= CREDIBLE_S else None


class Pace:
    """Counts the seconds of film that are read, of all; each call costs the same however many films there are.

    Args:
        lengths_s: of every film, by title, in seconds; None where nobody knows yet.
        weights: what the unknown lengths are proportional to, for example bytes; by default all are alike.
        now_s: a clock that never falls.
    """

    def __init__(
        self,
        lengths_s: Mapping[str, float | None],
        weights: Mapping[str, float] | None = None,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._waiting = {title_id: _credible(length_s) for title_id, length_s in lengths_s.items()}
        self._weights = weights or {}
        self._now_s = now_s
        self._reading: dict[str, _Reading] = {}
        self._ended_s = 0.0
        self._waiting_s = sum(length_s or 0.0 for length_s in self._waiting.values())
        self._waiting_weight = sum(self._weight(title_id) for title_id, known in self._waiting.items() if not known)
        self._known_s, self._known_weight = 0.0, 0.0
        for title_id, length_s in self._waiting.items():
            self._learn(self._weight(title_id), length_s)
        self._share = 0.0
        self._marks = deque([(now_s(), 0.0)])

    def reading(self, title_id: str, read_s: float, length_s: float | None = None) -> None:
        """Note how much of a film is read, and how long it is if that has come to be known."""
        film = self._reading.get(title_id) or self._begun(title_id)
        if film is None:
            return
        if film.length_s is None and _credible(length_s) is not None:
            film.length_s = length_s
            self._learn(film.weight, length_s)
        film.read_s = max(film.read_s, read_s)
        self._mark()

    def ended(self, title_id: str, read_s: float | None = None) -> None:
        """Note that a film is over.

        Args:
            read_s: how much of it was read; None for what was told while it was read.
        """
        film = self._reading.get(title_id) or self._begun(title_id)
        if film is None:
            return
        del self._reading[title_id]
        total_s = film.read_s if read_s is None else max(read_s, film.read_s)
        if film.length_s is None:
            self._learn(film.weight, read_s)
        self._ended_s += total_s
        self._mark()

    @property
    def read_s(self) -> float:
        """Seconds of film that are read."""
        return self._ended_s + sum(film.read_s for film in self._reading.values())

    @property
    def total_s(self) -> float | None:
        """Seconds of film in all, as far as one can tell; None where nothing tells."""
        left_s, unknown = self._left()
        return None if unknown and not left_s else self.read_s + left_s

    @property
    def is_read(self) -> bool:
        """Whether nothing is left to read, as far as one can tell: what was read last is still being computed."""
        left_s, unknown = self._left()
        return not left_s and not unknown

    @property
    def is_over(self) -> bool:
        """Whether every film is over."""
        return not self._waiting and not self._reading

    @property
    def share(self) -> float | None:
        """How much is done, in [0, 1]; never less than before, below 1 until all is over, None where nothing tells."""
        if self.is_over:
            self._share = 1.0
            return self._share
        total_s = self.total_s
        if total_s:
            self._share = max(self._share, min(0.99, self.read_s / total_s))
        return self._share if total_s or self._share else None

    @property
    def rate(self) -> float | None:
        """Seconds of film a second, over the last minutes; None while too little was seen."""
        now_s = self._now_s()
        self._forget(now_s)
        began_s, before_s = self._marks[0]
        took_s = now_s - began_s
        return (self.read_s - before_s) / took_s if took_s >= LEAST_S else None

    @property
    def rest(self) -> Rest | None:
        """How long the work still takes; None where nobody can tell."""
        rate = self.rate
        left_s, unknown = self._left()
        return Rest(left_s / rate, unknown) if rate and left_s else None

    def _left(self) -> tuple[float, bool]:
        """Return the seconds of film that are left, and whether there is more of which nothing is known."""
        per_weight = self._known_s / self._known_weight if self._known_weight else None
        left_s, unknown = self._waiting_s, self._waiting_weight > 0 and per_weight is None
        left_s += self._waiting_weight * (per_weight or 0.0)
        for film in self._reading.values():
            likely_s = film.length_s if film.length_s is not None else film.weight * (per_weight or 0.0)
            left_s += max(0.0, likely_s - film.read_s)
            unknown = unknown or film.outlasted or (film.length_s is None and film.read_s >= likely_s)
        return left_s, unknown

    def _begun(self, title_id: str) -> _Reading | None:
        """Take a film out of those that wait; None for one that is over already."""
        if title_id not in self._waiting:
            return None
        film = self._reading[title_id] = _Reading(self._weight(title_id), self._waiting.pop(title_id))
        if film.length_s is None:
            self._waiting_weight -= film.weight
        else:
            self._waiting_s -= film.length_s
        if not self._waiting:  # sums of many floats do not come out at nothing
            self._waiting_s = self._waiting_weight = 0.0
        return film

    def _learn(self, weight: float, length_s: float | None) -> None:
        if length_s:
            self._known_s, self._known_weight = self._known_s + length_s, self._known_weight + weight

    def _weight(self, title_id: str) -> float:
        return self._weights.get(title_id, 1.0)

    def _mark(self) -> None:
        """Remember how much was read when, a mark a second."""
        now_s = self._now_s()
        if now_s - self._marks[-1][0] >= 1.0:
            self._marks.append((now_s, self.read_s))
            self._forget(now_s)

    def _forget(self, now_s: float) -> None:
        """Let go of marks; the oldest that stays is the last one that is a window old."""
        while len(self._marks) > 1 and now_s - self._marks[1][0] >= WINDOW_S:
            self._marks.popleft()
