"""Numbers as people write them: with their noun, moments of a film, and scores beside their thresholds."""

from __future__ import annotations

import math
import struct

LEAST_DECIMALS = 3
SIGNIFICANT = 2
SCIENTIFIC_BELOW = 1e-4
"""Smaller scores are written as 1.2e-07: there is nothing to read between so many zeros."""


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


def written_threshold(value: float) -> str:
    """Return a threshold in full: the shortest number that scores, which have single precision, do not tell from it."""
    return next(text for text in (f"{value:.{digits}g}" for digits in range(1, 18)) if _single(text) == _single(value))


def written_score(score: float | None, threshold: float | None = None) -> str:
    """Return a score in [0, 1] so that it is read as what it is; ``-`` where there is none.

    Three decimals, more where it takes them to say two digits of the score, or of what it lacks to 1: 0.99926 is
    neither 1 nor the threshold 0.9987 that it passed. Beside a threshold it gets as many as it takes to be read on its
    own side of what ``written_threshold`` says. A higher score never reads lower than a lower one.
    """
    if score is None:
        return "-"
    if not 0 < score < 1:
        return f"{score:.3g}"
    if threshold is None:
        return _decimal(score, SIGNIFICANT)
    limit = written_threshold(threshold)
    if score == threshold:
        return limit
    for digits in range(SIGNIFICANT, 18):
        text = _decimal(score, digits)
        if (float(text) > float(limit)) == (score > threshold) and float(text) != float(limit):
            return text
    return limit


def _decimal(score: float, digits: int) -> str:
    """Round to significant digits of the score or of its distance to 1; never to 0 or 1 itself."""
    smaller = min(score, 1 - score)
    if score < SCIENTIFIC_BELOW:
        return f"{score:.{digits - 1}e}"
    return f"{score:.{max(LEAST_DECIMALS, digits - 1 - math.floor(math.log10(smaller)))}f}"


def _single(value: float | str) -> float:
    """Return a number in single precision, as scores are kept."""
    return float(struct.unpack("f", struct.pack("f", float(value)))[0])


def byte_words(size_bytes: int) -> str:
    """Return ``1.5 GiB``: three digits, rounded."""
    units = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
    power = min(max(size_bytes.bit_length() - 1, 0) // 10, len(units) - 1)
    return f"{size_bytes / 1024**power:.3g} {units[power]}"
