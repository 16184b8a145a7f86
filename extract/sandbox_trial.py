"""Trying out what a decode process can still do, from inside one: what ``coarse2fine doctor`` reports is measured.

The trial is a ``VideoReader`` like any other, in a process started and confined like any other; instead of reading its
file it does what a hijacked decoder would do, and reports what was refused.
"""

from __future__ import annotations

import json
import mmap
import os
import resource
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from data.errors import DecodeError
from extract.decode_pool import Limits, TitleEnd, decode
from extract.decode_worker import WorkerConfig
from extract.kernel import PR_GET_DUMPABLE, PR_GET_NO_NEW_PRIVS, prctl
from extract.sandbox import AVAILABLE, OPEN_FILES, Level

READER = "extract.sandbox_trial:Trial"
MEMORY_MIB = 4096
TIMEOUT_S = 60.0
_CODE = "trial"


@dataclass(frozen=True)
class Measure:
    """One thing that a decode process must not be able to do.

    Args:
        forbids: it, in words.
        is_limit: a plain limit, which every POSIX system has; the others need Linux and a recent kernel.
        held: whether it was refused.
    """

    forbids: str
    is_limit: bool
    held: bool


def try_sandbox(folder: Path, level: Level = AVAILABLE) -> list[Measure]:
    """Confine a decode process as for a title and let it misbehave.

    Args:
        folder: empty, for the files of the trial.

    Raises:
        ConfigError: decode processes do not start here, or lack what ``required`` asks for.
        DecodeError: the trial itself failed.
    """
    video, other = folder / "video", folder / "other"
    for path in (video, other):
        path.write_bytes(b"\0")
    with socket.create_server(("127.0.0.1", 0)) as server:
        arguments = (str(other), str(folder / "new"), server.getsockname()[1], os.getpid())
        config = WorkerConfig(READER, "full", False, 8, MEMORY_MIB, arguments, level)
        (end,) = decode([video], config, Limits(1, TIMEOUT_S, TIMEOUT_S))
    assert isinstance(end, TitleEnd) and end.error is not None
    if end.error.code != _CODE:
        raise end.error
    return [Measure(*row) for row in json.loads(str(end.error))]


class Trial:
    """Reports by failing: an error's text is all that a reader can say of itself.

    Args:
        path: the file that may be read.
        other: a file that may not.
        new: a file that may not come to be.
        port: where a server listens on loopback.
        parent_pid: the process to spy on.
    """

    def __init__(self, path: Path, other: str, new: str, port: int, parent_pid: int) -> None:
        path.read_bytes()  # allowed: raises if the sandbox forbids too much
        core, cpu = resource.RLIMIT_CORE, resource.RLIMIT_CPU
        limits: Sequence[tuple[str, Callable[[], object]]] = (
            (f"more than {MEMORY_MIB} MiB of memory", lambda: mmap.mmap(-1, (MEMORY_MIB + 1024) * 2**20)),
            ("unlimited CPU time", lambda: _require(resource.getrlimit(cpu)[1] == resource.RLIM_INFINITY)),
            ("core dumps", lambda: _require(resource.getrlimit(core)[1] != 0)),
            (f"more than {OPEN_FILES} open files", _open_many),
            ("write files", lambda: _write(new)),
        )
        walls: Sequence[tuple[str, Callable[[], object]]] = (
            ("read other files", lambda: Path(other).read_bytes()),
            ("change files", lambda: os.truncate(other, 0)),
            ("remove files", lambda: Path(other).rename(new)),
            ("reach the network", lambda: socket.create_connection(("127.0.0.1", port), 5).close()),
            ("start processes", _start_process),
            ("leave its process group", os.setsid),
            ("signal other processes", lambda: os.kill(parent_pid, 0)),
            ("look into other processes", lambda: Path(f"/proc/{parent_pid}/environ").read_bytes()),
            ("raise its limits", lambda: resource.setrlimit(cpu, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))),
            ("gain privileges by running programs", lambda: _require(prctl(PR_GET_NO_NEW_PRIVS) == 0)),
            ("be looked into by its user's programs", lambda: _require(prctl(PR_GET_DUMPABLE) != 0)),
        )
        rows = [(words, True, _is_refused(attempt)) for words, attempt in limits]
        rows += [(words, False, _is_refused(attempt)) for words, attempt in walls]
        raise DecodeError(json.dumps(rows), code=_CODE)


def _is_refused(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except (OSError, ValueError):
        return True
    return False


def _require(open_door: bool) -> None:
    if not open_door:
        raise PermissionError


def _open_many() -> None:
    copies: list[int] = []
    try:
        copies.extend(os.dup(0) for _ in range(OPEN_FILES))
    finally:
        for copy in copies:
            os.close(copy)


def _write(path: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.write(handle, b"x")
    finally:
        os.close(handle)


def _start_process() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
