"""What is logged without a terminal: a line a title and a stage, and what a person must know; all else with -vv."""

import re
import subprocess
import sys

STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d "


def logged(night, *words):
    """Type a command in the folder of the configuration; return the lines on standard error."""
    start = [sys.executable, "-c", "from pipeline.cli import main; main()"]
    done = subprocess.run([*start, *words], cwd=night.folder, capture_output=True, text=True, check=True)
    return done.stderr.splitlines()


def test_a_run_logs_a_line_a_title_and_stage_and_nothing_else(night):
    lines = logged(night, "run")
    of_titles = re.compile(STAMP + r"INFO (import|infer) [1-4] of 4  t[0-3]  \S")
    assert [line for line in lines if not of_titles.match(line)] == []
    assert len(lines) == 8
    assert logged(night, "run") == []
    assert logged(night, "plan") == []
    assert logged(night, "runs", "list") == []


def test_everything_is_logged_for_who_asks(night):
    lines = logged(night, "-vv", "run")
    assert any(
        re.match(STAMP + r"DEBUG pipeline\.\S+ configuration: .*run\.toml \(found here\)", line) for line in lines
    )
    assert any(re.match(STAMP + r"DEBUG pipeline\.stages\.\S+ stage=infer titles=4 scored=4", line) for line in lines)
