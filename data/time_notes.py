"""What the times of one file look like together, where a spreadsheet may have made something else of them.

A spreadsheet shows ``00:00:20`` and saves 0.000231481, the fraction of a day, where its cell has no format. Read as
seconds, all labels would lie in the first picture of their film, and training would end well, having learnt nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from data.counted import brief_clock, counted
from data.times import DAY_S, TimeForm, plain_number, two_parts, written_as

FIRST_HOUR_THAT_IS_NONE = 24  # 30:00 is no hour of a film
AS_DAYS = '[data] time_unit = "days" (labels import --time-unit days) reads them so; "seconds" takes them as they are'


_DAYS = TimeForm(unit="days", decimal_comma=True)


@dataclass(frozen=True)
class TimeNote:
    """What a person should look at: where, and what; an error where what was read cannot be meant."""

    line: int | None
    message: str
    severity: str = "warning"


class TimeNotes:
    """Gathers the times of a file, as written, and says how they were read.

    Args:
        form: how they are read.
        sample_s: seconds between pictures that are looked at; shorter clips are none.
        remedy: what to do about fractions of a day, and about ``00:20``.
    """

    def __init__(self, form: TimeForm, sample_s: float = 1.0, remedy: tuple[str, str] | None = None) -> None:
        self._form, self._sample_s = form, sample_s
        self._remedy = remedy
        self._numbers: list[tuple[float, int | None, str]] = []
        self._clocks: list[tuple[int | None, str]] = []
        self._is_minutes = False
        self._read: dict[str, tuple[int, str, float | None]] = {}

    def add(self, line: int | None, text: str, time_s: float | None = None, kind: str | None = None) -> None:
        """Note a time.

        Args:
            time_s: as it was read.
            kind: how it was read, in words, where its form does not say it.
        """
        read = kind or written_as(text, self._form)
        count, example, example_s = self._read.get(read, (0, text, time_s))
        self._read[read] = (count + 1, example, example_s)
        if kind is not None:
            return
        number = plain_number(text, self._form)
        if number is None:
            number = plain_number(text, _DAYS)  # 2.31E-05, which no one writes by hand
        if number is not None:
            self._numbers.append((number, line, text))
        elif (parts := two_parts(text)) is not None:
            self._clocks.append((line, text))
            self._is_minutes |= parts[0] >= FIRST_HOUR_THAT_IS_NONE or parts[1]

    def readings(self) -> str:
        """Say how many times were read in which way, with an example of each; empty without any."""
        return ", ".join(
            f"{count} as {kind} ({example!r:.30} is {_moment(example_s)})"
            if example_s is not None
            else f"{count} as {kind}"
            for kind, (count, example, example_s) in sorted(self._read.items(), key=lambda one: -one[1][0])
        )

    def notes(self) -> Iterator[TimeNote]:
        """Yield what a person should look at."""
        largest, line, text = max(self._numbers, default=(0.0, None, ""), key=lambda number: number[0])
        if self._form.unit == "auto" and 0 < largest < 1:
            would = f"{text} would be {brief_clock(round(largest * DAY_S))}"
            told = f"all plain numbers among the times ({len(self._numbers)}) are below 1 s"
            asked = f"are they fractions of a day, as a spreadsheet saves times ({would})?"
            severity = "error" if largest <= self._sample_s else "warning"
            yield TimeNote(line, f"{told}; {asked} {self._remedy[0] if self._remedy else AS_DAYS}", severity)
        if self._clocks and not self._is_minutes:
            line, text = self._clocks[0]
            as_hours = self._form.two_parts == "hh:mm"
            read, other = ("hours:minutes", "mm:ss") if as_hours else ("minutes:seconds", "hh:mm")
            remedy = self._remedy[1] if self._remedy else f'[data] two_part_times = "{other}" reads them the other way'
            yield TimeNote(line, f"{counted(len(self._clocks), 'time')} like {text!r} read as {read}; {remedy}")


def _moment(seconds: float) -> str:
    """Return a time in seconds, and on the clock where that says more."""
    clock = f", {brief_clock(seconds)}" if seconds >= 60 else ""
    return f"{seconds:.6g} s{clock}"
