"""Labels: which titles contain an activity, and when it is seen first (Sec. 3.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Clip:
    """A labelled interval ``[start_s, end_s)`` of one title."""

    label: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class TitleLabels:
    """What annotators say of one title.

    Args:
        present: per label True, False, or None where nobody looked (blank is not 0).
        first: per label its first occurrence, where it is labelled.
        occurrences: all occurrences (the all-occurrence protocol); None when only firsts are labelled.
    """

    title_id: str
    present: Mapping[str, bool | None] = field(default_factory=dict)
    first: Mapping[str, Clip] = field(default_factory=dict)
    occurrences: tuple[Clip, ...] | None = None

    @property
    def is_labelled(self) -> bool:
        """Whether anybody looked at the title: for at least one label it is known if it is present."""
        return bool(self.first) or any(value is not None for value in self.present.values())
