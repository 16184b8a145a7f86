import pytest
from rich.console import Console

from data.counted import counted
from pipeline.terminal_table import print_table

LINES = [
    ["protocol", "label", "recall", "precision", "false per hour"],
    ["first", "violence", "91.5", "80.0", "0.25"],
    ["first", "sex", "7.5", "-", "0.50"],
    ["all", "violence", "12.0", "33.3", "1.75"],
]


def printed(width):
    console = Console(width=width, highlight=False, markup=False, force_terminal=False)
    with console.capture() as capture:
        print_table(console, "Recall", LINES, group=1)
    return capture.get().splitlines()


def test_a_table_that_fits_is_one_table():
    lines = printed(80)
    assert sum("violence" in line for line in lines) == 2
    assert any("first" in line and "91.5" in line and "0.25" in line for line in lines)


@pytest.mark.parametrize("width", [30, 40, 50])
def test_what_does_not_fit_is_taken_apart_and_nothing_is_cut(width):
    lines = printed(width)
    assert max(map(len, lines)) <= width
    text = " ".join(" ".join(lines).split())
    assert "…" not in text
    for cell in {cell for row in LINES for cell in row[1:]}:
        assert cell in text
    assert [line for line in lines if line in ("first", "all")] == ["first", "all"]  # groups became headings


def test_numbers_are_written_like_people_do():
    words = [counted(1, "title"), counted(2, "title"), counted(0, "near miss")]
    assert words == ["1 title", "2 titles", "0 near misses"]
