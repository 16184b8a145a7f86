"""Seccomp: the system calls that a decoder has no use for are refused (Linux on x86-64 and ARM64).

A list of what is refused, not of what is allowed: C libraries change what they call, and a film must not fail for it.
Refused calls return "operation not permitted", they do not kill. The numbers are those of the kernel's
``asm/unistd_64.h`` (x86-64) and ``asm-generic/unistd.h`` (ARM64); a test compares them where those files are installed.
"""

from __future__ import annotations

import ctypes
import errno
import os
from itertools import chain

from extract.kernel import IS_LINUX, MACHINE, PR_SET_NO_NEW_PRIVS, prctl

# name -> number on x86-64, on ARM64; None where the machine does not have the call
NETWORK = {
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "accept": (43, 202), "accept4": (288, 242),
    "bind": (49, 200), "listen": (50, 201),
}  # fmt: skip
PROCESSES = {
    "fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281), "setsid": (112, 157),
    "setpgid": (109, 154), "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424), "kcmp": (312, 272),
    "process_madvise": (440, 440), "tkill": (200, 130), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "prlimit64": (302, 261), "setrlimit": (160, 164), "setpriority": (141, 140),
    "unshare": (272, 97), "setns": (308, 268), "personality": (135, 92), "modify_ldt": (154, None),
}  # fmt: skip
FILES = {
    "creat": (85, None), "truncate": (76, 45), "ftruncate": (77, 46), "fallocate": (285, 47), "rename": (82, None),
    "renameat": (264, 38), "renameat2": (316, 276), "link": (86, None), "linkat": (265, 37), "symlink": (88, None),
    "symlinkat": (266, 36), "unlink": (87, None), "unlinkat": (263, 35), "mkdir": (83, None), "mkdirat": (258, 34),
    "rmdir": (84, None), "mknod": (133, None), "mknodat": (259, 33), "chmod": (90, None), "fchmod": (91, 52),
    "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, None), "fchown": (93, 55), "lchown": (94, None),
    "fchownat": (260, 54), "utime": (132, None), "utimes": (235, None), "futimesat": (261, None),
    "utimensat": (280, 88), "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7),
    "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16), "memfd_create": (319, 279),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "inotify_init1": (294, 26),
    "fanotify_init": (300, 262), "mq_open": (240, 180), "shmget": (29, 194), "msgget": (68, 186), "semget": (64, 190),
}  # fmt: skip
KERNEL = {
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "open_tree": (428, 428),
    "move_mount": (429, 429), "fsopen": (430, 430), "fsmount": (432, 432), "fspick": (433, 433),
    "mount_setattr": (442, 442), "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218), "init_module": (175, 105),
    "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104), "kexec_file_load": (320, 294),
    "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225), "syslog": (103, 116), "quotactl": (179, 60),
    "acct": (163, 89), "settimeofday": (164, 170), "clock_settime": (227, 112), "adjtimex": (159, 171),
    "clock_adjtime": (305, 266), "sethostname": (170, 161), "setdomainname": (171, 162), "iopl": (172, None),
    "ioperm": (173, None),
}  # fmt: skip
# "Not there": the C library then uses the older call, whose arguments can be looked at.
ABSENT = {"clone3": (435, 435), "openat2": (437, 437)}
# Allowed for some arguments: new threads but no processes, signals to itself, opening to read.
CLONE, KILL, TGKILL, OPEN, OPENAT = (56, 220), (62, 129), (234, 131), (2, None), (257, 56)

_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_CLONE_THREAD = 0x00010000
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_X32_BIT = 0x40000000

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _ARCH_AT, _ARGUMENTS_AT = 0, 4, 16
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_PR_SET_SECCOMP, _FILTER_MODE = 22, 2
_PR_GET_SECCOMP = 21


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("jt", ctypes.c_uint8), ("jf", ctypes.c_uint8), ("k", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction)))


def is_available() -> bool:
    """Whether the kernel filters system calls, and this machine's are known here."""
    if not IS_LINUX or MACHINE not in _AUDIT_ARCH:
        return False
    try:
        prctl(_PR_GET_SECCOMP)
    except OSError:
        return False
    return True


def refuse_calls() -> None:
    """Refuse, from now on and for good, what a decoder has no use for.

    Raises:
        OSError: the kernel refuses.
    """
    rows = [_Instruction(*row) for row in _filter(os.getpid(), MACHINE)]
    program = _Program(len(rows), (_Instruction * len(rows))(*rows))
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    prctl(_PR_SET_SECCOMP, _FILTER_MODE, ctypes.byref(program))


def _filter(pid: int, machine: str) -> list[tuple[int, int, int, int]]:
    """Return the filter as rows (code, jump if true, jump if false, operand)."""
    column = 0 if machine == "x86_64" else 1
    refuse = (_RETURN, 0, 0, _ERRNO | errno.EPERM)
    absent = (_RETURN, 0, 0, _ERRNO | errno.ENOSYS)
    allow = (_RETURN, 0, 0, _ALLOW)
    rows = [(_LOAD, 0, 0, _ARCH_AT), (_EQUAL, 1, 0, _AUDIT_ARCH[machine]), (_RETURN, 0, 0, _KILL)]
    rows.append((_LOAD, 0, 0, _NUMBER_AT))
    if machine == "x86_64":  # the same calls under other numbers
        rows += [(_AT_LEAST, 0, 1, _X32_BIT), absent]
    for numbers in chain(NETWORK.values(), PROCESSES.values(), FILES.values(), KERNEL.values()):
        rows += _rule(numbers[column], [refuse])
    for numbers in ABSENT.values():
        rows += _rule(numbers[column], [absent])
    rows += _rule(CLONE[column], [_argument(0), (_ANY_BIT, 1, 0, _CLONE_THREAD), refuse, allow])
    for numbers in (KILL, TGKILL):
        rows += _rule(numbers[column], [_argument(0), (_EQUAL, 1, 0, pid), refuse, allow])
    for numbers, flags_at in ((OPEN, 1), (OPENAT, 2)):
        rows += _rule(numbers[column], [_argument(flags_at), (_ANY_BIT, 0, 1, _WRITING), refuse, allow])
    return [*rows, allow]


def _rule(number: int | None, then: list[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int]]:
    return [] if number is None else [(_EQUAL, 0, len(then), number), *then]


def _argument(index: int) -> tuple[int, int, int, int]:
    """Load the low half of an argument (both machines are little-endian)."""
    return (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * index)
