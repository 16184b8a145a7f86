"""Raw files and libraries to segments: no manifest, no labels, no configuration, and no checkpoint but the starter's.

The folder of results is a work_dir like any other (``pipeline.moderation_folder``): a second call reuses the features
that it finds there, and every other command works on it. Each call is a run over what it was given; the runs of other
calls stay beside it.
"""

from __future__ import annotations

import logging
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data.byte_names import as_text
from data.library import Listing, find_films
from data.titles import Title, named_file
from infer.export.settings import Format
from infer.export.source import read_run
from infer.export.write import BESIDE, export_run
from infer.write import read_titles_table
from model.sidecar import read_checkpoint
from pipeline.asked import changed, keep, options
from pipeline.beside import FAILED, SHARED, BesideFile, export_beside, files_of, is_marked
from pipeline.config import Config
from pipeline.crash import log_crashes_to
from pipeline.lock import folder_lock
from pipeline.moderation_folder import (
    moderation_values,
    require_exports,
    require_own,
    require_own_features,
    threshold_values,
    trial_config,
    write_folder,
)
from pipeline.runs.history import held_run
from pipeline.runs.leftovers import sweep
from pipeline.runs.pointer import current_folder, current_run
from pipeline.runs.stage import draw_report
from pipeline.stage_result import SOME_FAILED, StageResult
from pipeline.stages.extract import extract_catalogue
from pipeline.stages.found import Finder
from pipeline.stages.infer import infer_titles, inference_run
from pipeline.work_folder import WorkFolder

STARTER = Path(__file__).resolve().parent / "starter"
"""The checkpoint that comes with the package: a demonstration, which its ``notice`` says in every run."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wishes:
    """What somebody asks of `moderate` beside the films.

    Args:
        include, exclude: see ``data.library.find_films``.
        exports: formats; those of ``BESIDE`` are written beside the films, others below ``exports`` of the folder.
        thresholds: as they were typed, see ``moderation_folder.threshold_values``.
        overrides: nested values of the configuration.
        overwrite: replace files beside films that are not ours.
    """

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    exports: Sequence[Format] = ()
    thresholds: Sequence[str] = ()
    overrides: Mapping[str, Any] = field(default_factory=dict)
    overwrite: bool = False


@dataclass(frozen=True)
class Moderated:
    """What came of a call.

    Args:
        listing: which films there were, and what was left out.
        asked_otherwise: than in the call before, in words; empty if not.
        inferred: of the run, whose folder is its ``path``.
        report: of its drawing; ``path`` is the page, or the run's folder where there is none.
        beside: what became of the files beside the films.
        exported: folders of the other exports.
        outdated: files beside these films that an earlier call wrote, and this one did not bring up to date.
        of_others: files that an earlier call wrote beside films that are not asked for now.
        held: the run that a rollback keeps in force in place of this one; None if none does.
        absent: titles of the run before that are not in this call.
        unchanged: the run is that of the call before.
    """

    listing: Listing
    asked_otherwise: str
    inferred: StageResult
    report: StageResult
    beside: Sequence[BesideFile]
    exported: Sequence[Path]
    outdated: int
    of_others: Sequence[Path]
    held: str | None
    absent: int
    unchanged: bool

    @property
    def exit_code(self) -> int:
        """1 if a film, a folder or a file beside a film is not as it should be."""
        not_written = any(file.outcome in (FAILED, SHARED) for file in self.beside)
        return SOME_FAILED if self.inferred.not_read or self.listing.problems or not_written else 0


def moderate(places: Sequence[Path], checkpoint_dir: Path, out: Path, wishes: Wishes | None = None) -> Moderated:
    """Extract, score and segment video files with the settings that the checkpoint was trained with.

    Args:
        places: files, and folders with all below them; all of this machine, or of one bucket.
        checkpoint_dir: see ``model.checkpoint``.
        out: work_dir for features, coverage and runs.

    Raises:
        ConfigError: no video, a path that does not exist, a setting that is not allowed or is missing for an export.
        CheckpointError: the checkpoint was trained on imported features, which a video cannot be turned into.
    """
    wishes = wishes or Wishes()
    checkpoint = read_checkpoint(checkpoint_dir)
    require_own_features(checkpoint, checkpoint_dir)
    thresholds = threshold_values(wishes.thresholds, checkpoint.labels)
    listing = find_films(places, wishes.include, wishes.exclude, skipped=out, is_ours=is_marked)
    values = moderation_values(
        checkpoint, checkpoint_dir, out, listing.films, thresholds=thresholds, overrides=wishes.overrides
    )
    require_exports(wishes.exports, checkpoint.labels, trial_config(values, out))
    require_own(out)
    asked = _asked(wishes, None if checkpoint_dir == STARTER else checkpoint_dir, thresholds, checkpoint.labels)
    if otherwise := changed(out, asked, _call(places, out, wishes)):
        log.warning("%s", otherwise)
    log.debug("moderate films=%d left_out=%d", len(listing.films), listing.left_out.total())
    with folder_lock(out):
        log_crashes_to(out)
        sweep(WorkFolder(out))
        config = write_folder(out, values, listing.films)
        before, run_before = _titles_before(config), current_run(config.work)
        finder = Finder(config)
        extraction = extract_catalogue(config, found=finder)[1]
        titles = list(extraction.titles)
        run = inference_run(config, titles, extraction.failures, extraction.headers)
        inferred = infer_titles(run, scored_before=finder.scored)
        videos = {title.title_id: named_file(config.data.media_folder, title.path) for title in titles if title.path}
        met = {*listing.ours, *filter(is_marked, files_of(listing.named))}
        done, folders = _export(config, inferred.path, videos, wishes, met)
        report = draw_report(config, inferred.path)
        keep(out, asked)
        held = held_run(config.work)
    held = None if held == inferred.path.name else held
    late = met & files_of(videos.values(), [form for form in BESIDE if form not in wishes.exports])
    of_others = sorted(met & (files_of(listing.not_asked_for) - files_of(videos.values())), key=str)
    absent = len(before - {title.title_id for title in titles})
    unchanged = run_before == inferred.path.name
    return Moderated(listing, otherwise, inferred, report, done, folders, len(late), of_others, held, absent, unchanged)


def _export(
    config: Config, run_dir: Path, videos: Mapping[str, Path], wishes: Wishes, met: Collection[Path]
) -> tuple[list[BesideFile], list[Path]]:
    """Write the exports that were asked for; return what became of the files beside films, and the other folders."""
    forms = list(dict.fromkeys(wishes.exports))
    if not forms:
        return [], []
    titles = {title_id: Title(title_id, as_text(path)) for title_id, path in videos.items()}
    run = read_run(run_dir, "flag", titles)
    done: list[BesideFile] = []
    if beside := [form for form in forms if form in BESIDE]:
        table = config.work.exports_table
        done = export_beside(run, beside, videos, table, config.export, met=met, overwrite=wishes.overwrite)
    folders = [config.work.export_folder / form for form in forms if form not in BESIDE]
    for folder in folders:
        export_run(run, folder.name, folder, config.export)  # type: ignore[arg-type]
    return done, folders


def _asked(
    wishes: Wishes, checkpoint_dir: Path | None, thresholds: Mapping[str, float], labels: Sequence[str]
) -> list[str]:
    return options(
        checkpoint=checkpoint_dir,
        include=wishes.include,
        exclude=wishes.exclude,
        thresholds=thresholds,
        labels=labels,
        overrides=wishes.overrides,
    )


def _call(places: Sequence[Path], out: Path, wishes: Wishes) -> str:
    """Return a call as it is typed, without what ``pipeline.asked`` is for."""
    exports = [word for form in wishes.exports for word in ("--export", form)]
    return shlex.join(["coarse2fine", "moderate", *map(str, places), "--out", str(out), *exports])


def _titles_before(config: Config) -> set[str]:
    """Return the titles of the run before, of a film each; none where there is no run."""
    path = current_folder(config.work) / "titles.parquet"
    return {row.title_id for row in read_titles_table(path)} if path.is_file() else set()
