"""Progress bars on a terminal, nothing elsewhere: under cron the log has one line per title or epoch.

A bar that is opened while another one moves (an epoch of a run of a benchmark) is drawn below it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from pipeline.launch import is_first

Advance = Callable[[int, int, str], None]
"""Called with (done, total, what is being done)."""

_moving: ContextVar[Progress | None] = ContextVar("moving", default=None)


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
        MofNCompleteColumn(),
        TextColumn("after"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[what]}"),
    )
    outer = _moving.get()
    if outer is not None:
        with _one_bar(outer, title) as advance:
            yield advance
        return
    with Progress(*columns, console=console, transient=True) as bars, _one_bar(bars, title) as advance:
        token = _moving.set(bars)
        try:
            yield advance
        finally:
            _moving.reset(token)


@contextmanager
def _one_bar(bars: Progress, title: str) -> Iterator[Advance]:
    task = bars.add_task(title, total=None, what="")
    try:
        yield lambda done, total, what: bars.update(task, completed=done, total=total, what=what)
    finally:
        bars.remove_task(task)
