"""Measures rivals in turns: A B A B ..., so that whatever else the machine does hits all of them alike.

Every rival is a process of its own, which prepares (imports, weights, files), then works whenever it is told to. What
counts is CPU time of the process and of all processes it started, even those it killed; a ratio is the median over
rounds of two neighbours in time, its spread the quartiles.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
WORKER = HERE / "rival.py"


@dataclass
class Rounds:
    """What a rival took, one entry a round; ``error`` if it cannot be run here."""

    cpu_s: list[float] = field(default_factory=list)
    wall_s: list[float] = field(default_factory=list)
    peak_mib: float = 0.0
    error: str = ""

    def median(self, what: str = "cpu_s") -> float:
        return statistics.median(getattr(self, what))


@dataclass(frozen=True)
class Ratio:
    """Median and quartiles of one rival's time over another's, round by round."""

    median: float
    low: float
    high: float


def ratio(mine: Rounds, theirs: Rounds, what: str = "cpu_s") -> Ratio:
    shares = sorted(a / b for a, b in zip(getattr(mine, what), getattr(theirs, what), strict=True))
    if len(shares) < 2:
        return Ratio(shares[0], shares[0], shares[0])
    low, middle, high = statistics.quantiles(shares, n=4, method="inclusive")
    return Ratio(middle, low, high)


class _Rival:
    def __init__(self, name: str, job: dict[str, Any], libraries: Path | None) -> None:
        environment = dict(os.environ, OMP_NUM_THREADS=str(job.get("threads", 1)))
        if libraries is not None and "torchcodec" in name:
            environment["LD_LIBRARY_PATH"] = str(libraries)
        self.rounds = Rounds()
        self._process = subprocess.Popen(
            [sys.executable, str(WORKER), name, json.dumps(job)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self._heard()

    def turn(self, *, counts: bool) -> None:
        if self.rounds.error:
            return
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        said = self._heard()
        if counts and said:
            self.rounds.cpu_s.append(said["cpu_s"])
            self.rounds.wall_s.append(said["wall_s"])
            self.rounds.peak_mib = max(self.rounds.peak_mib, said["peak_mib"])

    def close(self) -> None:
        self._process.communicate("")

    def _heard(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if line:
            return json.loads(line)
        errors = self._process.communicate()[1].strip().splitlines()
        self.rounds.error = errors[-1] if errors else f"exit code {self._process.returncode}"
        return {}


def take_turns(
    rivals: dict[str, dict[str, Any]], rounds: int, *, libraries: Path | None = None, warm_up: bool = True
) -> dict[str, Rounds]:
    """Run every rival ``rounds`` times, alternating, and once before, uncounted.

    Args:
        rivals: the job that each gets, by the rival's name, see ``rival.RIVALS``; ``name#note`` for a second one.
        libraries: where FFmpeg's shared libraries are, for who needs them.
    """
    with ExitStack() as stack:
        running = {name: _Rival(name.partition("#")[0], job, libraries) for name, job in rivals.items()}
        for rival in running.values():
            stack.callback(rival.close)
        for number in range(-1 if warm_up else 0, rounds):
            for rival in running.values():
                rival.turn(counts=number >= 0)
    return {name: rival.rounds for name, rival in running.items()}
