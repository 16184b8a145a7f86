"""Calls into the Linux kernel that Python has no function for, by ctypes: what a decode process gives up for good.

Nothing here needs privileges, and everything is one-way: what a process has given up, neither it nor its children can
take back (``PR_SET_NO_NEW_PRIVS``). On other systems nothing is available, and ``extract.sandbox`` says so.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

IS_LINUX = sys.platform == "linux"
MACHINE = os.uname().machine

PR_SET_PDEATHSIG, PR_GET_DUMPABLE, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS = 1, 3, 4, 38, 39
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
_CAPSET = {"x86_64": 126, "aarch64": 91}
_CAPABILITY_VERSION = 0x20080522
_CAP_DAC_READ_SEARCH = 1 << 2

_libc = ctypes.CDLL(None, use_errno=True)


def syscall(number: int, *arguments: object) -> int:
    """Call the kernel by number; -1 for an error (``ctypes.get_errno``)."""
    return int(_libc.syscall(ctypes.c_long(number), *arguments))


def prctl(option: int, value: int = 0, pointer: object = 0) -> int:
    """Call ``prctl(2)``.

    Raises:
        OSError: refused.
    """
    unused = ctypes.c_ulong(0)
    second = ctypes.c_ulong(pointer) if isinstance(pointer, int) else pointer
    return checked(int(_libc.prctl(option, ctypes.c_ulong(value), second, unused, unused)), "prctl")


def checked(result: int, what: str) -> int:
    """Return a call's result, or raise its error."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def die_with(parent_pid: int) -> None:
    """Have the kernel kill this process when the parent dies, even inside a decoder that never returns (Linux).

    A change of credentials forgets it, so this comes after ``drop_capabilities`` and ``leave_network``.
    """
    if IS_LINUX:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        os._exit(0)


def leave_network() -> bool:
    """Move this process into an empty network of its own, where the system lets it; return whether it did.

    Root needs no user namespace for it (one would cost it the right to read other users' files).
    """
    if not IS_LINUX:
        return False
    return any(_libc.unshare(flags) == 0 for flags in (CLONE_NEWNET, CLONE_NEWUSER | CLONE_NEWNET))


def drop_capabilities() -> None:
    """Give up all powers of root but reading files of other users (media may belong to anyone)."""
    number = _CAPSET.get(MACHINE)
    if not IS_LINUX or number is None:
        return
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    for kept in (_CAP_DAC_READ_SEARCH, 0):  # it cannot keep what it does not have
        sets = (ctypes.c_uint32 * 6)(kept, kept, 0, 0, 0, 0)  # effective, permitted, inheritable; low, then high bits
        if syscall(number, header, sets) == 0:
            return
    checked(-1, "capset")
