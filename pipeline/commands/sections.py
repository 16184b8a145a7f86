"""A list of commands by what they are for, each with its whole first sentence: cut ones say nothing."""

from __future__ import annotations

from typing import Any

import click

FIRST_SENTENCE = 200


class SectionedGroup(click.Group):
    """A group whose help lists its commands in ``sections``; those in none come last."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.sections: dict[str, list[str]] = {}

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections."""
        placed = {name for names in self.sections.values() for name in names}
        others = [name for name in self.list_commands(ctx) if name not in placed]
        for section, names in {**self.sections, "More": others}.items():
            found = [command for name in names if (command := self.get_command(ctx, name)) is not None]
            if found:
                with formatter.section(section):
                    formatter.write_dl(
                        [(command.name or "", command.get_short_help_str(FIRST_SENTENCE)) for command in found],
                        col_max=20,
                    )
