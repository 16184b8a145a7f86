"""What the ledger is told of each title by extraction."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, replace

from data.shards import ShardHeader
from extract.oom import KILLED
from pipeline.feature_work import Worked
from pipeline.runs.extraction_plan import Action, PlannedTitle, Reason
from pipeline.runs.ledger import DONE, EXTRACT, MISSING, PARTIAL, QUARANTINED, REMOVED, FileState, Ledger


@dataclass(frozen=True)
class Recorder:
    """Writes what becomes of titles to the ledger.

    Args:
        attempts: after so many of them a title is given up.
        features_id: of the features that are tried; None if not known.
    """

    ledger: Ledger
    attempts: int
    features_id: str | None

    def settle(self, item: PlannedTitle) -> None:
        """Record what is known of a title before any work: that it is current, or missing."""
        title_id = item.title.title_id
        if item.action is Action.NOTHING and item.header is not None and item.state is not None:
            coverage = item.header.coverage
            self.ledger.change(
                title_id,
                status=DONE if coverage.complete else PARTIAL,
                attempts=0,
                error_code="",
                error="",
                source=item.title.path,
                source_size_bytes=item.state.size_bytes,
                source_mtime_ns=item.state.mtime_ns,
                source_sha256=coverage.source_sha256,
                features_id=item.header.spec.features_id,
                given_up=False,
            )
        elif item.failure is not None and item.reason in (Reason.MISSING, Reason.BAD_PATH):
            self.ledger.change(
                title_id,
                status=MISSING if item.reason is Reason.MISSING else QUARANTINED,
                given_up=False,
                source=item.title.path,
                error_code=item.failure.error_code,
                error=item.failure.error,
            )

    def remove_unlisted(self, listed: Container[str]) -> None:
        """Record that titles are no longer in the manifest."""
        for row in list(self.ledger):
            if row.title_id not in listed:
                self.ledger.put(replace(row, status=REMOVED, given_up=False))

    def record(self, item: PlannedTitle, worked: Worked, header: ShardHeader) -> None:
        """Record a title that has features now."""
        state = _state_if_unchanged(item)
        self.ledger.change(
            item.title.title_id,
            stage=EXTRACT,
            status=DONE if header.coverage.complete else PARTIAL,
            attempts=0,
            error_code="",
            error="",
            source=item.title.path,
            source_size_bytes=state.size_bytes if state else None,
            source_mtime_ns=state.mtime_ns if state else None,
            source_sha256=header.coverage.source_sha256,
            features_id=header.spec.features_id,
            given_up=False,
            seconds=round(worked.seconds, 3),
        )

    def record_failure(self, item: PlannedTitle, worked: Worked) -> None:
        """Record a title that could not be read, to be tried again, unless it is given up when the night is known."""
        row = self.ledger.get(item.title.title_id)
        earlier = row.attempts if row is not None and item.reason is Reason.QUARANTINED else 0
        missing = worked.error_code == MISSING
        self.ledger.change(
            item.title.title_id,
            stage=EXTRACT,
            status=MISSING if missing else QUARANTINED,
            given_up=False,
            attempts=0 if missing else earlier + (worked.error_code != KILLED),
            error_code=worked.error_code,
            error=worked.error,
            source=item.title.path,
            source_size_bytes=item.state.size_bytes if item.state else None,
            source_mtime_ns=item.state.mtime_ns if item.state else None,
            source_sha256=None,
            features_id=self.features_id,
            seconds=round(worked.seconds, 3),
        )

    def give_up(self, title_ids: Iterable[str]) -> None:
        """Try those titles no more that could not be read often enough."""
        for title_id in title_ids:
            row = self.ledger.get(title_id)
            if row is not None and row.status == QUARANTINED and row.attempts >= self.attempts:
                self.ledger.change(title_id, given_up=True)


def _state_if_unchanged(item: PlannedTitle) -> FileState | None:
    """Return the state of a file that stayed the same while it was read; None if the bytes must be looked at again."""
    assert item.path is not None
    try:
        return item.state if FileState.of(*item.paths) == item.state else None
    except OSError:
        return None
