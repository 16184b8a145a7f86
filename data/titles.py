"""Titles: the movies and episodes of a catalogue, how they may be named, and where their media may lie."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from data.errors import DecodeError
from data.files import TEMPORARY_PREFIX

NAME_BYTES, PATH_BYTES = 255, 4095  # what file systems allow
_TITLE_ID = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)


@dataclass(frozen=True)
class Title:
    """One movie or episode.

    Args:
        title_id: ``[A-Za-z0-9._-]{1,128}``, not ``.`` or ``..``, unique under case folding.
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


def title_id_fault(title_id: str) -> str:
    """Say what is wrong with a title id (it becomes a file name); empty when nothing is."""
    if title_id in (".", "..") or title_id.startswith(TEMPORARY_PREFIX) or not _TITLE_ID.fullmatch(title_id):
        rule = f"1 to 128 of A-Z a-z 0-9 . _ -, not '.' or '..', not beginning with {TEMPORARY_PREFIX!r}"
        return f"title_id {title_id!r:.160} is not allowed; write {rule}"
    return ""


def media_path(media_root: Path, path: str) -> Path:
    """Return the absolute, resolved path of a file under the media root. The file need not exist.

    Raises:
        DecodeError: the path leaves the media root (``..``, absolute elsewhere, a symlink out) or cannot be resolved.
    """
    root = media_root.resolve()
    try:
        resolved = (root / path).resolve()
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
