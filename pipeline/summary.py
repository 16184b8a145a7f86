"""Where a person sees what a command prints: the console of standard output."""

from __future__ import annotations

from rich.console import Console

NON_TERMINAL_WIDTH = 160
"""Columns of a table that is piped to a file, where there is no terminal to ask."""


def open_console() -> Console:
    """Return where tables are printed: as wide as the terminal, or as a file wants it."""
    console = Console(highlight=False, markup=False)
    return console if console.is_terminal else Console(highlight=False, markup=False, width=NON_TERMINAL_WIDTH)
