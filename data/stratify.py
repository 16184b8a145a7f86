"""Drawing splits so that every label is in every split: iterative stratification, one group at a time.

A catalogue has many titles and few that hold a rare label. Drawn by chance, a label with six titles leaves the val
split empty every other time. So the rarest label is dealt out first, each group to the split that lacks most of it
(Sechidis, Tsoumakas and Vlahavas, "On the stratification of multi-label data", 2011); then the next one, counting what
the group's other labels have brought already. Where groups have several labels, dealing can leave a gap that an
exchange closes: that is tried last. Not in the paper, which has splits of thousands of titles.

What was drawn before counts, and stays: so new titles even out a drawing without moving any.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

Counts = dict[str, dict[str, int]]
"""Groups by kind and split."""


@dataclass(frozen=True)
class Group:
    """Titles that stay together.

    Args:
        name: stands for it.
        size: number of titles.
        kinds: what they are drawn by: labels, or that they hold none; at least one.
    """

    name: str
    size: int
    kinds: frozenset[str]


def draw_stratified(
    groups: Sequence[Group], settled: Mapping[str, str], fractions: Mapping[str, float]
) -> dict[str, str]:
    """Return the split of every group that has none yet.

    A kind that at least as many groups hold as there are splits (with a share) is in each of them, where the other
    kinds of these groups allow it; with two groups it is in the first two, with one in the first.

    Args:
        groups: all of them, in the order in which ties are broken: give one that chance decided.
        settled: splits that stay, by name of the group.
        fractions: wanted share by split, in order of importance.

    Returns:
        Splits by name, of the groups that are not in ``settled``.
    """
    splits = [split for split, share in fractions.items() if share > 0]
    groups = [group for group in groups if settled.get(group.name, splits[0]) in splits]  # the others are out of it
    holders = {kind: [group for group in groups if kind in group.kinds] for kind in sorted(_kinds(groups))}
    wanted = {kind: _quota(len(held), fractions, splits) for kind, held in holders.items()}
    total = sum(group.size for group in groups)
    lacking_titles = {split: fractions[split] * total for split in splits}
    drawn: dict[str, str] = {}

    def put(group: Group, split: str) -> None:
        lacking_titles[split] -= group.size
        for kind in group.kinds:
            wanted[kind][split] -= 1

    for group in groups:
        if group.name in settled:
            put(group, settled[group.name])
    for kind in sorted(holders, key=lambda kind: (len(holders[kind]), kind)):
        for group in holders[kind]:
            if group.name in settled or group.name in drawn:
                continue
            split = max(splits, key=lambda name: (round(wanted[kind][name], 9), lacking_titles[name]))
            drawn[group.name] = split
            put(group, split)
    _close_gaps(groups, settled, drawn, splits)
    return drawn


def _kinds(groups: Sequence[Group]) -> set[str]:
    return {kind for group in groups for kind in group.kinds}


def _quota(held: int, fractions: Mapping[str, float], splits: Sequence[str]) -> dict[str, float]:
    """Return how many of a kind's groups each split should get: its share, but one at least where there are enough.

    What the small splits get beyond their share comes off the largest.
    """
    quota = {split: max(fractions[split] * held, 1.0 if place < held else 0.0) for place, split in enumerate(splits)}
    if splits:
        largest = max(splits, key=lambda split: quota[split])
        quota[largest] -= sum(quota.values()) - held
    return quota


def _close_gaps(
    groups: Sequence[Group], settled: Mapping[str, str], drawn: dict[str, str], splits: Sequence[str]
) -> None:
    """Move or exchange drawn groups while that leaves fewer kinds without a group in a split."""
    counts = {kind: dict.fromkeys(splits, 0) for kind in _kinds(groups)}
    for group in groups:
        split = drawn.get(group.name) or settled[group.name]
        for kind in group.kinds:
            counts[kind][split] = counts[kind].get(split, 0) + 1
    while True:
        step = next(_better(groups, drawn, splits, counts), None)
        if step is None:
            return
        for group, split in step:
            _move(counts, group, drawn[group.name], split)
            drawn[group.name] = split


def _better(
    groups: Sequence[Group], drawn: Mapping[str, str], splits: Sequence[str], counts: Counts
) -> Iterator[list[tuple[Group, str]]]:
    """Yield steps that leave fewer gaps: a group to another split, alone or in exchange for one from there."""
    for kind, split in _gaps(counts, splits):
        movable = [group for group in groups if kind in group.kinds and group.name in drawn]
        others = [group for group in groups if drawn.get(group.name) == split]
        for group in movable:
            home = drawn[group.name]
            steps = [[(group, split)], *([(group, split), (other, home)] for other in others)]
            yield from (step for step in steps if _gain(counts, drawn, step, splits) > 0)


def _gaps(counts: Mapping[str, Mapping[str, int]], splits: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield kinds with groups enough for every split, and the splits that have none of theirs."""
    for kind, by_split in sorted(counts.items()):
        if sum(by_split.values()) >= len(splits):
            yield from ((kind, split) for split in splits if not by_split[split])


def _gain(
    counts: Counts,
    drawn: Mapping[str, str],
    step: Sequence[tuple[Group, str]],
    splits: Sequence[str],
) -> int:
    before = sum(1 for _ in _gaps(counts, splits))
    for group, split in step:
        _move(counts, group, drawn[group.name], split)
    after = sum(1 for _ in _gaps(counts, splits))
    for group, split in step:
        _move(counts, group, split, drawn[group.name])
    return before - after


def _move(counts: Counts, group: Group, home: str, split: str) -> None:
    for kind in group.kinds:
        counts[kind][home] -= 1
        counts[kind][split] += 1
