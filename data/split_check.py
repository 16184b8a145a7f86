"""Whether the splits can do what they are for: learn from train, choose by val, measure on test.

A label without a clip in val has no threshold of its own, and without one in test no number: both are found out after a
night of decoding, unless somebody counts before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from data.counted import counted
from data.labels import TitleLabels
from data.manifest import SPLITS

SUFFERS = {
    "train": "it cannot be learnt",
    "val": "neither its thresholds nor the weights are chosen by it",
    "test": "nothing is measured of it",
}
MOST_SAID = 10  # labels that are told one by one


def held_clips(labels: TitleLabels) -> set[str]:
    """Return the labels of which a title has a clip: its first occurrence, or any."""
    return {*labels.first, *(clip.label for clip in labels.occurrences or ())}


def held_labels(labels: TitleLabels) -> set[str]:
    """Return the labels that a title is known to hold, wherever in it."""
    return {label for label, present in labels.present.items() if present} | held_clips(labels)


def clips_by_split(
    labels: Mapping[str, TitleLabels], splits: Mapping[str, str], names: Sequence[str]
) -> dict[str, dict[str, int]]:
    """Return how many titles of each split hold a clip, by label and split."""
    counts = {name: dict.fromkeys(SPLITS, 0) for name in names}
    for title_id, split in splits.items():
        for name in held_clips(labels[title_id]) & counts.keys():
            counts[name][split] += 1
    return counts


def uneven_splits(
    counts: Mapping[str, Mapping[str, int]], fractions: Mapping[str, float], *, drawn: bool, kept: bool
) -> list[str]:
    """Return a warning for every label that has clips, but none in a split that should have some.

    Args:
        counts: see ``clips_by_split``.
        fractions: wanted share of each split; a split with 0 may lack anything.
        drawn: whether the splits of any title were drawn, not given.
        kept: whether there is a split file, so that drawing looks at the labels.
    """
    messages: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for name, by_split in counts.items():
        total = sum(by_split.values())
        lacking = [split for split, count in by_split.items() if not count and fractions.get(split, 0) > 0]
        if not total or not lacking:
            continue
        where = ", ".join(f"{count} in {split}" for split, count in by_split.items() if count)
        suffering = "; ".join(f"none in {split}: {SUFFERS[split]}" for split in lacking)
        said = f"label {name!r}: {counted(total, 'title')} with a clip, {where}; {suffering}"
        messages.setdefault(tuple(lacking), []).append((name, f"{said}{_remedy(total, drawn, kept)}"))
    return [message for lacking, found in messages.items() for message in _folded(lacking, found)]


def _folded(lacking: Sequence[str], found: Sequence[tuple[str, str]]) -> list[str]:
    """Return the messages, or one for all of them where many labels lack the same splits."""
    if len(found) <= MOST_SAID:
        return [message for _, message in found]
    names = ", ".join(repr(name) for name, _ in found[:3])
    suffering = "; ".join(f"none in {split}: {SUFFERS[split]}" for split in lacking)
    return [f"{len(found)} labels ({names} and {len(found) - 3} more) have clips, but {suffering}"]


def _remedy(total: int, drawn: bool, kept: bool) -> str:
    if total < len(SPLITS):
        return "; label more titles"
    if drawn and not kept:
        return "; set [data] split_file, then titles are drawn so that every split gets clips"
    return "; move titles in the split column or the split file"
