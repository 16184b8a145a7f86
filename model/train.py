"""Training: one loop for every network; resumes bit-identically, selects on validation, stops early.

Whatever is random in epoch e comes from ``(seed, e)`` (``data.windows``), so the state between two epochs is the
weights, the optimiser's moments, for SF-Net what mining labelled, and a few counters. They are saved after every epoch,
in safetensors and JSON, the counters last: a run that was killed at any moment goes on from the last whole epoch and
ends with the same bytes as one that was not.

Files in the run's folder: ``metrics.jsonl`` (a line per epoch), ``tensorboard/``, ``best.safetensors`` (kept weights),
``state.safetensors`` and ``state.json`` (to resume).
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.tensorboard import SummaryWriter

from data.errors import ConfigError
from data.files import atomic_path, write_json, write_text
from data.windows import TrainingTitle, epoch_batches
from model.batch import to_tensors
from model.build import FrameNetwork, pick_device, pick_precision
from model.mining import labelled_rows, mine_titles, with_labelled_rows
from model.objective import loss_terms
from model.settings import LossSettings, ModelSettings, TrainSettings
from model.sf_net import SFNet
from model.three_c_net import ThreeCNet
from model.weak_objective import next_centres

log = logging.getLogger(__name__)

BEST_NAME = "best.safetensors"
METRICS_NAME = "metrics.jsonl"
Progress = Callable[[int, int, int], None]
"""Called with (epoch, batches done, batches of the epoch)."""


@dataclass(frozen=True)
class Validation:
    """What validation says of a network: ``score`` selects (higher is better), ``details`` are logged."""

    score: float
    details: Mapping[str, float] = field(default_factory=dict)


@dataclass
class TrainState:
    """The counters between two epochs; ``restart_epoch`` is the one that last began with fresh weights."""

    fingerprint: str
    epoch: int = 0
    best_epoch: int = -1
    best_score: float = -math.inf
    restart_epoch: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)


class Trainer:
    """Trains one network in one folder.

    Args:
        network: freshly built; holds the best weights after ``run``.
        settings: sections ``model``, ``loss`` and ``train``.
        folder: where the run's files live.
        fingerprint: stands for everything the result depends on; a folder with another one is not resumed.
    """

    def __init__(
        self,
        network: FrameNetwork,
        settings: tuple[ModelSettings, LossSettings, TrainSettings],
        folder: Path,
        fingerprint: str,
    ) -> None:
        self.model, self.loss, self.train = settings
        self.folder = folder
        self.device = pick_device(self.train.device)
        self.precision = pick_precision(self.train.precision, self.device)
        self.network = network.to(self.device)
        self.fresh = {name: value.clone() for name, value in network.state_dict().items()} if self._mines() else {}
        self.average = self._average()
        self.optimiser = self._optimiser()
        self.titles: Sequence[TrainingTitle] = ()
        self.state = TrainState(fingerprint)

    def run(
        self,
        titles: Sequence[TrainingTitle],
        validate: Callable[[FrameNetwork], Validation],
        progress: Progress | None = None,
    ) -> TrainState:
        """Train until the last epoch or until patience ends, then load the best weights into ``network``.

        Args:
            titles: the training split.
            validate: scores a network in evaluation mode on the validation split.
            progress: told of every batch.

        Raises:
            ConfigError: no titles; the folder belongs to other settings or data; or training diverged.
        """
        if not titles:
            raise ConfigError("training: no titles with features in the train split; check splits and extraction")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.titles = titles
        self._resume()
        with _summary(self.folder / "tensorboard", self.state.epoch) as board:
            while not self._done():
                started = time.monotonic()
                if self._mines() and self.state.epoch == self._mining_epoch():
                    self._mine()
                losses = self._epoch(progress)
                kept = self._kept_network().eval()
                with self._multiplying():
                    validation = validate(kept)
                self._record(losses, validation, time.monotonic() - started, board)
        self.network.load_state_dict(load_file(self.folder / BEST_NAME))
        return self.state

    def _done(self) -> bool:
        waited = self.state.epoch - 1 - max(self.state.best_epoch, self.state.restart_epoch - 1)
        return self.state.epoch >= self.train.epochs or (self.state.epoch > 0 and waited >= self.train.patience)

    def _mines(self) -> bool:
        return isinstance(self.network, SFNet) and self.loss.sf_net.mine_after > 0

    def _mining_epoch(self) -> int:
        """The epoch before which labelled frames are grown; never the first, which has learnt nothing yet."""
        return max(1, round(self.loss.sf_net.mine_after * self.train.epochs))

    def _mine(self) -> None:
        """Grow the labelled frames with what the network has learnt, then start it and its optimiser afresh."""
        assert isinstance(self.network, SFNet)
        before = len(labelled_rows(self.titles))
        with self._multiplying():
            self.titles = mine_titles(self.titles, self.network.eval(), self.loss.sf_net)
        self.network.load_state_dict(self.fresh)
        self.average = self._average()
        self.optimiser = self._optimiser()
        self.state.restart_epoch = self.state.epoch
        log.info("mined epoch=%d labelled=%d before=%d", self.state.epoch, len(labelled_rows(self.titles)), before)

    def _epoch(self, progress: Progress | None) -> dict[str, float]:
        titles, epoch, seed = self.titles, self.state.epoch, self.train.seed
        total = math.ceil(len(titles) / self.train.batch_size)
        batches = epoch_batches(
            titles,
            batch_size=self.train.batch_size,
            window=self.train.window,
            short_window=self.train.short_window,
            background_share=self.loss.background_share,
            seed=seed,
            epoch=epoch,
        )
        self.network.train()
        sums: dict[str, float] = {}
        for number, batch in enumerate(batches):
            self._set_rate(epoch + number / total)
            tensors = to_tensors(batch, self.device)
            with self._multiplying():
                scores = self.network(tensors.features_NTD, tensors.valid_NT, tensors.seed_N)
            if not torch.isfinite(scores.action_NTC).all():
                raise ConfigError(f"epoch {epoch}: scores are not finite; lower train.learning_rate", code="diverged")
            terms = loss_terms(scores, tensors, self.model, self.loss)
            self._step(terms["total"])
            if isinstance(self.network, ThreeCNet):
                self.network.centre_CF = next_centres(scores, tensors, self.loss)
            for name, term in terms.items():
                sums[name] = sums.get(name, 0.0) + float(term.detach())
            if progress is not None:
                progress(epoch, number + 1, total)
        return {name: value / total for name, value in sums.items()}

    def _multiplying(self) -> torch.autocast:
        """Matrix products in the settings' precision."""
        return torch.autocast(self.device.type, self.precision, enabled=self.precision != torch.float32)

    def _step(self, total: Tensor) -> None:
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        if self.train.gradient_clip > 0:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.train.gradient_clip)
        self.optimiser.step()
        if self.average is not None:
            self.average.update_parameters(self.network)

    def _set_rate(self, epoch: float) -> None:
        share = 0.5 * (1 + math.cos(math.pi * epoch / self.train.epochs)) if self.train.schedule == "cosine" else 1.0
        for group in self.optimiser.param_groups:
            group["lr"] = self.train.learning_rate * share

    def _optimiser(self) -> torch.optim.Optimizer:
        decoupled = self.train.decay == "decoupled" and self.train.weight_decay > 0
        kind = torch.optim.AdamW if decoupled else torch.optim.Adam
        return kind(self.network.parameters(), lr=self.train.learning_rate, weight_decay=self.train.weight_decay)

    def _average(self) -> AveragedModel | None:
        decay = self.train.weight_average
        if decay == 0:
            return None
        return AveragedModel(self.network, multi_avg_fn=get_ema_multi_avg_fn(decay))  # type: ignore[no-untyped-call]

    def _kept_network(self) -> FrameNetwork:
        """The network that is validated and kept: the averaged one where there is one."""
        return self.network if self.average is None else self.average.module  # type: ignore[return-value]

    def _record(
        self, losses: Mapping[str, float], validation: Validation, seconds: float, board: SummaryWriter
    ) -> None:
        """Log the epoch, keep the weights if they are the best so far, and save the state, counters last."""
        state = self.state
        entry = {"epoch": state.epoch, **losses, "val_score": validation.score, **validation.details}
        state.history.append(entry)
        if state.best_epoch < 0 or validation.score > state.best_score:
            state.best_epoch, state.best_score = state.epoch, validation.score
            self._save(BEST_NAME, self._kept_network().state_dict())
        for name, value in entry.items():
            board.add_scalar(name, value, state.epoch)
        state.epoch += 1
        self._save("state.safetensors", self._tensors())
        write_text(self.folder / METRICS_NAME, "".join(json.dumps(line) + "\n" for line in state.history))
        write_json(self.folder / "state.json", asdict(state))
        log.info(
            "epoch=%d loss=%.4f val_score=%.4f best_epoch=%d seconds=%.1f",
            entry["epoch"],
            losses["total"],
            validation.score,
            state.best_epoch,
            seconds,
        )

    def _save(self, name: str, tensors: Mapping[str, Tensor]) -> None:
        with atomic_path(self.folder / name) as temporary:
            save_file({key: value.detach().cpu().contiguous().clone() for key, value in tensors.items()}, temporary)

    def _tensors(self) -> dict[str, Tensor]:
        """Everything that the next epoch starts from: weights, their average, moments, and what mining labelled."""
        tensors = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        if self.average is not None:
            tensors.update({f"average.{name}": value for name, value in self.average.state_dict().items()})
        for index, moments in self.optimiser.state_dict()["state"].items():
            tensors.update({f"optimiser.{index}.{name}": value for name, value in moments.items()})
        if self.state.restart_epoch > 0:
            tensors["labelled"] = labelled_rows(self.titles)
        return tensors

    def _resume(self) -> None:
        path = self.folder / "state.json"
        if not path.is_file():
            return
        state = TrainState(**json.loads(path.read_text(encoding="utf-8")))
        if state.fingerprint != self.state.fingerprint:
            raise ConfigError(
                f"{self.folder}: holds a training run of other settings, labels or features; "
                "give another folder, or remove this one to train anew"
            )
        tensors = load_file(self.folder / "state.safetensors")
        self.network.load_state_dict(_below(tensors, "network."))
        if self.average is not None:
            self.average.load_state_dict(_below(tensors, "average."))
        moments: dict[int, dict[str, Tensor]] = {}
        for key, value in _below(tensors, "optimiser.").items():
            index, _, name = key.partition(".")
            moments.setdefault(int(index), {})[name] = value
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": moments})
        if "labelled" in tensors:
            self.titles = with_labelled_rows(self.titles, tensors["labelled"])
        self.state = state
        log.info("resumed epoch=%d best_epoch=%d folder=%s", state.epoch, state.best_epoch, self.folder)


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}


@contextmanager
def _summary(folder: Path, epoch: int) -> Iterator[SummaryWriter]:
    """A TensorBoard writer that drops what an interrupted run logged beyond the epoch that is resumed."""
    writer = SummaryWriter(str(folder), purge_step=epoch)
    try:
        yield writer
    finally:
        writer.close()
