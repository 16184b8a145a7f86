"""The decode process: opens videos, makes network inputs of their samples, sends them to the parent.

A video is untrusted, and decoders crash and hang: they run here, in a process of their own that the parent can kill,
and that never imports torch. It is started by its own command instead of multiprocessing, so it never re-imports the
parent's ``__main__`` (which may import anything), and nothing it sends is unpickled: a hijacked decoder can send
wrong pictures but cannot run code in the parent.

The process started imports the reader, once, and never opens a video: for each title it forks a child that gives up
everything else (``extract.sandbox``), decodes, and ends. So one title cannot touch what is said of the next.

Messages are one kind byte and a body. To the worker: the path of the next title, a pipe of its own for what is read of
it, and for a title on a store another one to fetch its bytes from (``extract.served_video``). The first pipe is the
queue: a full one makes the decoder wait. From the worker: ``r`` (ready) or ``u`` (no title can be read here, text).
Then from the child: ``o`` (opened, VideoInfo as JSON), ``s`` (a sample: index, pts, pixels; no pixels means the same as
before), ``h`` (so many samples from an index on that show the picture before, at its time), then ``d`` (done,
ReadReport as JSON) or ``f`` (failed, JSON).
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import struct
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle
from pathlib import Path
from typing import Any, NoReturn, cast

import numpy as np
import PIL.ImageFile  # noqa: F401  imported late by what this uses: once here, rather than once a title

from data.errors import DecodeError
from data.store_path import store_path
from extract.frames import Frame, VideoReader
from extract.kernel import die_with
from extract.preprocess import WHOLE, CropBox, Picture, find_letterbox, to_input
from extract.sandbox import AVAILABLE, REQUIRED, Level, confine, limit, missing
from extract.served_video import ServedPath, served_path

READY, UNUSABLE, OPENED, SAMPLE, HELD, DONE, FAILED = b"r", b"u", b"o", b"s", b"h", b"d", b"f"
SAMPLE_HEAD = struct.Struct("<Id")  # frame_index, pts_s
HELD_HEAD = struct.Struct("<IdI")  # first frame_index, pts_s, how many
MOST_HELD, TELL_HELD_S = 4096, 0.5
READERS = {"pyav": "extract.pyav_reader:PyAvReader", "decord": "extract.decord_reader:DecordReader"}
COMMAND = "from extract.decode_worker import main; main()"
PROBE_PICTURES = 12


@dataclass(frozen=True)
class WorkerConfig:
    """What a worker does with every title.

    Args:
        reader: ``module:Class`` of a VideoReader.
        framing, letterbox, input_px: see ``extract.settings`` and ``extract.preprocess``.
        memory_mib: limit of the address space, MiB; None for none.
        arguments: given to the reader after the path; plain JSON values.
        sandbox: see ``extract.settings``.
    """

    reader: str
    framing: str
    letterbox: bool
    input_px: int
    memory_mib: int | None
    arguments: Sequence[Any] = ()
    sandbox: Level = AVAILABLE

    def to_json(self) -> str:
        """Return the form that goes on the worker's command line."""
        return json.dumps(asdict(self))


def main() -> None:
    """Serve titles until the parent closes the pipe: ``... FILE_DESCRIPTOR CONFIG_JSON PARENT_PID CPU_S``."""
    control = Connection(int(sys.argv[1]))
    config = WorkerConfig(**json.loads(sys.argv[2]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its workers itself
    limit(config.memory_mib, config.sandbox)
    die_with(int(sys.argv[3]))
    reader_class, fault = _load(config)
    gc.freeze()  # else collecting in a child would copy what it shares with this process
    child = 0
    while True:
        path, connection, film = _next_title(control)
        status = _end(child) if child else 0
        if connection is None:
            _exit_like(status)
        with suppress(BrokenPipeError, ConnectionResetError), connection, film or nullcontext():
            connection.send_bytes(UNUSABLE + fault.encode() if fault else READY)
            worker_pid, child = os.getpid(), os.fork()
            if child == 0:
                control.close()
                _decode_in_child(connection, reader_class, path, config, worker_pid)


def _load(config: WorkerConfig) -> tuple[Any, str]:
    """Import the reader, once for all titles; or say why no title can be read here."""
    if config.sandbox == REQUIRED and (lacking := missing()):
        return None, f'sandbox = "required" in [extract], but this system has no {" and no ".join(lacking)}'
    module, name = config.reader.split(":")
    try:
        return getattr(importlib.import_module(module), name), ""
    except (ImportError, OSError) as error:
        return None, f"{module}: cannot be used here ({error}); install it or choose another `reader`"


def _next_title(control: Connection) -> tuple[Path, Connection | None, Connection | None]:
    """Wait for the next title, the pipe for what is read of it (None when there are no more), and that of its bytes."""
    try:
        name = os.fsdecode(control.recv_bytes())
        connection = Connection(recv_handle(control))
        place = store_path(name)
        if place is None:
            return Path(name), connection, None
        film = Connection(recv_handle(control))
        return served_path(place, film), connection, film
    except (EOFError, OSError):
        return Path(), None, None


def _end(child: int) -> int:
    """Reap the process of a title that is over, whether or not it is of that opinion; return its wait status."""
    pid, status = os.waitpid(child, os.WNOHANG)
    if pid == 0:
        os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
    return status


def _exit_like(status: int) -> NoReturn:
    """End as the last child did: the parent reads from it how a decoder died."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code != signal.SIGKILL else None
        os.kill(os.getpid(), -code)
    os._exit(code)


def _decode_in_child(
    connection: Connection, reader_class: Any, path: Path, config: WorkerConfig, worker_pid: int
) -> NoReturn:
    """Decode one title and end this process: nothing of a title outlives it."""
    code = 1
    try:
        try:
            confine(None if isinstance(path, ServedPath) else path, int(sys.argv[4]), config.sandbox, worker_pid)
        except OSError as error:
            text = f"{path}: not decoded, its process cannot be confined ({error}); run `coarse2fine doctor`"
            connection.send_bytes(_failed("sandbox", text))
        else:
            connection.send_bytes(_serve_title(connection, reader_class, path, config))
        code = 0
    finally:
        os._exit(code)


def _serve_title(connection: Connection, reader_class: Any, path: Path, config: WorkerConfig) -> bytes:
    """Send the samples of one title and return the closing message. This is the per-title border: nothing escapes."""
    try:
        reader = cast(VideoReader, reader_class(path, *config.arguments))
        try:
            connection.send_bytes(OPENED + json.dumps(asdict(reader.info)).encode())
            crop = find_letterbox(reader.probe(PROBE_PICTURES)) if config.letterbox else WHOLE
            for message in _samples(reader.frames(), crop, config):
                connection.send_bytes(message)
            return DONE + json.dumps(asdict(reader.report())).encode()
        finally:
            reader.close()
    except (BrokenPipeError, ConnectionResetError):
        raise
    except DecodeError as error:
        return _failed(error.code, str(error))
    except MemoryError:
        text = f"{path}: decoding needs more than decode_memory_mib = {config.memory_mib}; raise it to accept the file"
        return _failed("memory", text)
    except Exception as error:  # damaged files raise anything, and the next title must be served
        text = f"{path}: the decoder raised {type(error).__name__}: {error}"
        return _failed("decode", text)


def _failed(code: str, text: str) -> bytes:
    return FAILED + json.dumps({"code": code, "error": text}).encode()


def _samples(frames: Iterator[Frame], crop: CropBox, config: WorkerConfig) -> Iterator[bytes]:
    """Yield messages of samples; a picture that is held, or whose input comes out equal, is not sent again."""
    rgb: Picture | None = None
    sent: Picture | None = None
    held = _Held()
    for frame in frames:
        if frame.rgb is rgb:
            yield from held.add(frame)
            continue
        yield from held.told()
        rgb = frame.rgb
        head = SAMPLE + SAMPLE_HEAD.pack(frame.frame_index, frame.pts_s)
        pixels = to_input(rgb, frame.sample_aspect, crop=crop, framing=config.framing, input_px=config.input_px)
        if sent is not None and np.array_equal(pixels, sent):
            yield head
            continue
        sent = pixels
        yield head + pixels.tobytes()
    yield from held.told()


class _Held:
    """Samples that show the picture before: a film of slides has thousands of them, told of by one message."""

    def __init__(self) -> None:
        self._first, self._pts_s, self._count, self._since_s = 0, 0.0, 0, 0.0

    def add(self, frame: Frame) -> Iterator[bytes]:
        """Take in a sample; yield a message when it is time for one: silence would be taken for a hang."""
        if self._count and frame.pts_s != self._pts_s:
            yield from self.told()
        if not self._count:
            self._first, self._pts_s, self._since_s = frame.frame_index, frame.pts_s, time.monotonic()
        self._count += 1
        if self._count == MOST_HELD or time.monotonic() - self._since_s > TELL_HELD_S:
            yield from self.told()

    def told(self) -> Iterator[bytes]:
        """Yield a message of the samples that were not told of yet."""
        if self._count:
            yield HELD + HELD_HEAD.pack(self._first, self._pts_s, self._count)
        self._count = 0
