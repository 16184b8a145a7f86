"""Whether this machine ran out of memory, as its kernel counts: what it kills then is no fault of a film.

Not in the paper. A control group counts what was killed in it for its own limit or for the machine's; where there is
none, the kernel counts for the whole machine.
"""

from __future__ import annotations

import re
from pathlib import Path

KILLED = "killed"
"""Error code of a title whose decoder somebody killed who is not this program."""
CGROUPS = Path("/sys/fs/cgroup")


def oom_kills() -> int:
    """Return how many processes were killed for want of memory so far; only a difference means anything."""
    return sum(_count(path) for path in (_own_group() / "memory.events", Path("/proc/vmstat")))


def _own_group() -> Path:
    """Return the control group (version 2) of this process; that of a container is the root of what it sees."""
    try:
        named = re.search(r"^0::/(.*)$", Path("/proc/self/cgroup").read_text(encoding="utf-8"), re.MULTILINE)
    except (OSError, UnicodeDecodeError):
        return CGROUPS
    own = CGROUPS / named[1] if named is not None else CGROUPS
    return own if own.is_dir() else CGROUPS


def _count(path: Path) -> int:
    try:
        found = re.search(r"^oom_kill (\d+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    except (OSError, UnicodeDecodeError):
        return 0
    return 0 if found is None else int(found[1])
