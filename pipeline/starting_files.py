"""The files to start from: `init` writes a configuration, and of a folder of films the title manifest, too.

Nothing that exists is ever overwritten.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path

from data.byte_names import as_text
from data.counted import counted
from data.errors import ConfigError, ManifestError, Problem
from data.files import write_text
from data.store_path import StorePath
from data.times import TimeForm

TITLES = "titles.csv"
LISTED = 30  # labels that are written into the configuration


def write_example(path: Path, *, benchmark: bool) -> str:
    """Write an example of a configuration; return what to say.

    Raises:
        ConfigError: the file exists.
    """
    _refuse_existing(path)
    write_text(path, _example("bench.toml" if benchmark else "example.toml"))
    return f"wrote {path}: set the paths in [data], then `coarse2fine labels check --config {path}`"


def start_from_films(
    path: Path, media: Path, labels: Path | None, names: Sequence[str] = ()
) -> tuple[list[str], tuple[str, ...]]:
    """Write the title manifest of a folder of films, and a configuration that fits it, beside one another.

    Args:
        path: the configuration.
        media: the folder of films.
        labels: a label file of any form, if there is one already.
        names: the labels that are meant in it; those that it uses where none are given.

    Returns:
        lines to print, and what could not be taken.

    Raises:
        ConfigError: a file exists already, no label file, or no films.
        ManifestError: the label file cannot be read as a whole, or a label in it is probably mistyped; nothing is
            written then.
    """
    from data.media_manifest import GROUP_COLUMN, write_media_manifest

    titles = path.parent / TITLES
    for one in (titles, path):
        _refuse_existing(one)
    if labels is not None and not labels.exists():
        raise ConfigError(f"{labels}: no such file; --labels takes a label file that is there")
    found = _labels(labels, names) if labels is not None else ()
    written = write_media_manifest(titles, media, skipped=path.parent / "work")
    values = dict(_label_keys(path, labels, found)) if labels is not None else {}
    if media.resolve() != path.parent.resolve():
        values["media_root"] = _toml(_from(path.parent, media))
    if written.series:
        values["group_column"] = _toml(GROUP_COLUMN)
    text = _filled(_example("example.toml"), values)
    if found and "violence" not in found:
        text = text.replace("[infer.thresholds.violence]", f"[infer.thresholds.{_toml(found[0])}]")
    write_text(path, text)
    left_out = f"; left out: {written.left_out}" if written.left_out else ""
    series = f", {counted(written.series, 'series', 'series')} among them" if written.series else ""
    needs = "" if labels is not None else "write the two label files that it names, then "
    told = [f"labels in {labels}: {', '.join(found[:LISTED])}{' ...' * (len(found) > LISTED)}"] if found else []
    return [
        *told,
        f"wrote {titles}: {counted(written.titles, 'film')}{series}{left_out}",
        f"wrote {path}: {needs}`coarse2fine labels check --config {path}`",
    ], written.problems


def _labels(path: Path, names: Sequence[str]) -> tuple[str, ...]:
    """Return the labels of a label file; ManifestError where it, or one of them, must be mended before it is used.

    What is wrong with single rows is left to `labels check`, and how its times are to be read to the configuration.
    """
    from data.found_labels import chosen_labels, rows_of
    from data.label_names import EVERY_LABEL, label_fault, label_name
    from data.label_reading import LabelReading
    from data.label_slips import slips

    given = tuple(map(label_name, names))
    if fault := next(filter(None, map(label_fault, given)), ""):
        raise ConfigError(f"--label: {fault}")
    rows = rows_of(path, LabelReading(times=TimeForm("seconds")), labels=given or EVERY_LABEL)
    problems = [problem for problem in rows.problems if problem.severity == "error" and not problem.skippable]
    if not given:
        meant = " ".join(f"--label {shlex.quote(label)}" for label in sorted(rows.labels)[:LISTED])
        problems += [
            Problem(path, None, f"{slip}; mend the file, or say that it is meant: {meant}") for slip in slips(rows)
        ]
    if problems:
        raise ManifestError(problems)
    return given or chosen_labels(label for label in rows.labels if not label_fault(label))


def _label_keys(path: Path, labels: Path, found: Sequence[str]) -> Iterator[tuple[str, str]]:
    name = _toml(_from(path.parent, labels))
    yield from (("video_labels", name), ("clip_labels", name))
    if len(found) <= LISTED:
        yield "labels", f"[{', '.join(map(_toml, found))}]"
    else:
        yield "labels", ""  # as the file has them


def _filled(text: str, values: dict[str, str]) -> str:
    """Return a configuration with keys set, also those in a comment; a key with no value is taken out."""
    lines = []
    for line in text.splitlines():
        match = re.fullmatch(r"(?:# )?([a-z_]+) = .*?(\s+#.*)?", line)
        if match is None or match[1] not in values:
            lines.append(line)
        elif value := values.pop(match[1]):
            lines.append(f"{match[1]} = {value}")
    return "\n".join(lines) + "\n"


def _from(folder: Path, path: Path) -> str:
    """Return a path as a configuration in a folder names it: relative if it is below, else whole."""
    if isinstance(path, StorePath) or isinstance(folder, StorePath):
        return str(path)
    resolved, base = path.resolve(), folder.resolve()
    return str(resolved.relative_to(base)) if resolved.is_relative_to(base) else os.fspath(resolved)


def _toml(text: str) -> str:
    return json.dumps(as_text(text), ensure_ascii=False).replace("\x7f", "\\u007f")


def _example(name: str) -> str:
    return resources.files("pipeline").joinpath("configs", name).read_text(encoding="utf-8")


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise ConfigError(f"{path}: exists already and is not overwritten; name another file, or another folder")
