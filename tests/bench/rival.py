"""One rival: prepares, says so, then works once for every line on its standard input. See ``pairs``.

Processes that a rival leaves behind dead (a decode worker that was killed) become this process's, so that their CPU
time is counted, too: Linux forgets the children of a process that nobody waited for.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import sys
import time
from contextlib import suppress

import rivals_decode
import rivals_extract
import rivals_tables
import rivals_train

PR_SET_CHILD_SUBREAPER = 36
RIVALS = {**rivals_decode.RIVALS, **rivals_extract.RIVALS, **rivals_tables.RIVALS, **rivals_train.RIVALS}


def cpu_s() -> float:
    """CPU seconds of this process and of every descendant that has ended."""
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def peak_mib() -> float:
    """Peak of this process, and of the largest of its descendants."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_maxrss for usage in usages) / 1024


def main() -> None:
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    name, job = sys.argv[1], json.loads(sys.argv[2])
    if "cores" in job:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: job["cores"]])
    answers, sys.stdout = sys.stdout, sys.stderr  # libraries print
    work = RIVALS[name](job)
    print("{}", file=answers, flush=True)
    for _ in sys.stdin:
        cpu, wall = cpu_s(), time.monotonic()
        work()
        wall = time.monotonic() - wall
        took = {"cpu_s": cpu_s() - cpu, "wall_s": wall, "peak_mib": peak_mib()}
        print(json.dumps(took), file=answers, flush=True)


if __name__ == "__main__":
    main()
