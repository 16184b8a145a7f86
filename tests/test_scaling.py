"""The tables of docs/scaling.md are what its script prints."""

import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"


def test_the_page_holds_what_the_script_computes() -> None:
    printed = subprocess.run([sys.executable, DOCS / "scaling.py"], check=True, capture_output=True, text=True).stdout
    assert printed.strip() in (DOCS / "scaling.md").read_text(encoding="utf-8")


def test_another_catalogue_is_computed_from_the_same_rates() -> None:
    command = [sys.executable, str(DOCS / "scaling.py"), "--titles", "3600", "--hours", "1"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    assert lines[0] == "### 3,600 titles: 3,600 hours, 13 million frames"
    assert "| decode 1080p | 8.1 TB | 391 |  |" in lines
