"""Times as people write them in label files, all turned into seconds.

Accepted: seconds (``83.5``), clock times (``1:23.5``, ``00:01:23.500``, with a comma as in SRT too), and frame numbers
with a rate: ``2002@23.976`` or ``2002@24000/1001`` carries its own rate, ``2002f`` takes the row's ``fps`` or the
configured rate. Frame n begins at n / rate, so as an *end* it is the first frame that is not in the clip.
"""

from __future__ import annotations

import re

_SECONDS = re.compile(r"\d+(\.\d*)?|\.\d+", re.ASCII)
_CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d{1,2}(?:[.,]\d*)?)", re.ASCII)
_FRAME = re.compile(r"(\d+)(?:f|@(\d+(?:\.\d+)?(?:/\d+)?))", re.ASCII)
ALLOWED = "seconds (83.5), hh:mm:ss.mmm, or a frame with its rate (2002@23.976)"


def parse_time(text: str, frame_rate_fps: float | None = None) -> float:
    """Return the seconds that a written time means, >= 0.

    Args:
        text: a time in one of the forms above.
        frame_rate_fps: rate for frame numbers that carry none.

    Raises:
        ValueError: with a message that says what is allowed.
    """
    text = text.strip()
    if len(text) > 40:
        raise ValueError(f"{text:.40}... is no time; write {ALLOWED}")
    if match := _FRAME.fullmatch(text):
        return _frame_time(text, int(match[1]), match[2], frame_rate_fps)
    if match := _CLOCK.fullmatch(text):
        hours, minutes, seconds = int(match[1] or 0), int(match[2]), float(match[3].replace(",", "."))
        if seconds >= 60 or (match[1] is not None and minutes >= 60):
            raise ValueError(f"{text!r} has 60 or more in its minutes or seconds")
        return 3600.0 * hours + 60.0 * minutes + seconds
    if _SECONDS.fullmatch(text):
        return float(text)
    raise ValueError(f"{text!r} is no time; write {ALLOWED}")


def parse_frame_rate(text: str) -> float:
    """Return the frames per second that ``25``, ``23.976`` or ``24000/1001`` means.

    Raises:
        ValueError: not a number, not positive, above 1000.
    """
    upper, _, lower = text.strip().partition("/")
    try:
        rate = float(upper) / float(lower or 1)
    except (ValueError, ZeroDivisionError) as error:
        raise ValueError(f"{text!r} is no frame rate; write 25, 23.976 or 24000/1001") from error
    if not 0 < rate <= 1000:
        raise ValueError(f"{text!r} is no frame rate; it must be above 0 and at most 1000")
    return rate


def _frame_time(text: str, frame: int, own_rate: str | None, frame_rate_fps: float | None) -> float:
    rate = parse_frame_rate(own_rate) if own_rate else frame_rate_fps
    if rate is None:
        raise ValueError(f"{text!r} is a frame number without a rate; write {frame}@23.976 or give the rate")
    return frame / rate
