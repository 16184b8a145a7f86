"""Feature files as they are published: where those of a title lie; ``data.feature_containers`` says what is in them.

A title has one file, or one a stream: ``rgb`` and ``flow`` in folders of their own, anywhere below the one that is
given, or beside each other under names that end so.

Not in the paper, which extracts its features itself.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from data.activitynet import PREFIX
from data.errors import ModerationError
from data.files import file_sha256
from data.titles import composed

HDF5 = (".h5", ".hdf5")
SUFFIXES = (".npy", ".npz", ".pt", *HDF5)
STREAMS = ("rgb", "flow", "audio")
"""Names of arrays, files or folders that are joined, side by side, in this order."""
SUBSETS = ("train", "training", "val", "valid", "validation", "test", "testing")
"""Names of folders, or words in them, that say which titles are there, and nothing of what their rows are."""

TAIL = re.compile(rf"[-_.]({'|'.join(STREAMS)}|i3d|c3d|features?|feats?)$", re.IGNORECASE)
MOST_FILE_BYTES = 8 * 1024**3
"""Of a title's own file, which may hold more arrays than are taken; it is read whole once, to be hashed."""
ENDING_FILES = 3
"""So many files that end alike have an ending that is no part of a title's name."""


class ImportFeatureError(ModerationError):
    """A feature file that is missing or does not hold rows of finite floats."""

    default_code = "features"


@dataclass(frozen=True)
class FoundFile:
    """A file of a title.

    Args:
        stream: which its name or its folder says; empty if neither does.
        holds_all: whether it is the one file of all titles.
    """

    path: Path
    stream: str = ""
    holds_all: bool = False


def words_of(name: str) -> list[str]:
    """Return the words of a name, without case."""
    return re.split(r"[-_. ]+", name.casefold())


def stream_within(name: str) -> str:
    """Return the only stream among the words of a folder's name; empty if there is none, or several."""
    streams = [stream for stream in STREAMS if stream in words_of(name)]
    return streams[0] if len(streams) == 1 else ""


def common_ending(stems: Sequence[str]) -> str:
    """Return what all names end in, from a separator on: ``-i3d-25fps`` of ``a-i3d-25fps``, ``b-i3d-25fps``, ...

    Empty for fewer than ``ENDING_FILES`` names, and where a name is nothing else.
    """
    if len(set(stems)) < ENDING_FILES:
        return ""
    first, last = min(stem[::-1] for stem in stems), max(stem[::-1] for stem in stems)  # all others lie between
    alike = next((place for place, (one, other) in enumerate(zip(first, last)) if one != other), len(first))
    ending = re.search(r"[-_.].*$", first[:alike][::-1])
    return ending[0] if ending and all(len(ending[0]) < len(stem) for stem in stems) else ""


def content_sha256(paths: Sequence[Path]) -> str:
    """Return the hash of a title's files: of the one, or of the hashes of all in their order.

    A file that holds all titles is read once, not once a title, while its size and time stay the same.
    """
    if len(paths) == 1:
        return _sha256(paths[0])
    return hashlib.sha256("\n".join(map(_sha256, paths)).encode()).hexdigest()


def _sha256(path: Path) -> str:
    if path.suffix.casefold() not in HDF5:
        return file_sha256(path)
    stat = path.stat()
    return _shared_sha256(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=64)
def _shared_sha256(path: Path, size_bytes: int, mtime_ns: int) -> str:
    return file_sha256(path)


def canonical_stem(stem: str) -> str:
    """Return a name as names are compared: composed, without case and ActivityNet's ``v_``."""
    return composed(stem).casefold().removeprefix(PREFIX)


def stream_of(path: Path) -> str:
    """Return the stream that the name of a file ends in, empty if in none."""
    tail = TAIL.search(path.stem)
    name = tail[1].casefold() if tail else ""
    return name if name in STREAMS else ""


def stream_order(stream: str) -> int:
    """Return the place of a stream when streams are joined; other names come last."""
    return STREAMS.index(stream) if stream in STREAMS else len(STREAMS)
