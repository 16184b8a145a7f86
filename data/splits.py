"""Which titles train, which choose settings, which are reported: decided per title, once, for good.

A shuffle would move titles between splits whenever one is added, and leak. What the manifest says wins, then what the
split file says, then what other members of the group (the series) have. For the rest there are two ways:

- Without a split file a title's split is a hash of the seed and its group, which no other title and no label can
  change. With few titles it may leave a split without clips of a label, or empty.
- With a split file, which remembers what was drawn, titles are drawn so that every label is in every split where the
  labels allow it (``data.stratify``); what is drawn later evens out what is there, and moves nothing. So are those of a
  published data set, to which none are added.

The split file is part of the data: keep it with the labels.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from data.csv_table import missing_columns, nearest, read_csv
from data.errors import ConfigError, ManifestError, Problem
from data.files import write_text
from data.labels import TitleLabels
from data.manifest import SPLITS, raise_errors
from data.split_check import held_clips
from data.stratify import Group, draw_stratified
from data.titles import Title


def assign_splits(
    titles: Mapping[str, Title],
    *,
    fractions: Mapping[str, float],
    group_column: str | None = None,
    seed: int = 0,
    earlier: Mapping[str, str] | None = None,
    labels: Mapping[str, TitleLabels] | None = None,
    twins: Sequence[Sequence[str]] = (),
    source: Path = Path("titles.csv"),
) -> dict[str, str]:
    """Return the split of every title, in the order of the titles; without ``labels`` whatever other titles there are.

    Args:
        titles: by id; a title's own ``split`` wins.
        fractions: expected share of ``train``, ``val`` and ``test``; they sum to 1.
        group_column: extra column of the manifest whose equal values (the series) stay in one split; None splits by
            title. A title with a blank cell is a group of its own.
        seed: another seed, another assignment.
        earlier: splits of an earlier run (the split file), kept.
        labels: by title: draw so that every label is in every split. Keep what was drawn, and give it as ``earlier``
            the next time; None draws by the hash alone.
        twins: titles of the same film, which are drawn together, beside their groups (by ``labels`` only).
        source: the manifest, named in errors.

    Raises:
        ConfigError: the fractions do not sum to 1, or no title has the group column.
        ManifestError: a group is spread over several given splits.
    """
    _check_fractions(fractions)
    groups = group_titles(titles, group_column)
    settled = {title_id: title.split or (earlier or {}).get(title_id) for title_id, title in titles.items()}
    problems = [Problem(source, None, message) for message in spread_groups(groups, settled)]
    if problems:
        raise ManifestError(problems)
    by_group = {}
    for group, members in groups.items():
        given = [split for title_id in members if (split := settled[title_id]) is not None]
        if given:
            by_group[group] = given[0]
    if labels is None:
        by_group |= {group: _drawn(group, fractions, seed) for group in groups if group not in by_group}
    else:
        joined = _joined(groups, twins)
        for group, leader in joined.items():
            if group in by_group:
                by_group.setdefault(leader, by_group[group])  # titles that were drawn apart before stay where they are
        together: dict[str, list[str]] = {}
        for group, members in groups.items():
            together.setdefault(joined[group], []).extend(members)
        by_leader = by_group | _stratified(together, by_group, labels, fractions, seed)
        by_group |= {group: by_leader[leader] for group, leader in joined.items() if group not in by_group}
    return {title_id: by_group[_group(title, group_column)] for title_id, title in titles.items()}


def group_titles(titles: Mapping[str, Title], group_column: str | None) -> dict[str, list[str]]:
    """Return the title ids of each group. Raises ConfigError when no title has the group column."""
    if group_column is not None and titles and all(group_column not in title.extra for title in titles.values()):
        columns = tuple(dict.fromkeys(column for title in titles.values() for column in title.extra))
        raise ConfigError(f"group_column {group_column!r} is no column of the titles{nearest(group_column, columns)}")
    groups: dict[str, list[str]] = {}
    for title_id, title in titles.items():
        groups.setdefault(_group(title, group_column), []).append(title_id)
    return groups


def spread_groups(groups: Mapping[str, list[str]], splits: Mapping[str, str | None]) -> list[str]:
    """Return a message for every group whose titles are in several splits."""
    messages = []
    for group, members in groups.items():
        found: dict[str, str] = {}
        for title_id in members:
            split = splits.get(title_id)
            if split is not None:
                found.setdefault(split, title_id)
        if len(found) > 1:
            listed = ", ".join(f"{title_id} in {split}" for split, title_id in found.items())
            name = group.partition(":")[2]
            messages.append(f"group {name!r} is in several splits ({listed}); give all its titles one split")
    return messages


def write_splits(path: Path, splits: Mapping[str, str]) -> None:
    """Write the split file, CSV ``title_id,split``, atomically."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("title_id", "split"))
    writer.writerows(splits.items())
    write_text(path, text.getvalue())


def read_splits(path: Path) -> dict[str, str]:
    """Read a split file; titles that no longer exist are allowed.

    Raises:
        ManifestError: with everything that is wrong in it.
    """
    problems: list[Problem] = []
    table = read_csv(path, problems)
    splits: dict[str, str] = {}
    if table.columns and not missing_columns(table, ["title_id", "split"], problems):
        for row in table.rows:
            title_id, split = row.cells["title_id"], row.cells["split"]
            if split not in SPLITS:
                problems.append(table.problem(row, f"split {split!r}{nearest(split, SPLITS)}"))
            elif splits.setdefault(title_id, split) != split:
                problems.append(table.problem(row, f"{title_id!r} is in {splits[title_id]} and {split}; keep one"))
    raise_errors(problems)
    return splits


def _check_fractions(fractions: Mapping[str, float]) -> None:
    unknown = [name for name in fractions if name not in SPLITS]
    sound = all(math.isfinite(share) and share >= 0 for share in fractions.values())
    if unknown or not sound or abs(sum(fractions.values()) - 1) > 1e-6:
        shares = ", ".join(f"{name} {share:g}" for name, share in fractions.items())
        raise ConfigError(f"split fractions {shares}: write train, val and test, each at least 0, with the sum 1")


def _group(title: Title, group_column: str | None) -> str:
    """Return the group's key; the prefix keeps a series named like a title apart from it."""
    value = title.extra.get(group_column, "") if group_column is not None else ""
    return f"group:{value}" if value else f"title:{title.title_id}"


def _stratified(
    groups: Mapping[str, list[str]],
    settled: Mapping[str, str],
    labels: Mapping[str, TitleLabels],
    fractions: Mapping[str, float],
    seed: int,
) -> dict[str, str]:
    """Draw the splits of the groups that have none, in the order of their hashes."""
    ordered = sorted(groups, key=lambda group: _position(group, seed))
    described = [
        Group(name, len(groups[name]), frozenset[str]().union(*(_kinds(labels[title_id]) for title_id in groups[name])))
        for name in ordered
    ]
    return draw_stratified(described, settled, {split: fractions.get(split, 0.0) for split in SPLITS})


def _kinds(labels: TitleLabels) -> set[str]:
    """Return what a title is drawn by: the labels that it holds; if none, whether it is known to hold none."""
    held = held_clips(labels) or {label for label, present in labels.present.items() if present}
    if held:
        return {f"label:{label}" for label in held}
    return {"background" if labels.is_labelled else "unlabelled"}


def _joined(groups: Mapping[str, list[str]], twins: Sequence[Sequence[str]]) -> dict[str, str]:
    """Return for each group the one that stands for it and all that share a film with it, however far round."""
    leader = {group: group for group in groups}
    group_of = {title_id: group for group, members in groups.items() for title_id in members}

    def found(group: str) -> str:
        while leader[group] != group:
            group = leader[group]
        return group

    for ids in twins:
        first, *others = (found(group_of[title_id]) for title_id in ids)
        for other in others:
            leader[found(other)] = found(first)
    return {group: found(group) for group in groups}


def _position(group: str, seed: int) -> float:
    """Return where in [0, 1) the hash of seed and group falls."""
    digest = hashlib.sha256(f"{seed}/{group}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _drawn(group: str, fractions: Mapping[str, float], seed: int) -> str:
    """Return the split in whose share of [0, 1) the hash of seed and group falls."""
    position = _position(group, seed)
    reached = 0.0
    for split in SPLITS:
        reached += fractions.get(split, 0.0)
        if position < reached:
            return split
    return next(split for split in reversed(SPLITS) if fractions.get(split, 0.0) > 0)
