"""What a person sees at the end of a command: tables of a run, on standard output."""

from __future__ import annotations

from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from data.counted import counted, share
from data.titles import called
from infer.csv_export import clock
from infer.write import read_segments, read_titles_table

NON_TERMINAL_WIDTH = 160
"""Columns of a table that is piped to a file, where there is no terminal to ask."""


def print_run(run_dir: Path) -> None:
    """Print a run's titles with their status, its flagged segments, and how many near misses there are."""
    console = open_console()
    titles = Table("title", "status", "labels", title="Titles", box=box.SQUARE)
    titles.add_column("flagged", justify="right")
    titles.add_column("read", justify="right")
    titles.add_column("why", overflow="fold")
    rows = read_titles_table(run_dir / "titles.parquet")
    names = {row.title_id: called(row.title_id, row.name) for row in rows}
    for row in rows:
        titles.add_row(
            names[row.title_id],
            row.status,
            row.labels,
            f"{row.flagged_s:.0f} s",
            share(row.coverage),
            row.reason or row.error,
        )
    console.print(titles)
    found = read_segments(run_dir / "segments.parquet")
    flagged = [segment for segment in found if segment.decision == "flag"]
    segments = Table("title", "label", "start", "end", "score", title="Flagged segments", box=box.SQUARE)
    for segment in flagged:
        place = clock(segment.start_s), clock(segment.end_s)
        segments.add_row(names[segment.title_id], segment.label, *place, f"{segment.score:.3f}")
    console.print(segments if flagged else "No flagged segments.")
    console.print(
        f"{counted(len(found) - len(flagged), 'near miss')} (decision = review) in {run_dir / 'segments.csv'}"
    )


def open_console() -> Console:
    """Return where tables are printed: as wide as the terminal, or as a file wants it."""
    console = Console(highlight=False, markup=False)
    return console if console.is_terminal else Console(highlight=False, markup=False, width=NON_TERMINAL_WIDTH)
