"""What torchrun says of this process, read without waiting for torch."""

from __future__ import annotations

import os


def launched() -> bool:
    """Return whether torchrun started this process, alone or beside others."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def is_first() -> bool:
    """Return whether this process is the one that locks, logs and prints: the first of several, or the only one."""
    return not launched() or os.environ.get("RANK", "0") == "0"
