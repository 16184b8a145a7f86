"""Folders of feature files: which files are those of a title, one a stream.

Not in the paper, which extracts its features itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from data.counted import byte_words
from data.errors import DecodeError
from data.feature_files import (
    HDF5,
    MOST_FILE_BYTES,
    STREAMS,
    SUBSETS,
    SUFFIXES,
    TAIL,
    FoundFile,
    canonical_stem,
    common_ending,
    stream_of,
    stream_order,
    stream_within,
    words_of,
)
from data.store_path import StorePath
from data.titles import Title, media_path


@dataclass(frozen=True)
class FeatureFolders:
    """Where feature files lie.

    Args:
        folders: one, or one a stream, whose rows are joined in this order; those of different subsets, such as
            ``train/rgb`` and ``test/rgb``, are looked through one after the other. A folder may also be one HDF5
            file that holds an array a title.
    """

    folders: tuple[Path, ...]

    def find(self, title: Title) -> tuple[FoundFile, ...]:
        """Return the files of a title, one a stream, resolved.

        In each folder that is the file that the manifest names, else ``<title_id>.npy`` (or another suffix), else what
        is called so but for case, ActivityNet's ``v_``, a folder in between, or an ending such as ``-rgb``, or one
        that all files there have.

        Raises:
            DecodeError: ``missing``, also of one stream alone, ``ambiguous``, ``size``, or ``path``: it leaves the
                folder.
        """
        found: list[FoundFile] = []
        lacking: list[DecodeError] = []
        for kind, group in self._streams.items():
            try:
                found += [replace(file, stream=file.stream or kind) for file in _found_in(group, title)]
            except DecodeError as error:
                if error.code != "missing":
                    raise
                lacking.append(error)
        if lacking and found:
            there = " and ".join(str(file.path) for file in found)
            raise DecodeError(f"{lacking[0]}; {there} is there", code="missing")
        if lacking:
            raise lacking[0]
        return tuple(found)

    def named(self, files: Sequence[FoundFile]) -> str:
        """Return what a title's files are called below their folders."""
        names, roots = [], []
        for file in (found.path for found in files):
            root = next((one for one in self.folders if file.is_relative_to(one.resolve())), None)
            names.append(file.name if root is None or root.resolve() == file else str(file.relative_to(root.resolve())))
            roots.append(root)
        if len(set(names)) < len(names):  # alike in folders of streams
            apart = dict(zip(self.folders, _apart(self.folders)))
            names = ["/".join((*(apart[root] if root else ()), name)) for root, name in zip(roots, names)]
        return " + ".join(names)

    def unused(self, titles: Sequence[Title]) -> list[Path]:
        """Return the feature files that are called as none of the titles, nor named by the manifest."""
        return [path for folder in self._listed for path in folder.unused(titles)]

    @cached_property
    def _listed(self) -> tuple[_Folder, ...]:
        return tuple(map(_Folder, dict.fromkeys(self.folders)))

    @cached_property
    def _streams(self) -> dict[str, list[_Folder]]:
        """The folders of each stream; of folders that say none, those that differ in more than their subsets."""
        kinds: dict[str, list[_Folder]] = {}
        for folder, parts in zip(self._listed, _apart([folder.path for folder in self._listed])):
            kinds.setdefault(_kind(parts), []).append(folder)
        return kinds


def _apart(folders: Sequence[Path]) -> list[tuple[str, ...]]:
    """Return what tells folders apart: their parts below the deepest folder that all lie in."""
    parts = [folder.absolute().parts for folder in folders]  # also of a store, whose places are no file system's
    alike = [len(set(level)) == 1 for level in zip(*parts)] if folders[1:] else []
    common = [*alike, False].index(False)
    return [own[common:] for own in parts]


def _kind(parts: Sequence[str]) -> str:
    """Return the stream that a folder is of, else what its name says beside the subset."""
    for part in reversed(parts):
        if stream := stream_within(part):
            return stream
    words = [word for part in parts for word in words_of(Path(part).stem) if word not in SUBSETS]
    return " ".join(words)


def _found_in(folders: Sequence[_Folder], title: Title) -> list[FoundFile]:
    """Return the files of a title in the one of several folders that has it."""
    if len(folders) == 1:
        return folders[0].find(title)
    found: list[list[FoundFile]] = []
    for folder in folders:
        with suppress(_MissingError):
            found.append(folder.find(title, alone=False))
    if not found:
        places = ", ".join(str(folder.path) for folder in folders)
        raise _MissingError(
            f"{title.title_id}: no file called so ({', '.join(SUFFIXES)}) under {places}", code="missing"
        )
    if len(found) > 1:
        places = " and ".join(str(files[0].path) for files in found[:2])
        raise DecodeError(f"{title.title_id}: both {places} exist; name one folder, or one file", code="ambiguous")
    return found[0]


class _MissingError(DecodeError):
    """A title has no file here."""


@dataclass(frozen=True)
class _Folder:
    path: Path

    def find(self, title: Title, *, alone: bool = True) -> list[FoundFile]:
        if self.path.suffix.casefold() in SUFFIXES:
            return self._whole(title, alone=alone)
        named = title.path is not None and Path(title.path).suffix.casefold() in SUFFIXES
        candidates = [title.path] if named and title.path else [f"{title.title_id}{suffix}" for suffix in SUFFIXES]
        exact = [path for path in (media_path(self.path, name) for name in candidates) if path.is_file()]
        found = [FoundFile(path, stream_of(path)) for path in exact]
        if not found and not named:
            found = self._alike(title)
        if not found:
            if named:
                raise _MissingError(f"{title.path}: no such file under {self.path}; correct its path", code="missing")
            raise _MissingError(
                f"{title.title_id}: no file called so ({', '.join(SUFFIXES)}) under {self.path}", code="missing"
            )
        self._require(title, found, named=named)
        return found

    def _require(self, title: Title, found: Sequence[FoundFile], *, named: bool) -> None:
        """Raise DecodeError for two files that are no streams, a stream that others have, or more than is read."""
        streams = [file.stream for file in found]
        if len(found) > 1 and len(set(streams) - {""}) < len(found):
            names = " and ".join(str(file.path.relative_to(self.path.resolve())) for file in found)
            raise DecodeError(f"{title.title_id}: both {names} exist; name one in the manifest", code="ambiguous")
        lacking = [name for name in STREAMS if any(streams) and name in self._held and name not in streams]
        if lacking and not named:
            there = " and ".join(str(file.path.relative_to(self.path.resolve())) for file in found)
            message = f"{title.title_id}: no {' and no '.join(lacking)} under {self.path}; {there} is there"
            raise _MissingError(message, code="missing")
        for file in found:
            size_bytes = file.path.stat().st_size
            if size_bytes > MOST_FILE_BYTES and file.path.suffix.casefold() not in HDF5:
                message = f"{file.path.name}: a file of {byte_words(size_bytes)}"
                raise DecodeError(f"{message}; at most {byte_words(MOST_FILE_BYTES)} are read", code="size")

    def _whole(self, title: Title, *, alone: bool) -> list[FoundFile]:
        """Return the file that holds all titles; where there are several such files, if this title is in it."""
        if not self.path.is_file():
            raise _MissingError(f"{self.path}: no such file; correct the path of the features", code="missing")
        if not alone and canonical_stem(title.title_id) not in self._keys:
            raise _MissingError(f"{self.path.name}: no array of {title.title_id}", code="missing")
        return [FoundFile(self.path, stream_within(self.path.stem), holds_all=True)]

    def _alike(self, title: Title) -> list[FoundFile]:
        """Return files that are called as a title, or as its video, but for prefix, ending, case and folder."""
        stems = [title.title_id] + ([Path(title.path).stem] if title.path else [])
        for stem in stems:
            files = self._index.get(canonical_stem(stem), [])
            if files:
                return sorted(files, key=lambda file: (stream_order(file.stream), file.path.name))
        return []

    def unused(self, titles: Sequence[Title]) -> list[Path]:
        """See ``FeatureFolders.unused``."""
        taken = {file.path for title in titles for file in self._alike(title)}
        taken |= {(self.path / title.path).resolve() for title in titles if title.path}
        return [path for path in self.files if path.resolve() not in taken]

    @cached_property
    def files(self) -> Sequence[Path]:
        """Feature files, as they are called; links that lead out are none."""
        if self.path.suffix.casefold() in SUFFIXES:
            return ()
        below = self.path.files_below() if isinstance(self.path, StorePath) else self.path.rglob("*")
        return sorted(path for path in below if path.suffix.casefold() in SUFFIXES and path.is_file())

    @cached_property
    def _index(self) -> Mapping[str, list[FoundFile]]:
        """Feature files by name, with and without what it ends in; links that lead out are none."""
        index: dict[str, list[FoundFile]] = {}
        endings: dict[str, str] = {}
        by_stream: dict[str, list[str]] = {}
        for path in self.files:
            by_stream.setdefault(self._stream(path), []).append(path.stem)
        for stream, stems in by_stream.items():
            endings[stream] = common_ending(stems)
        for path in self.files:
            with suppress(DecodeError):
                stream = self._stream(path)
                inside = media_path(self.path, str(path.relative_to(self.path)))
                called = (path.stem, TAIL.sub("", path.stem), path.stem.removesuffix(endings[stream]))
                for stem in set(map(canonical_stem, called)):
                    index.setdefault(stem, []).append(FoundFile(inside, stream))
        return index

    @cached_property
    def _held(self) -> frozenset[str]:
        """The streams that files here are of."""
        return frozenset(self._stream(path) for path in self.files)

    @cached_property
    def _keys(self) -> frozenset[str]:
        from data.hdf5 import keys_of

        return frozenset(map(canonical_stem, keys_of(self.path)))

    def _stream(self, path: Path) -> str:
        """Return the stream that a file's name ends in, else the one that the nearest folder below this is called."""
        folders = reversed(path.relative_to(self.path).parts[:-1])
        return stream_of(path) or next((stream for part in folders if (stream := stream_within(part))), "")
