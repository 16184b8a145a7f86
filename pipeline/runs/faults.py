"""Telling faults of the installation from bad titles: a full disk or a lost store must never be recorded as thousands
of bad titles.

A fault that names itself (an OSError while writing, missing weights) ends the run where it happens. One that looks like
bad titles is noticed by their share of the new ones, and by looking at the store again whenever a title failed.
"""

from __future__ import annotations

import hashlib
import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pipeline.runs.extraction_plan import Action, PlannedTitle, Reason
from pipeline.runs.ledger import FileState
from pipeline.settings import RunSettings
from pipeline.stage_result import AbortedError

CERTAIN_NATS = 14.0
"""So much evidence, in nats, is a chance of one in a million."""


class FailureGuard:
    """Watches the new titles of one run; see ``RunSettings.max_error_rate``. What failed before does not count.

    Judged when enough is known: when all of them were tried, or earlier, when those that were drawn from all of them
    leave no doubt. As soon as the share of those that ended is too high, the next ones are drawn at random, so that
    neither the order of the manifest nor a folder of bad files decides. Not in the paper.

    Args:
        settings: what is too many.
        media_root: must stay there.
    """

    def __init__(self, settings: RunSettings, media_root: Path) -> None:
        self._settings = settings
        self._media_root = media_root
        self._read = self._failed = 0
        self._drawn: set[str] | None = None
        self._drawn_failed = 0
        self._why = ""

    def order(self, jobs: Iterable[PlannedTitle]) -> Iterator[PlannedTitle]:
        """Yield the titles to work on, one at a time: new ones in their order or drawn, then those known to fail."""
        todo = list(jobs)
        fresh = deque(item for item in todo if not is_known(item))
        while fresh:
            if self._drawn is None and self._is_too_high(self._failed, self._read + self._failed):
                self._drawn = set()
                fresh = deque(sorted(fresh, key=_lot))
            item = fresh.popleft()
            if self._drawn is not None:
                self._drawn.add(item.title.title_id)
            yield item
        yield from (item for item in todo if is_known(item))

    def succeeded(self, item: PlannedTitle) -> None:
        """Count a title that was read."""
        self._read += not is_known(item)

    def failed(self, item: PlannedTitle, why: str) -> bool:
        """Count a failed title; say whether its file is still there.

        Raises:
            AbortedError: the store is gone.
            OSError: the store does not answer.
        """
        require_folder(self._media_root)
        if not is_known(item):
            self._failed += 1
            self._drawn_failed += self._drawn is not None and item.title.title_id in self._drawn
            self._why = why
        assert item.path is not None
        try:
            FileState.of(item.path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def require_doubt(self) -> None:
        """Raise AbortedError where the titles that were drawn leave no doubt; those in work are taken to be good."""
        drawn, rate = len(self._drawn or ()), self._settings.max_error_rate
        if self._is_too_high(self._drawn_failed, drawn) and drawn * _surprise(self._drawn_failed / drawn, rate) > (
            CERTAIN_NATS
        ):
            raise AbortedError(self._verdict())

    def verdict(self) -> str:
        """Say what is wrong, once all titles were tried; empty if too few failed.

        Raises:
            AbortedError: too many failed, and not one new title was read.
        """
        if not self._is_too_high(self._failed, self._read + self._failed):
            return ""
        if not self._read:
            raise AbortedError(self._verdict())
        return self._verdict()

    def _is_too_high(self, failed: int, of: int) -> bool:
        return failed >= self._settings.abort_after and failed > self._settings.max_error_rate * of

    def _verdict(self) -> str:
        return (
            f"{self._failed} of {self._read + self._failed} new titles failed, more than [run] max_error_rate = "
            f"{self._settings.max_error_rate:g}; the last one: {self._why}; it counts as a try of each, and none is "
            "given up for it: mend the cause and run again. If the files are to blame, so does the next run, which "
            "goes on without them"
        )


def is_known(item: PlannedTitle) -> bool:
    """Say whether a title failed before, with the same bytes: that it fails again says nothing of the installation."""
    return item.reason is Reason.QUARANTINED


def _lot(item: PlannedTitle) -> bytes:
    """Return what draws a title: as good as random, and the same every time."""
    return hashlib.sha256(item.title.title_id.encode()).digest()


def _surprise(share: float, rate: float) -> float:
    """Return how much one title tells against ``rate``, in nats, where ``share`` > ``rate`` of them fail (Chernoff)."""
    if rate == 0:
        return math.inf
    return share * math.log(share / rate) + (0 if share == 1 else (1 - share) * math.log((1 - share) / (1 - rate)))


def require_folder(media_root: Path, what: str = "the media root", key: str = "[data] media_root") -> None:
    """Raise AbortedError unless the media root, or what ``key`` else names, is there."""
    if not media_root.is_dir():
        raise AbortedError(f"{media_root}: {what} is not there; mount it, or correct {key}")


def require_store(planned: Sequence[PlannedTitle], media_root: Path, settings: RunSettings) -> None:
    """Raise AbortedError when so many files that were there are gone that the store must be."""
    known = [item for item in planned if item.header is not None]
    gone = [item for item in known if (item.action, item.reason) == (Action.WAIT, Reason.MISSING)]
    if len(gone) >= settings.abort_after and len(gone) > settings.max_error_rate * len(known):
        first = gone[0].title
        raise AbortedError(
            f"{media_root}: {len(gone)} of {len(known)} files that were there are gone "
            f"({first.path or first.title_id}, ...); is the store mounted? If they are meant to be "
            "gone, take them out of the manifest"
        )
