"""A synthetic catalogue on disk: titles, labels and feature shards, as if a service had brought them.

Titles are written as they are drawn, so memory is that of one title for 200 and for 41,234 of them. A second call goes
on where the first was interrupted: shards that are there already are left alone, the label files appear at the end.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal

import numpy as np

from data.errors import ConfigError
from data.files import atomic_path, fingerprint
from data.schemas import Coverage, FeatureSpec
from data.shards import read_header, shard_path, write_shard
from data.synthetic_features import World, draw_features, draw_world
from data.synthetic_titles import SyntheticTitle, draw_title

VERSION = 1
"""Part of every shard's source hash: raise it when the same seed begins to give other features."""

TITLE_COLUMNS = ("title_id", "path", "duration_s", "split", "kind")
VIDEO_COLUMNS = ("title_id", "label", "present")
CLIP_COLUMNS = ("title_id", "label", "start_s", "end_s", "kind")

AddRow = Callable[[Sequence[object]], object]


def write_catalogue(
    folder: Path,
    *,
    titles: int,
    seed: int = 0,
    width: int | None = None,
    features_dir: Path | None = None,
    occurrences: Literal["all", "first"] = "all",
    advance: Callable[[int, int, str], None] = lambda done, total, what: None,
) -> None:
    """Write ``titles.csv``, ``video_labels.csv``, ``clip_labels.csv`` and, for a width, one shard a title.

    Args:
        folder: where the three files go.
        titles: how many, at least 1.
        seed: another seed, another catalogue; title i does not depend on ``titles``.
        width: D of the features; None writes labels only.
        features_dir: where the shards go; needed with ``width``.
        occurrences: which ones to label; ``first`` is what the paper's annotators note, in all splits (Sec. 3.1).
        advance: called with (done, total, title id) after each title.

    Raises:
        ConfigError: a width without a folder for the shards, or sizes below 1.
    """
    if titles < 1 or (width is not None and width < 1):
        raise ConfigError(f"{folder}: {titles} titles of width {width}; both must be at least 1")
    if width is not None and features_dir is None:
        raise ConfigError(f"{folder}: features of width {width} without a folder to write them to; give features_dir")
    world = None if width is None else draw_world(seed, width)
    with ExitStack() as stack:
        add_title = stack.enter_context(_open_rows(folder / "titles.csv", TITLE_COLUMNS))
        add_video = stack.enter_context(_open_rows(folder / "video_labels.csv", VIDEO_COLUMNS))
        add_clip = stack.enter_context(_open_rows(folder / "clip_labels.csv", CLIP_COLUMNS))
        for index in range(titles):
            title = draw_title(seed, index)
            add_title((title.title_id, "", title.frames, title.split, title.kind))
            _add_labels(title, add_video, add_clip, occurrences)
            if world is not None and features_dir is not None:
                _write_shard(features_dir, world, seed, title)
            advance(index + 1, titles, title.title_id)


@contextmanager
def _open_rows(path: Path, columns: Sequence[str]) -> Iterator[AddRow]:
    """Yield a function that adds a row to a CSV file; the file appears under its name when the block ends."""
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(columns)
        yield writer.writerow


def _add_labels(title: SyntheticTitle, add_video: AddRow, add_clip: AddRow, occurrences: str) -> None:
    """Add a title's presence, its first occurrences, and, if they are wanted, all its occurrences."""
    for label, present in title.labels.present.items():
        add_video((title.title_id, label, int(bool(present))))
    for kind, clips in (
        ("first_occurrence", title.labels.first.values()),
        ("all_occurrence", (title.labels.occurrences or ()) if occurrences == "all" else ()),
    ):
        for clip in clips:
            add_clip((title.title_id, clip.label, f"{clip.start_s:.3f}", f"{clip.end_s:.3f}", kind))


def _write_shard(features_dir: Path, world: World, seed: int, title: SyntheticTitle) -> None:
    """Draw a title's features and write its shard, unless the same shard is there."""
    width = world.look_LD.shape[1]
    name = f"synthetic-{seed}"
    spec = FeatureSpec(f"imported:{name}", "", width, "imported", "imported", letterbox=False, input_px=0)
    source = fingerprint([VERSION, seed, title.index, width])
    path = shard_path(features_dir, title.title_id)
    if path.exists():
        header = read_header(path)
        if (header.spec, header.coverage.source_sha256) == (spec, source):
            return
    coverage = Coverage(
        title_id=title.title_id,
        source=name,
        source_sha256=source,
        reader="import",
        container="",
        codec="",
        width_px=0,
        height_px=0,
        rotation_deg=0,
        declared_duration_s=float(title.frames),
        decoded_s=float(title.frames),
        samples=title.frames,
        corrupt_packets=0,
        complete=True,
        reason="",
    )
    write_shard(
        features_dir, spec, coverage, np.arange(title.frames, dtype=np.float64), draw_features(world, seed, title)
    )
