"""The ways to features, one contract: decoding videos, here or on a cluster, or taking files that somebody has."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from data.import_features import FeatureImport
from data.shards import shard_path
from data.titles import Title
from extract.settings import ExtractSettings
from pipeline.engine import LOCAL, require_ray
from pipeline.expected_features import expected_features, record_features
from pipeline.import_words import ImportNotes
from pipeline.runs.extraction_plan import PlannedTitle, Reason
from pipeline.settings import RunSettings
from pipeline.work_folder import WorkFolder

if TYPE_CHECKING:
    from extract.backbone import Backbone
    from extract.title import ExtractJob


FAILED = "failed"


@dataclass(frozen=True)
class Worked:
    """What became of a title that was worked on: ``done``, ``partial`` or ``failed``."""

    title_id: str
    status: str
    error_code: str
    error: str
    seconds: float


Watch = Callable[[str, int, float | None], None]
"""Called with (title_id, seconds of it decoded so far, seconds it has by its file or None)."""

FeatureWork = Callable[[Iterable[PlannedTitle], Watch], Generator[Worked, None, None]]
"""Yields what became of each title, in the order in which they end; titles are taken one at a time, as there is room.

Close it to stop."""


class VideoWork(Protocol):
    """``FeatureWork`` that decodes videos."""

    def know_features(self) -> None:
        """Find out what the settings mean, where no earlier run recorded it."""

    def __call__(self, jobs: Iterable[PlannedTitle], watch: Watch) -> Generator[Worked, None, None]:
        """See ``FeatureWork``."""


def video_work(settings: ExtractSettings, work: WorkFolder, run: RunSettings) -> VideoWork:
    """Return what decodes videos with the engine that is asked for; ConfigError if it is not installed."""
    if run.engine == LOCAL:
        return Extractor(settings, work)
    require_ray()
    from pipeline.distribute.extraction import RayExtractor

    return RayExtractor(settings, work, run)


class Extractor:
    """Decodes videos; the backbone is loaded when it is first needed."""

    def __init__(self, settings: ExtractSettings, work: WorkFolder) -> None:
        self._settings = settings
        self._work = work
        self._backbone: Backbone | None = None

    def know_features(self) -> None:
        """Find out what the settings mean, where no earlier run recorded it."""
        if expected_features(self._work.feature_record, self._settings).features_id is None:
            self._load()

    def __call__(self, jobs: Iterable[PlannedTitle], watch: Watch) -> Generator[Worked, None, None]:
        """Extract titles; yield what became of each, in the order in which they end."""
        from extract.title import extract_titles

        backbone = self._load()
        todo = extract_jobs(jobs)
        with closing(extract_titles(todo, self._settings, backbone, self._work.features, watch)) as outcomes:
            for outcome in outcomes:
                yield Worked(outcome.title_id, outcome.status, outcome.error_code, outcome.error, outcome.seconds)

    def _load(self) -> Backbone:
        if self._backbone is None:
            from extract.backbone import feature_spec, load_backbone

            self._backbone = load_backbone(self._settings)
            spec = feature_spec(self._settings, self._backbone)
            record_features(self._work.feature_record, self._settings, spec)
        return self._backbone


def extract_jobs(planned: Iterable[PlannedTitle]) -> Iterator[ExtractJob]:
    """Return planned titles as extraction knows them."""
    from extract.title import ExtractJob

    for item in planned:
        if item.path is not None:
            yield ExtractJob(item.title.title_id, item.path, item.title.path or "", item.title.duration_s)


class Importer:
    """Turns feature files into shards."""

    def __init__(self, imports: FeatureImport, work: WorkFolder) -> None:
        self._imports = imports
        self._work = work
        self.notes = ImportNotes()

    def __call__(self, jobs: Iterable[PlannedTitle], watch: Watch) -> Generator[Worked, None, None]:
        """Import titles; yield what became of each, in order. A file is read at once: there is nothing to watch."""
        from data.import_features import import_features

        titles = (self._cleared(item) for item in jobs)
        started_s = time.monotonic()
        for outcome in import_features(titles, self._imports, self._work.features):
            status = outcome.status
            self.notes.add(outcome)
            if status == FAILED:
                shard_path(self._work.features, outcome.title_id).unlink(missing_ok=True)  # it is of other bytes
            seconds, started_s = time.monotonic() - started_s, time.monotonic()
            yield Worked(outcome.title_id, status, outcome.error_code, outcome.error, seconds)

    def _cleared(self, item: PlannedTitle) -> Title:
        """Remove a shard whose rows are damaged: by its header alone the importer would take it for whole."""
        if item.reason is Reason.DAMAGED:
            shard_path(self._work.features, item.title.title_id).unlink(missing_ok=True)
        return item.title
