"""Every error that a user can cause, as one family.

A message says *where, what it was, what is allowed, what to do*, for example
``tt0123.mp4: no video stream (found audio only); list a file that holds video``.
``code`` is a short stable word for tables, logs and quarantine records. ``systemic`` marks faults of the
installation (missing weights, a full disk) that must end a run instead of being recorded against a title.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from data.byte_names import as_text


class ModerationError(Exception):
    """Base of all errors that are reported to the user without a traceback."""

    default_code: ClassVar[str] = "error"
    systemic: ClassVar[bool] = False

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(as_text(message))
        self.code = code or self.default_code


class ConfigError(ModerationError):
    """A wrong option, key or combination of them."""

    default_code = "config"
    systemic = True


class SchemaError(ModerationError):
    """A Parquet file that is not what its schema says (names, types, width, order, finite values)."""

    default_code = "schema"


class MissingShardError(SchemaError):
    """There is no such shard."""


class DecodeError(ModerationError):
    """A video that could not be opened or gave no frame at all."""

    default_code = "decode"


class CheckpointError(ModerationError):
    """A checkpoint that cannot be read or does not fit the features it is given."""

    default_code = "checkpoint"
    systemic = True


class WeightsError(ModerationError):
    """Backbone weights that are missing or are not the file that was asked for."""

    default_code = "weights"
    systemic = True


class StoreError(ModerationError):
    """A store that does not answer, or not in time. No OSError: those may be a title's own."""

    default_code = "store"
    systemic = True


SKIP_HINT = '[data] on_bad_label = "skip" (labels import --skip-bad) leaves out single labels that are wrong'


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a manifest or label file.

    Args:
        path: the file.
        line: 1-based line in that file, or None where a line has no meaning (JSON).
        message: what it was, what is allowed, what to do.
        severity: ``error`` stops the run, ``warning`` does not.
        skippable: it is one label's fault; without that label the rest can be used.
    """

    path: Path
    line: int | None
    message: str
    severity: str = "error"
    skippable: bool = False

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line is not None else str(self.path)
        return f"{where}: {self.severity}: {self.message}"


class ManifestError(ModerationError):
    """All problems of the manifests, at once."""

    default_code = "manifest"
    systemic = True

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = f"{count} problem{'s' if count != 1 else ''} in the manifests"
        tail = [SKIP_HINT] if any(problem.skippable for problem in self.problems) else []
        super().__init__("\n".join([head, *map(str, self.problems), *tail]))
