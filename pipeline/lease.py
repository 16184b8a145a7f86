"""Keeping two runs off one folder of a store, which has no locks: an object that says who holds it and until when.

It is made by a request that the store refuses if the object is there (S3: ``If-None-Match``), renewed while the run
works, and taken over only when its time has passed (S3: ``If-Match``, so that one of two takers loses). A crash leaves
it, so a run that follows within ``LEASE_S`` on another machine is refused; where the kernel lock of ``pipeline.lock``
tells that the holder is dead, the lease is taken over at once.

This is weaker than a kernel lock: a holder that was stopped for longer than ``LEASE_S`` finds its lease lost when it
goes on, and is ended within ``RENEW_S``; what it wrote in between is whole objects, but they may be older than those of
the run that took over. And clocks of machines must agree within a minute.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from data.errors import ModerationError, StoreError
from data.store_path import StorePath

logger = logging.getLogger(__name__)

LEASE_S = 300.0
RENEW_S = 60.0


class LeaseHeldError(ModerationError):
    """Somebody else holds the folder; the message says who."""

    default_code = "locked"
    systemic = True


class _Lease:
    """One holder's lease object."""

    def __init__(self, path: StorePath, kernel_lock: str) -> None:
        self._path = path
        self._owner = uuid.uuid4().hex
        self._kernel_lock = kernel_lock
        self._ended = threading.Event()
        self.lost = False

    def take(self) -> None:
        """Become the holder, or raise LeaseHeldError."""
        if self._write(create=True) or self._is_mine():  # an answer may get lost, and the request be repeated
            return
        found = self._read()
        if found is None:
            raise LeaseHeldError(f"{self._path}: taken and left at this moment; try again")
        record, tag = found
        is_left_over = record.get("kernel_lock") == self._kernel_lock
        if not is_left_over and float(record["until_unix_s"]) > time.time():
            raise LeaseHeldError(
                f"{self._path.parent}: another run holds it (host {record.get('host')}, process {record.get('pid')}), "
                f"until {time.strftime('%H:%M:%S', time.localtime(float(record['until_unix_s'])))} if it died; wait "
                "for it to end, or give another work_dir"
            )
        self._write(tag=tag)
        if not self._is_mine():
            raise LeaseHeldError(f"{self._path.parent}: another run took it at this moment; wait for it to end")

    def keep(self) -> None:
        """Renew until ``leave``; end the process's work if the lease is lost."""
        while not self._ended.wait(RENEW_S):
            try:
                found = self._read()
                if found is not None and found[0].get("owner") == self._owner:
                    self._write(tag=found[1])
                self.lost = not self._is_mine()
            except LeaseHeldError:
                self.lost = True
            except (OSError, StoreError):
                continue  # the work itself meets the same store, and says so
            if self.lost and not self._ended.is_set():
                os.kill(os.getpid(), signal.SIGTERM)
                return

    def leave(self) -> None:
        """Stop renewing, and remove the object if it is still this holder's."""
        self._ended.set()
        try:
            if not self.lost and self._is_mine():
                self._path.unlink(missing_ok=True)
        except (LeaseHeldError, OSError, StoreError) as error:  # it ends by itself, and the run's own end counts
            logger.warning("%s: the lease is not given back, it ends in %.0f s: %s", self._path, LEASE_S, error)

    def _read(self) -> tuple[dict[str, Any], str] | None:
        try:
            tag = self._path.tag()
            content = self._path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            record: dict[str, Any] = json.loads(content)
            float(record["until_unix_s"])
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise LeaseHeldError(
                f"{self._path}: not a lease that coarse2fine wrote; remove it if no run uses it"
            ) from error
        return record, tag

    def _is_mine(self) -> bool:
        found = self._read()
        return found is not None and found[0].get("owner") == self._owner

    def _write(self, *, create: bool = False, tag: str = "") -> bool:
        record = {
            "owner": self._owner,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "kernel_lock": self._kernel_lock,
            "until_unix_s": time.time() + LEASE_S,
        }
        return self._path.write_if(json.dumps(record).encode(), absent=create, tag=tag)


@contextmanager
def lease(path: StorePath, kernel_lock: str) -> Iterator[None]:
    """Hold a lease while the block runs.

    Args:
        path: of the lease object.
        kernel_lock: stands for the kernel lock that the caller holds: a lease with the same one is of a dead process.

    Raises:
        LeaseHeldError: somebody else has it, or took it because this process was stopped for too long.
    """
    held = _Lease(path, kernel_lock)
    held.take()
    keeper = threading.Thread(target=held.keep, name="lease", daemon=True)
    keeper.start()
    try:
        yield
    except KeyboardInterrupt:
        if held.lost:
            raise LeaseHeldError(
                f"{path.parent}: another run took over while this one was stopped; run again"
            ) from None
        raise
    finally:
        held.leave()
