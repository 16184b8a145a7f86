"""Titles: the movies and episodes of a catalogue, and the manifest that lists them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


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
