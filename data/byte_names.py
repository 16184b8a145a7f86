"""Names of files are bytes; tables, JSON and messages hold text. This is how the one becomes the other, and back.

Most names are UTF-8 and stay as they are. Of one that is not, as out of an archive packed elsewhere, each odd byte is
written ``\\xe9``; what looks like that already in such a name has its backslash written as ``\\x5c``, so that one way
leads back. Not in the paper.
"""

from __future__ import annotations

import codecs
import os
import re
from pathlib import PurePath

_BYTE = re.compile(rb"\\x([89a-f][0-9a-f]|5c)")
_ESCAPE = re.compile(r"\\x([89a-f][0-9a-f]|5c)")

WITH_BYTES = "coarse2fine.bytes"
"""How a stream encodes what is no text: as ``as_text`` does."""


def as_text(name: str | PurePath) -> str:
    """Return the name of a file, or a text with such names in it, as text that can be encoded."""
    text = str(name)
    try:
        text.encode()
    except UnicodeEncodeError:
        return os.fsencode(_ESCAPE.sub(r"\\x5cx\1", text)).decode(errors="backslashreplace")
    return text


def as_name(text: str) -> str:
    """Return the name that ``as_text`` made a text of, as the operating system is to be asked for it."""
    if not _ESCAPE.search(text):
        return text
    return os.fsdecode(_BYTE.sub(lambda found: bytes.fromhex(found[1].decode()), os.fsencode(text)))


def _bytes_written_out(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    odd = error.object[error.start : error.end]
    return "".join(
        f"\\x{ord(c) - 0xDC00:02x}" if 0xDC80 <= ord(c) <= 0xDCFF else ascii(c)[1:-1] for c in odd
    ), error.end


codecs.register_error(WITH_BYTES, _bytes_written_out)
