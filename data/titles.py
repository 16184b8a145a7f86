"""Titles: the movies and episodes of a catalogue, how they may be named, and where their media may lie.

A title id is a file name, a key of a store, a part of a URL and what people type, in any script: letters and digits of
Unicode, composed (NFC), so that what looks equal is equal.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from data.byte_names import as_name, as_text
from data.errors import DecodeError
from data.files import NAME_BYTES, TEMPORARY_PREFIX
from data.store_path import StorePath

PATH_BYTES = 4095  # what file systems allow
ID_CHARACTERS, ID_BYTES = 128, 200  # with what is put before and after it, an id must stay a file name
_SIGNS = "._-"
NAME_COLUMNS = ("name", "title")  # of a manifest


@dataclass(frozen=True)
class Title:
    """One movie or episode.

    Args:
        title_id: see ``title_id_fault``; unique under ``folded``.
        path: media (or feature) file relative to the media root; None when the manifest has none.
        duration_s: as the manifest says; None if it does not.
        split: ``train``, ``val``, ``test`` or None when not assigned.
        extra: every other column, as text.
    """

    title_id: str
    path: str | None = None
    duration_s: float | None = None
    split: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What a person calls it: the manifest's ``name`` or ``title``, else its file's name without suffix, else the
        id; one line."""
        said = next(filter(None, (self.extra.get(column, "").strip() for column in NAME_COLUMNS)), "")
        return one_line(said or (PurePath(self.path).stem if self.path else "")) or self.title_id


def called(title_id: str, name: str) -> str:
    """Return how a title is called on a line for people: name and id, or the id alone where both say the same."""
    same = name in ("", title_id) or _letters(name) == _letters(title_id) != ""
    return title_id if same else f"{name} ({title_id})"


def _letters(text: str) -> str:
    """Return the letters and digits of a text, composed and without case: what an id keeps of a name."""
    return "".join(filter(str.isalnum, folded(text)))


def one_line(text: str) -> str:
    """Return text composed and on one line: what cannot be printed, line breaks among it, becomes a blank."""
    return composed(" ".join("".join(c if c.isprintable() else " " for c in as_text(text)).split()))


def composed(text: str) -> str:
    """Return text in Unicode's composed form (NFC), the one in which title ids are compared and written."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def folded(title_id: str) -> str:
    """Return what no two titles of a catalogue may share: ids that differ in case only are one file on many disks."""
    return composed(title_id.casefold())


def is_id_character(character: str) -> bool:
    """Say whether a title id may hold a character: a letter, a mark on one, a digit, or one of ``. _ -``."""
    return character in _SIGNS or unicodedata.category(character)[0] in "LMN"


def title_id_fault(title_id: str) -> str:
    """Say what is wrong with a title id (it becomes a file name); empty when nothing is."""
    if (
        0 < len(title_id) <= ID_CHARACTERS
        and title_id not in (".", "..")
        and not title_id.startswith(TEMPORARY_PREFIX)
        and all(map(is_id_character, title_id))
        and len(title_id.encode()) <= ID_BYTES
    ):
        if title_id == composed(title_id):
            return ""
        return f"title_id {title_id!r:.160} is not allowed; write it composed (Unicode NFC): {composed(title_id)!r}"
    rule = (
        f"1 to {ID_CHARACTERS} letters, digits and . _ - of at most {ID_BYTES} bytes, not '.' or '..', "
        f"not beginning with {TEMPORARY_PREFIX!r}"
    )
    return f"title_id {title_id!r:.160} is not allowed; write {rule}"


def whole_root(path: Path) -> Path:
    """Return the root of the machine that a path is on, or of the bucket."""
    return StorePath(*path.parts[:3]) if isinstance(path, StorePath) else Path(path.anchor)


def named_file(folder: Path, text: str) -> Path:
    """Return the file in a folder that a table names: as it stands there, or else as ``as_text`` would have put it."""
    path = folder / text
    name = as_name(text)
    if name == text or isinstance(folder, StorePath) or os.path.lexists(path):
        return path
    return folder / name


def media_path(media_root: Path, path: str) -> Path:
    """Return the absolute, resolved path of a file under the media root. The file need not exist.

    Raises:
        DecodeError: the path leaves the media root (``..``, absolute elsewhere, a symlink out) or cannot be resolved.
    """
    root = media_root.resolve()
    try:
        resolved = named_file(root, path).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # symlink loops, names too long, NUL
        raise DecodeError(f"{path!r}: cannot be resolved ({error})", code="path") from error
    if len(os.fsencode(str(resolved))) > PATH_BYTES or any(
        len(os.fsencode(part)) > NAME_BYTES for part in resolved.parts
    ):
        raise DecodeError(f"{path!r:.160}...: cannot be resolved (name too long); correct it", code="path")
    if resolved == root or not resolved.is_relative_to(root):
        raise DecodeError(
            f"{path!r}: is not inside the media root {root}; move the file or set media_root", code="path"
        )
    return resolved
