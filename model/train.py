"""Training: one loop for every network; resumes bit-identically, selects on validation, stops early.

Whatever is random in epoch e comes from ``(seed, e)`` (``data.windows``), so the state between two epochs is the
weights, the optimiser's moments, for SF-Net what mining labelled, and a few counters. They are saved after every epoch
(``model.run_folder``): a run that was killed at any moment goes on from the last whole epoch and ends with the same
bytes as one that was not.

Several processes may train together (``model.peers``): each runs this loop on its part of every batch, and all hold the
same weights, counters and history after each step.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from data.errors import ConfigError
from data.windows import TrainingTitle, epoch_batches
from model.batch import TensorBatch, to_tensors
from model.build import FrameNetwork, pick_device, pick_precision
from model.coarse2fine import Coarse2Fine
from model.mining import labelled_rows, mine_titles, with_labelled_rows
from model.objective import NetworkScores, loss_terms
from model.peers import Peers, own_device
from model.run_folder import RunFolder, TrainState, below
from model.settings import LossSettings, ModelSettings, TrainSettings
from model.sf_net import SFNet
from model.three_c_net import ThreeCNet, ThreeCNetScores
from model.weak_objective import next_centres

log = logging.getLogger(__name__)

Progress = Callable[[int, int, int], None]
"""Called with (epoch, batches done, batches of the epoch)."""


@dataclass(frozen=True)
class Validation:
    """What validation says of a network: ``score`` selects (higher is better), ``details`` are logged."""

    score: float
    details: Mapping[str, float] = field(default_factory=dict)


class Trainer:
    """Trains one network in one folder.

    Args:
        network: freshly built; holds the best weights after ``run``.
        settings: sections ``model``, ``loss`` and ``train``.
        folder: where the run's files live; of several processes only the first one looks there.
        fingerprint: stands for everything the result depends on; a folder with another one is not resumed.
        peers: the processes that train together.
    """

    def __init__(
        self,
        network: FrameNetwork,
        settings: tuple[ModelSettings, LossSettings, TrainSettings],
        folder: Path,
        fingerprint: str,
        peers: Peers | None = None,
    ) -> None:
        self.model, self.loss, self.train = settings
        self.peers = peers or Peers()
        self.folder = RunFolder(folder, writes=self.peers.first)
        self.device = pick_device(own_device(self.train.device, self.peers))
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
            validate: scores a network in evaluation mode on the validation split; called by all processes at once,
                with the same weights, and returns the same to all.
            progress: told of every batch.

        Raises:
            ConfigError: no titles; the folder belongs to other settings or data; or training diverged.
        """
        if not titles:
            raise ConfigError("training: no titles with features in the train split; check splits and extraction")
        self.titles = titles
        self._resume()
        with self.folder.logging():
            while not self._done():
                started = time.monotonic()
                if self._mines() and self.state.epoch == self._mining_epoch():
                    self._mine()
                losses = self._epoch(progress)
                validation = None
                if self._validates():
                    with self._multiplying():
                        validation = validate(self._kept_network().eval())
                self._record(losses, validation, time.monotonic() - started)
        self.network.load_state_dict(self.peers.from_first(self.folder.best))
        return self.state

    def _done(self) -> bool:
        if self.state.epoch == 0 or self.state.epoch >= self.train.epochs:
            return self.state.epoch > 0
        waited = self.state.epoch - 1 - max(self.state.best_epoch, self.state.restart_epoch - 1)
        return self.train.select == "best" and waited >= self.train.patience

    def _validates(self) -> bool:
        """Whether the epoch that just ended is one to validate."""
        ended = self.state.epoch + 1
        return ended == self.train.epochs or ended % self.train.validate_every == 0

    def _mines(self) -> bool:
        return isinstance(self.network, SFNet) and self.loss.sf_net.mine_after > 0

    def _mining_epoch(self) -> int:
        """The epoch before which labelled frames are grown; never the first, which has learnt nothing yet."""
        return max(1, round(self.loss.sf_net.mine_after * self.train.epochs))

    def _mine(self) -> None:
        """Grow the labelled frames with what the network has learnt, then start it and its optimiser afresh."""
        assert isinstance(self.network, SFNet)
        before, part = len(labelled_rows(self.titles)), self.peers.part(len(self.titles))
        with self._multiplying():
            own_M3 = labelled_rows(mine_titles(self.titles[part], self.network.eval(), self.loss.sf_net))
        own_M3 += torch.tensor([part.start, 0, 0])
        self.titles = with_labelled_rows(self.titles, torch.cat(self.peers.gathered(own_M3)))
        self.network.load_state_dict(self.fresh)
        self.average = self._average()
        self.optimiser = self._optimiser()
        self.state.restart_epoch = self.state.epoch
        log.debug("mined epoch=%d labelled=%d before=%d", self.state.epoch, len(labelled_rows(self.titles)), before)

    def _epoch(self, progress: Progress | None) -> dict[str, float]:
        epoch, total = self.state.epoch, math.ceil(len(self.titles) / self.train.batch_size)
        batches = epoch_batches(
            self.titles,
            batch_size=self.train.batch_size,
            window=self.train.window,
            short_window=self.train.short_window,
            background_share=self.loss.background_share,
            seed=self.train.seed,
            epoch=epoch,
            part=self.peers.part,
        )
        self.network.train()
        sums: dict[str, float] = {}
        for number, batch in enumerate(batches):
            self._set_rate(epoch + number / total)
            tensors = to_tensors(batch, self.device)
            scores = self._scores(tensors)
            if not torch.isfinite(scores.action_NTC).all():
                raise ConfigError(f"epoch {epoch}: scores are not finite; lower train.learning_rate", code="diverged")
            terms = loss_terms(scores, tensors, self.model, self.loss)
            self._step(terms["total"])
            if isinstance(self.network, ThreeCNet) and isinstance(scores, ThreeCNetScores):
                self.network.centre_CF = next_centres(scores, tensors, self.loss)
            for name, term in terms.items():
                sums[name] = sums.get(name, 0.0) + float(term.detach())
            if progress is not None:
                progress(epoch, number + 1, total)
        return {name: value / total for name, value in sums.items()}

    def _scores(self, batch: TensorBatch) -> NetworkScores:
        """Score the own part of a batch and return the scores of the whole."""
        titles = len(batch.valid_NT)
        part = self.peers.part(titles)
        inputs = [batch.features_NTD, batch.valid_NT[part], batch.seed_N[part]]
        if isinstance(self.network, Coarse2Fine) and self.loss.contrast > 0:
            inputs.append(batch.compared_NK[part])
        with self._multiplying():
            own: NetworkScores = self.network(*inputs)
        return own.joined(lambda rows: self.peers.whole(rows, titles))

    def _multiplying(self) -> torch.autocast:
        """Matrix products in the settings' precision."""
        return torch.autocast(self.device.type, self.precision, enabled=self.precision != torch.float32)

    def _step(self, total: Tensor) -> None:
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        self.peers.add(value.grad for value in self.network.parameters() if value.grad is not None)
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

    def _record(self, losses: Mapping[str, float], validation: Validation | None, seconds: float) -> None:
        """Log the epoch, keep its weights if they are the ones to keep so far, and save the state."""
        state = self.state
        entry = {"epoch": state.epoch, **losses}
        if validation is not None:
            entry |= {"val_score": validation.score, **validation.details}
            if self.train.select == "last" or state.best_score is None or validation.score > state.best_score:
                state.best_epoch, state.best_score = state.epoch, validation.score
                self.folder.keep(self._kept_network().state_dict())
        state.history.append(entry)
        state.epoch += 1
        self.folder.save(state, self._tensors())
        said = "" if validation is None else f" val_score={validation.score:.4f} kept_epoch={state.best_epoch}"
        log.info("epoch=%d loss=%.4f%s seconds=%.1f", state.epoch - 1, losses["total"], said, seconds)

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
        """Go on where the folder's run ended.

        Raises:
            ConfigError: it belongs to other settings or data, or the processes do not agree on theirs.
        """
        if len(set(self.peers.gathered(self.state.fingerprint))) > 1:
            raise ConfigError(
                f"{self.folder.path}: the processes of this training see other settings, labels or features than each "
                "other; give all machines the same files"
            )
        found = self.peers.from_first(lambda: self.folder.read(self.state.fingerprint))
        if found is None:
            return
        self.state, tensors = found
        self.network.load_state_dict(below(tensors, "network."))
        if self.average is not None:
            self.average.load_state_dict(below(tensors, "average."))
        moments: dict[int, dict[str, Tensor]] = {}
        for key, value in below(tensors, "optimiser.").items():
            index, _, name = key.partition(".")
            moments.setdefault(int(index), {})[name] = value
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": moments})
        if "labelled" in tensors:
            self.titles = with_labelled_rows(self.titles, tensors["labelled"])
        log.info("resumed epoch=%d best_epoch=%d folder=%s", self.state.epoch, self.state.best_epoch, self.folder.path)
