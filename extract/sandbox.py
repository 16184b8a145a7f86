"""What a decode process gives up before it touches a video: assume that the decoder can be taken over.

Limits (memory, CPU, descriptors, no bytes written, no core) hold on every POSIX system. The rest needs Linux and is
taken where the kernel has it: one readable file (``extract.landlock``), no network, processes or changes to files
(``extract.seccomp``), an empty network of its own, none of root's powers. ``coarse2fine doctor`` tries all of it out.

It happens in two steps: ``limit`` when the process starts, ``confine`` in the child that decodes one title.
"""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path
from typing import Literal

from extract import kernel, landlock, seccomp

Level = Literal["required", "available", "off"]
REQUIRED: Level = "required"
AVAILABLE: Level = "available"
OFF: Level = "off"

OPEN_FILES = 64


def missing() -> list[str]:
    """Return which of the two measures that matter most this system lacks; in words, empty if none."""
    lacking = [] if landlock.version() else ["Landlock (Linux 5.13 and newer; may be switched off at boot)"]
    return lacking if seccomp.is_available() else [*lacking, "seccomp filters (Linux on x86-64 or ARM64)"]


def limit(memory_mib: int | None, level: Level) -> None:
    """Take the limits that hold for all titles, and leave the network where that is permitted."""
    _at_most(resource.RLIMIT_CORE, 0)
    if memory_mib is not None:
        _at_most(resource.RLIMIT_AS, memory_mib * 2**20)
    if level != OFF:
        kernel.leave_network()


def confine(path: Path | None, cpu_s: int, level: Level, parent_pid: int) -> None:
    """Give up everything that decoding one title does not need.

    Args:
        path: the only file that may be read; None if the film is served by another process.
        cpu_s: CPU seconds after which the kernel ends the process, should the parent not do it.
        parent_pid: the process whose end must end this one.

    Raises:
        OSError: the system has a measure but refuses it; nothing may be decoded then.
    """
    _silence()
    _at_most(resource.RLIMIT_FSIZE, 0)
    _at_most(resource.RLIMIT_NOFILE, OPEN_FILES)
    _at_most(resource.RLIMIT_CPU, cpu_s)
    if level != OFF:
        kernel.drop_capabilities()
    kernel.die_with(parent_pid)
    if not kernel.IS_LINUX or level == OFF:
        return
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    if landlock.version():
        landlock.allow_only(path)
    if seccomp.is_available():
        seccomp.refuse_calls()


def _silence() -> None:
    """Send what a decoder prints nowhere: a hostile file must not write to a terminal or a log."""
    sys.stderr.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _at_most(which: int, value: int) -> None:
    hard = resource.getrlimit(which)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (value, value))
