"""What extraction would do with each title, and why: decided from directory entries, shard headers and the ledger.

No video is read and no torch is imported, so a plan of thousands of titles takes seconds. Where size or time of a file
differ from what was recorded, only its bytes can tell whether it changed: such a title is to be *compared*, which the
run does before it does anything else. Time alone never redoes anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from data.counted import counted
from data.errors import DecodeError, MissingShardError, SchemaError
from data.import_features import FeatureImport
from data.schemas import Coverage
from data.shards import ShardHeader, read_header, shard_path
from data.store_path import StorePath, in_parallel
from data.titles import Title, media_path
from extract.staleness import judged_alike
from infer.title_status import GONE
from pipeline.expected_features import ExpectedFeatures
from pipeline.runs.event_log import now
from pipeline.runs.ledger import INFER, MISSING, QUARANTINED, FileState, Ledger, LedgerRow
from pipeline.runs.selection import Selection

_GONE = re.compile(rf"{GONE} \d{{4}}-\d\d-\d\d")


class Action(StrEnum):
    """What is done with a title."""

    NOTHING = "nothing"
    EXTRACT = "extract"
    COMPARE = "compare"
    WAIT = "wait"
    SKIP = "skip"


class Reason(StrEnum):
    """Why."""

    CURRENT = "current"
    NEW = "new"
    VIDEO_CHANGED = "video changed"
    BACKBONE_CHANGED = "other features wanted"
    DURATION_CHANGED = "the manifest's duration changed"
    DAMAGED = "damaged shard"
    QUARANTINED = "quarantined"
    TOUCHED = "size or time of the file changed"
    VERIFY = "--verify"
    UNRECORDED = "not in the ledger"
    GIVEN_UP = "given up"
    MISSING = "no such file"
    BAD_PATH = "bad path"
    NOT_SELECTED = "not selected"


@dataclass(frozen=True)
class Failure:
    """Why a title has no features, or none of today.

    Args:
        seconds: of work.
        kept: its file is gone, but was read before: its features of then are used, and that is said.
    """

    error_code: str
    error: str
    seconds: float = 0.0
    kept: bool = False


@dataclass(frozen=True)
class PlannedTitle:
    """What would be done with a title.

    Args:
        detail: the reason in full, where there is more to say.
        path: of its file; None if it has none.
        more_paths: of further files, for features that have one a stream.
        state: of its files now.
        header: of its shard, where there is a readable one.
        failure: what to say of it if nothing is done; None if its features can be used.
    """

    title: Title
    action: Action
    reason: Reason
    detail: str = ""
    path: Path | None = None
    state: FileState | None = None
    header: ShardHeader | None = None
    failure: Failure | None = None
    more_paths: tuple[Path, ...] = ()

    @property
    def paths(self) -> tuple[Path, ...]:
        """All its files."""
        return () if self.path is None else (self.path, *self.more_paths)

    @property
    def duration_s(self) -> float | None:
        """Length of the video as far as it is known."""
        return self.header.coverage.decoded_s if self.header is not None else self.title.duration_s


@dataclass(frozen=True)
class Sources:
    """Titles and where their files are.

    Args:
        titles: in the order of the manifest.
        media_root: folder that their paths are relative to.
        manifest: its name, for messages.
        imports: what the files are, if they are features and not videos.
    """

    titles: Sequence[Title]
    media_root: Path
    manifest: str
    imports: FeatureImport | None = None


@dataclass(frozen=True)
class Planner:
    """Decides, title by title; see ``plan``."""

    sources: Sources
    features: Path
    ledger: Ledger
    expected: ExpectedFeatures
    attempts: int
    selection: Selection = field(default_factory=Selection)
    verify: bool = False

    def plan(self) -> Iterator[PlannedTitle]:
        """Yield what would be done with each title, in order."""
        root = self.sources.media_root if isinstance(self.sources.media_root, StorePath) else self.features
        for planned in in_parallel(root, self._decide, self.sources.titles):
            is_work = planned.action in (Action.EXTRACT, Action.COMPARE)
            yield replace(planned, action=Action.SKIP) if is_work and not self._is_selected(planned) else planned

    def compared(self, planned: PlannedTitle, sha256: str) -> PlannedTitle:
        """Decide a title that was to be compared, now that the hash of its file is known."""
        assert planned.header is not None
        if sha256 != planned.header.coverage.source_sha256:
            return replace(planned, action=Action.EXTRACT, reason=Reason.VIDEO_CHANGED)
        return replace(planned, action=Action.NOTHING, reason=Reason.CURRENT)

    def _decide(self, title: Title) -> PlannedTitle:
        row = self.ledger.get(title.title_id)
        try:
            (path, *more_paths), state = self._files(title)
        except DecodeError as error:
            reason = Reason.MISSING if error.code == "missing" else Reason.BAD_PATH
            header = self._header(title)[0]
            kept = reason is Reason.MISSING and header is not None and self._was_read(header, title, row)
            text = f"{gone_since(row)}: {error}" if kept else str(error)
            failure = Failure(error.code, text, kept=kept)
            return PlannedTitle(title, Action.WAIT, reason, text, header=header, failure=failure)
        header, damage = self._header(title)
        planned = PlannedTitle(title, Action.EXTRACT, Reason.NEW, "", path, state, header, more_paths=tuple(more_paths))
        if row is not None and row.status == QUARANTINED and self._same_attempt(row, title, state):
            return self._after_failure(planned, row)
        if damage:
            return replace(planned, reason=Reason.DAMAGED, detail=damage, failure=Failure("schema", damage))
        if header is None:
            return planned
        return self._stale(planned, header, row, state)

    def _stale(
        self, planned: PlannedTitle, header: ShardHeader, row: LedgerRow | None, state: FileState
    ) -> PlannedTitle:
        """Decide a title with features."""
        difference = self.expected.difference(header.spec)
        if difference:
            return replace(planned, reason=Reason.BACKBONE_CHANGED, detail=difference)
        known = row if row is not None and row.source == planned.title.path else LedgerRow(planned.title.title_id)
        recorded = known.state
        same_bytes = recorded != state or known.source_sha256 == header.coverage.source_sha256
        if known.source_size_bytes not in (None, state.size_bytes) or not same_bytes:
            return replace(planned, reason=Reason.VIDEO_CHANGED)
        if not self._judged_alike(header.coverage, planned.title.duration_s):
            return replace(planned, reason=Reason.DURATION_CHANGED)
        if self.verify:
            return replace(planned, action=Action.COMPARE, reason=Reason.VERIFY)
        if recorded != state:
            reason = Reason.UNRECORDED if recorded is None else Reason.TOUCHED
            return replace(planned, action=Action.COMPARE, reason=reason)
        return replace(planned, action=Action.NOTHING, reason=Reason.CURRENT)

    def _was_read(self, header: ShardHeader, title: Title, row: LedgerRow | None) -> bool:
        """Say whether a title's features are those of the file that is gone: the same path, the last bytes seen."""
        same_path = header.coverage.source == (title.path or header.coverage.source)
        last_seen = row is None or row.source_sha256 == header.coverage.source_sha256 or row == _unread(row)
        tried = row is not None and row.status == QUARANTINED
        return same_path and last_seen and not tried and not self.expected.difference(header.spec)

    def _judged_alike(self, coverage: Coverage, declared_s: float | None) -> bool:
        if self.sources.imports is not None:
            return coverage.declared_duration_s == declared_s
        return judged_alike(coverage, declared_s)

    def _after_failure(self, planned: PlannedTitle, row: LedgerRow) -> PlannedTitle:
        failure = Failure(row.error_code, row.error, row.seconds)
        if row.given_up:
            detail = f"quarantined, {counted(row.attempts, 'attempt')}: {row.error}"
            return replace(
                planned, action=Action.WAIT, reason=Reason.GIVEN_UP, detail=detail, failure=failure, header=None
            )
        if row.stage == INFER:
            return replace(planned, reason=Reason.DAMAGED, detail=row.error, failure=failure, header=None)
        detail = f"attempt {min(row.attempts + 1, self.attempts)} of {self.attempts}: {row.error}"
        return replace(planned, reason=Reason.QUARANTINED, detail=detail, failure=failure, header=None)

    def _same_attempt(self, row: LedgerRow, title: Title, state: FileState) -> bool:
        """Say whether trying again would be trying the same: same file, same kind of features."""
        same_features = None in (row.features_id, self.expected.features_id) or (
            row.features_id == self.expected.features_id
        )
        return same_features and row.source == title.path and row.state in (None, state)

    def _is_selected(self, planned: PlannedTitle) -> bool:
        selection, state = self.selection, planned.state
        changed = planned.reason in (Reason.NEW, Reason.VIDEO_CHANGED, Reason.TOUCHED, Reason.UNRECORDED)
        return (
            (selection.title_ids is None or planned.title.title_id in selection.title_ids)
            and (selection.since_s is None or (state is not None and state.mtime_ns >= selection.since_s * 1e9))
            and (not selection.changed or changed)
            and (not selection.failed or planned.reason in (Reason.QUARANTINED, Reason.DAMAGED))
        )  # fmt: skip

    def _files(self, title: Title) -> tuple[tuple[Path, ...], FileState]:
        """Find a title's files; DecodeError says why there is none."""
        imports = self.sources.imports
        try:
            paths = (
                (self._video(title),) if imports is None else tuple(found.path for found in imports.folders.find(title))
            )
            return paths, FileState.of(*paths)
        except (FileNotFoundError, NotADirectoryError) as error:
            where = self.sources.media_root
            raise DecodeError(f"{title.path}: no such file under {where}; correct its path", code="missing") from error
        except PermissionError as error:
            name = title.path or title.title_id
            raise DecodeError(
                f"{name}: cannot be read ({error.strerror}); give access to it", code="unreadable"
            ) from error

    def _video(self, title: Title) -> Path:
        if title.path is None:
            raise DecodeError(
                f"{title.title_id}: no path in {self.sources.manifest}; name its video there", code="no_path"
            )
        return media_path(self.sources.media_root, title.path)

    def _header(self, title: Title) -> tuple[ShardHeader | None, str]:
        """Return the header of a title's shard, or why it cannot be read; neither if there is no shard."""
        try:
            return read_header(shard_path(self.features, title.title_id)), ""
        except MissingShardError:
            return None, ""
        except SchemaError as error:
            return None, str(error)


def _unread(row: LedgerRow) -> LedgerRow:
    """Return a row as it is where no file was ever seen, because the ledger is younger."""
    return replace(row, source_size_bytes=None, source_mtime_ns=None, source_sha256=None)


def gone_since(row: LedgerRow | None) -> str:
    """Return ``gone since`` and the day on which a title's file was first missed."""
    earlier = _GONE.match(row.error) if row is not None and row.status == MISSING else None
    return earlier[0] if earlier else f"{GONE} {now()[:10]}"


def count_reasons(planned: Iterable[PlannedTitle]) -> Mapping[tuple[Action, Reason], int]:
    """Count titles by what is done and why."""
    counts: dict[tuple[Action, Reason], int] = {}
    for item in planned:
        counts[item.action, item.reason] = counts.get((item.action, item.reason), 0) + 1
    return counts
