"""Films on a store: this process fetches their bytes and hands them to the decode process, which has no network.

The decode process asks over a pipe of its own for bytes by place and length (``extract.served_video``) and can ask for
nothing else: it never learns credentials, and no other object can be had. Whatever goes wrong with the store is noticed
here, not there: a store that fails or stalls ends the run (``StoreError``), time spent waiting for it does not count
against the film, and a film that is missing or was replaced meanwhile is an error of its title.

The bytes are hashed as they are fetched. What a film's decoder never asked for (an index, padding) is fetched in the
end, so the hash is always that of the whole object, and little is fetched twice.
"""

from __future__ import annotations

import struct
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from multiprocessing.connection import Connection

from data.errors import DecodeError, ModerationError, StoreError
from data.ranges import ObjectChangedError, RangeReader
from data.store_path import StorePath

SIZE = struct.Struct("<Q")
REQUEST = struct.Struct("<QI")  # place, length
LONGEST_BYTES = 1 << 20


class VideoServer:
    """Serves one film to one decode process, in a thread that ends with the pipe.

    Args:
        path: the film.
        connection: this side of the pipe; closed in the end.
    """

    def __init__(self, path: StorePath, connection: Connection) -> None:
        self.fault: ModerationError | None = None  # why bytes could not be served
        self.sha256: Future[str] = Future()
        self._path = path
        self._connection = connection
        self._read = threading.Event()
        self._hash_wanted = False
        self._waited_s = 0.0
        self._waiting_since_s: float | None = time.monotonic()  # for size and time of the object
        threading.Thread(target=self._serve, name=f"film {path.name}", daemon=True).start()

    @property
    def waited_s(self) -> float:
        """Seconds that the decoder has waited for the store so far."""
        since_s = self._waiting_since_s
        return self._waited_s + (0.0 if since_s is None else time.monotonic() - since_s)

    def end(self, *, hashed: bool) -> None:
        """Note that the film was read, or given up; ``hashed``: its hash is wanted."""
        self._hash_wanted = hashed
        self._read.set()

    def _serve(self) -> None:
        try:
            reader = RangeReader(self._path, hashed=True)
            self._waiting_ended()
            with suppress(EOFError, ConnectionError):  # the decode process has ended
                self._answer(reader)
            self._read.wait()
            if self._hash_wanted:
                sha256 = reader.finish_sha256()
                reader.require_same()
                self.sha256.set_result(sha256)
        except Exception as error:  # of this thread nobody would hear
            self.fault = _fault(self._path, error)
            self._waiting_ended()
            self.sha256.set_exception(self.fault)
        finally:
            self._connection.close()  # now the decoder fails, and the fault is known

    def _answer(self, reader: RangeReader) -> None:
        """Answer requests until the decode process ends."""
        self._connection.send_bytes(SIZE.pack(reader.size))
        while True:
            place, length = REQUEST.unpack(self._connection.recv_bytes(REQUEST.size))
            self._connection.send_bytes(self._bytes(reader, place, min(length, LONGEST_BYTES)))

    def _bytes(self, reader: RangeReader, place: int, length: int) -> bytes:
        if reader.holds(place, length):
            return reader.read(place, length)
        self._waiting_since_s = time.monotonic()
        data = reader.read(place, length)
        self._waiting_ended()
        return data

    def _waiting_ended(self) -> None:
        since_s, self._waiting_since_s = self._waiting_since_s, None
        if since_s is not None:
            self._waited_s += time.monotonic() - since_s


def _fault(path: StorePath, error: Exception) -> ModerationError:
    if isinstance(error, StoreError):
        return error
    if isinstance(error, ObjectChangedError):
        return DecodeError(str(error), code="changed")
    if isinstance(error, (FileNotFoundError, IsADirectoryError)):
        return DecodeError(f"{path}: no such object; correct its path", code="missing")
    if isinstance(error, PermissionError):
        return DecodeError(f"{path}: cannot be read ({error.strerror}); give access to it", code="unreadable")
    return StoreError(f"{path}: {type(error).__name__}: {error}")
