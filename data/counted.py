"""Numbers as people write them: with their noun, and moments of a film."""

from __future__ import annotations


def counted(count: int, noun: str, many: str | None = None) -> str:
    """Return ``1 title`` or ``2 titles``; a noun that ends in s gets ``es``, another plural is said in ``many``."""
    if count == 1:
        return f"1 {noun}"
    return f"{count} {many or noun + ('es' if noun.endswith('s') else 's')}"


def brief_clock(seconds: float) -> str:
    """Return ``hh:mm:ss``, rounded down."""
    whole = int(seconds)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def share(value: float | None) -> str:
    """Return a share in percent, rounded down: 99.96 % read must not look like all of it; ``-`` where there is none."""
    return "-" if value is None else f"{int(1000 * value) / 10:g} %"
