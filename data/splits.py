"""Which titles train, which choose settings, which are reported: decided per title, once, for good.

A shuffle would move titles between splits whenever one is added, and leak. So a title's split is a hash of the seed and
its group (its series, or itself), which no other title can change. What the manifest says wins, then what the split
file says, then what other members of the group have, then the hash. With few titles a hash may leave a split empty:
then fill the ``split`` column by hand. The split file is part of the data: keep it with the labels.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
from collections.abc import Mapping
from pathlib import Path

from data.csv_table import missing_columns, nearest, read_csv
from data.errors import ConfigError, ManifestError, Problem
from data.files import write_text
from data.manifest import SPLITS, raise_errors
from data.titles import Title


def assign_splits(
    titles: Mapping[str, Title],
    *,
    fractions: Mapping[str, float],
    group_column: str | None = None,
    seed: int = 0,
    earlier: Mapping[str, str] | None = None,
    source: Path = Path("titles.csv"),
) -> dict[str, str]:
    """Return the split of every title, in the order of the titles; the same whatever other titles there are.

    Args:
        titles: by id; a title's own ``split`` wins.
        fractions: expected share of ``train``, ``val`` and ``test``; they sum to 1.
        group_column: extra column of the manifest whose equal values (the series) stay in one split; None splits by
            title. A title with a blank cell is a group of its own.
        seed: another seed, another assignment.
        earlier: splits of an earlier run (the split file), kept.
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
        by_group[group] = given[0] if given else _drawn(group, fractions, seed)
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


def _drawn(group: str, fractions: Mapping[str, float], seed: int) -> str:
    """Return the split in whose share of [0, 1) the hash of seed and group falls."""
    digest = hashlib.sha256(f"{seed}/{group}".encode()).digest()
    position = int.from_bytes(digest[:8], "big") / 2**64
    reached = 0.0
    for split in SPLITS:
        reached += fractions.get(split, 0.0)
        if position < reached:
            return split
    return next(split for split in reversed(SPLITS) if fractions.get(split, 0.0) > 0)
