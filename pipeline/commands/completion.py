"""What the Tab key proposes beside commands and options: files, the titles of a configuration, its labels.

The shell asks a process of its own for every press, so nothing here may import torch or look at films.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress

import click
from click.shell_completion import CompletionItem

from data.errors import ModerationError
from pipeline.commands.terminal import find_config
from pipeline.config import Config, load_config

MOST = 200
"""Nobody chooses from a longer list; typing on makes it shorter."""


def complete_title(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Propose the ids of the titles table."""
    return _proposed(context, incomplete, _title_ids)


def complete_label(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Propose the labels of the configuration."""
    return _proposed(context, incomplete, lambda config: config.data.labels)


def _title_ids(config: Config) -> Iterable[str]:
    from data.manifest import read_titles

    return read_titles(config.data.titles, config.data.media_root)


def _proposed(
    context: click.Context, incomplete: str, names: Callable[[Config], Iterable[str]]
) -> list[CompletionItem]:
    """Return the names that begin with what is typed; none where the configuration cannot be read."""
    path = find_config(context.params.get("config_path"))
    if path is None:
        return []
    with suppress(ModerationError, OSError, ValueError):
        found = [name for name in names(load_config(path)) if name.casefold().startswith(incomplete.casefold())]
        return [CompletionItem(name) for name in found[:MOST]]
    return []
