"""Where films end, of what was read of them and of their headers: what labels can be held against before a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from data.errors import DecodeError
from data.known_films import FilmEnd, KnownFilms
from data.manifest import scan_titles
from data.seen_labels import ReadSpan
from data.store_path import StorePath
from data.titles import media_path
from pipeline.config import Config
from pipeline.coverage_table import read_ends
from pipeline.runs.extraction_plan import Action, PlannedTitle
from pipeline.runs.lengths import header_lengths


def known_films(config: Config) -> KnownFilms:
    """Return what is known of the films of a configuration; nothing is raised, and no more than headers is read.

    What was read counts for films that are still those of then, by their paths; headers for the others, as many as can
    be asked in a moment. Titles that state their duration are not asked.
    """
    manifest = scan_titles(config.data.titles, config.data.media_root, subsets=config.data.subsets)
    read = read_ends(config.coverage_path)
    ends = {
        title_id: FilmEnd(read[title_id][1], was_read=True)
        for title_id, title in manifest.titles.items()
        if title_id in read and (title.path is None or read[title_id][0] in ("", title.path))
    }
    unknown: dict[str, Path] = {}
    asks = config.run.import_name is None and not config.data.feature_folders
    for title_id, title in manifest.titles.items() if asks and not isinstance(manifest.media_root, StorePath) else ():
        if title_id in ends or title.duration_s is not None or title.path is None:
            continue
        try:
            path = media_path(manifest.media_root, title.path)
        except DecodeError:
            continue
        if path.is_file():
            unknown[title_id] = path
    return KnownFilms(ends | _of_headers(header_lengths(unknown, config.extract)))


def planned_films(planned: Sequence[PlannedTitle], lengths: Mapping[str, float]) -> KnownFilms:
    """Return what a plan knows of its films: what was read of those that stay, else what their headers say."""
    ends = {
        item.title.title_id: FilmEnd(ReadSpan.of(item.header).end_s, was_read=True)
        for item in planned
        if item.header is not None and item.action is not Action.EXTRACT
    }
    return KnownFilms(_of_headers(lengths) | ends)


def _of_headers(lengths: Mapping[str, float]) -> dict[str, FilmEnd]:
    return {title_id: FilmEnd(length_s, was_read=False) for title_id, length_s in lengths.items()}
