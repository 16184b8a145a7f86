"""Extraction on a Ray cluster: a title is a task on one core of any machine.

Its decode process, its sandbox and its files are those of the engine ``local``. The backbone is computed by the task
itself, or, where there are GPUs, by actors that hold one each and take pictures from the tasks. Shards go straight to
the work folder, which all machines share; what comes back is what became of the title.

A fault of the installation raises in the task and ends the run here, as it would have ended a local one.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray

from data.errors import SchemaError
from data.schemas import FeatureSpec
from data.shards import read_header, shard_path
from data.stores import configure, configured
from extract.backbone import feature_spec, load_backbone
from extract.settings import ExtractSettings
from extract.title import ExtractJob, Outcome, extract_titles
from pipeline.distribute.backbones import PlacedActor, backbone_actors, expected_backbone, fed_backbone
from pipeline.distribute.board import board_read_by, telling
from pipeline.distribute.cluster import RETRIES, LostError, completed, joined, result
from pipeline.expected_features import expected_features, record_features
from pipeline.feature_work import FAILED, Watch, Worked, extract_jobs
from pipeline.runs.extraction_plan import PlannedTitle
from pipeline.settings import RunSettings
from pipeline.stage_result import AbortedError
from pipeline.work_folder import WorkFolder

LOG = logging.getLogger(__name__)
VISIBLE_TIMEOUT_S = 60.0
"""How long a file that another machine wrote may take to be seen here: NFS keeps directories for so long."""


@dataclass(frozen=True)
class TitleTask:
    """What extracting a title needs beside the title; small, and the same for all titles of a run.

    Args:
        settings: for one title at a time, on one core.
        spec: what its features must be.
        folder: of the shards.
        store_limits: see ``data.stores.configure``.
        actors: that compute the backbone; none: the task does.
        board: where to tell how far a title is, see ``pipeline.distribute.board``.
    """

    settings: ExtractSettings
    spec: FeatureSpec
    folder: Path
    store_limits: Mapping[str, float]
    actors: Sequence[PlacedActor]
    board: Any


@dataclass(frozen=True)
class _Done:
    """An outcome, and on which machine.

    Args:
        has_video: whether that machine sees the file; True where the outcome says so.
    """

    outcome: Outcome
    machine: str
    has_video: bool


@ray.remote(num_cpus=1, max_retries=RETRIES, scheduling_strategy="SPREAD")
def extract_title(job: ExtractJob, task: TitleTask) -> _Done:
    """Extract one title; on a machine of the cluster."""
    configure(**task.store_limits)
    if task.actors:
        backbone = fed_backbone(task.settings, task.spec, task.actors)
    else:
        backbone = expected_backbone(task.settings, task.spec)
    with closing(extract_titles([job], task.settings, backbone, task.folder, telling(task.board))) as outcomes:
        (outcome,) = outcomes
    has_video = outcome.status != FAILED or _is_seen(job.video_path)
    return _Done(outcome, os.uname().nodename, has_video)


@ray.remote(num_cpus=1, max_retries=RETRIES)
def find_spec(settings: ExtractSettings) -> FeatureSpec:
    """Say what features the settings make; on a machine of the cluster."""
    return feature_spec(settings, load_backbone(settings))


class RayExtractor:
    """Extracts titles on a cluster: see ``pipeline.feature_work.VideoWork``."""

    def __init__(self, settings: ExtractSettings, work: WorkFolder, run: RunSettings) -> None:
        self._settings = settings
        self._on_a_core = settings.model_copy(update={"device": "cpu", "decode_workers": 1})
        self._work = work
        self._run = run

    def know_features(self) -> None:
        """See ``VideoWork``; some machine of the cluster loads the backbone."""
        if expected_features(self._work.feature_record, self._settings).features_id is None:
            with joined(self._run.ray_address):
                for _, reference in completed(find_spec.remote, [self._on_a_core]):
                    record_features(self._work.feature_record, self._settings, _unless_lost(reference))

    def __call__(self, jobs: Iterable[PlannedTitle], watch: Watch) -> Generator[Worked, None, None]:
        """See ``FeatureWork``; ``watch`` is called every few seconds, by a thread."""
        expected = expected_features(self._work.feature_record, self._settings)
        spec = FeatureSpec(**expected.fields)
        with (
            joined(self._run.ray_address),
            backbone_actors(self._settings, spec, self._run) as actors,
            board_read_by(watch) as board,
        ):
            task = ray.put(TitleTask(self._on_a_core, spec, self._work.features, configured(), actors, board))
            with closing(completed(lambda job: extract_title.remote(job, task), extract_jobs(jobs))) as ended:
                for job, reference in ended:
                    yield self._worked(job, reference)

    def _worked(self, job: ExtractJob, reference: Any) -> Worked:
        """Return what became of a title.

        Raises:
            AbortedError: its machine does not see the videos, or not the work folder that this one sees.
            ModerationError, OSError: faults of the installation.
        """
        shard = shard_path(self._work.features, job.title_id)
        try:
            done: _Done = result(reference)
        except LostError as error:
            shard.unlink(missing_ok=True)  # it is of other bytes
            why = f"{job.video_path}: its process on the Ray cluster was lost {RETRIES + 1} times ({error})"
            return Worked(job.title_id, FAILED, "process_lost", why, 0.0)
        outcome = done.outcome
        LOG.debug("extracted title_id=%s status=%s machine=%s", job.title_id, outcome.status, done.machine)
        if outcome.coverage is not None:
            _require_same_folder(shard, outcome, done.machine)
        elif not done.has_video and _is_seen(job.video_path):
            raise AbortedError(
                f"{job.video_path}: is here, but not on machine {done.machine} of the Ray cluster; mount the media "
                "root under the same path on every machine, or give each access to the store (nothing is recorded "
                "against a title)"
            )
        return Worked(outcome.title_id, outcome.status, outcome.error_code, outcome.error, outcome.seconds)


def _is_seen(path: Path) -> bool:
    """Say whether this machine sees a file: it is there, and access to it is not denied."""
    try:
        return path.exists()
    except PermissionError:
        return False


def _unless_lost(reference: Any) -> FeatureSpec:
    try:
        spec: FeatureSpec = result(reference)
    except LostError as error:
        raise AbortedError(f"the Ray cluster loses every process that loads the backbone ({error})") from error
    return spec


def _require_same_folder(shard: Path, outcome: Outcome, machine: str) -> None:
    """Wait until the shard that a machine wrote is what is seen here; AbortedError if it never is."""
    give_up_s = time.monotonic() + VISIBLE_TIMEOUT_S
    while True:
        try:
            if read_header(shard).coverage == outcome.coverage:
                return
        except (SchemaError, FileNotFoundError):
            pass
        if time.monotonic() > give_up_s:
            raise AbortedError(
                f"{shard}: machine {machine} of the Ray cluster wrote it, but it is not seen here; work_dir must be a "
                "folder that all machines share under the same path"
            )
        time.sleep(0.2)
