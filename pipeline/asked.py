"""What a call of `moderate` was asked, kept in its folder: the next one says what it was asked otherwise.

Thresholds and patterns decide what is skipped. A second call without those of the first writes other skip files, which
nobody may notice; one that took them on by itself would be no better. So the call says it in one line, with the words
to type to have the former again.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from data.errors import SchemaError
from data.files import write_json
from data.record_file import read_record
from pipeline.moderation_folder import toml_key, toml_value
from pipeline.work_folder import WorkFolder


def options(
    *,
    checkpoint: Path | None,
    include: Sequence[str],
    exclude: Sequence[str],
    thresholds: Mapping[str, float],
    labels: Sequence[str],
    overrides: Mapping[str, Any],
) -> list[str]:
    """Return what was asked as options of a command line, each as it is typed in a shell, in one order for all calls.

    Args:
        checkpoint: None for the starter.
        thresholds: by label, whatever way they were typed.
        labels: all of the checkpoint.
    """
    pairs = [("--checkpoint", str(checkpoint.absolute()))] if checkpoint else []
    if set(thresholds) == set(labels) and len(set(thresholds.values())) == 1:
        pairs.append(("--threshold", f"{thresholds[labels[0]]!r}"))
    else:
        pairs += [("--threshold", f"{label}={value!r}") for label, value in sorted(thresholds.items())]
    pairs += [("--set", text) for text in sorted(_assignments(overrides, ()))]
    pairs += [("--include", pattern) for pattern in sorted(set(include))]
    pairs += [("--exclude", pattern) for pattern in sorted(set(exclude))]
    return [f"{option} {shlex.quote(value)}" for option, value in pairs]


def changed(out: Path, now: Sequence[str], call: str) -> str:
    """Say what a call is asked otherwise than the one before in its folder; empty if nothing, or if there was none.

    Args:
        out: folder of the results.
        now: see ``options``.
        call: the command without options, which the former are put behind.
    """
    try:
        before = [str(option) for option in read_record(WorkFolder(out).asked, "options")["options"]]
    except (SchemaError, TypeError):
        return ""
    gone, new = [o for o in before if o not in now], [o for o in now if o not in before]
    if not gone and not new:
        return ""
    said = [f"without {', '.join(gone)}"] if gone else []
    said += [f"with {', '.join(new)}"] if new else []
    return f"not asked as in the call before: {'; '.join(said)}. To have it as before: {' '.join([call, *before])}"


def keep(out: Path, now: Sequence[str]) -> None:
    """Record what a call was asked."""
    write_json(WorkFolder(out).asked, {"options": list(now)})


def _assignments(values: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    texts = []
    for key, value in values.items():
        place = (*path, key)
        if isinstance(value, Mapping):
            texts += _assignments(value, place)
        else:
            texts.append(f"{'.'.join(map(toml_key, place))}={toml_value(value)}")
    return texts
