"""Scoring the titles of a run: one contract for all engines, and the engine ``local``."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from data.errors import CheckpointError, SchemaError
from data.shards import ShardHeader, read_shard
from infer.title_scores import TitleScores
from pipeline.engine import LOCAL, require_ray
from pipeline.runs.inference_plan import InferencePlan
from pipeline.score_store import ScoreStore
from pipeline.settings import RunSettings

if TYPE_CHECKING:
    from model.build import FrameNetwork


@dataclass(frozen=True)
class Scored:
    """The scores of a title.

    Args:
        scores: or the damage of its shard, which is the title's alone.
        seconds: it took to make them; None for scores that were kept.
    """

    title_id: str
    scores: TitleScores | SchemaError
    seconds: float | None


ScoreWork = Callable[[Iterable[ShardHeader]], Generator[Scored, None, None]]
"""Gives the scores of titles, kept ones or else fresh ones, in the order of the headers; close it to stop."""


@dataclass(frozen=True)
class ScoreTask:
    """What scoring a title needs beside its shard; small, and the same for all titles of a run.

    Args:
        checkpoint_dir: where the network is.
        model_id: which one it must be.
        device: torch device, or ``auto``.
        window_s, top_k_divisor: see ``infer.score``.
        store: where scores are kept; None to keep none.
    """

    checkpoint_dir: Path
    model_id: str
    device: str
    window_s: int
    top_k_divisor: int
    store: ScoreStore | None

    @classmethod
    def of(cls, plan: InferencePlan) -> ScoreTask:
        """Return what scoring the titles of a run needs."""
        settings, checkpoint = plan.run.settings, plan.checkpoint
        return cls(
            checkpoint_dir=plan.run.checkpoint_dir,
            model_id=checkpoint.model_id,
            device=settings.device,
            window_s=settings.window_s,
            top_k_divisor=checkpoint.settings.top_k_divisor,
            store=plan.store if settings.write_scores else None,
        )


def score_work(plan: InferencePlan, run: RunSettings) -> ScoreWork:
    """Return what scores titles with the engine that is asked for; ConfigError if it is not installed."""
    if run.engine == LOCAL:
        return LocalScorer(plan)
    require_ray()
    from pipeline.distribute.scoring import RayScorer

    return RayScorer(plan, run)


class LocalScorer:
    """Scores titles one after another; memory holds one. The network is loaded when it is first needed."""

    def __init__(self, plan: InferencePlan) -> None:
        self._plan = plan
        self._task = ScoreTask.of(plan)
        self._network: FrameNetwork | None = None

    def __call__(self, headers: Iterable[ShardHeader]) -> Generator[Scored, None, None]:
        """See ``ScoreWork``."""
        for header in headers:
            kept = self._plan.store.read(header)
            if kept is not None:
                yield Scored(header.title_id, kept, None)
                continue
            if self._network is None:
                task = self._task
                self._network = load_scorer(task.checkpoint_dir, task.model_id, task.device)
            yield score(self._network, header, self._task)


def load_scorer(checkpoint_dir: Path, model_id: str, device: str) -> FrameNetwork:
    """Return a network on its device; CheckpointError if it is not there, or not the one that is meant."""
    from model.build import pick_device
    from model.checkpoint import load_network

    network, checkpoint = load_network(checkpoint_dir)
    if checkpoint.model_id != model_id:
        raise CheckpointError(
            f"{checkpoint_dir}: holds model {checkpoint.model_id}, but this run scores with {model_id}; give every "
            "machine the same checkpoint, and change it between runs only"
        )
    return network.to(pick_device(device))


def score(network: FrameNetwork, header: ShardHeader, task: ScoreTask) -> Scored:
    """Score a title, and keep its scores where they are to be kept."""
    from infer.score import score_title

    started_s = time.monotonic()
    try:
        features_TD = read_shard(header.path).features
    except SchemaError as error:
        return Scored(header.title_id, error, time.monotonic() - started_s)
    scores = score_title(
        network,
        header.title_id,
        features_TD,
        window=task.window_s,
        top_k_divisor=task.top_k_divisor,
        grid=header.grid,
    )
    if task.store is not None:
        task.store.write(header, scores)
    return Scored(header.title_id, scores, time.monotonic() - started_s)
