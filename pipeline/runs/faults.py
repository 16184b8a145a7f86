"""Telling faults of the installation from bad titles: a full disk or a lost store must never be recorded as thousands
of bad titles.

A fault that names itself (an OSError while writing, missing weights) ends the run where it happens. One that looks like
bad titles is noticed by their share, and by looking at the store again whenever a title failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.runs.extraction_plan import Action, PlannedTitle, Reason
from pipeline.runs.ledger import FileState
from pipeline.settings import RunSettings
from pipeline.stage_result import AbortedError


class FailureGuard:
    """Watches the titles of one run; see ``RunSettings.max_error_rate``."""

    def __init__(self, settings: RunSettings, media_root: Path) -> None:
        self._settings = settings
        self._media_root = media_root
        self._finished = self._failed = 0

    def succeeded(self) -> None:
        self._finished += 1

    def failed(self, path: Path, why: str) -> bool:
        """Count a failed title; say whether its file is still there.

        Raises:
            AbortedError: too many failed, or the store is gone.
            OSError: the store does not answer.
        """
        self._finished += 1
        self._failed += 1
        require_folder(self._media_root)
        limit = self._settings
        if self._failed >= limit.abort_after and self._failed > limit.max_error_rate * self._finished:
            raise AbortedError(
                f"{self._failed} of {self._finished} titles failed, more than [run] max_error_rate = "
                f"{limit.max_error_rate:g}; the last one: {why}; nothing is recorded against them: mend the cause, or "
                "raise the rate if the titles are to blame"
            )
        try:
            FileState.of(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True


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
