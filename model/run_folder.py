"""The folder of a training run: what is logged, what is kept, and what the next epoch starts from.

Files: ``metrics.jsonl`` (a line per epoch), ``tensorboard/``, ``best.safetensors`` (kept weights), and to resume
``state.safetensors`` and ``state.json`` (the counters, written last: they never speak of weights that are not there).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from data.errors import ConfigError
from data.files import atomic_path, write_json, write_text

BEST_NAME, STATE_NAME, COUNTERS_NAME = "best.safetensors", "state.safetensors", "state.json"
METRICS_NAME = "metrics.jsonl"


@dataclass
class TrainState:
    """The counters between two epochs.

    Args:
        best_epoch, best_score: of the weights that are kept, the best or the last validated ones (``train.select``);
            -1 and None before anything was validated.
        restart_epoch: the epoch that last began with fresh weights.
    """

    fingerprint: str
    epoch: int = 0
    best_epoch: int = -1
    best_score: float | None = None
    restart_epoch: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)


class RunFolder:
    """One training's files.

    Args:
        path: the folder; made when it is first written to.
        writes: whether this process writes; of several that train together, the first one does.
    """

    def __init__(self, path: Path, *, writes: bool) -> None:
        self.path = path
        self.writes = writes
        self._board: SummaryWriter | None = None

    @contextmanager
    def logging(self) -> Iterator[None]:
        """Keep TensorBoard open; it is opened by the first epoch that ends."""
        try:
            yield
        finally:
            if self._board is not None:
                self._board.close()
            self._board = None

    def read(self, fingerprint: str) -> tuple[TrainState, dict[str, Tensor]] | None:
        """Return counters and tensors of an interrupted or finished run; None if there is none.

        Raises:
            ConfigError: the folder belongs to other settings or data.
        """
        path = self.path / COUNTERS_NAME
        if not path.is_file():
            return None
        state = TrainState(**json.loads(path.read_text(encoding="utf-8")))
        if state.fingerprint != fingerprint:
            raise ConfigError(
                f"{self.path}: holds a training run of other settings, labels or features; "
                "give another folder, or remove this one to train anew"
            )
        return state, load_file(self.path / STATE_NAME)

    def best(self) -> dict[str, Tensor]:
        """Return the kept weights."""
        return load_file(self.path / BEST_NAME)

    def keep(self, weights: Mapping[str, Tensor]) -> None:
        """Keep weights as the best so far."""
        self._save(BEST_NAME, weights)

    def save(self, state: TrainState, tensors: Mapping[str, Tensor]) -> None:
        """Save what the next epoch starts from, and log the last one."""
        if not self.writes:
            return
        self._draw(state)
        self._save(STATE_NAME, tensors)
        write_text(self.path / METRICS_NAME, "".join(json.dumps(line) + "\n" for line in state.history))
        write_json(self.path / COUNTERS_NAME, asdict(state))

    def _draw(self, state: TrainState) -> None:
        """Log the last epoch; what earlier processes logged is written anew by the first one, so no files pile up."""
        epochs = state.history[-1:]
        if self._board is None:
            shutil.rmtree(self.path / "tensorboard", ignore_errors=True)
            self._board = SummaryWriter(str(self.path / "tensorboard"))
            epochs = state.history
        for epoch, entry in enumerate(epochs, state.epoch - len(epochs)):
            for name, value in entry.items():
                self._board.add_scalar(name, value, epoch)

    def _save(self, name: str, tensors: Mapping[str, Tensor]) -> None:
        if not self.writes:
            return
        with atomic_path(self.path / name) as temporary:
            save_file({key: value.detach().cpu().contiguous().clone() for key, value in tensors.items()}, temporary)


def set_aside(path: Path, fingerprint: str) -> Path | None:
    """Make room for a training: rename a folder that holds another one, or one that is not whole.

    The last one that was set aside is replaced, so there are two at most.

    Returns:
        Where it is now; None if there was nothing to set aside.
    """
    if not path.exists() or _resumable(path, fingerprint):
        return None
    aside = path.with_name(f"{path.name}.before")
    shutil.rmtree(aside, ignore_errors=True)
    path.rename(aside)
    return aside


def _resumable(path: Path, fingerprint: str) -> bool:
    """Say whether a folder can be gone on with, or nothing was kept in it yet."""
    try:
        state = TrainState(**json.loads((path / COUNTERS_NAME).read_text(encoding="utf-8")))
        with safe_open(path / STATE_NAME, framework="pt"):
            pass
    except FileNotFoundError:
        return not (path / COUNTERS_NAME).exists()
    except (OSError, ValueError, TypeError, SafetensorError):
        return False
    return state.fingerprint == fingerprint


def below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors whose names begin with a prefix, by what follows it."""
    return {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}
