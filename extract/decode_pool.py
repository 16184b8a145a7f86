"""Several decode processes feeding one parent: who decodes what, and what becomes of a decoder that hangs or dies.

Each worker decodes one title at a time, in its own session, so that its whole process group can be killed. Each title
has a pipe of its own, which ends with it, so that no title can speak for another. The parent reads one message at a
time from whichever worker has one; a worker whose message is not read waits. So memory is flat, and silence is the
worker's own: a title is timed out only when its pipe is empty, and while it waits for a store its clocks stand still.
See ``extract.decode_worker`` for the messages; they come from a process that may have been hijacked, so each is
checked.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass
from math import ceil
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import send_handle
from pathlib import Path

import numpy as np

from data.errors import ConfigError, DecodeError
from data.store_path import StorePath
from extract.decode_words import read_failure, read_info, read_report
from extract.decode_worker import (
    COMMAND,
    DONE,
    FAILED,
    HELD,
    HELD_HEAD,
    MOST_HELD,
    OPENED,
    READY,
    SAMPLE,
    SAMPLE_HEAD,
    UNUSABLE,
    WorkerConfig,
)
from extract.frames import ReadReport, VideoInfo
from extract.oom import KILLED, oom_kills
from extract.preprocess import Picture
from extract.video_server import VideoServer

MAX_TEXT_BYTES = 1 << 20
EXIT_GRACE_S = 1.0
MOST_SAMPLES = 360_000
"""100 h: no film is longer; times that are damaged, or made to be, may claim a billion seconds."""
FREE_SAMPLES, BYTES_PER_SAMPLE = 4 * 3600, 8
"""So long a film may be whatever its size, and a sample longer for so many bytes each: the barest picture has more."""
CPU_GRACE_S = 10  # one thread cannot use more CPU than its title has time: this strikes only if nobody watches


@dataclass(frozen=True)
class Limits:
    """Workers (>= 1), and after how many seconds of silence, or in all, a title is given up."""

    workers: int
    no_progress_timeout_s: float
    title_timeout_s: float


@dataclass(frozen=True)
class Sample:
    """One sample of title number ``job``, or several that show the picture of the sample before.

    Args:
        pixels: (S, S, 3) uint8; None: the same as the sample before.
        count: of samples; 1 where there are pixels.
        length_s: how long the title is by its file; None if that does not say.
    """

    job: int
    pts_s: float
    pixels: Picture | None
    length_s: float | None = None
    count: int = 1


@dataclass(frozen=True)
class TitleEnd:
    """Title number ``job`` is over: read as ``report`` says, or failed with ``error``.

    ``sha256`` is the content hash of a film that was read from a store; it may still fail as the film's reading can.
    """

    job: int
    info: VideoInfo | None
    report: ReadReport | None
    error: DecodeError | None
    sha256: Future[str] | None = None


class _Worker:
    """One decode process and the title it is at."""

    def __init__(self, config: WorkerConfig, limits: Limits) -> None:
        self._config = config
        self._limits = limits
        self._control, theirs = Pipe()
        environment = dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, sys.path)), OMP_NUM_THREADS="1")
        cpu_s = ceil(limits.title_timeout_s) + CPU_GRACE_S
        arguments = [str(theirs.fileno()), config.to_json(), str(os.getpid()), str(cpu_s)]
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", COMMAND, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=environment,
                start_new_session=True,
            )
        self.is_alive = True
        self.job: int | None = None
        self._server: VideoServer | None = None  # of a title on a store

    def start(self, job: int, path: Path) -> None:
        """Have the worker decode title number ``job``."""
        self.job, self._path = job, path
        self._ready = False
        self._oom_kills = oom_kills()
        self._info: VideoInfo | None = None
        self._next_index, self._last_pts_s = 0, 0.0
        self._size_bytes, self._most = _size(path), MOST_SAMPLES
        if self._size_bytes is not None:
            self._most = min(MOST_SAMPLES, FREE_SAMPLES + self._size_bytes // BYTES_PER_SAMPLE)
        self._started_s = self._heard_s = time.monotonic()
        self._heard_waited_s = 0.0
        self.connection, theirs = Pipe(duplex=False)
        film: Connection | None = None
        self._server = None
        if isinstance(path, StorePath):
            ours, film = Pipe()
            self._server = VideoServer(path, ours)
        # a worker that has just died leaves a broken pipe: receive() will find it dead and say so
        with theirs, film or nullcontext(), suppress(BrokenPipeError, ConnectionResetError):
            self._control.send_bytes(os.fsencode(str(path)))
            for handle in filter(None, (theirs, film)):
                send_handle(self._control, handle.fileno(), self._process.pid)

    @property
    def deadline_s(self) -> float:
        """When the title is given up, on the monotonic clock."""
        return min(self._silent_until_s, self._limits.title_timeout_s + self._started_s + self._waited_s)

    @property
    def _silent_until_s(self) -> float:
        return self._heard_s + self._limits.no_progress_timeout_s + self._waited_s - self._heard_waited_s

    @property
    def _waited_s(self) -> float:
        """How long the title's decoder has waited for a store: that is not its fault."""
        return 0.0 if self._server is None else self._server.waited_s

    def news(self, readable: bool) -> Sample | TitleEnd | None:
        """Read one message, or end a title that is late; None when there is no news of the title."""
        now_s, limits = time.monotonic(), self._limits
        if now_s >= self._started_s + limits.title_timeout_s + self._waited_s:
            return self._give_up(f"not decoded within title_timeout_s = {limits.title_timeout_s:g}", "timeout")
        if readable:
            return self._receive()
        if now_s < self._silent_until_s or self.connection.poll():
            return None
        silence = f"no_progress_timeout_s = {limits.no_progress_timeout_s:g}"
        return self._give_up(f"the decoder gave nothing for {silence}", "timeout")

    def _receive(self) -> Sample | TitleEnd | None:
        try:
            message = self.connection.recv_bytes(max(MAX_TEXT_BYTES, 3 * self._config.input_px**2 + 64))
        except (EOFError, OSError):
            return self._dead()
        self._heard_s, self._heard_waited_s = time.monotonic(), self._waited_s
        try:
            return self._understand(message[:1], message[1:])
        except ValueError as error:
            return self._give_up(f"the decoder sent a malformed message ({error})", "decoder_crashed")

    def _understand(self, kind: bytes, body: bytes) -> Sample | TitleEnd | None:
        assert self.job is not None
        if not self._ready:
            if kind == UNUSABLE:
                raise ConfigError(body.decode())
            if kind != READY:
                raise ValueError(f"kind {kind!r} at the start")
            self._ready = True
            return None
        if kind in (SAMPLE, HELD):
            sample = self._sample(body) if kind == SAMPLE else self._held(body)
            return sample if self._next_index <= self._most else self._too_long()
        if kind == OPENED:
            self._info = read_info(body)
            return None
        if kind == DONE:
            report = read_report(body)
            if self._info is None or report.samples != self._next_index or report.samples < 1:
                raise ValueError(f"a report of {report.samples} samples after {self._next_index}")
            return self._end(report=report)
        if kind == FAILED:
            return self._end(error=read_failure(body))
        raise ValueError(f"kind {kind!r}")

    def _sample(self, body: bytes) -> Sample:
        assert self.job is not None
        side = self._config.input_px
        if len(body) not in (SAMPLE_HEAD.size, SAMPLE_HEAD.size + 3 * side * side):
            raise ValueError(f"a sample of {len(body)} bytes")
        index, pts_s = SAMPLE_HEAD.unpack_from(body)
        held = len(body) == SAMPLE_HEAD.size
        if index != self._next_index or (held and index == 0) or not self._last_pts_s <= pts_s < np.inf:
            raise ValueError(f"sample {index} at {pts_s} s after sample {self._next_index - 1} at {self._last_pts_s} s")
        self._next_index, self._last_pts_s = index + 1, pts_s
        pixels = None if held else np.frombuffer(body, np.uint8, offset=SAMPLE_HEAD.size).reshape(side, side, 3)
        return Sample(self.job, pts_s, pixels, self._length_s)

    def _held(self, body: bytes) -> Sample:
        assert self.job is not None
        if len(body) != HELD_HEAD.size:
            raise ValueError(f"held samples of {len(body)} bytes")
        index, pts_s, count = HELD_HEAD.unpack(body)
        in_order = index == self._next_index > 0 and self._last_pts_s <= pts_s < np.inf
        if not in_order or not 1 <= count <= MOST_HELD:
            raise ValueError(f"{count} samples from {index} at {pts_s} s after sample {self._next_index - 1}")
        self._next_index, self._last_pts_s = index + count, pts_s
        return Sample(self.job, pts_s, None, self._length_s, count)

    @property
    def _length_s(self) -> float | None:
        info = self._info
        return None if info is None else info.declared_duration_s or info.container_s

    def _too_long(self) -> TitleEnd:
        seconds = f"more than {self._most / 3600:.1f} h"
        held = "" if self._most == MOST_SAMPLES else f", which its {self._size_bytes} bytes cannot hold"
        why = f"shows pictures for {seconds}{held}; its times are damaged: export it again, or cut it into parts"
        return self._give_up(why, "too_long")

    def _end(self, *, report: ReadReport | None = None, error: DecodeError | None = None) -> TitleEnd:
        assert self.job is not None
        job, self.job = self.job, None
        self.connection.close()
        if self._server is None:
            return TitleEnd(job, self._info, report, error)
        self._server.end(hashed=report is not None)
        fault = self._server.fault
        if isinstance(fault, DecodeError):  # what the decoder made of it is no news
            return TitleEnd(job, self._info, None, fault)
        if fault is not None:
            raise fault
        return TitleEnd(job, self._info, report, error, self._server.sha256)

    def _dead(self) -> TitleEnd:
        self._control.close()  # it then ends as its child did
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(EXIT_GRACE_S)
        self.kill()
        code = self._process.returncode
        how = f"exit code {code}" if code >= 0 else f"signal {-code}, {signal.strsignal(-code)}"
        if not self._ready:
            raise ConfigError(f"the decode process does not start ({how}); its messages are on stderr")
        if code == -signal.SIGKILL:  # a decoder has limits of its own, below this: nothing in a film can send it
            why = "the machine ran out of memory" if oom_kills() > self._oom_kills else "not by this program"
            return self._end(error=DecodeError(f"{self._path}: the decoder was killed, {why} ({how})", code=KILLED))
        error_code = "timeout" if code == -signal.SIGXCPU else "decoder_crashed"
        return self._end(error=DecodeError(f"{self._path}: the decoder died ({how})", code=error_code))

    def _give_up(self, why: str, code: str) -> TitleEnd:
        self.kill()
        return self._end(error=DecodeError(f"{self._path}: {why}", code=code))

    def kill(self) -> None:
        """End the worker's whole process group, at once."""
        if not self.is_alive:
            return
        self.is_alive = False
        self._control.close()
        if self.job is not None:
            self.connection.close()
            if self._server is not None:
                self._server.end(hashed=False)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # its own session: group id = process id
        self._process.wait()


def _size(path: Path) -> int | None:
    """Return the size of a file of this machine; None where it is not known at once."""
    try:
        return None if isinstance(path, StorePath) else path.stat().st_size
    except OSError:
        return None


def decode(paths: Iterable[Path], config: WorkerConfig, limits: Limits) -> Generator[Sample | TitleEnd, None, None]:
    """Decode titles as ``decode_ticking``, without ticks."""
    with closing(decode_ticking(paths, config, limits, None)) as news:
        yield from (item for item in news if item is not None)


def decode_ticking(
    paths: Iterable[Path], config: WorkerConfig, limits: Limits, tick_s: float | None
) -> Generator[Sample | TitleEnd | None, None, None]:
    """Decode titles, several at a time; yield what their workers send, and one TitleEnd for each title.

    Args:
        paths: consumed one at a time, when a worker is free; ``job`` in the results counts them from 0.
        tick_s: yield None when no worker sent anything for so long.

    Raises:
        ConfigError: the reader cannot be imported or the process cannot start.
        StoreError: the store of a title does not answer.
    """
    jobs = enumerate(paths)
    workers: list[_Worker] = []
    try:
        while True:
            _give_work(jobs, workers, config, limits)
            busy = {worker.connection: worker for worker in workers if worker.job is not None}
            if not busy:
                return
            patience_s = min(worker.deadline_s for worker in busy.values()) - time.monotonic()
            heard = wait(list(busy), timeout=max(0.0, patience_s if tick_s is None else min(patience_s, tick_s)))
            if not heard and tick_s is not None:
                yield None
            for connection, worker in busy.items():
                news = worker.news(connection in heard)
                if news is not None:
                    yield news
    finally:
        for worker in workers:
            worker.kill()


def _give_work(jobs: Iterator[tuple[int, Path]], workers: list[_Worker], config: WorkerConfig, limits: Limits) -> None:
    """Give every free place the next title, starting processes as they are needed."""
    workers[:] = [worker for worker in workers if worker.is_alive]
    idle = [worker for worker in workers if worker.job is None]
    while idle or len(workers) < limits.workers:
        job = next(jobs, None)
        if job is None:
            return
        if not idle:
            workers.append(_Worker(config, limits))
        worker = idle.pop() if idle else workers[-1]
        worker.start(*job)
