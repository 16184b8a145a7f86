"""What a person sees of work that goes on: bars on a terminal, and a line for each title as it ends.

Off a terminal (cron, a pipe) there are no bars, and the lines go to the log. A bar that is opened while another one
moves (an epoch of a run of a benchmark) is drawn below it.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.table import Column
from rich.text import Text

from data.counted import brief_clock
from pipeline.launch import is_first
from pipeline.pace import WINDOW_S, Pace, Rest

log = logging.getLogger(__name__)
WIDE = 110
"""Columns of a terminal that has room for a name beside the numbers."""

READ_BY_EACH_STAGE = "data.manifest"
"""Whose log lines are warnings of titles and labels."""

Advance = Callable[[int, int, str], None]
"""Called with (done, total, what is being done)."""

_moving: ContextVar[Progress | None] = ContextVar("moving", default=None)
_untold: ContextVar[bool] = ContextVar("untold", default=False)


class LogLines(logging.Handler):
    """Writes log lines to what stderr is just then: while a bar is drawn, that puts them above it.

    What is odd in titles and labels is said once a command: each stage reads them, and would say it again.
    """

    def __init__(self) -> None:
        super().__init__()
        self._said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        try:
            if record.name == READ_BY_EACH_STAGE:
                if record.getMessage() in self._said:
                    return
                self._said.add(record.getMessage())
            print(self.format(record), file=sys.stderr, flush=True)
        except Exception:  # as the standard library's handlers do: a log that cannot be written ends nothing
            self.handleError(record)


class TitlesBar:
    """Moves by the seconds of titles that are read; a title that ends leaves a line.

    Args:
        stage: what is done with the titles.
        pace: of the titles.
        bars: what draws the bar; None off a terminal.
        titles: how many there are.
    """

    def __init__(self, stage: str, pace: Pace, titles: int, bars: Progress | None = None) -> None:
        self._stage = stage
        self._pace = pace
        self._titles = titles
        self._ended = 0
        self._what = ""
        self._lock = Lock()  # the bar is drawn by a thread of its own, so that the rest grows while nothing is read
        self._bars = bars
        self._task = None if bars is None else bars.add_task(stage, total=None, shown=self)

    def reading(self, title_id: str, name: str, read_s: float, length_s: float | None = None) -> None:
        """Show how much of a title is read, in seconds, and how long it is as far as that is known."""
        with self._lock:
            self._pace.reading(title_id, read_s, length_s)
            self._what = printable(name)
        self._move()

    def ended(self, title_id: str, name: str, words: str, read_s: float | None = None) -> None:
        """Show what became of a title, and how much of it was read (None: what was told while it was read)."""
        with self._lock:
            self._pace.ended(title_id, read_s)
            self._ended += 1
            self._what = printable(name)
        result_line(f"{self._stage} {self._ended} of {self._titles}  {name}  {words}")
        self._move()

    def words(self) -> str:
        """Say how far the work is, how fast it goes and how long it still takes."""
        with self._lock:
            pace = self._pace
            total_s, rate, rest = pace.total_s, pace.rate, pace.rest
            parts = []
            if rest is not None:
                parts.append(str(rest))
            elif rate is not None:
                parts.append("finishing" if pace.is_read else "time left not known")
            of = "" if total_s is None else f" of {brief_clock(total_s)}"
            parts.append(f"{brief_clock(pace.read_s)}{of} read")
            if rate is not None:
                parts.append(f"{rate:.0f}x" if rate >= 10 else f"{rate:.1f}x")
            return ", ".join([*parts, f"{self._ended} of {self._titles} done"])

    @property
    def what(self) -> str:
        """What is being worked on."""
        return self._what

    def close(self) -> None:
        """Take the bar away."""
        if self._bars is not None and self._task is not None:
            self._bars.remove_task(self._task)

    def _move(self) -> None:
        if self._bars is not None and self._task is not None:
            with self._lock:
                share = self._pace.share
            self._bars.update(self._task, completed=100 * (share or 0.0), total=None if share is None else 100)


class _Share(ProgressColumn):
    def render(self, task: Task) -> Text:
        """Return the share in percent, rounded down: what is not whole is at most 99 %."""
        return Text("    " if task.total is None else f"{int(task.completed + 1e-9):3d}%")


class _Words(ProgressColumn):
    max_refresh = 1.0

    def render(self, task: Task) -> Text:
        """Return what there is to say of a bar of titles."""
        return Text(task.fields["shown"].words())


class _What(ProgressColumn):
    def render(self, task: Task) -> Text:
        """Return which title was heard of last."""
        return Text(task.fields["shown"].what, no_wrap=True, overflow="ellipsis")


class _Count(ProgressColumn):
    def render(self, task: Task) -> Text:
        """Return how many of how many are done; nothing while nobody knows how many there are."""
        return Text("" if task.total is None else f"{task.completed:.0f}/{task.total:.0f}")


class _Rest(ProgressColumn):
    max_refresh = 1.0

    def render(self, task: Task) -> Text:
        """Return how long a counted bar still takes, by its speed over the last minutes."""
        rest_s = task.time_remaining
        return Text(str(Rest(rest_s, at_least=False)) if rest_s else "")


@contextmanager
def titles_bar(stage: str, pace: Pace, titles: int) -> Iterator[TitlesBar]:
    """Yield a bar of titles; off a terminal, and in all processes but the first, only its lines are seen.

    Args:
        stage: what is done with the titles.
        pace: of all of them.
        titles: how many there are.
    """
    console = Console(stderr=True)
    if not console.is_terminal or not is_first():
        yield TitlesBar(stage, pace, titles)
        return
    whole, cut = Column(no_wrap=True), Column(ratio=1, no_wrap=True, overflow="ellipsis")
    bar_width = 20 if console.width >= WIDE else 6
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=bar_width),
        _Share(),
        _Words(table_column=whole if console.width >= WIDE else cut),
        *([_What(table_column=cut)] if console.width >= WIDE else []),
    )
    with _drawn(Progress(*columns, console=console, transient=True, expand=True)) as bars:
        bar = TitlesBar(stage, pace, titles, bars)
        try:
            yield bar
        finally:
            bar.close()


@contextmanager
def progress_bar(title: str) -> Iterator[Advance]:
    """Yield a function that moves the bar; it does nothing off a terminal, and in all processes but the first."""
    console = Console(stderr=True)
    if not console.is_terminal or not is_first():
        yield lambda done, total, what: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        _Count(),
        TextColumn("after"),
        TimeElapsedColumn(),
        _Rest(),
        TextColumn("{task.fields[what]}"),
    )
    outer = _moving.get()
    if outer is not None:
        with _one_bar(outer, title) as advance:
            yield advance
        return
    bars = Progress(*columns, console=console, transient=True, speed_estimate_period=WINDOW_S)
    with _drawn(bars), _one_bar(bars, title) as advance:
        yield advance


@contextmanager
def titles_untold() -> Iterator[None]:
    """Leave out the lines of titles, where thousands of them end in a moment, or the same ones for every method."""
    token = _untold.set(True)
    try:
        yield
    finally:
        _untold.reset(token)


def result_line(line: str) -> None:
    """Show what became of a title: above the bar that moves, or else in the log."""
    bars = _moving.get()
    if _untold.get():
        log.debug("%s", printable(line))
    elif bars is None:
        log.info("%s", printable(line))
    else:
        bars.console.print(printable(line), markup=False, highlight=False, soft_wrap=True)


def printable(text: str) -> str:
    """Return text without what a terminal obeys instead of showing it: file names may hold it."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


@contextmanager
def _drawn(bars: Progress) -> Iterator[Progress]:
    """Draw bars, and have lines and further bars go to them."""
    with bars:
        token = _moving.set(bars)
        try:
            yield bars
        finally:
            _moving.reset(token)


@contextmanager
def _one_bar(bars: Progress, title: str) -> Iterator[Advance]:
    task = bars.add_task(title, total=None, what="")
    try:
        yield lambda done, total, what: bars.update(task, completed=done, total=total, what=what)
    finally:
        bars.remove_task(task)
