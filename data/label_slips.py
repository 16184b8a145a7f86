"""Labels that are probably another one, mistyped, where nobody has listed the labels that are meant.

``vilence`` would become a label of its own: trained, scored, and missed under the right name. Told are only
single slips of longer names, and no more where both may be meant (``shooting``, ``shouting``). Not in the paper.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from data.counted import counted
from data.label_rows import ClipRow, LabelRows, PresenceRow
from data.settings import PAPER_LABELS

WELL_KNOWN = (*PAPER_LABELS, "intimacy", "smoking")
"""Labels of the paper, and of the checkpoint that is shipped."""
SHORTEST = 5  # characters: of shorter names too many are one letter from another
RARE_SHARE = 0.2  # of the other one's rows


@dataclass(frozen=True)
class Slip:
    """A label, and the one that it is one slip away from; how many rows have each, 0 for one that no row has."""

    label: str
    meant: str
    rows: int
    meant_rows: int

    def __str__(self) -> str:
        there = f" ({counted(self.meant_rows, 'row')})" if self.meant_rows else ""
        return f"label {self.label!r} ({counted(self.rows, 'row')}) is one letter from {self.meant!r}{there}"


def slips(rows: LabelRows) -> Iterator[Slip]:
    """Yield the labels of files that are probably mistyped.

    That is one letter missing, too many, wrong, or two exchanged: against a well-known label that the files do not use,
    or against another label of the files that has five times as many rows, or the half that is lacking here (presence
    where there are clips alone, clips where there is presence alone). Only tables are looked at: what a program wrote
    (JSON, where rows have no lines) is not typed.
    """
    said = _lines(row for row in rows.presence if row.present is not None)
    timed = _lines(rows.clips)
    total = {label: len(said.get(label, set()) | timed.get(label, set())) for label in sorted({*said, *timed})}
    known = {_folded(label) for label in WELL_KNOWN}
    told = set()
    for one, other in combinations(total, 2):
        rare, common = sorted((one, other), key=lambda label: (_folded(label) in known, total[label]))
        halves = any(not said.get(a) and not timed.get(b) for a, b in ((one, other), (other, one)))
        if is_one_slip(rare, common) and (halves or total[rare] <= RARE_SHARE * total[common]):
            told.add(rare)
            yield Slip(rare, common, total[rare], total[common])
    used = {_folded(label) for label in total}
    for label, count in total.items():
        meant = [name for name in WELL_KNOWN if _folded(name) not in used and is_one_slip(label, name)]
        if meant and label not in told and _folded(label) not in known:
            yield Slip(label, meant[0], count, 0)


def is_one_slip(one: str, other: str) -> bool:
    """Say whether two names differ by one letter that is missing, too many or wrong, or by two that are exchanged.

    Case, blanks and dashes do not count, and digits are no slips: ``class 1`` is not ``class 2``.
    """
    short, long = sorted((_folded(one), _folded(other)), key=len)
    if len(short) < SHORTEST or short == long or len(long) - len(short) > 1:
        return False
    if re.sub(r"\D", "", short) != re.sub(r"\D", "", long):
        return False
    place = next((n for n, (a, b) in enumerate(zip(short, long)) if a != b), len(short))
    if len(short) < len(long):
        return short[place:] == long[place + 1 :]
    exchanged = short[:place] + short[place + 1 : place + 2] + short[place : place + 1] + short[place + 2 :]
    return short[place + 1 :] == long[place + 1 :] or exchanged == long


def _folded(label: str) -> str:
    return re.sub(r"[\W_]+", "", label.casefold())


def _lines(rows: Iterable[PresenceRow | ClipRow]) -> dict[str, set[tuple[Path, int]]]:
    """Return the places that each label of tables is at."""
    lines: dict[str, set[tuple[Path, int]]] = {}
    for row in rows:
        if row.line is not None:
            lines.setdefault(row.label, set()).add((row.path, row.line))
    return lines
