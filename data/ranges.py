"""Reading an object in parts: in ever larger pieces while it is read in order, ahead of the reader, and kept a while.

A film is read nearly in order, with jumps (an index at the end, pictures looked up here and there). So what is asked
for out of order costs one small request, and what is read in order few large ones, the next of which is under way while
the last is used. Memory is bounded by ``KEPT_BLOCKS``, however large the object is.
"""

from __future__ import annotations

import hashlib
import io
import threading
from collections import OrderedDict
from concurrent.futures import Future
from typing import TYPE_CHECKING, Protocol

from data.errors import StoreError
from data.stores import deadline_s, is_refusal, submit

if TYPE_CHECKING:
    from data.store_path import StorePath

BLOCK_BYTES = 1 << 20
LARGEST_BLOCKS = 8  # fetched by one request
KEPT_BLOCKS = 32
LARGEST_BYTES = LARGEST_BLOCKS * BLOCK_BYTES
BUFFER_BYTES = 1 << 16


class ObjectChangedError(OSError):
    """An object that is not the one any more that was opened."""


class RangeReader:
    """The bytes of one object.

    Args:
        path: the object.
        hashed: compute the SHA-256 of the object from what is fetched; see ``finish_sha256``.

    Raises:
        as ``data.stores.ask``; IsADirectoryError.
    """

    def __init__(self, path: StorePath, *, hashed: bool = False) -> None:
        self._path = path
        self._state = _state(path)
        self.size = self._state[0]
        self._block_count = -(-self.size // BLOCK_BYTES)
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._window = 1
        self._expected = 0  # the block that reading in order would fetch next
        self._ahead: tuple[range, Future[bytes]] | None = None
        self._digest = hashlib.sha256() if hashed else None
        self._hashed = 0  # blocks
        self._lock = threading.Lock()

    def read(self, start: int, length: int) -> bytes:
        """Return bytes from ``start`` on, fewer than ``length`` at the end only.

        Raises:
            ObjectChangedError: the object is another one now; noticed when it is too short, else by ``require_same``.
            as ``data.stores.ask``.
        """
        stop = min(start + length, self.size)
        if start >= stop:
            return b""
        with self._lock:
            first, last = start // BLOCK_BYTES, (stop - 1) // BLOCK_BYTES
            data = b"".join(self._block(number) for number in range(first, last + 1))
        return data[start - first * BLOCK_BYTES : stop - first * BLOCK_BYTES]

    def holds(self, start: int, length: int) -> bool:
        """Say whether these bytes can be had without waiting for the store."""
        stop = min(start + length, self.size)
        return all(number in self._kept for number in range(start // BLOCK_BYTES, -(-stop // BLOCK_BYTES)))

    def finish_sha256(self) -> str:
        """Fetch what was not read yet and return the hex SHA-256 of the whole object."""
        assert self._digest is not None
        while self._hashed < self._block_count:
            with self._lock:
                self._block(self._hashed)
        return self._digest.hexdigest()

    def require_same(self) -> None:
        """Raise ObjectChangedError unless the object still has the size, time and ETag that it had at the beginning."""
        if _state(self._path) != self._state:
            raise ObjectChangedError(f"{self._path}: the object was replaced while it was read; the next run reads it")

    def _block(self, number: int) -> bytes:
        if number not in self._kept:
            self._fetch(number)
        self._kept.move_to_end(number)
        block = self._kept[number]
        self._hash()
        while len(self._kept) > KEPT_BLOCKS:
            self._kept.popitem(last=False)
        return block

    def _fetch(self, number: int) -> None:
        in_order = number == self._expected
        self._window = min(2 * self._window, LARGEST_BLOCKS) if in_order else 1
        wanted, data = self._fetched_ahead(number)
        if data is None:
            wanted = self._blocks_from(number)
            data = self._ask(wanted)
        for index, block in enumerate(wanted):
            self._kept[block] = data[index * BLOCK_BYTES : (index + 1) * BLOCK_BYTES]
        self._expected = wanted.stop
        if in_order and wanted.stop < self._block_count and wanted.stop not in self._kept:
            following = self._blocks_from(wanted.stop)
            start, stop = self._span(following)
            future = submit(str(self._path), "cat_file", start=start, end=stop, size_bytes=stop - start)
            self._ahead = None if future is None else (following, future)

    def _fetched_ahead(self, number: int) -> tuple[range, bytes | None]:
        """Return what was fetched ahead if it begins with this block; a failure ahead is no failure yet."""
        if self._ahead is None or self._ahead[0].start != number:
            return range(0), None
        (wanted, future), self._ahead = self._ahead, None
        try:
            start, stop = self._span(wanted)
            data = future.result(deadline_s(stop - start))
        except Exception:  # asked again, with patience
            return wanted, None
        return wanted, data if len(data) == stop - start else None

    def _blocks_from(self, number: int) -> range:
        """Return the blocks to fetch at once, up to one that is kept."""
        stop = number + 1
        while stop < min(number + self._window, self._block_count) and stop not in self._kept:
            stop += 1
        return range(number, stop)

    def _span(self, blocks: range) -> tuple[int, int]:
        return blocks.start * BLOCK_BYTES, min(blocks.stop * BLOCK_BYTES, self.size)

    def _ask(self, blocks: range) -> bytes:
        start, stop = self._span(blocks)
        try:
            data = self._path.read_range(start, stop)
        except StoreError as error:
            if is_refusal(error):  # as is a range beyond the end of an object that is shorter now
                self.require_same()
            raise
        if len(data) != stop - start:
            raise ObjectChangedError(f"{self._path}: {len(data)} bytes instead of {stop - start} at {start}")
        return data

    def _hash(self) -> None:
        while self._digest is not None and self._hashed in self._kept:
            self._digest.update(self._kept[self._hashed])
            self._hashed += 1


class Ranges(Protocol):
    """Bytes by place and length."""

    size: int

    def read(self, start: int, length: int) -> bytes: ...


class ObjectFile(io.RawIOBase):
    """A seekable file over whatever gives bytes by place and length."""

    def __init__(self, reader: Ranges) -> None:
        self._reader = reader
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._reader.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._reader.read(self._position, len(buffer))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


def open_object(path: StorePath) -> io.BufferedReader:
    """Open an object for reading."""
    return io.BufferedReader(ObjectFile(RangeReader(path)), BUFFER_BYTES)


def read_object(path: StorePath) -> bytes:
    """Return the bytes of a whole object, all of one and the same.

    Raises:
        ObjectChangedError: it was replaced meanwhile.
        as ``data.stores.ask``.
    """
    reader = RangeReader(path)
    content = b"".join(reader.read(start, BLOCK_BYTES) for start in range(0, reader.size, BLOCK_BYTES))
    reader.require_same()
    return content


def _state(path: StorePath) -> tuple[int, int]:
    status = path.stat()
    if not status.st_mode & 0o100000:
        raise IsADirectoryError(str(path))
    return status.st_size, status.st_mtime_ns
