"""Where files are: a path on this machine, or the URL of a store, told apart once, when settings are read.

Whoever gets a ``Path`` from here need not know which it is: a ``StorePath`` is one. Settings that must be files of this
machine are declared ``LocalPath`` and refuse URLs with one clear error.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, PlainValidator

from data.byte_names import as_text
from data.errors import ConfigError
from data.store_path import StorePath, store_path
from data.stores import require_filesystem, without_secrets
from data.titles import named_file

_SAME = {"s3a:": "s3:", "s3n:": "s3:", "gs:": "gcs:", "az:": "abfs:"}


def is_url(text: str) -> bool:
    """Say whether a text names a place on a store, and no path of this machine."""
    return store_path(text) is not None


def locate(text: str, folder: Path | None = None) -> Path:
    """Return the path or the place on a store that a text names.

    Args:
        folder: what a relative path is relative to.

    Raises:
        ConfigError: a URL with user, password or query (they would end up in logs), without a bucket, or of a kind
            that needs a library that is not installed.
    """
    place = store_path(text)
    if place is None:
        return named_file(Path() if folder is None else folder, str(Path(text).expanduser()))
    protocol, *below = place.parts[1:]
    if protocol == "file:":
        return Path("/", *below)
    if "?" in text or any("@" in part for part in below[:1]):
        raise ConfigError(
            f"{without_secrets(text)}: a URL with user, password or query; give credentials by the environment "
            "(AWS_PROFILE, AWS_ACCESS_KEY_ID, a role; docs/storage.md), so that they are written nowhere"
        )
    protocol = _SAME.get(protocol, protocol)
    require_filesystem(protocol.rstrip(":"))
    if not below:
        raise ConfigError(f"{text}: names no bucket; write for example s3://bucket/folder")
    return StorePath("/", protocol, *below).resolve()


def _location(value: object) -> Path:
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or "\0" in value:
        raise ValueError("write a path, or a URL such as s3://bucket/folder")
    try:
        return locate(value)
    except ConfigError as error:
        raise ValueError(str(error)) from error


def _local(value: object) -> object:
    if isinstance(value, StorePath) or (isinstance(value, str) and is_url(value)):
        raise ValueError("must be on this machine, a URL is not taken here; copy it and give the path")
    return value


Location = Annotated[Path, PlainValidator(_location), PlainSerializer(as_text)]
"""A path of this machine, or a place on a store."""

LocalPath = Annotated[Path, BeforeValidator(_local), PlainSerializer(as_text, when_used="json")]
"""A path of this machine."""
