"""Stage 1: videos, or feature files of one's own, to feature shards and the coverage table.

``pipeline.runs.extraction_plan`` says what to do with each title; this does it, and records it in the ledger.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from data.counted import counted
from data.errors import ConfigError
from data.feature_files import SUFFIXES, content_sha256
from data.feature_folders import FeatureFolders
from data.import_features import FeatureImport
from data.manifest import read_titles
from data.shards import ShardHeader, read_header, shard_path
from data.titles import Title
from extract.oom import KILLED
from extract.settings import ExtractSettings
from pipeline.config import Config
from pipeline.coverage_table import NOT_EXTRACTED, write_coverage
from pipeline.engine import LOCAL
from pipeline.expected_features import IMPORTED, ExpectedFeatures, expected_features, expected_imports
from pipeline.extraction_words import pace_of, read_s_of, result_words
from pipeline.failure_words import failure_words
from pipeline.feature_work import FAILED, FeatureWork, Importer, Watch, Worked, video_work
from pipeline.import_words import duration_lines, error_lines, features_line, unused_line
from pipeline.progress import progress_bar, titles_bar, titles_untold
from pipeline.provenance import write_run
from pipeline.runs.at_work import ENDED_RUN, AtWork, record_suspects
from pipeline.runs.event_log import EventLog
from pipeline.runs.extraction_plan import Action, Failure, PlannedTitle, Planner, Sources
from pipeline.runs.faults import FailureGuard, is_known, require_folder, require_store
from pipeline.runs.ledger import EXTRACT, MISSING, QUARANTINED, Ledger, read_ledger
from pipeline.runs.rates import add_rate
from pipeline.runs.selection import Selection, check_known
from pipeline.runs.title_record import Recorder
from pipeline.seen_truth import warn_of_labels_beyond
from pipeline.settings import RunSettings
from pipeline.stage_result import StageResult
from pipeline.work_folder import WorkFolder

log = logging.getLogger(__name__)

Found = Callable[[Title, ShardHeader], str]
"""Called with each title that has features now; returns what was found in it, for a person; may be empty."""


@dataclass(frozen=True)
class ExtractionRun:
    """What is to be extracted, with what settings, and where it goes.

    Args:
        selection: which titles may be worked on; all by default.
        verify: read every file's bytes again, whatever its size and time say.
        found: what to say of a title as it ends, beside how much of it was read.
    """

    work: WorkFolder
    sources: Sources
    settings: ExtractSettings
    run_settings: RunSettings
    selection: Selection = field(default_factory=Selection)
    verify: bool = False
    found: Found | None = None

    @classmethod
    def of(cls, config: Config, selection: Selection | None = None, *, verify: bool = False) -> ExtractionRun:
        """Return the extraction that a configuration asks for."""
        titles = list(read_titles(config.data.titles, config.data.media_root, subsets=config.data.subsets).values())
        if selection is not None:
            check_known(selection, {title.title_id for title in titles}, config.data.titles.name)
        name = config.run.import_name
        imports = None if name is None else feature_import(config, name)
        root = config.data.media_folder if imports is None else imports.folders.folders[0]
        sources = Sources(titles, root, config.data.titles.name, imports)
        return cls(config.work, sources, config.extract, config.run, selection or Selection(), verify)

    def planner(self, ledger: Ledger) -> Planner:
        """Return what decides about each title, from what is on disk; no backbone is loaded."""
        if self.sources.imports is not None:
            expected = expected_imports(self.sources.imports)
        else:
            expected = expected_features(self.work.feature_record, self.settings)
        attempts = self.run_settings.attempts
        return Planner(self.sources, self.work.features, ledger, expected, attempts, self.selection, self.verify)


@dataclass(frozen=True)
class Extraction:
    """How the features of a catalogue stand.

    Args:
        titles: of the catalogue.
        headers: of the shards of titles that have features.
        failures: why the other titles have none, or none of today (``Failure.kept``).
        worked_on: titles that were extracted or failed just now.
        not_read: titles without features or without a file, or with features of a part of the video only.
        expected: what the features are.
        notes: what was done to the rows of imported features, and which files they were found in, in lines.
        fault: what the failures look like, if they look like a fault of the installation and not of the titles.
    """

    titles: Sequence[Title]
    headers: Mapping[str, ShardHeader]
    failures: Mapping[str, Failure]
    worked_on: int
    not_read: int
    expected: ExpectedFeatures
    notes: Sequence[str] = ()
    fault: str = ""


def extract(config: Config, selection: Selection | None = None, *, verify: bool = False) -> StageResult:
    """Bring the features of every title up to date: missing, damaged, or made from other bytes or settings.

    Args:
        selection: which titles may be worked on; all by default.
        verify: read every video's bytes again, whatever its size and time say.

    Raises:
        WeightsError, ConfigError, ManifestError, AbortedError: faults that are not one title's.
    """
    return extract_catalogue(config, selection, verify=verify)[0]


def extract_catalogue(
    config: Config, selection: Selection | None = None, *, verify: bool = False, found: Found | None = None
) -> tuple[StageResult, Extraction]:
    """Do as ``extract``, and return how the features stand as well, for what goes on with them.

    Args:
        found: see ``ExtractionRun``.
    """
    require_own_features(config)
    done = extract_sources(replace(ExtractionRun.of(config, selection, verify=verify), found=found))
    return _finish(config, "extract", done), done


def feature_import(config: Config, name: str) -> FeatureImport:
    """Return what the feature files of a configuration are."""
    data = config.data
    folders = FeatureFolders(data.feature_folders or (data.media_folder,))
    return FeatureImport(name, folders, data.feature_rate, data.feature_crops)


def import_feature_files(config: Config, imports: FeatureImport) -> StageResult:
    """Turn feature files into shards; ``path`` in the manifest names the file of a title, or else its id does."""
    require_own_features(config)
    root = imports.folders.folders[0]
    titles = list(read_titles(config.data.titles, root, subsets=config.data.subsets).values())
    sources = Sources(titles, root, config.data.titles.name, imports)
    with titles_untold():  # milliseconds a title; those that failed are named in the end, by reason
        done = extract_sources(ExtractionRun(config.work, sources, config.extract, config.run))
    return _finish(config, "import-features", done)


def require_own_features(config: Config) -> None:
    """Raise ConfigError if the features are those of another configuration: its ledger would not know of changes."""
    if config.features is not None:
        raise ConfigError(
            f"features: {config.features} belongs to another configuration; extract with that one, or leave the key out"
        )


def extract_sources(asked: ExtractionRun) -> Extraction:
    """Do what the plan says, write the coverage table and the ledger, and say how things stand."""
    work, sources, run = asked.work, asked.sources, asked.run_settings
    require_folders(sources)
    ledger = read_ledger(work.ledger)
    worker: FeatureWork
    importer: Importer | None = None
    if sources.imports is not None:
        worker = importer = Importer(sources.imports, work)
    else:
        worker = extractor = video_work(asked.settings, work, run)
        with progress_bar("load the backbone"):
            extractor.know_features()
    planner = asked.planner(ledger)
    record_suspects(ledger, work.at_work, run.attempts)
    planned = list(planner.plan())
    require_store(planned, sources.media_root, run)
    if sources.imports is None:
        refuse_imported(planned)
    recorder = Recorder(ledger, run.attempts, planner.expected.features_id)
    with EventLog(work.events) as events:
        try:
            planned = [_settled(planner, item, recorder, events) for item in planned]
            recorder.remove_unlisted({item.title.title_id for item in planned})
            jobs = [item for item in planned if item.action is Action.EXTRACT]
            guard = FailureGuard(run, _folder_of(sources.media_root))
            results, fault = _work(
                worker,
                jobs,
                work=work,
                guard=guard,
                recorder=recorder,
                events=events,
                found=asked.found,
                noted=run.engine == LOCAL,
                stage=EXTRACT if sources.imports is None else "import",
            )
        finally:
            ledger.write()
    headers, failures = _standing(planned, results)
    not_read = write_coverage(work.coverage, sources.titles, headers, failures)
    notes = []
    if importer is not None and sources.imports is not None:
        notes = [*importer.notes.lines(), unused_line(sources.imports.folders, sources.titles, failures)]
    return Extraction(sources.titles, headers, failures, len(jobs), not_read, planner.expected, notes, fault)


def require_folders(sources: Sources) -> None:
    """Raise AbortedError unless the folders are there that the films, or the feature files, lie in."""
    if sources.imports is None:
        require_folder(sources.media_root)
        return
    for root in map(_folder_of, sources.imports.folders.folders):
        require_folder(root, "the folder of feature files", "--features, [data] feature_folders or media_root")


def _folder_of(root: Path) -> Path:
    """Return a folder of feature files; one file may hold those of all titles."""
    return root.parent if root.suffix.casefold() in SUFFIXES and root.is_file() else root


def _work(
    worker: FeatureWork,
    jobs: Sequence[PlannedTitle],
    *,
    work: WorkFolder,
    guard: FailureGuard,
    recorder: Recorder,
    events: EventLog,
    found: Found | None,
    noted: bool,
    stage: str,
) -> tuple[dict[str, ShardHeader | Failure], str]:
    """Work on titles; return what became of each, and what is wrong with the installation, if it looks like that.

    A failure is recorded at once, as a try; it gives a title up only if the run gets to its end, or is interrupted.
    """
    results: dict[str, ShardHeader | Failure] = {}
    if not jobs:
        return results, ""
    work.features.mkdir(parents=True, exist_ok=True)
    by_id = {item.title.title_id: item for item in jobs}
    failed: list[PlannedTitle] = []
    started_s, video_s = time.monotonic(), 0.0
    try:
        with titles_bar(stage, pace_of(jobs), len(jobs)) as bar, ExitStack() as stack:

            def watch(title_id: str, decoded_s: int, length_s: float | None) -> None:
                bar.reading(title_id, by_id[title_id].title.name, decoded_s, length_s)

            at_work = stack.enter_context(AtWork(work.at_work)) if noted else None
            for worked in stack.enter_context(closing(_in_turn(worker, jobs, guard, watch, at_work))):
                item, outcome, header = by_id[worked.title_id], worked, None
                if worked.status == FAILED:
                    outcome = _blamed(guard, item, worked)
                    recorder.record_failure(item, outcome)
                    failed.append(item)
                    results[worked.title_id] = Failure(outcome.error_code, outcome.error, outcome.seconds)
                else:
                    guard.succeeded(item)
                    header = read_header(shard_path(work.features, worked.title_id))
                    video_s += header.coverage.decoded_s
                    recorder.record(item, worked, header)
                    results[worked.title_id] = header
                events.add(stage=EXTRACT, reason=item.reason.value, **asdict(outcome))
                words = result_words(outcome, header)
                if header is not None and found is not None and (more := found(item.title, header)):
                    words += f"; {more}"
                bar.ended(worked.title_id, item.title.name, words, read_s_of(header))
                guard.require_doubt()
        fault = guard.verdict()
    except KeyboardInterrupt:
        recorder.give_up(item.title.title_id for item in failed)
        raise
    recorder.give_up(item.title.title_id for item in failed if not fault or is_known(item))
    add_rate(work.rates, EXTRACT, video_s, time.monotonic() - started_s)
    return results, fault


def _in_turn(
    worker: FeatureWork, jobs: Sequence[PlannedTitle], guard: FailureGuard, watch: Watch, at_work: AtWork | None
) -> Generator[Worked, None, None]:
    """Work on titles together; then, one at a time, on those that may have ended a run, or whose decoder was killed.

    A decoder that the system kills among others may have paid for theirs: what happens to it alone is what is said.
    """
    by_id = {item.title.title_id: item for item in jobs}
    alone = [item for item in jobs if item.failure is not None and item.failure.error_code in (ENDED_RUN, KILLED)]
    apart = {item.title.title_id for item in alone}

    def work_on(items: Iterable[PlannedTitle]) -> Iterator[Worked]:
        with closing(worker(items if at_work is None else at_work.noting(items), watch)) as outcomes:
            for worked in outcomes:
                if at_work is not None:
                    at_work.ended(worked.title_id)
                yield worked

    for worked in work_on(guard.order(item for item in jobs if item.title.title_id not in apart)):
        if worked.error_code == KILLED:
            item = by_id[worked.title_id]
            log.warning("%s: %s; tried again alone", item.title.name, worked.error)
            alone.append(item)
        else:
            yield worked
    for item in alone:
        yield from work_on([item])


def _blamed(guard: FailureGuard, item: PlannedTitle, worked: Worked) -> Worked:
    """Say what a failure is: the title's own, or that its file has gone."""
    if guard.failed(item, worked.error):
        return worked
    return replace(worked, error_code=MISSING, error=f"{item.title.path}: its file has gone while the run was at work")


def _settled(planner: Planner, item: PlannedTitle, recorder: Recorder, events: EventLog) -> PlannedTitle:
    """Read the bytes of a file whose size or time changed, and record a title that needs no work."""
    if item.action is Action.COMPARE:
        assert item.path is not None
        reason = item.reason.value
        try:
            item = planner.compared(item, content_sha256(item.paths))
        except OSError as error:  # its extraction will say whether it is the title or the store
            item = replace(item, action=Action.EXTRACT, detail=str(error))
        events.add(stage="compare", title_id=item.title.title_id, reason=reason, status=item.reason.value)
    recorder.settle(item)
    return item


def _standing(
    planned: Sequence[PlannedTitle], results: Mapping[str, ShardHeader | Failure]
) -> tuple[dict[str, ShardHeader], dict[str, Failure]]:
    """Return the titles that have features, and why the others have none; of a file that is gone there may be both."""
    headers: dict[str, ShardHeader] = {}
    failures: dict[str, Failure] = {}
    for item in planned:
        title_id = item.title.title_id
        found = results.get(title_id) or item.failure or item.header or NOT_EXTRACTED
        if isinstance(found, Failure):
            failures[title_id] = found
            if found.kept and item.header is not None:
                headers[title_id] = item.header
        else:
            headers[title_id] = found
    return headers, failures


def refuse_imported(planned: Sequence[PlannedTitle]) -> None:
    """Raise ConfigError if the features that are there were imported, where videos are to be extracted."""
    for item in planned:
        if item.header is not None and item.header.spec.backbone.startswith(IMPORTED):
            name = item.header.spec.backbone.removeprefix(IMPORTED)
            raise ConfigError(
                f"{item.header.path.parent}: holds imported features ({name}); set [run] import_name = {name!r} to "
                "keep them up to date, or another work_dir to extract from videos"
            )


def _finish(config: Config, stage: str, done: Extraction) -> StageResult:
    titles, missing = len(done.titles), sum(failure.error_code == MISSING for failure in done.failures.values())
    unread, partial = len(done.failures) - missing, done.not_read - len(done.failures)
    counts = {"titles": titles, "worked_on": done.worked_on, QUARANTINED: unread, "partial": partial, MISSING: missing}
    write_run(config.work_dir / f"{stage}.run.json", stage, config.model_dump(mode="json"), **counts)
    what = "nothing to do" if not done.worked_on else f"{done.worked_on} worked on"
    summary = f"{stage}: {counted(titles, 'title')}, {what}, {unread} quarantined, {partial} partial"
    summary += f", {missing} missing" if missing else ""
    said = [features_line(done.headers.values()), *done.notes, failure_words(done.failures)]
    said += error_lines(done.failures) if stage == "import-features" else []  # others told each title as it ended
    said += duration_lines(done.headers.values(), told="feature_rate" in config.data.model_fields_set)
    summary += "".join(f"\n  {line}" for line in said if line)
    log.debug("stage=%s %s", stage, " ".join(f"{key}={value}" for key, value in counts.items()))
    warn_of_labels_beyond(config.data, done.headers, stage)
    if done.fault:
        log.error("%s: %s", stage, done.fault)
    return StageResult(summary, config.coverage_path, done.not_read, aborted=bool(done.fault))
