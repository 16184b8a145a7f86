"""Times as people write them in label files, all turned into seconds.

Accepted: seconds (``83.5``), clock times (``1:23.5``, ``00:01:23.500``, with a comma as in SRT too), frame numbers with
a rate (``2002@23.976`` or ``2002@24000/1001`` carries its own rate, ``2002f`` takes the row's ``fps`` or the configured
rate), and SMPTE timecodes (``01:23:45:12``, drop-frame ``01:23:45;12``) where a rate is known. Frame n begins at
n / rate, so as an *end* it is the first frame that is not in the clip.

A spreadsheet saves ``00:20`` for what may be 20 minutes or 20 seconds, ``83,5`` for 83.5, and a time in a cell without
a format as a fraction of a day: ``TimeForm`` says how a file is to be read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

TimeUnit = Literal["auto", "seconds", "days"]
TwoParts = Literal["mm:ss", "hh:mm"]
DAY_S = 86400.0
DAY_DECIMALS = 3  # a spreadsheet shows nine digits of a day: 0.000231481 is 20 s, not 19.999958
LONGEST_DAYS = 2.0  # 48 hours: more is no time in a film
_NUMBER = re.compile(r"\d+(\.\d*)?|\.\d+", re.ASCII)
_SMALL_NUMBER = re.compile(r"(?:\d+(?:\.\d*)?|\.\d+)[eE]-\d{1,3}", re.ASCII)  # 2.31481E-05, two seconds in days
_CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d{1,2}(?:[.,]\d*)?)", re.ASCII)
_FRAME = re.compile(r"(\d+)(?:f|@(\d+(?:\.\d+)?(?:/\d+)?))", re.ASCII)
_TIMECODE = re.compile(r"(\d{1,3})([:;])(\d{1,2})\2(\d{1,2})([:;])(\d{1,3})", re.ASCII)
ALLOWED = "seconds (83.5), hh:mm:ss.mmm, or a frame with its rate (2002@23.976)"


@dataclass(frozen=True)
class TimeForm:
    """How the times of a file are to be read where that cannot be told from one of them.

    Args:
        unit: of plain numbers: ``seconds``, or ``days`` where a spreadsheet saved fractions of a day; ``auto`` is
            seconds, too, and a file that cannot mean seconds is refused (``data.time_notes``).
        two_parts: what ``00:20`` means, 20 seconds (``mm:ss``) or 20 minutes (``hh:mm``).
        decimal_comma: ``83,5`` is 83.5, as where a semicolon separates the cells.
    """

    unit: TimeUnit = "auto"
    two_parts: TwoParts = "mm:ss"
    decimal_comma: bool = False


SECONDS = TimeForm(unit="seconds")
AUTO = TimeForm()


def parse_time(text: str, frame_rate_fps: float | None = None, form: TimeForm = SECONDS) -> float:
    """Return the seconds that a written time means, >= 0.

    Args:
        text: a time in one of the forms above.
        frame_rate_fps: rate for frame numbers that carry none.
        form: how to read what has several meanings.

    Raises:
        ValueError: with a message that says what is allowed.
    """
    text = text.strip()
    if len(text) > 40:
        raise ValueError(f"{text:.40}... is no time; write {ALLOWED}")
    if match := _FRAME.fullmatch(text):
        return _frame_time(text, int(match[1]), match[2], frame_rate_fps)
    if match := _CLOCK.fullmatch(text):
        return _clock_time(text, match, form.two_parts)
    if match := _TIMECODE.fullmatch(text):
        return _timecode(text, match, frame_rate_fps)
    number = plain_number(text, form)
    if number is None:
        hint = (
            "" if not _SMALL_NUMBER.fullmatch(text.replace(",", ".")) else '; a fraction of a day? time_unit = "days"'
        )
        raise ValueError(f"{text!r} is no time; write {ALLOWED}{hint}")
    if form.unit != "days":
        return number
    if number > LONGEST_DAYS:
        raise ValueError(f'{text!r} is more than {LONGEST_DAYS:g} days; time_unit = "days" takes fractions of a day')
    return round(number * DAY_S, DAY_DECIMALS)


def plain_number(text: str, form: TimeForm = SECONDS) -> float | None:
    """Return a time that is a number alone, in the form's unit; None for any other."""
    if form.decimal_comma and text.count(",") == 1 and "." not in text:
        text = text.replace(",", ".")
    if _NUMBER.fullmatch(text) or (form.unit == "days" and _SMALL_NUMBER.fullmatch(text)):
        return float(text)
    return None


def looks_like_clock(text: str) -> bool:
    """Say whether a text is written as a time of the clock or a timecode."""
    return bool(_CLOCK.fullmatch(text) or _TIMECODE.fullmatch(text))


def written_as(text: str, form: TimeForm) -> str:
    """Return in words how a time that can be read is read."""
    if match := _FRAME.fullmatch(text):
        return "frame numbers"
    if match := _CLOCK.fullmatch(text):
        return "hh:mm:ss" if match[1] is not None else form.two_parts
    if _TIMECODE.fullmatch(text):
        return "hh:mm:ss:frames"
    return "fractions of a day" if form.unit == "days" else "seconds"


def two_parts(text: str) -> tuple[int, bool] | None:
    """Return the first part of ``00:20``, and whether the second has decimals; None where there are not two."""
    match = _CLOCK.fullmatch(text)
    return None if match is None or match[1] is not None else (int(match[2]), not match[3].isdecimal())


def parse_frame_rate(text: str) -> float:
    """Return the frames per second that ``25``, ``23.976`` or ``24000/1001`` means.

    Raises:
        ValueError: not a number, not positive, above 1000.
    """
    return _rate(text, "frame rate", "25, 23.976 or 24000/1001")


def parse_rate(text: str) -> float:
    """Return the rows a second that ``1``, ``1.5625`` or ``25/16`` means; ValueError as ``parse_frame_rate``."""
    return _rate(text, "rate", "1, 1.5625 or 25/16 (a row every 16 frames at 25 a second)")


def _rate(text: str, what: str, allowed: str) -> float:
    upper, _, lower = text.strip().partition("/")
    try:
        rate = float(upper) / float(lower or 1)
    except (ValueError, ZeroDivisionError) as error:
        raise ValueError(f"{text!r} is no {what}; write {allowed}") from error
    if not 0 < rate <= 1000:
        raise ValueError(f"{text!r} is no {what}; it must be above 0 and at most 1000")
    return rate


def _clock_time(text: str, match: re.Match[str], meaning: TwoParts) -> float:
    hours, minutes, seconds = int(match[1] or 0), int(match[2]), float(match[3].replace(",", "."))
    if seconds >= 60 or (match[1] is not None and minutes >= 60):
        raise ValueError(f"{text!r} has 60 or more in its minutes or seconds")
    if match[1] is None and meaning == "hh:mm":
        if not match[3].isdecimal():
            raise ValueError(f'{text!r} has no whole minutes; two_part_times = "hh:mm" takes hours and minutes')
        return 3600.0 * minutes + 60.0 * seconds
    return 3600.0 * hours + 60.0 * minutes + seconds


def _timecode(text: str, match: re.Match[str], rate: float | None) -> float:
    """Return the seconds of an SMPTE timecode, whose last part counts frames; ``;`` before it says drop-frame.

    A timecode counts whole frames a second (30 at 29.97), so it runs slow; drop-frame leaves out the first two numbers
    (four at 59.94) of each minute but every tenth, to keep in step with the clock.
    """
    hours, minutes, seconds, frame = (int(match[group]) for group in (1, 3, 4, 6))
    if rate is None:
        raise ValueError(f"{text!r} ends in a frame number, and no rate is known; set frame_rate_fps, or a column fps")
    whole = round(rate)
    if minutes >= 60 or seconds >= 60 or frame >= whole:
        raise ValueError(f"{text!r} has 60 or more in its minutes or seconds, or {whole} or more in its frames")
    number = ((hours * 60 + minutes) * 60 + seconds) * whole + frame
    if match[5] == ";":
        if whole % 30 or abs(rate - whole / 1.001) > 0.01:
            raise ValueError(f"{text!r} is drop-frame (;), which is for 29.97 and 59.94 frames a second, not {rate:g}")
        left_out = 2 * (whole // 30)
        if seconds == 0 and frame < left_out and minutes % 10:
            raise ValueError(f"{text!r} is a number that drop-frame leaves out; write {left_out} or more frames")
        passed = hours * 60 + minutes
        number -= left_out * (passed - passed // 10)
    return number / rate


def _frame_time(text: str, frame: int, own_rate: str | None, frame_rate_fps: float | None) -> float:
    rate = parse_frame_rate(own_rate) if own_rate else frame_rate_fps
    if rate is None:
        raise ValueError(f"{text!r} is a frame number without a rate; write {frame}@23.976 or give the rate")
    return frame / rate
