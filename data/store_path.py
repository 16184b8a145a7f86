"""A place on an object store that behaves like a path: what reads and writes files need not know the difference.

It is a ``pathlib.Path`` with the operations that make sense on a store: look, list, read, remove; writing goes through
``data.files``. Whatever else a path can do, and every library that wants the name of a file on this machine, fails with
a TypeError instead of touching a local file of that name. (universal_pathlib offers the same for all of fsspec, but its
paths are no ``Path`` any more, which every signature here promises.)

Keys are paths: no ``..``, no empty parts. There are no folders: one exists while something lies below it.
"""

from __future__ import annotations

import errno
import fnmatch
import io
import os
import re
import stat as file_mode
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from hashlib import sha256
from pathlib import Path, PosixPath
from typing import IO, Any, NoReturn, TypeVar

from data.errors import StoreError
from data.stores import ask, give_up, is_refusal

_MODIFIED = ("LastModified", "last_modified", "mtime", "updated", "created")
_TAGS = ("ETag", "etag", "md5Hash", "content_md5", "generation")
_SECOND_NS = 10**9
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
THREADS = 32

Item = TypeVar("Item")
Result = TypeVar("Result")


class StorePath(PosixPath):
    """See the module; made by ``data.locations.locate``. Its parts are ``/``, ``<protocol>:``, bucket, key...

    All that asks the store raises as ``data.stores.ask``.
    """

    @property
    def key(self) -> str:
        """Bucket and key."""
        return "/".join(self.parts[2:])

    def __str__(self) -> str:
        return f"{self.parts[1]}//{self.key}" if len(self.parts) > 1 and self.root else super().__str__()

    def __fspath__(self) -> NoReturn:
        raise TypeError(f"{self}: on a store, not a file of this machine; nothing here can be done with it")

    def absolute(self) -> StorePath:
        return self

    def resolve(self, strict: bool = False) -> StorePath:
        """Return the place without ``..``; there are no links."""
        parts: list[str] = []
        for part in self.parts:
            if part != "..":
                parts.append(part)
            elif len(parts) > 2:
                parts.pop()
        return StorePath(*parts)

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """Return type, size and time. The time is in whole seconds; the nanoseconds are made of the object's ETag where
        it has one, so that bytes replaced within a second are noticed."""
        info = self._info()
        if info["type"] == "directory":
            return os.stat_result((file_mode.S_IFDIR | 0o755, *([0] * 9)))
        size, modified_ns = int(info["size"] or 0), _modified_ns(info)
        times = (modified_ns // _SECOND_NS,) * 3
        return os.stat_result((file_mode.S_IFREG | 0o644, 0, 0, 1, 0, 0, size, *times), {"st_mtime_ns": modified_ns})

    def exists(self, *, follow_symlinks: bool = True) -> bool:
        return self._type() is not None

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        return self._type() == "file"

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        return self._type() == "directory"

    def is_symlink(self) -> bool:
        return False

    def iterdir(self) -> Iterator[StorePath]:  # type: ignore[override]
        """Yield what lies right below."""
        for name in ask(str(self), "ls", detail=False):
            child = self / name.rstrip("/").rpartition("/")[2]
            if name.rstrip("/") and child.key != self.key and name.strip("/") != self.key:
                yield child

    def glob(self, pattern: str, **options: Any) -> Iterator[StorePath]:  # type: ignore[override]
        """Yield what lies right below and has a name of that pattern; nothing where there is no such folder."""
        if "/" in pattern:
            raise io.UnsupportedOperation(f"{self}: {pattern!r} looks into folders; list them one by one")
        try:
            yield from (child for child in self.iterdir() if fnmatch.fnmatchcase(child.name, pattern))
        except FileNotFoundError:
            return

    def rglob(self, pattern: str, **options: Any) -> NoReturn:
        raise io.UnsupportedOperation(f"{self}: use files_below")

    def walk(self, *arguments: Any, **options: Any) -> NoReturn:
        raise io.UnsupportedOperation(f"{self}: use files_below")

    def files_below(self) -> Iterator[StorePath]:
        """Yield all objects below, whatever their depth."""
        for name in ask(str(self), "find"):
            yield self / name.strip("/")[len(self.key) + 1 :]

    def size_below(self) -> int:
        """Return how many bytes lie below."""
        return sum(int(info["size"] or 0) for info in ask(str(self), "find", detail=True).values())

    def open(  # type: ignore[override]
        self,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """Open the object for reading: parts of it are fetched as they are needed, and again if that fails."""
        from data.ranges import open_object

        if mode not in ("r", "rt", "rb"):
            raise io.UnsupportedOperation(f"{self}: objects are written whole; use data.files.atomic_path")
        file = open_object(self)
        return file if mode == "rb" else io.TextIOWrapper(file, encoding or "utf-8", errors, newline)

    def read_bytes(self) -> bytes:
        """Return the whole object: by one request up to 8 MiB, in pieces beyond, so that each is bounded in time."""
        from data.ranges import LARGEST_BYTES, read_object

        try:
            content = self.read_range(0, LARGEST_BYTES)
        except StoreError as error:
            if is_refusal(error) and self.stat().st_size == 0:  # S3 has no range of an empty object
                return b""
            raise
        return content if len(content) < LARGEST_BYTES else read_object(self)

    def read_text(self, encoding: str | None = None, errors: str | None = None, newline: str | None = None) -> str:
        return io.TextIOWrapper(io.BytesIO(self.read_bytes()), encoding or "utf-8", errors, newline).read()

    def read_range(self, start: int, stop: int | None = None) -> bytes:
        """Return the bytes [start, stop), by one request; a negative ``start`` counts from the end."""
        part: bytes = ask(
            str(self), "cat_file", start=start, end=stop, size_bytes=abs(start) if stop is None else stop - start
        )
        return part

    def write_bytes(self, data: Any) -> int:
        """Write the object: it is there whole, or as it was."""
        content = bytes(data)
        ask(str(self), "pipe_file", str(self), content, size_bytes=len(content))
        return len(content)

    def write_text(
        self, data: str, encoding: str | None = None, errors: str | None = None, newline: str | None = None
    ) -> int:
        return self.write_bytes(data.encode(encoding or "utf-8", errors or "strict"))

    def tag(self) -> str:
        """Return the object's ETag, empty where the store has none."""
        info = self._info()
        return next((str(info[name]) for name in _TAGS if info.get(name)), "")

    @property
    def decides_in_one_step(self) -> bool:
        """Whether ``write_if`` is safe against others that write at the same moment."""
        return self.parts[1] == "s3:"

    def write_if(self, content: bytes, *, absent: bool = False, tag: str = "") -> bool:
        """Write the object under a condition; return False where that does not hold.

        Only S3 is known to decide this in one step; on other stores it is looked at just before writing.

        Args:
            absent: only if there is no such object.
            tag: only if the object still has this ETag; empty for any.
        """
        url, in_one_step = str(self), self.decides_in_one_step
        if not in_one_step and ((absent and self.exists()) or (tag and self.tag() != tag)):
            return False
        conditions: dict[str, Any] = {"IfMatch": tag} if tag and in_one_step else {}
        if absent and in_one_step:
            conditions = {"mode": "create"}
        try:
            ask(url, "pipe_file", url, content, **conditions)
        except FileExistsError:
            return False
        except StoreError as error:
            if conditions and is_refusal(error):  # S3: precondition failed
                return False
            raise
        return True

    def upload(self, source: Path) -> None:
        """Write the object from a file of this machine: it is there whole, or as it was."""
        ask(str(self), "put_file", str(source), str(self), size_bytes=source.stat().st_size)

    def unlink(self, missing_ok: bool = False) -> None:
        if not missing_ok and not self.is_file():
            raise FileNotFoundError(errno.ENOENT, "no such object", str(self))
        try:
            ask(str(self), "rm_file")
        except FileNotFoundError:
            return

    def remove_below(self) -> None:
        """Remove everything below; never a whole bucket."""
        if len(self.parts) < 4:
            raise ValueError(f"{self}: a whole bucket is not removed here")
        try:
            ask(str(self), "rm", str(self), recursive=True)
        except FileNotFoundError:
            return

    def mkdir(self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        """Do nothing: folders need not be made."""

    def _info(self) -> dict[str, Any]:
        info: dict[str, Any] = ask(str(self), "info")
        return info

    def _type(self) -> str | None:
        try:
            return str(self._info()["type"])
        except (FileNotFoundError, NotADirectoryError):
            return None


def store_path(url: str) -> StorePath | None:
    """Return the place that a URL names; None if it is no URL. What users give is checked by ``data.locations``."""
    match = _URL.fullmatch(url)
    return None if match is None else StorePath("/", f"{match[1].casefold()}:", *filter(None, match[2].split("/")))


def in_parallel(root: Path, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield what a function makes of each item, in order.

    Args:
        root: what the function looks into. On a store it is called for many items at a time: each waits for an answer.
    """
    if not isinstance(root, StorePath):
        yield from map(function, items)
        return
    pool = ThreadPoolExecutor(THREADS)
    try:
        yield from pool.map(function, items)
    except GeneratorExit:  # no more answers are wanted
        raise
    except BaseException:
        give_up()
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _modified_ns(info: dict[str, Any]) -> int:
    value = next((info[name] for name in _MODIFIED if info.get(name)), 0)
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    exact = value.timestamp() if isinstance(value, datetime) else float(value)
    tag = next((str(info[name]) for name in _TAGS if info.get(name)), None)
    if tag is None:
        return int(exact * _SECOND_NS)
    return int(exact) * _SECOND_NS + int.from_bytes(sha256(tag.encode()).digest()[:8]) % _SECOND_NS
