"""A list of commands by what they are for, each with its whole first sentence: cut ones say nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from data.titles import named_file
from pipeline.config import CONFIG_NAME
from pipeline.stage_result import UnreadError

CONFIG_PARAMETER = "config_path"
FIRST_SENTENCE = 200


@contextmanager
def _unread() -> Iterator[None]:
    """Tell a reader that has gone from other errors, before click ends the program with 1 for it."""
    try:
        yield
    except BrokenPipeError as error:
        raise UnreadError from error


class SectionedGroup(click.Group):
    """A group whose help lists its commands in ``sections``; those in none come last."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.sections: dict[str, list[str]] = {}

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; a folder with a ``run.toml`` that stands first is its ``--config``."""
        name, command, rest = super().resolve_command(ctx, args)
        if (
            command is not None
            and any(parameter.name == CONFIG_PARAMETER for parameter in command.params)
            and rest
            and not rest[0].startswith("-")
            and (named_file(Path(), rest[0]) / CONFIG_NAME).is_file()
        ):
            rest = ["--config", *rest]
        return name, command, rest

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """Read the command line, which may print the help."""
        with _unread():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with _unread():
            return super().invoke(ctx)

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
