"""What a reviewer's browser may load of a title: its video file, by title id alone, and pictures where it cannot play.

A browser plays fewer formats than the decoder reads. So a file is handed over only if it begins like a container that
browsers know, with the type that its bytes show and not its name; for all others the page shows pictures that are
decoded here, in killable children like all decoding.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data.errors import DecodeError
from data.store_path import StorePath
from data.titles import Title, media_path
from extract.media import read_head
from pipeline.config import Config
from pipeline.report.stills import TitleStills, title_stills

MAX_PICTURES = 24
REMEMBERED = 64

_MAGIC = (
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1a\x45\xdf\xa3", "video/webm"),  # Matroska too: browsers look at the bytes
    (0, b"OggS", "video/ogg"),
    (4, b"moov", "video/mp4"),
    (4, b"mdat", "video/mp4"),
)


@dataclass(frozen=True)
class MediaFile:
    """A file that may be sent.

    Args:
        path: absolute, resolved, inside the media root.
        media_type: by its first bytes.
    """

    path: Path
    media_type: str


def media_file(config: Config, title: Title | None) -> MediaFile:
    """Return the video of a title as a file for the browser.

    Raises:
        DecodeError: the manifest names none, it lies outside the media root, is not a regular file, is text, or is of
            a kind that browsers do not play.
    """
    if title is None or title.path is None:
        raise DecodeError("the manifest names no video", code="not_a_file")
    path = media_path(config.data.media_folder, title.path)
    if isinstance(path, StorePath):
        raise DecodeError(f"{path}: on a store, from where it is not played; its pictures are shown", code="not_a_file")
    head = read_head(path)
    for offset, magic, media_type in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return MediaFile(path, media_type)
    raise DecodeError(f"{path.name}: of a kind that browsers do not play", code="refused_format")


class Pictures:
    """Small pictures of titles, decoded on request, one title at a time, and remembered for a while."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._made: OrderedDict[tuple[str, tuple[int, ...]], TitleStills] = OrderedDict()

    def get(self, title: Title | None, seconds: Sequence[int]) -> TitleStills:
        """Return pictures of some seconds in ascending order; why some are missing is said, not raised."""
        key = ("" if title is None else title.title_id, tuple(seconds))
        with self._lock:
            if key not in self._made:
                self._made[key] = title_stills(self._config, title, seconds)
                while len(self._made) > REMEMBERED:
                    self._made.popitem(last=False)
            self._made.move_to_end(key)
            return self._made[key]


def spread_seconds(start_s: float, end_s: float, count: int, length_s: float) -> list[int]:
    """Return up to ``count`` different whole seconds spread over an interval, the first and the last included."""
    last = max(0, int(length_s) - 1 if length_s >= 1 else 0)
    first, stop = min(max(int(start_s), 0), last), min(max(int(end_s), 0), last)
    count = max(1, min(count, MAX_PICTURES, stop - first + 1))
    step = (stop - first) / max(1, count - 1)
    return sorted({round(first + number * step) for number in range(count)})
