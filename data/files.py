"""Whole files or none: atomic writes, and content hashes.

A writer fills a temporary name in the same folder; it is flushed to the disk and then renamed, so a reader never sees
half a file and a crash leaves at most a ``.tmp-*`` file behind, which the next run removes: its writer holds a kernel
lock on it, so that a file in work is told from one that was left.

On a store (``data.store_path``) the temporary is a file of this machine, and an object appears whole by itself. What
differs between the two is here, ``data.parquet_file`` and ``pipeline.runs.pointer``, so that the rest need not ask.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from data.errors import ModerationError
from data.store_path import StorePath

TEMPORARY_PREFIX = ".tmp-"
NAME_BYTES = 255  # what file systems allow
ROOM_BYTES = 1 << 20


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success it is flushed and renamed to ``path``, on error removed.

    For a place on a store it is a file of this machine, which is uploaded in the end.
    """
    if isinstance(path, StorePath):
        with scratch_folder() as folder:
            yield folder / path.name
            path.upload(folder / path.name)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(_cut(f"{TEMPORARY_PREFIX}{uuid.uuid4().hex[:12]}-{path.name}"))
    held = _hold(temporary)
    try:
        yield temporary
        with temporary.open("rb") as handle:
            if os.fstat(handle.fileno()).st_mtime_ns == 0:
                raise FileNotFoundError(errno.ENOENT, "nothing was written to it", str(temporary))
            os.fsync(handle.fileno())
        temporary.replace(path)
    except (OSError, ModerationError):
        raise
    except Exception as error:  # some libraries have words of their own for a full disk
        _require_room(temporary, error)
        raise
    finally:
        temporary.unlink(missing_ok=True)
        os.close(held)


def _hold(temporary: Path) -> int:
    """Make a temporary file that is nobody else's as long as this process lives, and has no time yet (1970)."""
    while True:
        held = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        with suppress(OSError):  # some network file systems know no locks: there, runs are told apart by theirs
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            if temporary.stat().st_ino == os.fstat(held).st_ino:
                os.utime(held, ns=(0, 0))
                return held
        except FileNotFoundError:
            pass
        os.close(held)  # a sweep was between the two: once more


def is_held(path: Path) -> bool:
    """Say whether the writer of a temporary file lives."""
    if path.is_symlink() or not path.is_file():
        return False
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    else:
        return False
    finally:
        os.close(handle)


def _require_room(temporary: Path, error: Exception) -> None:
    """Raise OSError if what a library failed to write cannot be written by anybody."""
    try:
        with temporary.open("ab") as handle:
            handle.write(bytes(ROOM_BYTES))
            handle.flush()
            os.fsync(handle.fileno())
    except OSError as fault:
        raise OSError(fault.errno, fault.strerror, str(temporary.parent)) from error


def _cut(name: str) -> str:
    """Return a name that is short enough for a file system, which counts bytes."""
    return os.fsencode(name)[:NAME_BYTES].decode(sys.getfilesystemencoding(), "ignore")


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object with two spaces of indentation, atomically. NaN is refused: it is not JSON."""
    write_text(path, json.dumps(value, indent=2, sort_keys=False, allow_nan=False) + "\n")


@contextmanager
def local_copy(path: Path) -> Iterator[Path]:
    """Yield a file of this machine with the same bytes, for libraries that read nothing else: itself, or a copy.

    A copy passes through memory: this is for checkpoints and features, not for films.
    """
    if not isinstance(path, StorePath):
        yield path
        return
    with scratch_folder() as folder:
        (folder / path.name).write_bytes(path.read_bytes())
        yield folder / path.name


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield a folder of this machine (below ``TMPDIR``) that is gone in the end."""
    with tempfile.TemporaryDirectory(prefix="coarse2fine-") as folder:
        yield Path(folder)


def temporaries_below(folder: Path, *, apart: Path | None = None) -> Iterator[Path]:
    """Yield what writers that were killed left below a folder, except below ``apart``; on a store there is nothing.

    What a writer that lives is at, in any process and with or without the lock of a run, is not among it.
    """
    if isinstance(folder, StorePath):
        return
    for root, folders, names in os.walk(folder):
        if apart is not None:
            folders[:] = [name for name in folders if Path(root, name) != apart]
        left = (Path(root, name) for name in [*names, *folders] if name.startswith(TEMPORARY_PREFIX))
        yield from (path for path in left if not is_held(path))


def size_below(path: Path) -> int:
    """Return the bytes of a file, or of all files below a folder."""
    if isinstance(path, StorePath):
        return path.size_below() or path.stat().st_size
    if path.is_symlink() or not path.is_dir():
        return path.lstat().st_size
    return sum(Path(root, name).lstat().st_size for root, _, names in os.walk(path) for name in names)


def remove_folder(folder: Path, first: str = "") -> None:
    """Remove a folder and all below it: it loses its name first, or, on a store, the object that makes it count.

    Args:
        first: name of that object.
    """
    if isinstance(folder, StorePath):
        if first:
            (folder / first).unlink(missing_ok=True)
        folder.remove_below()
        return
    doomed = folder.with_name(f"{TEMPORARY_PREFIX}{folder.name}".replace(TEMPORARY_PREFIX * 2, TEMPORARY_PREFIX))
    folder.replace(doomed)
    shutil.rmtree(doomed)


def fingerprint(value: Any) -> str:
    """Return 16 hex digits that identify a JSON-like value: equal values, equal digits, in any key order."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def file_sha256(path: Path) -> str:
    """Return the hex SHA-256 of a file's bytes, read in blocks (flat memory)."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
