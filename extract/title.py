"""Titles to feature shards: decode processes feed one network, batches are filled across titles.

A title is done when its shard is written, whole, with a coverage record that says how much of the video it stands
for. A title that cannot be read is an outcome, not an exception; a fault of the installation (weights, disk full)
ends the run, because it must not be recorded against thousands of titles.

Memory: a few batches of pictures, and D float16 a second of every title in work (18 MB for two hours of D = 1280).
"""

from __future__ import annotations

import logging
import time
from array import array
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from data.errors import DecodeError, ModerationError
from data.schemas import Coverage, FeatureSpec
from data.shards import shard_path, write_shard
from data.store_path import StorePath
from extract.backbone import Backbone, feature_spec
from extract.decode_pool import Limits, Sample, TitleEnd, decode_ticking
from extract.decode_worker import READERS, WorkerConfig
from extract.frames import ReadReport, VideoInfo
from extract.hashing import Hasher, hasher
from extract.preprocess import Picture
from extract.settings import ExtractSettings
from extract.staleness import manifest_shortfall

LOG = logging.getLogger(__name__)
BATCHES = 3
"""One fills, one is computed, and one waits for the first lane that is free."""
WAITS_S = 1.0
"""So long a picture waits for its batch to fill: a film that stands still fills none, and others wait with it."""
Watch = Callable[[str, int, float | None], None]
"""Called with (title_id, seconds of it decoded so far, seconds it has by its file or None), a second at a time."""


@dataclass(frozen=True)
class ExtractJob:
    """One title to extract.

    Args:
        title_id: the title.
        video_path: where its video is.
        source: the path as the manifest names it.
        declared_duration_s: as the manifest says; None if it does not.
        source_sha256: content hash of the video where the caller has it already; else it is computed here.
    """

    title_id: str
    video_path: Path
    source: str
    declared_duration_s: float | None = None
    source_sha256: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of a title.

    Args:
        status: ``done``, ``partial`` (a shard is written, but not all of the video could be read) or ``failed``.
        coverage: as stored in the shard; None when failed.
        error_code, error: why it failed, a short stable word and a sentence; empty otherwise.
        seconds: wall time from the start of its decoding.
    """

    title_id: str
    status: str
    coverage: Coverage | None
    error_code: str
    error: str
    seconds: float


@dataclass
class _Title:
    """A title in work: (D,) features of each different picture; ``rows[i]`` says which of them sample i shows."""

    job: ExtractJob
    sha256: Future[str] | None
    started_s: float = field(default_factory=time.monotonic)
    pts_s: array[float] = field(default_factory=lambda: array("d"))
    rows: array[int] = field(default_factory=lambda: array("q"))
    features: list[npt.NDArray[np.float16]] = field(default_factory=list)
    pictures: int = 0
    pending: int = 0
    end: TitleEnd | None = None

    @property
    def is_over(self) -> bool:
        return self.end is not None and (self.pending == 0 or self.end.error is not None)


class _Batch:
    """Pictures of several titles on their way through the network."""

    def __init__(self, pictures: torch.Tensor) -> None:
        self._pictures = pictures
        self._owners: list[_Title] = []
        self._since_s = 0.0
        self._parts: list[Future[torch.Tensor]] = []

    @property
    def is_full(self) -> bool:
        return len(self._owners) == len(self._pictures)

    @property
    def age_s(self) -> float:
        """How long its first picture has waited; 0 where there is none."""
        return time.monotonic() - self._since_s if self._owners else 0.0

    @property
    def is_computed(self) -> bool:
        return all(part.done() for part in self._parts)

    def add(self, title: _Title, pixels: Picture) -> None:
        """Copy in a picture, (S, S, 3) uint8."""
        if not self._owners:
            self._since_s = time.monotonic()
        self._pictures.numpy()[len(self._owners)] = pixels
        self._owners.append(title)
        title.pictures += 1
        title.pending += 1

    def start(self, backbone: Backbone, lanes: Executor) -> None:
        """Have the pictures computed, in parts, on lanes that are free."""
        parts = torch.split(self._pictures[: len(self._owners)], backbone.at_once)
        self._parts = [lanes.submit(backbone, part) for part in parts if len(part)]

    def hand_out(self) -> None:
        """Wait for the features, give every title those of its pictures, in order, and become empty."""
        owners = iter(self._owners)
        for part in self._parts:
            # beyond float16 becomes infinite, which write_shard refuses with a message
            for row in part.result().to(torch.float16).numpy():
                title = next(owners)
                title.features.append(row.copy())  # a view would keep the part
                title.pending -= 1
        self._owners.clear()
        self._parts.clear()


class _Feed:
    """Fills batches and has them computed in the order in which they were filled; the next one fills meanwhile.

    With ``BATCHES`` under way, filling waits, and so do the decoders.
    """

    def __init__(self, backbone: Backbone, size: int, lanes: Executor) -> None:
        self._backbone = backbone
        self._lanes = lanes
        self._empty = [_Batch(backbone.empty_batch(size)) for _ in range(BATCHES)]
        self._filling = self._empty.pop()
        self._started: deque[_Batch] = deque()

    def add(self, title: _Title, pixels: Picture) -> None:
        """Take a picture, (S, S, 3) uint8."""
        self._filling.add(title, pixels)
        if self._filling.is_full:
            self._start()

    def hand_out(self) -> None:
        """Give titles what is computed by now; have computed what has waited for others long enough."""
        if self._filling.age_s > WAITS_S and not self._started:
            self._start()
        while self._started and self._started[0].is_computed:
            self._hand_out_one()

    def finish(self) -> None:
        """Compute what is left, and give it out."""
        self._start()
        while self._started:
            self._hand_out_one()

    def _start(self) -> None:
        self._filling.start(self._backbone, self._lanes)
        self._started.append(self._filling)
        if not self._empty:
            self._hand_out_one()
        self._filling = self._empty.pop()

    def _hand_out_one(self) -> None:
        batch = self._started.popleft()
        batch.hand_out()
        self._empty.append(batch)


def extract_titles(
    jobs: Iterable[ExtractJob],
    settings: ExtractSettings,
    backbone: Backbone,
    folder: Path,
    watch: Watch = lambda title_id, decoded_s, length_s: None,
) -> Generator[Outcome, None, None]:
    """Write the feature shard of every title (Sec. 4.1: one feature vector a second); yield outcomes as they come.

    The order is that in which titles end, not that of ``jobs``. After a failure no shard of the title is left: an
    older one is of other bytes or another spec. Close the generator (or end the process) to stop: no child survives.

    Args:
        jobs: titles, consumed as decode processes become free.
        backbone: see ``load_backbone``.
        folder: where the shards go, see ``data.shards.shard_path``.
        watch: told how far each title is.

    Raises:
        ConfigError: the reader is not installed.
        OSError: shards cannot be written (disk full).
        StoreError: a store does not answer; nothing is said of the titles in work.
    """
    spec = feature_spec(settings, backbone)
    config = WorkerConfig(
        READERS[settings.reader],
        settings.framing,
        settings.letterbox,
        backbone.input_px,
        settings.decode_memory_mib,
        arguments=(settings.decode,) if settings.reader == "pyav" else (),
        sandbox=settings.sandbox,
    )
    limits = Limits(settings.decode_workers, settings.no_progress_timeout_s, settings.title_timeout_s)
    titles: dict[int, _Title] = {}
    with (
        _lanes(backbone) as lanes,
        hasher() as hashes,
        closing(decode_ticking(_admit(jobs, titles, hashes), config, limits, WAITS_S / 2)) as news,
    ):
        feed = _Feed(backbone, settings.batch_size, lanes)
        for item in news:
            if isinstance(item, Sample):
                title = titles[item.job]
                _take(title, item, feed)
                watch(title.job.title_id, len(title.pts_s), item.length_s)
            elif item is not None:
                titles[item.job].end = item
            feed.hand_out()
            yield from _finish(titles, spec, settings, folder)
        feed.finish()
        yield from _finish(titles, spec, settings, folder)


@contextmanager
def _lanes(backbone: Backbone) -> Iterator[Executor]:
    """Threads that compute the network, each on one core; as many as torch had.

    There are as many decode processes, and the cores go to whoever has work. Threads of torch's own inside a call would
    spin while they wait for each other, and slow what decodes.
    """
    before = torch.get_num_threads()
    lanes = ThreadPoolExecutor(backbone.lanes, "network", initializer=torch.set_num_threads, initargs=(1,))
    try:
        yield lanes
    finally:
        lanes.shutdown(cancel_futures=True)
        torch.set_num_threads(before)


def _admit(jobs: Iterable[ExtractJob], titles: dict[int, _Title], hashes: Hasher) -> Iterator[Path]:
    """Yield the video of each job as it is started; its bytes are hashed while it is decoded."""
    for index, job in enumerate(jobs):
        on_store = isinstance(job.video_path, StorePath)  # hashed as it is fetched: ``TitleEnd.sha256``
        titles[index] = _Title(job, _known(job.source_sha256) or (None if on_store else hashes.submit(job.video_path)))
        yield job.video_path


def _known(sha256: str | None) -> Future[str] | None:
    if not sha256:
        return None
    future: Future[str] = Future()
    future.set_result(sha256)
    return future


def _take(title: _Title, sample: Sample, feed: _Feed) -> None:
    if sample.pixels is not None:
        feed.add(title, sample.pixels)
    title.pts_s.extend(repeat(sample.pts_s, sample.count))
    title.rows.extend(repeat(title.pictures - 1, sample.count))


def _finish(titles: dict[int, _Title], spec: FeatureSpec, settings: ExtractSettings, folder: Path) -> Iterator[Outcome]:
    for index in [index for index, title in titles.items() if title.is_over]:
        title = titles.pop(index)
        try:
            coverage = _write(title, spec, settings.reader, folder)
            outcome = _outcome(title, "done" if coverage.complete else "partial", coverage)
        except ModerationError as error:
            if error.systemic:
                raise
            shard_path(folder, title.job.title_id).unlink(missing_ok=True)
            outcome = _outcome(title, "failed", None, error)
        yield outcome


def _content_hash(title: _Title) -> str:
    hashed = title.sha256 or (title.end.sha256 if title.end is not None else None)
    assert hashed is not None
    return hashed.result()


def _outcome(title: _Title, status: str, coverage: Coverage | None, error: ModerationError | None = None) -> Outcome:
    seconds = time.monotonic() - title.started_s
    outcome = Outcome(
        title.job.title_id, status, coverage, error.code if error else "", str(error) if error else "", seconds
    )
    why = outcome.error or (coverage.reason if coverage else "")
    LOG.debug(
        "extracted title_id=%s status=%s samples=%d pictures=%d seconds=%.1f%s",
        outcome.title_id, status, len(title.pts_s), title.pictures, seconds, f" why={why!r}" if why else "",
    )  # fmt: skip
    return outcome


def _write(title: _Title, spec: FeatureSpec, reader: str, folder: Path) -> Coverage:
    end = title.end
    assert end is not None
    if end.error is not None:
        raise end.error
    assert end.info is not None and end.report is not None
    coverage = _coverage(title, end.info, end.report, reader)
    pictures = np.stack(title.features)
    title.features.clear()
    features = pictures if len(pictures) == len(title.rows) else pictures[np.asarray(title.rows)]
    write_shard(folder, spec, coverage, np.asarray(title.pts_s), features)
    return coverage


def _coverage(title: _Title, info: VideoInfo, report: ReadReport, reader: str) -> Coverage:
    job = title.job
    try:
        sha256 = _content_hash(title)
    except OSError as error:
        raise DecodeError(f"{job.video_path}: became unreadable ({error})", code="unreadable") from error
    start_s = report.picture_start_s
    shortfall = manifest_shortfall(start_s + report.decoded_s, job.declared_duration_s)
    declared_s = None if report.clock_changed else info.declared_duration_s
    if declared_s is not None:
        declared_s = max(0.0, declared_s - report.lead_s)
    if declared_s is None and job.declared_duration_s is not None:
        declared_s = max(0.0, job.declared_duration_s - start_s)
    return Coverage(
        title_id=job.title_id,
        source=job.source,
        source_sha256=sha256,
        reader=reader,
        container=info.container,
        codec=info.codec,
        width_px=info.width_px,
        height_px=info.height_px,
        rotation_deg=info.rotation_deg,
        declared_duration_s=declared_s,
        decoded_s=report.decoded_s,
        samples=len(title.pts_s),
        corrupt_packets=report.corrupt_packets,
        complete=report.complete and not shortfall,
        reason=report.reason if not report.complete else shortfall,
        picture_start_s=start_s,
        declared_start_s=None if declared_s is None else report.declared_start_s,
        remark=report.remark,
        unseen=report.unseen,
    )
