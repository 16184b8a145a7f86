"""Hand a run's segments on: its tables in the format of a player, an annotation tool or another program."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from data.counted import counted
from data.manifest import read_titles
from data.titles import Title
from infer.export.settings import Decision, ExportSettings, Format
from infer.export.source import read_run
from infer.export.write import TITLES_FILE, export_run
from pipeline.config import Config
from pipeline.stage_result import StageResult


def export(
    run_dir: Path, form: Format, out: Path, *, decision: Decision, settings: ExportSettings, titles: Mapping[str, Title]
) -> StageResult:
    """Write a run's segments in one format, with ``titles.csv`` beside them.

    Args:
        run_dir: folder of a finished run.
        out: folder for the files.
        decision: ``flag`` for flagged segments, ``all`` for near misses, too.
        settings: what the format asks for.
        titles: the manifest, for media paths and item ids; empty where there is none.
    """
    run = read_run(run_dir, decision, titles)
    export_run(run, form, out, settings)
    unread = sum(title.unread for title in run.titles)
    segments = sum(len(title.segments) for title in run.titles)
    held_back = sum(title.held_back for title in run.titles)
    summary = (
        f"export: {counted(segments, 'segment')} of {counted(len(run.titles), 'title')} as {form} "
        f"({counted(held_back, 'near miss')} left out, {counted(unread, 'title')} not read to the end; "
        f"{TITLES_FILE} says what each file means)"
    )
    return StageResult(summary, out, unread)


def manifest_titles(config: Config | None) -> dict[str, Title]:
    """Return the titles of a configuration's manifest; none without a configuration."""
    return (
        read_titles(config.data.titles, config.data.media_root, subsets=config.data.subsets)
        if config is not None
        else {}
    )
