"""What the times of one file look like together, where a spreadsheet may have made something else of them."""

from __future__ import annotations

from collections.abc import Iterator

from data.counted import counted
from data.times import DAY_S, TimeForm, plain_number, two_parts

FIRST_HOUR_THAT_IS_NONE = 24  # 30:00 is no hour of a film


_DAYS = TimeForm(unit="days", decimal_comma=True)


class TimeNotes:
    """Gathers the times of a file, as written, and says how they were read where that was not the only way.

    Args:
        form: how they are read.
        remedy: what to do about fractions of a day, and about ``00:20``.
    """

    def __init__(self, form: TimeForm, remedy: tuple[str, str] | None = None) -> None:
        self._form = form
        self._remedy = remedy
        self._numbers: list[float] = []
        self._clocks: list[tuple[int | None, str]] = []
        self._is_minutes = False

    def add(self, line: int | None, text: str) -> None:
        number = plain_number(text, self._form)
        if number is None:
            number = plain_number(text, _DAYS)  # 2.31E-05, which no one writes by hand
        if number is not None:
            self._numbers.append(number)
        elif (parts := two_parts(text)) is not None:
            self._clocks.append((line, text))
            self._is_minutes |= parts[0] >= FIRST_HOUR_THAT_IS_NONE or parts[1]

    def warnings(self) -> Iterator[tuple[int | None, str]]:
        """Yield line and message of what a person should look at."""
        largest = max(self._numbers, default=0.0)
        if self._form.unit == "seconds" and 0 < largest < 1:
            seconds = round(largest * DAY_S)
            clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
            remedy = self._remedy[0] if self._remedy else '[data] time_unit = "days" reads them so'
            told = f"all plain numbers among the times ({len(self._numbers)}) are below 1 s"
            asked = f"are they fractions of a day, as a spreadsheet saves times ({largest:.9g} would be {clock})?"
            yield None, f"{told}; {asked} {remedy}"
        if self._clocks and not self._is_minutes:
            line, text = self._clocks[0]
            as_hours = self._form.two_parts == "hh:mm"
            read, other = ("hours:minutes", "mm:ss") if as_hours else ("minutes:seconds", "hh:mm")
            remedy = self._remedy[1] if self._remedy else f'[data] two_part_times = "{other}" reads them the other way'
            yield line, f"{counted(len(self._clocks), 'time')} like {text!r} read as {read}; {remedy}"
