"""The backbone on a Ray cluster: in the process of each title, or in actors that hold the GPUs and are fed by them.

Everything that depends on the device is here: how many actors there are, and what each of them holds.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt
import ray
import torch
from ray.exceptions import GetTimeoutError, RayActorError
from torch import Tensor, nn

from data.errors import ConfigError
from data.schemas import FeatureSpec
from extract.backbone import Backbone, feature_spec, load_backbone
from extract.engines import WHOLE_BATCH
from extract.network import Network
from extract.settings import AUTO, TORCH, ExtractSettings
from pipeline.distribute.cluster import gpus, result
from pipeline.settings import RunSettings
from pipeline.stage_result import AbortedError

LOG = logging.getLogger(__name__)
START_TIMEOUT_S = 600.0
ANSWER_TIMEOUT_S = 300.0
"""After so long another actor is asked: the machine of the first was lost, and there is no place to start it anew."""


@dataclass(frozen=True)
class PlacedActor:
    """An actor that computes the backbone, and the machine on which it was started."""

    actor: Any
    node_id: str


class BackboneActor:
    """Computes features for tasks that decode. It keeps nothing but the network, so Ray may start it anew anywhere."""

    def __init__(self, settings: ExtractSettings, spec: FeatureSpec) -> None:
        self._settings = settings
        self._spec = spec

    def node_id(self) -> str:
        """Return where it is, once it could load the network."""
        expected_backbone(self._settings, self._spec)
        return str(ray.get_runtime_context().get_node_id())

    def features(self, pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Return the (N, D) features of (N, S, S, 3) RGB pictures."""
        backbone = expected_backbone(self._settings, self._spec)
        features: npt.NDArray[np.float32] = backbone(torch.tensor(pictures)).numpy()
        return features


@lru_cache(maxsize=1)
def expected_backbone(settings: ExtractSettings, spec: FeatureSpec) -> Backbone:
    """Load the backbone, once in a process.

    Raises:
        ConfigError: it makes other features than the run is for: this machine has other weights.
        WeightsError: it has none.
    """
    backbone = load_backbone(settings)
    found = feature_spec(settings, backbone)
    if found != spec:
        raise ConfigError(
            f"machine {os.uname().nodename} of the Ray cluster would make features {found.features_id} (weights "
            f"{found.weights_sha256[:16]}), not this run's {spec.features_id} (weights {spec.weights_sha256[:16]}); "
            "give all machines the same weights and the same version of this program"
        )
    return backbone


@contextmanager
def backbone_actors(
    settings: ExtractSettings, spec: FeatureSpec, run: RunSettings
) -> Iterator[tuple[PlacedActor, ...]]:
    """Start the actors that compute the backbone; none where each title's task is to do so itself.

    Raises:
        AbortedError: none could be started: no GPU came free.
        WeightsError, ConfigError: none can load the network.
    """
    count, share = _actors(settings, run)
    if not count:
        yield ()
        return
    device = ("cuda" if settings.device.startswith("cuda") else settings.device) if share else "cpu"
    start: Any = ray.remote(num_cpus=0, num_gpus=share, max_restarts=-1, max_task_retries=-1)(BackboneActor)
    actors = [start.remote(settings.model_copy(update={"device": device}), spec) for _ in range(count)]
    try:
        yield _placed(actors)
    finally:
        for actor in actors:
            if ray.is_initialized():
                ray.kill(actor)


def _actors(settings: ExtractSettings, run: RunSettings) -> tuple[int, float]:
    """Return how many actors there are to be, and how many GPUs each of them holds."""
    uses_gpus = settings.engine in (AUTO, TORCH) and settings.device != "cpu"
    found = gpus() if uses_gpus else 0
    if settings.device.startswith("cuda") and not found:
        raise ConfigError(f"device = {settings.device!r} in [extract], but the Ray cluster has no GPU; use 'auto'")
    count = found if run.ray_backbones is None else run.ray_backbones
    return count, 1 / ceil(count / found) if found and count else 0.0


def _placed(actors: Sequence[Any]) -> tuple[PlacedActor, ...]:
    """Wait until the actors have loaded the network; leave out those that found no place."""
    answers = {actor.node_id.remote(): actor for actor in actors}
    ready, late = ray.wait(list(answers), num_returns=len(answers), timeout=START_TIMEOUT_S)
    if not ready:
        raise AbortedError(
            f"no process could be started on a GPU of the Ray cluster in {START_TIMEOUT_S:g} s: other jobs hold them; "
            "run again later, or set [run] ray_backbones = 0 to use the cores"
        )
    for answer in late:
        ray.kill(answers[answer])
    LOG.info("started %d backbone processes, %d found no place", len(ready), len(late))
    return tuple(PlacedActor(answers[answer], result(answer)) for answer in ready)


class FedEngine:
    """``extract.engines.Engine`` that hands pictures to actors: those on its own machine, or all where it has none."""

    at_once, lanes = WHOLE_BATCH, 1

    def __init__(self, actors: Sequence[PlacedActor], node_id: str) -> None:
        here = [placed.actor for placed in actors if placed.node_id == node_id]
        others = [placed.actor for placed in actors if placed.node_id != node_id]
        self._actors, self._spare = (here, others) if here else (others, [])

    def __call__(self, pictures: Tensor) -> Tensor:
        """See ``Engine``. Each batch goes to the next actor in turn."""
        self._actors = [*self._actors[1:], self._actors[0]]
        for actor in [*self._actors, *self._spare]:
            try:
                features = ray.get(actor.features.remote(pictures.numpy()), timeout=ANSWER_TIMEOUT_S)
                return torch.from_numpy(np.array(features))
            except (GetTimeoutError, RayActorError) as error:
                LOG.warning("a backbone process does not answer: %s", error)
        raise AbortedError("no backbone process of the Ray cluster answers; run again (no title is to blame)")


def fed_backbone(settings: ExtractSettings, spec: FeatureSpec, actors: Sequence[PlacedActor]) -> Backbone:
    """Return the backbone as extraction knows it, computed by actors."""
    engine = FedEngine(actors, str(ray.get_runtime_context().get_node_id()))
    network = Network(nn.Identity(), spec.weights_sha256, input_px=spec.input_px)
    return Backbone(settings.backbone, network, torch.device("cpu"), engine, spec.precision)
