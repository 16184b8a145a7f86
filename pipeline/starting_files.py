"""The files to start from: `init` writes a configuration, and of a folder of films the title manifest, too.

Nothing that exists is ever overwritten.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from data.counted import counted
from data.errors import ConfigError
from data.files import write_text
from data.store_path import StorePath

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


def start_from_films(path: Path, media: Path, labels: Path | None) -> tuple[list[str], tuple[str, ...]]:
    """Write the title manifest of a folder of films, and a configuration that fits it, beside one another.

    Args:
        path: the configuration.
        media: the folder of films.
        labels: a label file of any form, if there is one already.

    Returns:
        lines to print, and what could not be taken.

    Raises:
        ConfigError: a file exists already, no label file, or no films.
    """
    from data.media_manifest import GROUP_COLUMN, write_media_manifest

    titles = path.parent / TITLES
    for one in (titles, path):
        _refuse_existing(one)
    if labels is not None and not labels.exists():
        raise ConfigError(f"{labels}: no such file; --labels takes a label file that is there")
    written = write_media_manifest(titles, media, skipped=path.parent / "work")
    values = dict(_label_keys(path, titles, labels))
    if media.resolve() != path.parent.resolve():
        values["media_root"] = _toml(_from(path.parent, media))
    if written.series:
        values["group_column"] = _toml(GROUP_COLUMN)
    write_text(path, _filled(_example("example.toml"), values))
    left_out = f"; left out: {written.left_out}" if written.left_out else ""
    series = f", {counted(written.series, 'series', 'series')} among them" if written.series else ""
    needs = "" if labels is not None else "write the two label files that it names, then "
    return [
        f"wrote {titles}: {counted(written.titles, 'film')}{series}{left_out}",
        f"wrote {path}: {needs}`coarse2fine labels check --config {path}`",
    ], written.problems


def _label_keys(path: Path, titles: Path, labels: Path | None) -> Iterator[tuple[str, str]]:
    if labels is None:
        return
    from data.found_labels import with_found_labels
    from data.settings import DataSettings

    name = _toml(_from(path.parent, labels))
    yield from (("video_labels", name), ("clip_labels", name))
    found = with_found_labels(DataSettings(titles=titles, video_labels=labels, clip_labels=labels)).labels
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
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _example(name: str) -> str:
    return resources.files("pipeline").joinpath("configs", name).read_text(encoding="utf-8")


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise ConfigError(f"{path}: exists already and is not overwritten; name another file, or another folder")
