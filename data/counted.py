"""A number with its noun, as people write it."""

from __future__ import annotations


def counted(count: int, noun: str, many: str | None = None) -> str:
    """Return ``1 title`` or ``2 titles``; a noun that ends in s gets ``es``, another plural is said in ``many``."""
    if count == 1:
        return f"1 {noun}"
    return f"{count} {many or noun + ('es' if noun.endswith('s') else 's')}"
