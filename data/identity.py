"""Title ids made of the names of files: readable, of one film alone, and the same in any order and company.

A film has one id whether its folder, a folder above it or the file itself was named, and whatever else was named with
it: ``film_ids`` end in a few hex digits of the hash of the whole path. ``catalogue_ids`` are for a list that is written
once and kept (titles.csv): the path below one folder, with a hash only where two would be alike.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path, PurePath

from data.store_path import StorePath
from data.titles import ID_BYTES, ID_CHARACTERS, composed, folded, is_id_character, one_line

HASH_DIGITS, LONGEST_HASH = 8, 32
_SLUG_CHARACTERS, _SLUG_BYTES = ID_CHARACTERS - LONGEST_HASH - 1, ID_BYTES - LONGEST_HASH - 1
NAMELESS = "film"


def slug(text: str) -> str:
    """Return text as a part of a title id: letters and digits of any script stay, all between becomes ``_``.

    Not in the paper. Never empty; at most 95 characters and 167 bytes of UTF-8, so that a hash can follow.
    """
    pieces: list[str] = []
    for character in composed(text):
        if is_id_character(character):
            pieces.append(character)
        elif pieces and pieces[-1] != "_":
            pieces.append("_")
    kept = "".join(pieces)[:_SLUG_CHARACTERS].encode()[:_SLUG_BYTES].decode(errors="ignore")
    return composed(kept.strip("._-")) or NAMELESS


def film_ids(paths: Sequence[Path]) -> list[str]:
    """Return the id of each film of no catalogue: the slug of its name and 8 hex digits of its whole path's hash.

    Not in the paper. An id depends on the path alone: on neither the order nor the other films, but for two with equal
    names *and* equal digits (one in four billion pairs of a name), whose ids get more digits.

    Args:
        paths: absolute, resolved, all different; of this machine or of a store.
    """
    return _distinct(paths, lambda path, digits: f"{slug(_stem(path))}-{path_hash(path, digits)}", HASH_DIGITS)


def catalogue_ids(paths: Sequence[PurePath]) -> list[str]:
    """Return ids made of paths below one folder, for a list that is kept.

    ``Name/Season 01/S01E03.mkv`` becomes ``Name-Season_01-S01E03``; a folder that is named as the film in it is not
    repeated. Paths that would be alike, or are too long to tell, get digits of their hash. Not in the paper.

    Args:
        paths: relative to the folder, all different.
    """

    def title_id(path: PurePath, digits: int) -> str:
        parts = [slug(part) for part in (*path.parent.parts, _stem(path))]
        if len(parts) > 1 and folded(parts[-1]) == folded(parts[-2]):
            del parts[-1]
        readable = "-".join(parts)
        short = slug(readable)
        digits = digits or (HASH_DIGITS if short != readable else 0)
        return f"{short}-{path_hash(path, digits)}" if digits else short

    return _distinct(paths, title_id, 0)


def path_hash(path: PurePath, digits: int = HASH_DIGITS) -> str:
    """Return the first hex digits of the SHA-256 of a path's bytes, of a place on a store of its URL's."""
    name = str(path).encode() if isinstance(path, StorePath) else os.fsencode(str(path))
    return hashlib.sha256(name).hexdigest()[:digits]


def display_name(path: PurePath) -> str:
    """Return what a person calls a film: its path without the suffix, on one line, composed, all of it text."""
    return one_line("/".join((*path.parent.parts, path.stem))) or NAMELESS


def _stem(path: PurePath) -> str:
    return os.fsencode(path.stem).decode(errors="replace")


def _distinct(paths: Sequence[PurePath], make: Callable[[PurePath, int], str], digits: int) -> list[str]:
    """Return an id a path, with more digits for those whose ids would be one, whichever of them comes first."""
    ids = [make(path, digits) for path in paths]
    while digits < LONGEST_HASH:
        counts = Counter(map(folded, ids))
        alike = [number for number, title_id in enumerate(ids) if counts[folded(title_id)] > 1]
        if not alike:
            break
        digits = max(HASH_DIGITS, 2 * digits)
        for number in alike:
            ids[number] = make(paths[number], digits)
    return ids
