"""How the report writes numbers and times: for people, and never better than they are."""

from __future__ import annotations

import re

from markupsafe import Markup

from data.counted import share, written_score, written_threshold
from infer.csv_export import clock

_WORD = re.compile(r"[^\W\d_]+")
_UNITS = {"s", "h", "min", "to"}


def shown_clock(value: float | None) -> str:
    """Return ``hh:mm:ss``."""
    return "-" if value is None else clock(value)[:8]


def moment(value: str) -> str:
    """Return ``2026-11-22T23:13:47+00:00`` as people write it."""
    return value[:16].replace("T", " ") + (" UTC" if value.endswith("+00:00") else "")


def percent(value: float | None) -> str:
    """Return a share in percent, see ``data.counted.share``."""
    return share(value)


def threshold(value: float) -> str:
    """Return a threshold, see ``data.counted.written_threshold``."""
    return written_threshold(value)


def score(value: float | None, needed: float | None = None) -> str:
    """Return a score beside what it needs, see ``data.counted.written_score``."""
    return written_score(value, needed)


def heat(value: float | None) -> str:
    """Return the class of a cell's shade, by the square root of a score like everything on the page."""
    return "" if value is None else f" h{min(9, int(10 * max(0.0, value) ** 0.5))}"


def number_class(cell: str) -> Markup:
    """Return the attribute that aligns numbers, and what stands for a missing one, to the right; nothing for words."""
    is_number = cell[:1] in set("-+±0123456789") and set(_WORD.findall(cell)) <= _UNITS
    return Markup(' class="n"') if is_number else Markup("")


def hours(value: float) -> str:
    """Return hours, or minutes below one hour."""
    return f"{value:.1f} h" if value >= 1 else f"{60 * value:.0f} min"
