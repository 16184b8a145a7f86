"""The header of a video and nothing else: what it says of its length, for plans."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av

from data.errors import DecodeError
from extract.frames import Frame, ReadReport, VideoInfo
from extract.media import declared_duration_s, open_stream
from extract.rgb import Rgb


class HeaderReader:
    """Opens a video and reads no picture of it; a ``VideoReader`` for ``extract.decode_worker``."""

    def __init__(self, path: Path) -> None:
        container, stream = open_stream(path, 1)
        with container:
            codec = stream.codec_context
            total_s = container.duration / av.time_base if container.duration and container.duration > 0 else None
            declared_s = declared_duration_s(container, stream)
            self.info = VideoInfo(container.format.name, codec.name, codec.width, codec.height, 0, declared_s, total_s)
        self._name = path.name

    def probe(self, count: int) -> Iterator[Rgb]:
        """Yield nothing."""
        return iter(())

    def frames(self) -> Iterator[Frame]:
        """Raise DecodeError: what is wanted was said by ``info``."""
        raise DecodeError(f"{self._name}: only its header was read", code="header_only")

    def report(self) -> ReadReport:
        """Say that nothing was read."""
        return ReadReport(0.0, 0, 0, complete=False, reason="only the header was read")

    def close(self) -> None:
        """Do nothing: the file is closed already."""
