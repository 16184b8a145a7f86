"""Content hashes of videos beside their decoding, in one thread that stops within a block when the run is stopped.

A film of 50 GB on a slow store takes minutes to hash; a pool of threads would wait for it before the process may end.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

BLOCK_BYTES = 1 << 20


class Hasher:
    """Hashes one file after another; see ``hasher``."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._stopped = threading.Event()

    def submit(self, path: Path) -> Future[str]:
        """Return the future hex SHA-256 of a file; OSError if it cannot be read or is not a regular file."""
        return self._pool.submit(self._hash, path)

    def stop(self) -> None:
        """Give up what is not hashed yet."""
        self._stopped.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _hash(self, path: Path) -> str:
        if not path.is_file():  # a FIFO would never end
            raise OSError("not a regular file")
        digest = hashlib.sha256()
        with path.open("rb") as handle:
            while block := handle.read(BLOCK_BYTES):
                if self._stopped.is_set():
                    raise CancelledError
                digest.update(block)
        return digest.hexdigest()


@contextmanager
def hasher() -> Iterator[Hasher]:
    """Yield a Hasher whose thread is gone when the block ends, however it ends."""
    thread = Hasher(ThreadPoolExecutor(1))
    try:
        yield thread
    finally:
        thread.stop()
