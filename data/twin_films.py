"""Films that a catalogue has twice, under two ids: in two splits, what training saw would be what is measured.

A film of the same size as another one is compared with it at its beginning, middle and end: films that agree there are
the same. So hardly anything is read, and it is known before splits are drawn. Not in the paper.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from data.counted import counted
from data.errors import DecodeError, Problem
from data.manifest import TitleManifest
from data.store_path import StorePath
from data.titles import called, media_path

PIECE_BYTES = 1 << 16
NAMED = 5


def twin_films(manifest: TitleManifest) -> list[tuple[str, ...]]:
    """Return the titles whose films are the same, in the order of the manifest; films on a store are not asked."""
    if isinstance(manifest.media_root, StorePath):
        return []
    by_size: dict[int, list[tuple[str, Path]]] = {}
    for title in manifest.titles.values():
        if title.path is None:
            continue
        try:
            path = media_path(manifest.media_root, title.path)
            size_bytes = path.stat().st_size if path.is_file() else 0
        except (DecodeError, OSError):
            continue
        if size_bytes:
            by_size.setdefault(size_bytes, []).append((title.title_id, path))
    twins = [ids for found in by_size.values() if len(found) > 1 for ids in _alike(found)]
    order = {title_id: number for number, title_id in enumerate(manifest.titles)}
    return sorted(twins, key=lambda ids: order[ids[0]])


def twin_problems(
    manifest: TitleManifest, twins: Sequence[Sequence[str]], splits: Mapping[str, str]
) -> Iterator[Problem]:
    """Yield a warning for films in several splits, and one for the others that are there twice.

    Args:
        twins: see ``twin_films``.
        splits: by title; empty where they are not known.
    """
    apart = [ids for ids in twins if len({splits.get(title_id) for title_id in ids}) > 1]
    kinds = (
        (apart, "in several splits, so that what is measured was seen in training; give them one split"),
        (
            [ids for ids in twins if ids not in apart and _paths(manifest, ids) > 1],
            "under several ids; each counts on its own",
        ),
    )
    for found, what in kinds:
        if found:
            named = "; ".join(
                " = ".join(_named(manifest, splits, title_id) for title_id in ids) for ids in found[:NAMED]
            )
            more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
            message = f"{counted(len(found), 'film')} {'is' if len(found) == 1 else 'are'} {what}: {named}{more}"
            yield Problem(manifest.path, manifest.lines[found[0][-1]], message, "warning")


def _paths(manifest: TitleManifest, ids: Sequence[str]) -> int:
    """Return how many files these titles name; of one file the manifest's own warning speaks."""
    return len({manifest.titles[title_id].path for title_id in ids})


def _alike(films: Sequence[tuple[str, Path]]) -> Iterator[tuple[str, ...]]:
    found: dict[bytes, list[str]] = {}
    for title_id, path in films:
        try:
            found.setdefault(_pieces(path), []).append(title_id)
        except OSError:
            continue
    yield from (tuple(ids) for ids in found.values() if len(ids) > 1)


def _pieces(path: Path) -> bytes:
    """Return a hash of a film's beginning, middle and end."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        size_bytes = handle.seek(0, 2)
        for start in (0, size_bytes // 2, max(0, size_bytes - PIECE_BYTES)):
            handle.seek(start)
            digest.update(handle.read(PIECE_BYTES))
    return digest.digest()


def _named(manifest: TitleManifest, splits: Mapping[str, str], title_id: str) -> str:
    name = called(title_id, manifest.titles[title_id].name)
    return f"{name} ({splits[title_id]})" if title_id in splits else name
