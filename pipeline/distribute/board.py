"""How far the titles of a cluster are: tasks tell it to a board, and whoever waits reads it there.

Nothing depends on the board: where it is lost, the bar moves a title at a time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import ray
from ray.exceptions import RayError

from pipeline.feature_work import Watch

EVERY_S = 2.0
"""How often a task tells, and the board is read."""
PATIENCE_S = 10.0

News = dict[str, tuple[int, float | None]]
"""By title: seconds of it decoded so far, and seconds it has by its file."""


class Board:
    """What the tasks told since it was read last."""

    def __init__(self) -> None:
        self._news: News = {}

    def tell(self, title_id: str, decoded_s: int, length_s: float | None) -> None:
        """Take the newest of a title."""
        self._news[title_id] = decoded_s, length_s

    def news(self) -> News:
        """Give what is new, once."""
        news, self._news = self._news, {}
        return news


@contextmanager
def board_read_by(watch: Watch) -> Iterator[Any]:
    """Yield the handle of a board; ``watch`` is called by a thread with what is told there."""
    board: Any = ray.remote(num_cpus=0)(Board).remote()
    ended = threading.Event()

    def read() -> None:
        while not ended.wait(EVERY_S):
            with suppress(RayError, ConnectionError):
                for title_id, (decoded_s, length_s) in ray.get(board.news.remote(), timeout=PATIENCE_S).items():
                    watch(title_id, decoded_s, length_s)

    reader = threading.Thread(target=read, name="board", daemon=True)
    reader.start()
    try:
        yield board
    finally:
        ended.set()
        reader.join(PATIENCE_S)
        with suppress(RayError, ConnectionError):
            ray.kill(board)


def telling(board: Any, now_s: Callable[[], float] = time.monotonic) -> Watch:
    """Return what a task calls for every second: it tells the board now and then."""
    told_s = float("-inf")

    def watch(title_id: str, decoded_s: int, length_s: float | None) -> None:
        nonlocal told_s
        if now_s() - told_s >= EVERY_S:
            told_s = now_s()
            board.tell.remote(title_id, decoded_s, length_s)

    return watch
