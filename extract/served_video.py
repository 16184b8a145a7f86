"""A film that another process serves (``extract.video_server``), as a path: it can be opened, often, and looked at.

This is the decode process's side. It needs no file, no network and no credentials: only a pipe.
"""

from __future__ import annotations

import io
import os
import stat
import threading
from multiprocessing.connection import Connection
from typing import IO, Any, NoReturn

from data.ranges import BUFFER_BYTES, ObjectFile
from data.store_path import StorePath
from extract.video_server import LONGEST_BYTES, REQUEST, SIZE


class _Served:
    """The bytes of the film, by place and length; see ``data.ranges.RangeReader``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self.size: int = SIZE.unpack(_answer(connection))[0]

    def read(self, start: int, length: int) -> bytes:
        """Return up to a MiB from ``start`` on; OSError if the film can no longer be had."""
        with self._lock:
            self._connection.send_bytes(REQUEST.pack(start, min(length, LONGEST_BYTES)))
            return _answer(self._connection)


class ServedPath(StorePath):
    """The film under its name on the store; ``served_path`` makes one."""

    _served: _Served | None
    _connection: Connection

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        return os.stat_result((stat.S_IFREG | 0o444, 0, 0, 1, 0, 0, self._film().size, 0, 0, 0))

    def open(  # type: ignore[override]
        self,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        if mode != "rb":
            raise io.UnsupportedOperation(f"{self}: a film can be opened with mode 'rb' only")
        return io.BufferedReader(ObjectFile(self._film()), BUFFER_BYTES)

    def read_bytes(self) -> bytes:
        with self.open("rb") as film:
            content: bytes = film.read()
        return content

    def _info(self) -> NoReturn:
        raise io.UnsupportedOperation(f"{self}: a served film can only be read")

    def _film(self) -> _Served:
        if self._served is None:
            self._served = _Served(self._connection)
        return self._served


def served_path(path: StorePath, connection: Connection) -> ServedPath:
    """Return the path of the film that is served over a pipe."""
    served = ServedPath(*path.parts)
    served._served, served._connection = None, connection
    return served


def _answer(connection: Connection) -> bytes:
    try:
        return connection.recv_bytes(LONGEST_BYTES)
    except EOFError as error:
        raise OSError("the film can no longer be had from its store") from error
