"""An existing Ray cluster: joining it, keeping it busy with few tasks in flight, and what its errors mean here.

Which machine does what, and doing again what a lost process or machine had at hand, is left to Ray: tasks may be
repeated, because files appear whole and equal bytes replace equal bytes.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

import ray
from ray.exceptions import (
    LocalRayletDiedError,
    NodeDiedError,
    OutOfMemoryError,
    OwnerDiedError,
    RayError,
    RayTaskError,
    WorkerCrashedError,
)

from data.errors import ModerationError
from pipeline.stage_result import AbortedError

LOG = logging.getLogger(__name__)
Job = TypeVar("Job")

RETRIES = 3
"""How often Ray does a task again whose process or machine was lost; what kills its process each time is to blame."""
AHEAD = 2
"""Tasks in flight a core: one at work, one to follow without waiting for this process."""
CONNECT_TIMEOUT_S, POLL_S, CANCEL_TIMEOUT_S, NO_CORES_TIMEOUT_S = 10.0, 5.0, 5.0, 300.0
CONNECT_ATTEMPTS = 2
"""Of 40 s each, if somebody answers who is no Ray cluster; Ray's own 20 would take a quarter of an hour."""
_LOST = (WorkerCrashedError, NodeDiedError, OutOfMemoryError, OwnerDiedError, LocalRayletDiedError)


class LostError(Exception):
    """A task was lost with its process or machine more often than it is retried."""


@contextmanager
def joined(address: str) -> Iterator[None]:
    """Join a cluster, unless this process belongs to one already; leave it in the end, which ends all tasks.

    Args:
        address: see ``RunSettings.ray_address``.

    Raises:
        AbortedError: no cluster answers there, it runs another version of Ray or Python, or it was lost on the way.
    """
    if ray.is_initialized():
        yield
        return
    _require_answer(os.environ.get("RAY_ADDRESS", address) if address == "auto" else address)
    logging.getLogger("ray").setLevel(logging.WARNING)
    os.environ.setdefault("RAY_gcs_server_port_wait_time_s", str(CONNECT_ATTEMPTS))
    try:
        with _own_signal_handler():
            ray.init(address=address, configure_logging=False)
    except (ConnectionError, RuntimeError) as error:  # RuntimeError: other versions of Ray or Python
        raise AbortedError(
            f"[run] ray_address = {address!r}: no Ray cluster that this process can join ({error}); start one (`ray "
            "start --head`), or use engine = 'local'"
        ) from error
    try:
        LOG.info("joined Ray cluster: %s", describe())
        yield
    except ConnectionError as error:
        raise AbortedError(f"[run] ray_address = {address!r}: the Ray cluster was lost ({error}); run again") from error
    finally:
        ray.shutdown()


def describe() -> str:
    """Say in words how large the cluster is that this process has joined."""
    nodes: Callable[[], list[dict[str, Any]]] = ray.nodes
    alive = sum(bool(node["Alive"]) for node in nodes())
    return f"{alive} machines, {cores()} cores, {gpus()} GPUs"


def cores() -> int:
    """Return how many cores the cluster has, busy or not."""
    return _resource("CPU")


def gpus() -> int:
    """Return how many GPUs the cluster has, busy or not."""
    return _resource("GPU")


def _resource(name: str) -> int:
    resources: Callable[[], dict[str, float]] = ray.cluster_resources
    return int(resources().get(name, 0))


def completed(submit: Callable[[Job], Any], jobs: Iterable[Job]) -> Generator[tuple[Job, Any], None, None]:
    """Submit jobs, a few at a time; yield (job, reference of its finished task). Close it to cancel the others.

    Args:
        submit: starts a job's task and returns its reference.
        jobs: consumed as tasks end.
    """
    todo = iter(jobs)
    at_work: dict[Any, Job] = {}
    try:
        while True:
            for job in islice(todo, max(0, in_flight() - len(at_work))):
                at_work[submit(job)] = job
            if not at_work:
                return
            for reference in wait_for_any(list(at_work)):
                yield at_work.pop(reference), reference
    finally:
        cancel(list(at_work))


def in_flight() -> int:
    """Return how many tasks are to be in flight; machines may come and go."""
    return AHEAD * max(1, cores())


def wait_for_any(references: list[Any]) -> list[Any]:
    """Wait until a task has ended and return its reference in a list; AbortedError if no machine is left for long."""
    since_s = time.monotonic()
    while True:
        ready, _ = ray.wait(references, num_returns=1, timeout=POLL_S)
        if ready:
            return list(ready)
        if cores():
            since_s = time.monotonic()
        elif time.monotonic() - since_s > NO_CORES_TIMEOUT_S:
            raise AbortedError(
                f"the Ray cluster has had no core for {NO_CORES_TIMEOUT_S:g} s; start machines (`ray start "
                "--address=...`), then run again (nothing is recorded against a title)"
            )


def cancel(references: list[Any]) -> None:
    """Interrupt tasks and give them time to remove what they have half written; leaving the cluster ends the others."""
    if not references or not ray.is_initialized():
        return
    for reference in references:
        ray.cancel(reference, force=False)
    ray.wait(references, num_returns=len(references), timeout=CANCEL_TIMEOUT_S)


def result(reference: Any) -> Any:
    """Return what a finished task returned.

    Raises:
        LostError: its process or machine was lost again and again.
        ModerationError, OSError: as the task raised it.
        AbortedError: the cluster could not run it.
    """
    try:
        return ray.get(reference)
    except RayTaskError as error:
        cause = _cause(error)
        LOG.error("a task failed in %s: %s", _first_line(error), cause)  # Ray's first line names process and machine
        raise cause from error
    except _LOST as error:
        raise LostError(_first_line(error)) from error
    except RayError as error:
        raise AbortedError(f"the Ray cluster could not run a task: {_first_line(error)}") from error


def _cause(error: BaseException) -> BaseException:
    """Return what a task raised; what is no fault of ours or the system's stays as it is, with its traceback."""
    cause = error
    while isinstance(cause, RayTaskError) and isinstance(cause.cause, BaseException):
        cause = cause.cause
    if isinstance(cause, ModerationError | OSError):
        return cause
    if isinstance(cause, RayError):
        return AbortedError(f"the Ray cluster could not run a task: {_first_line(cause)}")
    if isinstance(cause, ImportError) or "failed to import on the worker" in str(cause):
        return AbortedError(
            f"a machine of the Ray cluster cannot run this program ({_last_line(cause)}); install the same version of "
            "coarse2fine there, for the same Python"
        )
    return error


def _first_line(error: BaseException) -> str:
    return _plain(error).partition("\n")[0]


def _last_line(error: BaseException) -> str:
    return _plain(error).rpartition("\n")[2]


def _plain(error: BaseException) -> str:
    """Return what an error says without the colours that Ray puts in."""
    return re.sub(r"\x1b\[\d+m", "", str(error)).strip()


def _require_answer(address: str) -> None:
    """Raise AbortedError if nobody listens at an address: Ray itself would try for minutes, then end the process."""
    if address == "auto":
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_TIMEOUT_S).close()
    except (OSError, ValueError) as error:
        raise AbortedError(
            f"[run] ray_address = {address!r}: nothing answers there ({error}); is the cluster's head up, and "
            "reachable from here? `ray status --address=...` asks it; or use engine = 'local'"
        ) from error


@contextmanager
def _own_signal_handler() -> Iterator[None]:
    """Keep what this program does on SIGTERM, which ``ray.init`` replaces."""
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)
