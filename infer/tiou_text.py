"""tIoU thresholds as papers write them: a range ``0.1:0.7:0.1`` with its ends and step, or a list ``0.3,0.5``.

Nothing here imports numpy: settings are read before anything is measured.
"""

from __future__ import annotations

import re
from decimal import Decimal

ALLOWED = "a range with its step (0.1:0.7:0.1), or numbers from 0 to 1 (0.3,0.5)"
MOST = 100
_NUMBER = re.compile(r"\d*\.?\d+", re.ASCII)


def parse_tiou(text: str) -> tuple[float, ...]:
    """Return the thresholds that a text means; both ends of a range belong to it, and each is the decimal as written.

    Raises:
        ValueError: with what is allowed.
    """
    parts = [part.strip() for part in text.split(":" if ":" in text else ",")]
    if not all(len(part) <= 20 and _NUMBER.fullmatch(part) for part in parts) or (":" in text and len(parts) != 3):
        raise ValueError(f"no tIoU; write {ALLOWED}")
    numbers = [Decimal(part) for part in parts]
    if ":" in text:
        numbers = _steps(*numbers)
    if max(numbers) > 1:
        raise ValueError(f"tIoU is between 0 and 1; write {ALLOWED}")
    return tuple(map(float, numbers))


def _steps(first: Decimal, last: Decimal, step: Decimal) -> list[Decimal]:
    if step <= 0 or last < first:
        raise ValueError(f"the range must rise, by a step above 0; write {ALLOWED}")
    count, rest = divmod(last - first, step)
    if rest:
        raise ValueError(f"no whole number of steps leads from {first} to {last}; write {ALLOWED}")
    if count >= MOST:
        raise ValueError(f"{count + 1} thresholds; at most {MOST}")
    return [first + step * k for k in range(int(count) + 1)]


def tiou_words(thresholds: tuple[float, ...]) -> str:
    """Return thresholds as papers write them: ``0.1:0.7`` for seven a tenth apart, else each."""
    tenths = [round(10 * value) for value in thresholds]
    even = len(tenths) > 3 and all(abs(10 * value - tenth) < 1e-9 for value, tenth in zip(thresholds, tenths))
    if even and tenths == list(range(tenths[0], tenths[-1] + 1)):
        return f"{thresholds[0]:g}:{thresholds[-1]:g}"
    return ", ".join(f"{value:g}" for value in thresholds)
