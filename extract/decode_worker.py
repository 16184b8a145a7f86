"""The decode process: opens videos, makes network inputs of their samples, sends them to the parent.

A video is untrusted, and decoders crash and hang: they run here, in a process of their own that the parent can kill,
and that never imports torch. It is started by its own command instead of multiprocessing, so it never re-imports the
parent's ``__main__`` (which may import anything), and nothing it sends is unpickled: a hijacked decoder can send
wrong pictures but cannot run code in the parent. The pipe is the queue: a full one makes the decoder wait.

Messages are one kind byte and a body. To the worker: the path of the next title. From it, per title: ``o`` (opened,
VideoInfo as JSON), ``s`` (a sample: index, pts, pixels; no pixels means the same as before), then ``d`` (done,
ReadReport as JSON) or ``f`` (failed, JSON); and once at start ``r`` (ready) or ``u`` (unusable reader, text).
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import resource
import signal
import struct
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

import numpy as np

from data.errors import DecodeError
from extract.frames import Frame, VideoReader
from extract.preprocess import WHOLE, CropBox, Picture, find_letterbox, to_input

READY, UNUSABLE, OPENED, SAMPLE, DONE, FAILED = b"r", b"u", b"o", b"s", b"d", b"f"
SAMPLE_HEAD = struct.Struct("<Id")  # frame_index, pts_s
READERS = {"pyav": "extract.pyav_reader:PyAvReader", "decord": "extract.decord_reader:DecordReader"}
COMMAND = "from extract.decode_worker import main; main()"
PROBE_PICTURES = 12
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class WorkerConfig:
    """What a worker does with every title.

    Args:
        reader: ``module:Class`` of a VideoReader.
        framing, letterbox, input_px: see ``extract.settings`` and ``extract.preprocess``.
        memory_mib: limit of the address space, MiB; None for none.
        arguments: given to the reader after the path; plain JSON values.
    """

    reader: str
    framing: str
    letterbox: bool
    input_px: int
    memory_mib: int | None
    arguments: Sequence[Any] = ()

    def to_json(self) -> str:
        """Return the form that goes on the worker's command line."""
        return json.dumps(asdict(self))


def main() -> None:
    """Serve titles until the parent closes the pipe: ``... FILE_DESCRIPTOR CONFIG_JSON PARENT_PID``."""
    connection = Connection(int(sys.argv[1]))
    config = WorkerConfig(**json.loads(sys.argv[2]))
    _die_with_parent(int(sys.argv[3]))
    _limit(config.memory_mib)
    try:
        module, name = config.reader.split(":")
        reader_class = getattr(importlib.import_module(module), name)
    except (ImportError, OSError) as error:
        connection.send_bytes(UNUSABLE + str(error).encode())
        return
    connection.send_bytes(READY)
    try:
        while True:
            path = Path(os.fsdecode(connection.recv_bytes()))
            connection.send_bytes(_serve_title(connection, reader_class, path, config))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the parent is gone, or has no more titles


def _die_with_parent(parent_pid: int) -> None:
    """Have the kernel kill this process when the parent dies, even inside a decoder that never returns (Linux)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its workers itself
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        sys.exit(0)


def _limit(memory_mib: int | None) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory_mib is not None:
        limit_bytes = memory_mib * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))


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
        return FAILED + json.dumps({"code": error.code, "error": str(error)}).encode()
    except MemoryError:
        text = f"{path}: decoding needs more than decode_memory_mib = {config.memory_mib}; raise it to accept the file"
        return FAILED + json.dumps({"code": "memory", "error": text}).encode()
    except Exception as error:  # damaged files raise anything, and the next title must be served
        text = f"{path}: the decoder raised {type(error).__name__}: {error}"
        return FAILED + json.dumps({"code": "decode", "error": text}).encode()


def _samples(frames: Iterator[Frame], crop: CropBox, config: WorkerConfig) -> Iterator[bytes]:
    """Yield one message a sample; a picture that is held, or whose input comes out equal, is not sent again."""
    rgb: Picture | None = None
    sent: Picture | None = None
    for frame in frames:
        head = SAMPLE + SAMPLE_HEAD.pack(frame.frame_index, frame.pts_s)
        if frame.rgb is rgb:
            yield head
            continue
        rgb = frame.rgb
        pixels = to_input(rgb, frame.sample_aspect, crop=crop, framing=config.framing, input_px=config.input_px)
        if sent is not None and np.array_equal(pixels, sent):
            yield head
            continue
        sent = pixels
        yield head + pixels.tobytes()
