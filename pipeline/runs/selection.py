"""Which titles a run may work on; the others keep what they have."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from data.errors import ConfigError
from data.titles import title_id_fault

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Selection:
    """All conditions that are set must hold.

    Args:
        title_ids: only these.
        since_s: only titles whose file was modified then or later; seconds since 1970.
        changed: only new and changed files: neither earlier failures nor titles that want other features.
        failed: only what failed before.
    """

    title_ids: frozenset[str] | None = None
    since_s: float | None = None
    changed: bool = False
    failed: bool = False


def read_title_ids(path: Path) -> frozenset[str]:
    """Read a file of title ids, one a line; blank lines and lines that begin with # do not count.

    Raises:
        ConfigError: no such file, or a line that is no title id.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not a readable list of title ids ({error}); write one id a line") from error
    found = set()
    for number, line in enumerate(lines, 1):
        title_id = line.strip()
        if title_id and not title_id.startswith("#"):
            if fault := title_id_fault(title_id):
                raise ConfigError(f"{path}:{number}: {fault}")
            found.add(title_id)
    return frozenset(found)


def check_known(selection: Selection, titles: Collection[str], where: str) -> None:
    """Warn of wanted ids that no title has; ConfigError if none of them has one: that list is of something else."""
    wanted = selection.title_ids or frozenset()
    unknown = sorted(wanted - set(titles))
    if not unknown:
        return
    named = ", ".join(unknown[:5]) + (f" and {len(unknown) - 5} more" if len(unknown) > 5 else "")
    said = f"--titles: no title of {where} has the id {named}"
    if len(unknown) == len(wanted):
        raise ConfigError(f"{said}; write ids as they are there, one a line")
    log.warning("%s; the others are worked on", said)


def parse_since(text: str) -> float:
    """Turn ``2026-11-22`` or ``2026-11-22T03:00`` (local time unless it names a zone) into seconds since 1970."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        raise ConfigError(f"--since {text!r}: write a date as 2026-11-22, or a time as 2026-11-22T03:00") from error
