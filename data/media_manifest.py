"""The title manifest of a folder of films, written once and then edited by people: ``init --media``.

Ids and names come from the paths below the folder, the split stays blank, and episodes of one series, by a folder
``Season 01`` or a name with ``S01E03`` in it, say which, so that they can be kept in one split.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from data.byte_names import as_text
from data.files import write_text
from data.identity import catalogue_ids
from data.library import Film, Listing, find_films
from data.titles import composed, one_line

GROUP_COLUMN = "series"
COLUMNS = ("title_id", "path", "duration_s", "split", "name", GROUP_COLUMN)
_SEASON = re.compile(
    r"(season|series|staffel|saison|temporada|stagione|сезон|s)[ ._-]*\d+|\d+\. ?staffel|specials", re.I
)
_EPISODE = re.compile(r"(?<![a-z0-9])(s\d{1,3}[ ._-]?e\d{1,4}|\d{1,2}x\d{2,3})(?![0-9])", re.I)


@dataclass(frozen=True)
class MediaManifest:
    """What ``write_media_manifest`` found and wrote.

    Args:
        titles: number of films.
        series: number of series among them.
        left_out: what is no film, in words with its count; empty if there is none.
        problems: films that are not in the manifest, and why.
    """

    titles: int
    series: int
    left_out: str
    problems: tuple[str, ...]


def write_media_manifest(path: Path, folder: Path, skipped: Path | None = None) -> MediaManifest:
    """Write a title manifest of the films in a folder and all below it. Not in the paper.

    Args:
        path: the CSV file, which must not exist.
        folder: media root, of this machine or of a store.
        skipped: a folder that is not looked into.

    Raises:
        ConfigError: no such folder, or no film in it.
        FileExistsError: the file exists.
    """
    if path.exists():
        raise FileExistsError(path)
    listing = find_films([folder], skipped=skipped)
    problems = list(listing.problems)
    kept = _kept(listing, folder, problems)
    ids = catalogue_ids([relative for _, relative in kept])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    found = [series_of(relative) for _, relative in kept]
    writer.writerows(
        (title_id, as_text(relative), "", "", film.name, series)
        for title_id, (film, relative), series in zip(ids, kept, found)
    )
    write_text(path, text.getvalue())
    return MediaManifest(len(kept), len(set(found) - {""}), listing.left_out_words(), tuple(problems))


def series_of(relative: PurePosixPath) -> str:
    """Return the series of a film by its path below the media root; empty if it is no episode.

    It is the folder above the season's, and what the name says before ``S01E03`` where that says more.
    """
    mark = _EPISODE.search(relative.stem)
    folders = list(relative.parts[:-1])
    in_season = bool(folders) and _SEASON.fullmatch(folders[-1]) is not None
    if mark is None and not in_season:
        return ""
    while folders and _SEASON.fullmatch(folders[-1]):
        del folders[-1]
    before = " ".join(re.sub(r"[._]", " ", relative.stem[: mark.start()] if mark else "").split()).strip(" -[(")
    if before and (not folders or _plain(before) not in _plain(folders[-1])):
        folders.append(before)
    return composed(one_line("/".join(folders)))


def _plain(text: str) -> str:
    return "".join(character for character in composed(text).casefold() if character.isalnum())


def _kept(listing: Listing, folder: Path, problems: list[str]) -> list[tuple[Film, PurePosixPath]]:
    """Return the films that a manifest can name, with their paths below the folder, and report the others."""
    root = folder.absolute() if ".." not in folder.parts else folder.resolve()
    kept = []
    for film in listing.films:
        relative = PurePosixPath(*film.path.relative_to(root).parts)
        where = one_line(str(film.path))
        if not film.resolved.is_relative_to(folder.resolve()):
            problems.append(f"{where}: a link out of the folder; name the folder it leads to as media_root, or copy it")
        elif str(relative) != str(relative).strip():
            problems.append(f"{where}: begins or ends with a blank, which a table does not keep; rename it")
        else:
            kept.append((film, relative))
    return kept
