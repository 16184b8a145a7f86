"""JSON as other programs write it, read without trust: every way in which a file may be no JSON becomes a Problem."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from data.errors import ManifestError, Problem
from data.text_file import workbook_fault


def read_json(path: Path) -> Any:
    """Read a JSON file, UTF-8 with or without BOM.

    Raises:
        ManifestError: not readable, not UTF-8, not JSON, nested too deeply, a number with thousands of digits, or an
            object with one key twice.
    """
    try:
        raw = path.read_bytes()
        if fault := workbook_fault(raw):
            raise refusal(path, fault)
        encoding = "utf-16" if raw.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
        return json.loads(raw.decode(encoding), object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise ManifestError([Problem(path, error.lineno, f"not JSON: {error.msg}, column {error.colno}")]) from error
    except UnicodeDecodeError as error:
        raise refusal(path, f"not UTF-8 at byte {error.start}; save it as UTF-8") from error
    except OSError as error:
        raise refusal(path, f"cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise refusal(path, f"not usable JSON: {error}") from error


def is_json(path: Path) -> bool:
    """Say whether a file is JSON, by its name or by how it begins."""
    return path.suffix.casefold() == ".json" or head_of(path).startswith((b"{", b"["))


def head_of(path: Path) -> bytes:
    """Return the beginning of a file without byte order mark and blanks; empty where there is none to read."""
    try:
        with path.open("rb") as handle:
            return handle.read(1 << 16).removeprefix(b"\xef\xbb\xbf").lstrip()
    except OSError:
        return b""


def refusal(path: Path, message: str) -> ManifestError:
    """Return the error that says one thing of one file."""
    return ManifestError([Problem(path, None, message)])


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object with one key twice: json keeps the last and would lose a title's clips without a word."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} occurs twice in one object")
    return found
