"""Files for players beside the films: under the name that a player looks for, only of films with something to skip.

A library is its owner's. Every file that is written into it has a mark (``infer.export.mark``) that says whether it is
as it was written: such a file is ours to bring up to date, or to take away when its film is clear now or is no more,
wherever the folder was moved to, and whichever call wrote it. All else is somebody's, and is left alone unless they ask
otherwise; then a copy of it is kept. Nothing else is ever put there or taken away.
"""

from __future__ import annotations

import csv
import glob
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from data.byte_names import as_text
from data.errors import StoreError
from data.files import TEMPORARY_PREFIX, atomic_path, is_held, write_text
from data.library import OTHER_SUFFIXES
from data.store_path import StorePath
from data.titles import composed
from infer.csv_export import guard
from infer.export.mark import Hand, hand_in, marked
from infer.export.settings import ExportSettings, Format
from infer.export.source import ExportRun, ExportTitle
from infer.export.write import BESIDE, Renderer, renderer

WRITTEN, CURRENT, REMOVED, KEPT, SHARED, FAILED = "written", "current", "removed", "kept", "shared", "failed"
COLUMNS = ("title_id", "name", "format", "file", "outcome", "detail")
READ_TO_THE_END = ("flagged", "review", "clear")
LARGEST_BYTES = 8 << 20
"""No file of ours is larger: what is, is not read to the end to find that out."""
_NO_FILMS = OTHER_SUFFIXES - {".strm"}


@dataclass(frozen=True)
class BesideFile:
    """What became of one file beside a film.

    Args:
        title_id: empty of a film that is no more.
        outcome: written; current, as it should be already; removed, nothing is to be skipped any more; kept, it is
            somebody else's or its film could not be read; shared, two films claim it; failed.
        detail: why, in words.
    """

    title_id: str
    name: str
    form: Format
    path: Path
    outcome: str
    detail: str = ""


def export_beside(
    run: ExportRun,
    forms: Sequence[Format],
    videos: Mapping[str, Path],
    table: Path,
    settings: ExportSettings,
    *,
    met: Collection[Path] = (),
    overwrite: bool = False,
) -> list[BesideFile]:
    """Bring the files beside the films of a run up to date; write what was done to ``table``.

    Args:
        forms: of ``BESIDE``.
        videos: where the films are, by title id.
        met: files of ours in folders that were looked into; those whose film is no more are taken away.
        overwrite: replace files that are not ours, after a copy of each.

    Raises:
        ConfigError: the format needs a setting that is not there.
    """
    done: list[BesideFile] = []
    for form in forms:
        done += _Exporter(form, renderer(run, form, settings), videos, overwrite).export(run.titles)
    done += _orphans(set(met) - files_of(videos.values()))
    _write_table(table, done)
    return done


def is_marked(path: Path) -> bool:
    """Say whether a file has the name and the mark of one that we wrote beside a film, changed since or not."""
    if not path.name.endswith(tuple(BESIDE.values())):
        return False
    try:
        return _hand(path) in (Hand.OURS, Hand.CHANGED)
    except (OSError, StoreError):
        return False


def files_of(films: Iterable[Path], forms: Iterable[Format] = tuple(BESIDE)) -> set[Path]:
    """Return where the files of films are, whether they are there or not."""
    forms = tuple(forms)
    return {beside(film, form) for film in films for form in forms}


@dataclass
class _Exporter:
    """Writes the files of one format."""

    form: Format
    render: Renderer
    videos: Mapping[str, Path]
    overwrite: bool

    def export(self, titles: Iterable[ExportTitle]) -> list[BesideFile]:
        claims: dict[Path, list[ExportTitle]] = {}
        for title in titles:
            if title.title_id in self.videos:
                claims.setdefault(beside(self.videos[title.title_id], self.form), []).append(title)
        return [file for path, claimed in claims.items() for file in self._bring_up_to_date(path, claimed)]

    def _bring_up_to_date(self, path: Path, titles: Sequence[ExportTitle]) -> list[BesideFile]:
        speaking = [title for title in titles if title.segments]
        if speaking and len(titles) > 1:
            names = " and ".join(self.videos[title.title_id].name for title in titles)
            there = "; what an earlier call wrote is still there" if is_marked(path) else ""
            why = f"{names} would share it; rename one of them{there}"
            return [self._file(title, path, SHARED, why) for title in speaking]
        title = (speaking or titles)[0]
        try:
            text = self.render(title) if speaking else None
            if text is None:
                return self._silent(title, path)
            return [self._speaking(title, path, marked(text, self.form, title))]
        except (OSError, StoreError) as error:
            return [self._file(title, path, FAILED, _words(error))]

    def _speaking(self, title: ExportTitle, path: Path, text: str) -> BesideFile:
        there = _content(path)
        if there == text.encode():
            return self._file(title, path, CURRENT)
        hand = Hand.OURS if there is None else hand_in(there)
        if hand is Hand.OURS:
            _write(path, text)
            return self._file(title, path, WRITTEN)
        if not self.overwrite:
            since = "not ours, or changed" if hand is Hand.FOREIGN else "changed"
            return self._file(title, path, KEPT, f"{since} since it was written; --overwrite replaces it")
        copy = _copied(path)
        _write(path, text)
        return self._file(title, path, WRITTEN, f"replaced; what was there is kept as {copy.name}")

    def _silent(self, title: ExportTitle, path: Path) -> list[BesideFile]:
        """Remove our file of a film with nothing to skip; what was known of one that cannot be read now stays."""
        hand = _hand(path)
        if hand in (None, Hand.FOREIGN):
            return []
        if title.row.status not in READ_TO_THE_END:
            why = "of an earlier call: the film was not read to its end now"
            return [self._file(title, path, KEPT, why)]
        if hand is Hand.CHANGED:
            why = "nothing is to be skipped any more, but the file was changed since it was written"
            return [self._file(title, path, KEPT, why)]
        path.unlink()
        return [self._file(title, path, REMOVED, "nothing is to be skipped any more")]

    def _file(self, title: ExportTitle, path: Path, outcome: str, detail: str = "") -> BesideFile:
        return BesideFile(title.title_id, title.name, self.form, path, outcome, detail)


def beside(video: Path, form: Format) -> Path:
    """Return where a player looks for the file of a video."""
    return video.with_name(f"{video.stem}{BESIDE[form]}")


def _orphans(unclaimed: Iterable[Path]) -> list[BesideFile]:
    """Remove our files of films that are no more: nothing in the folder that may be a film has the name."""
    done, names = [], {}
    for path in sorted(unclaimed, key=str):
        form = next(form for form, suffix in BESIDE.items() if path.name.endswith(suffix))
        name = path.name.removesuffix(BESIDE[form])
        try:
            if path.parent not in names:
                names[path.parent] = {_folded(p.stem) for p in path.parent.iterdir() if not _is_no_film(p)}
            hand = _hand(path)
            if hand is None or _folded(name) in names[path.parent]:
                continue
            outcome, why = KEPT, "its film is no more, but the file was changed since it was written"
            if hand is Hand.OURS:
                path.unlink()
                outcome, why = REMOVED, "its film is no more"
            done.append(BesideFile("", name, form, path, outcome, why))
        except (OSError, StoreError) as error:
            done.append(BesideFile("", name, form, path, FAILED, _words(error)))
    return done


def _is_no_film(path: Path) -> bool:
    return path.suffix.casefold() in _NO_FILMS


def _folded(name: str) -> str:
    return composed(name).casefold()


def _content(path: Path) -> bytes | None:
    """Return what is in a file, of a large one only its beginning; None where there is none."""
    try:
        with path.open("rb") as handle:
            return handle.read(LARGEST_BYTES)
    except FileNotFoundError:
        return None


def _hand(path: Path) -> Hand | None:
    content = _content(path)
    return None if content is None else hand_in(content)


def _write(path: Path, text: str) -> None:
    if not isinstance(path, StorePath):  # what a killed call left of this very file
        for leftover in path.parent.glob(f"{TEMPORARY_PREFIX}*-{glob.escape(path.name)}"):
            if not is_held(leftover):
                leftover.unlink()
    write_text(path, text)


def _copied(path: Path) -> Path:
    """Keep a copy of a file that is not ours, never in place of another one; return where it is."""
    content, number = path.read_bytes(), 1
    while True:
        copy = path.with_name(f"{path.name}.bak{number if number > 1 else ''}")
        if not copy.exists():
            with atomic_path(copy) as temporary:
                temporary.write_bytes(content)
            return copy
        if copy.is_file() and copy.read_bytes() == content:
            return copy
        number += 1


def _words(error: OSError | StoreError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)


def _write_table(path: Path, done: Sequence[BesideFile]) -> None:
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(COLUMNS)
        for file in done:
            cells = (file.title_id, file.name, file.form, as_text(file.path), file.outcome, file.detail)
            writer.writerow(map(guard, cells))
