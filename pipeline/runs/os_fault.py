"""What the operating system refused (a full disk, a folder without write access), said with advice."""

from __future__ import annotations

import errno
from pathlib import Path

from data.errors import ConfigError
from pipeline.stage_result import AbortedError

ADVICE = {
    errno.ENOSPC: "free space on it, for example with `coarse2fine gc`",
    errno.EDQUOT: "free space or raise the quota",
    errno.EFBIG: "raise the limit on file sizes (ulimit -f)",
    errno.EROFS: "mount it for writing",
    errno.EACCES: "give this user write access",
    errno.EPERM: "give this user write access",
}
WRONG_PATH = {
    errno.ENOTDIR: "a file is where a folder is needed",
    errno.EEXIST: "a file is where a folder is needed",
    errno.EISDIR: "a folder is where a file is needed",
    errno.ENAMETOOLONG: "that name is too long",
    errno.ELOOP: "its links lead in a circle",
}
"""What no disk or store can be seen to for: the path that was given is not one to read or write."""


def os_fault(error: OSError, folder: Path | None = None) -> AbortedError | ConfigError:
    """Turn what the operating system said into an error with advice; a ConfigError if the path itself is wrong.

    Args:
        folder: where it happened, for errors that name no file.
    """
    if error.errno in WRONG_PATH and error.filename:
        return ConfigError(f"{error.filename}: {WRONG_PATH[error.errno]}; give another path")
    advice = ADVICE.get(error.errno or 0, "see to that disk or store")
    named = error.filename or folder
    where = f"{named}: " if named else ""
    what = error.strerror or str(error)
    return AbortedError(f"{where}{what}; {advice}, then run again (nothing is recorded against a title)")
