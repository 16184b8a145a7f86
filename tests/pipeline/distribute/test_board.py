"""How far a title on another machine is: told there now and then, seen here."""

import json
import subprocess
import sys

import pytest

from pipeline.distribute.board import EVERY_S, Board, telling

SECONDS = 240
PROGRAM = """
import json, sys
from pathlib import Path
from pipeline import progress
from pipeline.cli import main
told, original = [], progress.TitlesBar.reading
def reading(bar, title_id, name, read_s, length_s=None):
    told.append([title_id, read_s, length_s])
    original(bar, title_id, name, read_s, length_s)
progress.TitlesBar.reading = reading
try:
    main(["extract", "--config", sys.argv[1]])
finally:
    Path(sys.argv[2]).write_text(json.dumps(told))
"""


class Handle:
    """Looks like a handle of an actor."""

    def __init__(self):
        self.told = []
        self.tell = self

    def remote(self, *words):
        self.told.append(words)


def test_a_task_tells_now_and_then_not_every_second_of_film():
    now_s = [0.0]
    handle = Handle()
    watch = telling(handle, lambda: now_s[0])
    for decoded_s in range(1, 101):
        watch("t", decoded_s, 100.0)
        now_s[0] += EVERY_S / 8  # exact in binary
    assert handle.told == [("t", 1 + 8 * number, 100.0) for number in range(13)]


def test_a_board_gives_the_newest_of_each_title_once():
    board = Board()
    board.tell("a", 1, 9.0)
    board.tell("b", 2, None)
    board.tell("a", 3, 9.0)
    assert board.news() == {"a": (3, 9.0), "b": (2, None)}
    assert board.news() == {}


@pytest.mark.slow
@pytest.mark.xdist_group("ray")
@pytest.mark.timeout(900)
def test_the_bar_moves_inside_a_title_that_another_machine_reads(films, start_cluster, tmp_path):
    films.write_film("tall", 7, SECONDS)
    films.write_titles("tall", ["tall"])
    config = films.config("board", "tall", engine="ray", ray_address=start_cluster(nodes=1).address)
    told = tmp_path / "told.json"
    ran = subprocess.run([sys.executable, "-c", PROGRAM, config, told], text=True, capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "extract 1 of 1  tall  00:04:00 read to its end" in ran.stderr
    news = json.loads(told.read_text())
    assert {title_id for title_id, _, _ in news} == {"tall"}
    assert {round(length_s) for _, _, length_s in news} == {SECONDS}
    assert any(0 < read_s < SECONDS for _, read_s, _ in news)
