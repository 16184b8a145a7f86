"""Landlock: from now on this process can read one file, and installed code, and nothing else (Linux 5.13 and newer).

Python imports late, and so do its libraries; what is installed is no secret. The rule is for the file itself, so a name
that later leads elsewhere gains nothing. Older kernels know fewer rights; each version takes all it knows. Sources:
landlock(7), include/uapi/linux/landlock.h.
"""

from __future__ import annotations

import ctypes
import os
import sysconfig
from pathlib import Path

from extract.kernel import IS_LINUX, PR_SET_NO_NEW_PRIVS, checked, prctl, syscall

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on all machines
_VERSION_FLAG = 1
_PATH_BENEATH = 1
_READ_FILE, _READ_FOLDER = 1 << 2, 1 << 3
_INSTALLED = sorted({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
# version -> how many rights over files it knows: 13, then linking across folders, truncating, ioctl on devices
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_TCP_SINCE, _TCP_RIGHTS = 4, 0b11  # bind, connect
_SCOPE_SINCE, _SCOPES = 6, 0b11  # abstract Unix sockets, signals


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def version() -> int:
    """Return the version of the kernel's Landlock; 0 where there is none."""
    return max(0, syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION_FLAG))) if IS_LINUX else 0


def allow_only(path: Path | None) -> None:
    """Forbid this process every file but one (or none) and installed code, TCP, and signals to others.

    The file may be missing.

    Raises:
        OSError: the kernel refuses.
    """
    known = version()
    ruleset = _Ruleset(
        files=(1 << _FILE_RIGHTS.get(known, 16)) - 1,
        network=_TCP_RIGHTS if known >= _TCP_SINCE else 0,
        scoped=_SCOPES if known >= _SCOPE_SINCE else 0,
    )
    size = ctypes.c_size_t(ctypes.sizeof(ruleset))
    handle = checked(syscall(_CREATE_RULESET, ctypes.byref(ruleset), size, ctypes.c_uint32(0)), "landlock")
    try:
        if path is not None:
            _allow(handle, path, _READ_FILE)
        for folder in _INSTALLED:
            _allow(handle, Path(folder), _READ_FILE | _READ_FOLDER)
        prctl(PR_SET_NO_NEW_PRIVS, 1)
        checked(syscall(_RESTRICT_SELF, ctypes.c_int(handle), ctypes.c_uint32(0)), "landlock")
    finally:
        os.close(handle)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    try:
        file = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # whoever opens it is told why
    try:
        rule = _PathBeneath(rights, file)
        call = (ctypes.c_int(ruleset), ctypes.c_int(_PATH_BENEATH), ctypes.byref(rule), ctypes.c_uint32(0))
        checked(syscall(_ADD_RULE, *call), "landlock")
    finally:
        os.close(file)
