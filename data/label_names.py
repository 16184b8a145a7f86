"""What a label may be called, and what it is called where not every character may stand.

Labels are what people and published data sets call them, in any script: ``Long jump``, ``BaseballPitch``, ``курение``.
Tables, columns and pages carry them as they are. File names do not: there a label has its slug.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Sequence

from data.titles import composed

LABEL_CHARACTERS = 100
RESERVED = ("mAP", "mean", "coarse2fine.status")  # rows of tables and a tier of ELAN that are no label
FORMULA_SIGNS = ("=", "+", "-", "@")
_SLUG_CHARACTERS, _HASH_DIGITS = 40, 8
_PLAIN = re.compile(r"[a-z0-9][a-z0-9_-]*", re.ASCII)
_HASHED = re.compile(rf".*-[0-9a-f]{{{_HASH_DIGITS}}}", re.ASCII)


def label_name(text: str) -> str:
    """Return a label as it is compared and written: composed (NFC), without blanks around it."""
    return composed(text.strip())


def label_fault(label: str) -> str:
    """Say what is wrong with a label's name; empty when nothing is."""
    if label in RESERVED:
        return f"label {label!r} is a name of our own tables ({', '.join(RESERVED)}); choose another"
    if 0 < len(label) <= LABEL_CHARACTERS and label.isprintable() and label == label_name(label):
        return ""
    rule = f"1 to {LABEL_CHARACTERS} printable characters, composed (Unicode NFC), without blanks around them"
    return f"label {label!r:.160}: write {rule}"


def guarded_label(label: str) -> str:
    """Return a label as a cell that no spreadsheet takes for a formula: with an apostrophe before ``= + - @``."""
    return f"'{label}" if label.startswith(FORMULA_SIGNS) else label


def unguarded_label(cell: str) -> str:
    """Return the label of a cell, without the apostrophe that ``guarded_label`` puts before one."""
    return label_name(cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA_SIGNS) else cell)


def label_slug(label: str) -> str:
    """Return a label as a part of a file name: ASCII letters a-z, digits, ``_`` and ``-``, at most 100 characters.

    A label of these characters is its own slug; any other gets what can be kept of it and 8 hex digits of its hash, so
    that no two labels share a slug, not even on disks that ignore case. The same label has the same slug everywhere.
    Not in the paper.
    """
    if _PLAIN.fullmatch(label) and not _HASHED.fullmatch(label):
        return label
    bare = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode().lower()
    kept = re.sub(r"[^a-z0-9]+", "-", bare)[:_SLUG_CHARACTERS].strip("-") or "label"
    return f"{kept}-{hashlib.sha256(label.encode()).hexdigest()[:_HASH_DIGITS]}"


class _EveryLabel(Sequence[str]):
    """Stands for the labels where none are listed yet: holds any name, lists none."""

    def __contains__(self, label: object) -> bool:
        return isinstance(label, str) and bool(label)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __getitem__(self, index: int | slice) -> str:
        raise IndexError(index)


EVERY_LABEL: Sequence[str] = _EveryLabel()
