"""Scoring on a Ray cluster: a title is a task on one core; its shard is read, and its scores are kept, by that machine.

Scores come back in the order of the titles, a few titles ahead: they are thousandths of the features they are made of.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray

from data.shards import ShardHeader
from data.stores import configure, configured
from pipeline.distribute.cluster import RETRIES, LostError, cancel, in_flight, joined, result, wait_for_any
from pipeline.runs.inference_plan import InferencePlan
from pipeline.score_work import Scored, ScoreTask, load_scorer, score
from pipeline.settings import RunSettings
from pipeline.stage_result import AbortedError

if TYPE_CHECKING:
    from model.build import FrameNetwork


@lru_cache(maxsize=1)
def _network(checkpoint_dir: Path, model_id: str, device: str) -> FrameNetwork:
    """Load the network, once in a process."""
    return load_scorer(checkpoint_dir, model_id, device)


@ray.remote(num_cpus=1, max_retries=RETRIES, scheduling_strategy="SPREAD")
def score_title(header: ShardHeader, task: ScoreTask, store_limits: Mapping[str, float]) -> Scored:
    """Score one title; on a machine of the cluster."""
    configure(**store_limits)
    return score(_network(task.checkpoint_dir, task.model_id, task.device), header, task)


class RayScorer:
    """Scores titles on a cluster, which is joined when the first is not kept: see ``pipeline.score_work.ScoreWork``."""

    def __init__(self, plan: InferencePlan, run: RunSettings) -> None:
        self._plan = plan
        self._run = run
        task = ScoreTask.of(plan)
        self._task = replace(task, device="cuda" if task.device.startswith("cuda") else "cpu")

    def __call__(self, headers: Iterable[ShardHeader]) -> Generator[Scored, None, None]:
        """See ``ScoreWork``. On GPUs only if ``device`` in [infer] says so: a title takes a core less than a second."""
        ahead: deque[Scored | Any] = deque()
        with ExitStack() as stack:
            submit: Any = None
            for header in headers:
                kept = self._plan.store.read(header)
                if kept is not None:
                    ahead.append(Scored(header.title_id, kept, None))
                else:
                    submit = submit or self._join(stack, ahead)
                    ahead.append(submit(header))
                while ahead and (isinstance(ahead[0], Scored) or len(ahead) >= in_flight()):
                    yield _scored(ahead.popleft())
            while ahead:
                yield _scored(ahead.popleft())

    def _join(self, stack: ExitStack, ahead: deque[Scored | Any]) -> Callable[[ShardHeader], Any]:
        """Join the cluster and return what submits a title; what is not done when the stack ends is cancelled."""
        stack.enter_context(joined(self._run.ray_address))
        stack.callback(lambda: cancel([item for item in ahead if not isinstance(item, Scored)]))
        task = ray.put(self._task)
        share = int(self._task.device == "cuda")
        return lambda header: score_title.options(num_gpus=share).remote(header, task, configured())


def _scored(item: Scored | Any) -> Scored:
    if isinstance(item, Scored):
        return item
    wait_for_any([item])
    try:
        scored: Scored = result(item)
    except LostError as error:
        raise AbortedError(
            f"a title's scoring was lost with its process {RETRIES + 1} times ({error}); run again (no title is to "
            "blame)"
        ) from error
    return scored
