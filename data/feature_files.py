"""Feature files as they are published: where those of a title lie; ``data.feature_arrays`` says what is in them.

A title has one file, or one a stream (``rgb`` and ``flow`` in folders of their own, or beside each other under names
that end so).

Not in the paper, which extracts its features itself.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from data.activitynet import PREFIX
from data.errors import DecodeError, ModerationError
from data.files import file_sha256
from data.titles import Title, composed, media_path

SUFFIXES = (".npy", ".npz", ".pt", ".h5", ".hdf5")
STREAMS = ("rgb", "flow", "audio")
"""Names of arrays, files or folders that are joined, side by side, in this order."""

TAIL = re.compile(rf"[-_.]({'|'.join(STREAMS)}|i3d|c3d|features?|feats?)$", re.IGNORECASE)


class ImportFeatureError(ModerationError):
    """A feature file that is missing or does not hold rows of finite floats."""

    default_code = "features"


@dataclass(frozen=True)
class FeatureFolders:
    """Where feature files lie.

    Args:
        folders: one, or one a stream, whose rows are joined in this order. A folder may also be one HDF5 file that
            holds an array a title.
    """

    folders: tuple[Path, ...]

    def find(self, title: Title) -> tuple[Path, ...]:
        """Return the files of a title, one a stream, resolved.

        In each folder that is the file that the manifest names, else ``<title_id>.npy`` (or another suffix), else what
        is called so but for case, ActivityNet's ``v_``, a folder in between, or an ending such as ``-rgb``.

        Raises:
            DecodeError: ``missing``, ``ambiguous``, or a path that leaves the folder.
        """
        found: list[Path] = []
        for folder in self._listed:
            found += folder.find(title)
        return tuple(found)

    def named(self, files: Sequence[Path]) -> str:
        """Return what a title's files are called below their folders."""
        names = []
        for file in files:
            roots = (folder.resolve() for folder in self.folders)
            names.append(next((str(file.relative_to(root)) for root in roots if file.is_relative_to(root)), file.name))
        if len(set(names)) < len(names):  # alike in folders of streams
            names = [f"{root.name}/{name}" for root, name in zip(self.folders, names)]
        return " + ".join(name if name != "." else file.name for name, file in zip(names, files))

    @cached_property
    def _listed(self) -> tuple[_Folder, ...]:
        return tuple(map(_Folder, self.folders))


@dataclass(frozen=True)
class _Folder:
    path: Path

    def find(self, title: Title) -> list[Path]:
        if self.path.suffix.casefold() in SUFFIXES:
            if self.path.is_file():
                return [self.path]
            raise DecodeError(f"{self.path}: no such file; correct the path of the features", code="missing")
        named = title.path is not None and Path(title.path).suffix.casefold() in SUFFIXES
        candidates = [title.path] if named and title.path else [f"{title.title_id}{suffix}" for suffix in SUFFIXES]
        exact = [path for path in (media_path(self.path, name) for name in candidates) if path.is_file()]
        if not exact and not named:
            exact = self._alike(title)
        if not exact:
            if named:
                raise DecodeError(f"{title.path}: no such file under {self.path}; correct its path", code="missing")
            raise DecodeError(
                f"{title.title_id}: no file called so ({', '.join(SUFFIXES)}) under {self.path}", code="missing"
            )
        if len(exact) > 1 and len({stream_of(path) for path in exact} - {""}) < len(exact):
            names = " and ".join(path.name for path in exact)
            raise DecodeError(f"{title.title_id}: both {names} exist; name one in the manifest", code="ambiguous")
        return exact

    def _alike(self, title: Title) -> list[Path]:
        """Return files that are called as a title, or as its video, but for prefix, ending, case and folder."""
        stems = [title.title_id] + ([Path(title.path).stem] if title.path else [])
        for stem in stems:
            paths = self._index.get(canonical_stem(stem), [])
            if paths:
                return sorted(paths, key=lambda path: (stream_order(stream_of(path)), path.name))
        return []

    @cached_property
    def _index(self) -> Mapping[str, list[Path]]:
        """Feature files by name, with and without what it ends in; links that lead out are none."""
        index: dict[str, list[Path]] = {}
        for path in sorted(self.path.rglob("*")):
            if path.suffix.casefold() in SUFFIXES and path.is_file():
                with suppress(DecodeError):
                    inside = media_path(self.path, str(path.relative_to(self.path)))
                    for stem in {canonical_stem(path.stem), canonical_stem(TAIL.sub("", path.stem))}:
                        index.setdefault(stem, []).append(inside)
        return index


def content_sha256(paths: Sequence[Path]) -> str:
    """Return the hash of a title's files: of the one, or of the hashes of all in their order."""
    if len(paths) == 1:
        return file_sha256(paths[0])
    return hashlib.sha256("\n".join(map(file_sha256, paths)).encode()).hexdigest()


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
