"""Text as other programs save it.

Its encoding is told by how it begins, and a file that is no text is named for what it is.
"""

from __future__ import annotations

import re
from pathlib import Path

from data.errors import Problem

FALLBACK = "cp1252"  # what Excel saves as "CSV" where its language is a western European one
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_WORKBOOKS = {b"PK\x03\x04": "a workbook (.xlsx or .ods)", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "a workbook (.xls)"}
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_FOREIGN_WORD = re.compile(r"[^\s,;\"]*[^\x00-\x7f][^\s,;\"]*")


def workbook_fault(raw: bytes) -> str:
    """Say that a file is a spreadsheet program's own and no text, whatever its name; empty if it is not."""
    for magic, kind in _WORKBOOKS.items():
        if raw.startswith(magic):
            return f"{kind}, not text; save its sheet as CSV UTF-8, and name that file"
    return ""


def read_text(path: Path, problems: list[Problem]) -> str | None:
    """Read a text file: UTF-8, or UTF-16 that says so, or else Windows-1252 with a warning that shows a word of it.

    None after adding to ``problems`` why that cannot be done.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        problems.append(Problem(path, None, f"cannot be read: {error.strerror}"))
        return None
    if fault := workbook_fault(raw):
        problems.append(Problem(path, None, fault))
        return None
    encoding = next((name for bom, name in _BOMS if raw.startswith(bom)), "utf-8")
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        return _other_text(path, raw, error, problems)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        problems.append(Problem(path, line, "holds a NUL character; this is no text file, save it as CSV UTF-8"))
        return None
    return text


def _other_text(path: Path, raw: bytes, error: UnicodeDecodeError, problems: list[Problem]) -> str | None:
    """Return text that is no UTF-8 as the encoding that Excel most likely wrote, if it can be that."""
    line = raw.count(b"\n", 0, error.start) + 1
    try:
        text = raw.decode(FALLBACK) if error.encoding.startswith("utf-8") or error.encoding == "utf8" else None
    except UnicodeDecodeError:
        text = None
    if text is None or _CONTROL.search(text):
        problems.append(Problem(path, line, f"not UTF-8 (byte {raw[error.start]:#04x}); save the file as CSV UTF-8"))
        return None
    word = _FOREIGN_WORD.search(text.splitlines()[line - 1] if line <= len(text.splitlines()) else text)
    shown = f", for example {word[0]!r:.40}" if word else ""
    message = f"not UTF-8; read as Windows-1252{shown}: if that is wrong, save the file as CSV UTF-8"
    problems.append(Problem(path, line, message, "warning"))
    return text
