"""The processes of one training, started by torchrun: what each of them works on, and how they stay one training.

A step is spread like this: every process draws the same batch, reads and scores its own part of the titles, and hands
its *scores* to the others (megabytes, where features are gigabytes). So each of them computes the loss of the whole
batch with the same code as a single process, whatever the loss is a mean of, or ranks over; its gradient is that of its
own titles, and the sum over the processes is the gradient of one process. No loss knows that it was spread, and no mean
is ever taken of means.

Not in the paper. Not torch's DistributedDataParallel, which averages gradients as if every process had a batch and a
loss of its own: the denominators here (known labels, labelled frames) differ from part to part.

Axes: N titles of the batch.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed

from data.errors import ConfigError

Value = TypeVar("Value")
PATIENCE = timedelta(days=2)
"""How long a process waits for another one that validates; one that died is noticed by torchrun at once."""


class Peers:
    """The processes of a training, of which this is number ``rank``; one alone where nothing else is said."""

    def __init__(self, rank: int = 0, count: int = 1) -> None:
        self.rank = rank
        self.count = count

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes, logs and prints."""
        return self.rank == 0

    def part(self, length: int) -> slice:
        """Return which of ``length`` items are this process's; in the order of ranks, sizes differ by one at most."""
        return slice(length * self.rank // self.count, length * (self.rank + 1) // self.count)

    def whole(self, own: Tensor, titles: int) -> Tensor:
        """Return (N, ...) the rows of all processes' titles; gradients flow into this one's own.

        Args:
            own: rows of ``part(titles)``; float.
            titles: N.
        """
        if self.count == 1:
            return own
        part = self.part(titles)
        rows = own.new_zeros(titles, *own.shape[1:])
        rows[part] = own.detach()
        distributed.all_reduce(rows)
        return torch.cat([rows[: part.start], own, rows[part.stop :]])

    def add(self, tensors: Iterable[Tensor]) -> None:
        """Replace each tensor by its sum over the processes; all in one message."""
        listed = list(tensors)
        if self.count == 1 or not listed:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in listed])
        distributed.all_reduce(flat)
        for tensor, total in zip(listed, torch.split(flat, [tensor.numel() for tensor in listed])):
            tensor.copy_(total.view_as(tensor))

    def at_first(self, value: Value) -> list[Value]:
        """Return every process's value, in the order of ranks, to the first process; nothing to the others."""
        if self.count == 1:
            return [value]
        values: list[Any] | None = [None] * self.count if self.first else None
        distributed.gather_object(value, values, dst=0)
        return values or []

    def gathered(self, value: Value) -> list[Value]:
        """Return every process's value, in the order of ranks."""
        if self.count == 1:
            return [value]
        values: list[Any] = [None] * self.count
        distributed.all_gather_object(values, value)
        return values

    def from_first(self, make: Callable[[], Value]) -> Value:
        """Compute a value in the first process only and return it in all; the others wait."""
        if self.count == 1:
            return make()
        values: list[Any] = [make() if self.first else None]
        distributed.broadcast_object_list(values, src=0)
        value: Value = values[0]
        return value


@contextmanager
def launched_peers() -> Iterator[Peers]:
    """Yield the processes that torchrun started together; this one alone where torchrun did not start it.

    They talk by gloo where they compute on CPUs, and by NCCL on GPUs, each process on its own.
    """
    if not distributed.is_torchelastic_launched():
        yield Peers()
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(local_rank() % torch.cuda.device_count())
        distributed.init_process_group("cpu:gloo,cuda:nccl", timeout=PATIENCE)
    else:
        distributed.init_process_group("gloo", timeout=PATIENCE)
    try:
        yield Peers(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()


def local_rank() -> int:
    """Return this process's number among those that torchrun started on this machine; 0 without torchrun."""
    return int(os.environ.get("LOCAL_RANK", "0")) if distributed.is_torchelastic_launched() else 0


def own_device(name: str, peers: Peers) -> str:
    """Return the device of this process for the settings' name: ``auto`` and ``cuda`` are its own GPU of several.

    Raises:
        ConfigError: more processes than GPUs on this machine, or one GPU for several processes.
    """
    if peers.count == 1 or name == "cpu" or not torch.cuda.is_available():
        return name
    if name not in ("auto", "cuda"):
        raise ConfigError(f"train.device {name!r}: one device for {peers.count} processes; use auto, cuda or cpu")
    if local_rank() >= torch.cuda.device_count():
        raise ConfigError(
            f"torchrun: process {local_rank()} of this machine has no GPU of its own ({torch.cuda.device_count()} "
            "here); give --nproc-per-node gpu, or train.device cpu"
        )
    return f"cuda:{local_rank()}"
