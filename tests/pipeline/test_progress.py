"""What a person sees while titles are worked on: lines off a terminal, and a bar that moves inside one title on one."""

from __future__ import annotations

import logging
import os
import pty
import re
import select
import subprocess
import sys
import textwrap

from pipeline.pace import Pace
from pipeline.progress import result_line, titles_bar, titles_untold

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def test_off_a_terminal_a_title_that_ends_is_one_line_and_a_title_in_work_is_none(caplog):
    caplog.set_level(logging.INFO)
    with titles_bar("extract", Pace({"a": 10.0, "b": None}), 2) as bar:
        bar.reading("a", "Films/Küss mich (2019).mkv", 5.0)
        bar.ended("a", "Films/Küss mich (2019).mkv", "00:00:10 read to its end in 1 s, 10x", 10.0)
        bar.ended("b", "Films/b.mkv", "failed: b.mkv: the file is empty; copy it again")
    assert [record.getMessage() for record in caplog.records] == [
        "extract 1 of 2  Films/Küss mich (2019).mkv  00:00:10 read to its end in 1 s, 10x",
        "extract 2 of 2  Films/b.mkv  failed: b.mkv: the file is empty; copy it again",
    ]


def test_a_file_name_cannot_forge_a_line_or_move_the_cursor(caplog):
    caplog.set_level(logging.INFO)
    result_line("a\nINFO b\x1b[2J\u202e")
    assert caplog.messages == ["a?INFO b?[2J?"]


def test_on_a_terminal_the_bar_moves_inside_one_title_and_its_result_stays():
    shown = in_a_terminal(
        """
        import time
        from pipeline.pace import Pace
        from pipeline.progress import titles_bar
        now = [0.0]
        with titles_bar("extract", Pace({"a": 7200.0}, now_s=lambda: now[0]), 1) as bar:
            for read_s in range(0, 3600, 60):
                now[0] += 1.0
                bar.reading("a", "film.mkv", read_s)
                time.sleep(0.03)
            time.sleep(1.2)
            bar.ended("a", "film.mkv", "02:00:00 read to its end in 120 s, 60x", 7200.0)
        """
    )
    shares = [int(found) for found in re.findall(r"(\d+)%", shown)]
    assert shares == sorted(shares)
    assert len(set(shares)) > 5
    assert "00:59:00 of 02:00:00 read" in shown
    assert "about 60 s left" in shown  # 3660 s at 60 a second
    assert shown.count("extract 1 of 1  film.mkv  02:00:00 read to its end") == 1


def test_log_lines_stand_above_the_bar():
    shown = in_a_terminal(
        """
        import logging, time
        from pipeline.pace import Pace
        from pipeline.progress import LogLines, titles_bar
        logging.basicConfig(level=logging.INFO, handlers=[LogLines()], format="%(message)s")
        with titles_bar("extract", Pace({"a": 7200.0}), 1) as bar:
            bar.reading("a", "film.mkv", 60)
            time.sleep(0.2)
            logging.info("a picture cannot be converted")
            time.sleep(0.2)
        """
    )
    assert "a picture cannot be converted" in [line.rstrip() for line in re.split(r"[\r\n]+", shown)]


def in_a_terminal(program):
    """Run Python code with a terminal of 120 columns as its stderr; return what it shows, without what moves about."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": "160", "TERM": "xterm", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", textwrap.dedent(program)]
    process = subprocess.Popen(command, stderr=theirs, stdout=subprocess.DEVNULL, env=environment)
    os.close(theirs)
    shown = b""
    while select.select([ours], [], [], 60)[0]:
        try:
            shown += os.read(ours, 65536)
        except OSError:  # Linux: the terminal's last process is gone
            break
    os.close(ours)
    assert process.wait(60) == 0
    return ANSI.sub("", shown.decode())


def test_lines_of_titles_are_left_out_where_thousands_end_in_a_moment(caplog):
    with caplog.at_level(logging.INFO):
        with titles_untold():
            result_line("import 1 of 410  a")
        result_line("extract 1 of 2  b")
    assert [record.message for record in caplog.records] == ["extract 1 of 2  b"]
