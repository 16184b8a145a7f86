"""A VideoReader that behaves as the file's name says; decode processes import it by name. No file is opened."""

import os
import signal
import sys
import time

import numpy as np

from data.errors import DecodeError
from extract.frames import Frame, ReadReport, VideoInfo

FOREVER_S = 3600


def picture(level):
    return np.full((16, 24, 3), level, np.uint8)


class FakeReader:
    """``<behaviour>-<samples>[-<anything>]``: sample i is a plain picture of level 10 (i + 1)."""

    def __init__(self, path, decode="planned"):
        if not path.parent.is_dir():
            raise DecodeError(f"{path}: no such folder", code="missing")
        self.path = path
        self.behaviour, count = path.stem.split("-")[:2]
        self.count = int(count)
        if self.behaviour == "refused":
            raise DecodeError(f"{path.name}: no video stream (found audio only)", code="no_video")
        torch = "torch loaded" if "torch" in sys.modules else "no torch"
        self.info = VideoInfo("fake", torch, 24, 16, 0, float(self.count))

    def probe(self, count):
        if self.behaviour == "barred":
            barred = picture(200)
            barred[:4] = barred[-4:] = 0
            return [barred] * count
        return []

    def frames(self):
        rgb = picture(10)
        for index in range(10**6 if self.behaviour == "endless" else self.count):
            if self.behaviour == "barred":
                rgb = self.probe(1)[0]
            elif self.behaviour not in ("held", "slide"):
                rgb = picture(10 if self.behaviour == "equal" else 10 * (index + 1) % 256)
            yield Frame(index, 0.0005 + index * (self.behaviour != "slide"), rgb, 1.0)
        self._misbehave()

    def _misbehave(self):
        match self.behaviour:
            case "hang":
                time.sleep(FOREVER_S)
            case "grandchild":
                os.fork()
                time.sleep(FOREVER_S)
            case "crash":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            case "exit":
                os._exit(7)
            case "damaged":
                raise IndexError("list index out of range")
            case "greedy":
                np.ones(8 << 30, np.uint8)

    def report(self):
        if self.behaviour == "liar":
            return ReadReport(float(self.count), self.count + 1, 0, True, "")
        if self.behaviour == "cut":
            return ReadReport(self.count / 2, self.count, 3, False, "ends early")
        return ReadReport(float(self.count), self.count, 0, True, "")

    def close(self):
        pass
