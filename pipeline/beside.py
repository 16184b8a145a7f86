"""Files for players beside the films: under the name that a player looks for, only of films with something to skip.

A library is its owner's. So everything that is written into it is kept in a record in the folder of results, with its
hash: what is there and is not as it was written is somebody else's, and is left alone unless they ask otherwise. A file
of ours goes when its film is clear now, or is no more. Nothing else is ever put there or taken away.
"""

from __future__ import annotations

import csv
import glob
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data.errors import ConfigError, StoreError
from data.files import TEMPORARY_PREFIX, atomic_path, write_json, write_text
from data.locations import locate
from data.store_path import StorePath
from infer.csv_export import guard
from infer.export.settings import ExportSettings, Format
from infer.export.source import ExportRun, ExportTitle
from infer.export.write import BESIDE, Renderer, renderer
from pipeline.work_folder import WorkFolder

WRITTEN, CURRENT, REMOVED, KEPT, SHARED, FAILED = "written", "current", "removed", "kept", "shared", "failed"
COLUMNS = ("title_id", "name", "format", "file", "outcome", "detail")
READ_TO_THE_END = ("flagged", "review", "clear")


@dataclass(frozen=True)
class BesideFile:
    """What became of one file beside a film.

    Args:
        outcome: written; current, as it should be already; removed, nothing is to be skipped any more; kept, it is
            somebody else's or its film could not be read; shared, two films claim it; failed.
        detail: why, in words.
    """

    title_id: str
    name: str
    form: str
    path: Path
    outcome: str
    detail: str = ""


@dataclass
class _Record:
    """What was written by us: by path, the film it is for and the hashes it may have."""

    files: dict[str, dict[str, Any]] = field(default_factory=dict)

    def is_ours(self, path: Path) -> bool:
        """Say whether a file is as we wrote it; False where there is none."""
        entry = self.files.get(str(path))
        return entry is not None and _hash(path) in entry["sha256"]


def export_beside(
    run: ExportRun,
    forms: Sequence[Format],
    videos: Mapping[str, Path],
    work: WorkFolder,
    settings: ExportSettings,
    *,
    overwrite: bool = False,
) -> list[BesideFile]:
    """Bring the files beside the films of a run up to date; write what was done to ``exports.csv`` of the work folder.

    Args:
        forms: of ``BESIDE``.
        videos: where the films are, by title id.
        overwrite: replace files that are not ours.

    Raises:
        ConfigError: the format needs a setting that is not there, or the record is not readable.
    """
    record = _read_record(work.exports)
    done: list[BesideFile] = []
    for form in forms:
        done += _Exporter(form, renderer(run, form, settings), videos, record, work, overwrite).export(run.titles)
    done += _orphans(record)
    _write_record(work.exports, record)
    _write_table(work.exports_table, done)
    return done


def written_files(work: WorkFolder) -> set[str]:
    """Return the paths of the files that we wrote beside films."""
    return set(_read_record(work.exports).files)


def outdated(work: WorkFolder, forms: Sequence[Format], videos: Mapping[str, Path]) -> int:
    """Return how many files we wrote beside these films in formats that are not brought up to date now."""
    named = {str(video) for video in videos.values()}
    entries = _read_record(work.exports).files.values()
    return sum(entry["video"] in named and entry["format"] not in forms for entry in entries)


@dataclass
class _Exporter:
    """Writes the files of one format."""

    form: Format
    render: Renderer
    videos: Mapping[str, Path]
    record: _Record
    work: WorkFolder
    overwrite: bool

    def export(self, titles: Iterable[ExportTitle]) -> list[BesideFile]:
        claims: dict[Path, list[ExportTitle]] = {}
        for title in titles:
            if title.title_id in self.videos:
                claims.setdefault(beside(self.videos[title.title_id], self.form), []).append(title)
        done: list[BesideFile] = []
        pending: list[tuple[Path, ExportTitle, str]] = []
        for path, claimed in claims.items():
            decided = self._decide(path, claimed)
            if isinstance(decided, list):
                done += decided
            else:
                pending.append((path, *decided))
        self._announce(pending)
        return done + [self._write(path, title, text) for path, title, text in pending]

    def _decide(self, path: Path, titles: Sequence[ExportTitle]) -> list[BesideFile] | tuple[ExportTitle, str]:
        """Return what became of a place, or what is to be written there."""
        speaking = [title for title in titles if title.segments]
        if speaking and len(titles) > 1:
            names = " and ".join(self.videos[title.title_id].name for title in titles)
            return [self._file(t, path, SHARED, f"{names} would share it; rename one of them") for t in speaking]
        title = (speaking or titles)[0]
        try:
            text = self.render(title) if speaking else None
            return self._silent(title, path) if text is None else self._speaking(title, path, text)
        except (OSError, StoreError) as error:
            return [self._file(title, path, FAILED, _words(error))]

    def _speaking(self, title: ExportTitle, path: Path, text: str) -> list[BesideFile] | tuple[ExportTitle, str]:
        there = _hash(path)
        if there == _text_hash(text):
            self.record.files[str(path)] = self._entry(title, [there])
            return [self._file(title, path, CURRENT)]
        if there is None or self.overwrite or self.record.is_ours(path):
            return title, text
        return [self._file(title, path, KEPT, "not ours, or changed since it was written; --overwrite replaces it")]

    def _silent(self, title: ExportTitle, path: Path) -> list[BesideFile]:
        """Remove our file of a film with nothing to skip; what was known of one that cannot be read now stays."""
        if str(path) not in self.record.files:
            return []
        if title.row.status not in READ_TO_THE_END:
            return [self._file(title, path, KEPT, "of an earlier call: the film was not read to its end now")]
        found = _taken_away(path, self.record, "nothing is to be skipped any more")
        return [self._file(title, path, *outcome) for outcome in found]

    def _announce(self, pending: Sequence[tuple[Path, ExportTitle, str]]) -> None:
        """Record what will be written: were the call killed in between, ours would else be taken for somebody's."""
        for path, title, text in pending:
            earlier = self.record.files.get(str(path), {}).get("sha256", [])
            self.record.files[str(path)] = self._entry(title, [*earlier, _text_hash(text)])
        if pending:
            _write_record(self.work.exports, self.record)

    def _write(self, path: Path, title: ExportTitle, text: str) -> BesideFile:
        try:
            if not isinstance(path, StorePath):  # what a killed call left of this very file
                for leftover in path.parent.glob(f"{TEMPORARY_PREFIX}*-{glob.escape(path.name)}"):
                    leftover.unlink()
            write_text(path, text)
        except (OSError, StoreError) as error:
            self.record.files[str(path)]["sha256"].remove(_text_hash(text))
            if not self.record.files[str(path)]["sha256"]:
                del self.record.files[str(path)]
            return self._file(title, path, FAILED, _words(error))
        self.record.files[str(path)]["sha256"] = [_text_hash(text)]
        return self._file(title, path, WRITTEN)

    def _file(self, title: ExportTitle, path: Path, outcome: str, detail: str = "") -> BesideFile:
        return BesideFile(title.title_id, title.name, self.form, path, outcome, detail)

    def _entry(self, title: ExportTitle, hashes: Sequence[str]) -> dict[str, Any]:
        return {
            "format": self.form,
            "title_id": title.title_id,
            "name": title.name,
            "video": str(self.videos[title.title_id]),
            "sha256": list(dict.fromkeys(hashes)),
        }


def beside(video: Path, form: Format) -> Path:
    """Return where a player looks for the file of a video."""
    return video.with_name(f"{video.stem}{BESIDE[form]}")


def _orphans(record: _Record) -> list[BesideFile]:
    """Remove our files of films that are no more, where their folder still is."""
    done = []
    for name, entry in list(record.files.items()):
        path, video = locate(name), locate(entry["video"])
        try:
            if video.exists() or not video.parent.is_dir():
                continue
            for outcome in _taken_away(path, record, "its film is no more"):
                done.append(BesideFile(entry["title_id"], entry["name"], entry["format"], path, *outcome))
        except (OSError, StoreError) as error:
            done.append(BesideFile(entry["title_id"], entry["name"], entry["format"], path, FAILED, _words(error)))
    return done


def _taken_away(path: Path, record: _Record, why: str) -> list[tuple[str, str]]:
    there = _hash(path)
    if there is None:
        del record.files[str(path)]
        return []
    if not record.is_ours(path):
        del record.files[str(path)]
        return [(KEPT, f"{why}, but the file was changed since it was written")]
    path.unlink()
    del record.files[str(path)]
    return [(REMOVED, why)]


def _hash(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return None


def _text_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _words(error: OSError | StoreError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)


def _read_record(path: Path) -> _Record:
    try:
        files = json.loads(path.read_text(encoding="utf-8"))["files"]
        for entry in files.values():
            _ = entry["format"], entry["title_id"], entry["name"], entry["video"], entry["sha256"]
        return _Record(files)
    except FileNotFoundError:
        return _Record()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{path}: not the record of files beside films ({error!r:.100}); without it nobody can tell which are "
            "ours. Move it away, and remove those files by hand or use --overwrite"
        ) from error


def _write_record(path: Path, record: _Record) -> None:
    if record.files or path.exists():
        write_json(path, {"files": dict(sorted(record.files.items()))})


def _write_table(path: Path, done: Sequence[BesideFile]) -> None:
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(COLUMNS)
        for file in done:
            cells = (file.title_id, file.name, file.form, str(file.path), file.outcome, file.detail)
            writer.writerow(map(guard, cells))
