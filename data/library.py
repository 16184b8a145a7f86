"""The films of a library: folders as people and media servers keep them, with subtitles, posters and rubbish beside.

A folder is walked with all below it, each real folder once, whatever links lead to it. In it a film is what has a
video's suffix, or has none that is known and begins like a video; a *named* file is a film whatever it is called, so
that what is wrong with it is recorded. What is no film is counted by its suffix; what cannot be looked at is said.
"""

from __future__ import annotations

import fnmatch
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from data.counted import counted
from data.errors import ConfigError
from data.identity import display_name
from data.store_path import StorePath
from data.titles import composed, one_line


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


VIDEO_SUFFIXES = _words(
    ".3g2 .3gp .asf .avi .divx .dv .dvr-ms .f4v .flv .ivf .m1v .m2t .m2ts .m2v .m4v .mk3d .mkv .mov .mp4 .mp4v .mpe "
    ".mpeg .mpg .mpv .mts .mxf .nut .ogm .ogv .qt .rm .rmvb .tp .trp .ts .vob .webm .wmv .wtv .xvid"
)
OTHER_SUFFIXES = _words(
    # pictures, subtitles, sound
    ".avif .bmp .gif .heic .heif .ico .jpeg .jpg .png .svg .tbn .tif .tiff .webp "
    ".ass .idx .lrc .mks .smi .srt .ssa .sub .sup .ttml .usf .vtt "
    ".aac .ac3 .aiff .alac .ape .dts .eac3 .flac .m4a .m4b .m4r .mka .mp2 .mp3 .oga .ogg .opus .ra .thd .wav .wma "
    # what describes, lists and checks
    ".bif .bup .csv .cue .db .edl .htm .html .ifo .ini .json .jsonl .log .m3u .m3u8 .mcf .md .md5 .nfo .nzb .par2 "
    ".parquet .pdf .plist .pls .sfv .sha1 .sha256 .strm .toml .torrent .txt .url .xml .yaml .yml "
    # packed, and not finished yet
    ".!qb .!ut .7z .aria2 .crdownload .download .gz .part .rar .tar .tmp .xz .zip"
)
RUBBISH_FOLDERS = _words(
    "@eadir @recycle @recently-snapshot @tmp #recycle #snapshot $recycle.bin __macosx lost+found"
) | {"system volume information"}
HIDDEN, NOT_ASKED_FOR = "hidden", "not asked for"
_HEAD_BYTES = 4096
_PICTURE_AND_SOUND_BRANDS = (b"heic", b"heix", b"heif", b"mif1", b"msf1", b"avif", b"avis", b"crx ", b"M4A ", b"M4B ")
_STARTS = (
    b"\x1a\x45\xdf\xa3",  # Matroska, WebM
    b"FLV\x01",
    b"\x00\x00\x01\xba",  # MPEG programme stream
    b"\x00\x00\x01\xb3",
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # ASF
    b"\x06\x0e\x2b\x34",  # MXF
    b".RMF",
    b"nut/multimedia container",
)


@dataclass(frozen=True)
class Film:
    """A file that is to be moderated.

    Args:
        path: absolute, as a person would type it.
        resolved: the same without links; what tells films apart.
        name: its path below the folder that was named, without suffix; of a named file its stem.
    """

    path: Path
    resolved: Path
    name: str


@dataclass
class Listing:
    """What was found where somebody pointed.

    Args:
        films: each once, in the order in which they were named, within a folder by name.
        left_out: how many files are no films, by suffix, or ``hidden``, ``special``, ``not asked for``.
        problems: folders and files that could not be looked at, in words; nothing is known of what is in them.
        unused: patterns that met nothing.
        not_asked_for: films that the patterns leave out.
        named: films, asked for or not, that were named themselves.
        ours: files of this program in the folders, which are neither films nor left out.
    """

    films: list[Film] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    not_asked_for: list[Path] = field(default_factory=list)
    named: list[Path] = field(default_factory=list)
    ours: list[Path] = field(default_factory=list)

    def left_out_words(self) -> str:
        """Say what is no film and how much of it; empty if nothing is."""
        most = sorted(self.left_out.items(), key=lambda item: (-item[1], item[0]))
        return ", ".join(f"{count} {kind}" for kind, count in most)


@dataclass
class _Walk:
    include: Sequence[str]
    exclude: Sequence[str]
    skipped: Path | None
    is_ours: Callable[[Path], bool]
    ours: set[Path] = field(default_factory=set)
    named: list[Path] = field(default_factory=list)
    left_out: dict[Path, str] = field(default_factory=dict)
    problems: dict[Path, str] = field(default_factory=dict)
    folders: set[tuple[int, int]] = field(default_factory=set)
    used: set[str] = field(default_factory=set)


def find_films(
    places: Sequence[Path],
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    *,
    skipped: Path | None = None,
    is_ours: Callable[[Path], bool] = lambda path: False,
) -> Listing:
    """Find the films in folders, and among files that are named.

    Args:
        places: files and folders, of this machine or of a store.
        include: patterns (``*``, ``?``, ``[]``, in any case); only what one of them meets is taken. A pattern without
            ``/`` is for the name of a file or of a folder it is in, one with it for their path below the named folder.
        exclude: patterns of what is left out.
        skipped: a folder that is not looked into: that of the results.
        is_ours: tells of a file that is no film whether this program wrote it, so that it need not be spoken of.

    Raises:
        ConfigError: a place that does not exist, or no film in any of them.
    """
    walk = _Walk(include, exclude, None if skipped is None else _resolved(skipped), is_ours)
    found: dict[Path, list[tuple[Film, Path, PurePosixPath]]] = {}
    for place in places:
        root = _absolute(place)
        walk.folders.clear()
        if root.is_dir():
            below = _store_files(root, walk) if isinstance(root, StorePath) else _files(root, walk)
            entries = [(path, path.relative_to(root), root) for path in below]
        elif root.exists() or root.is_symlink():
            entries = [(root, Path(root.name), root.parent)]
            walk.named.append(root)
        else:
            raise ConfigError(f"{place}: no such file; name a video file, or a folder of them")
        for path, relative, folder in entries:
            if not _is_asked_for(PurePosixPath(*relative.parts), walk):
                walk.left_out[path] = NOT_ASKED_FOR
            else:
                below_root = PurePosixPath(*relative.parts)
                film = Film(path, _resolved(path), display_name(below_root))
                found.setdefault(film.resolved, []).append((film, folder, below_root))
    # a film that is met twice, in a folder and in one above it, is called by the longer way to it
    chosen = [max(ways, key=lambda way: (len(way[2].parts), way[0].name)) for ways in found.values()]
    listing = Listing(
        films=_told_apart(chosen),
        left_out=Counter(walk.left_out.values()),
        problems=list(walk.problems.values()),
        unused=[pattern for pattern in (*include, *exclude) if pattern not in walk.used],
        not_asked_for=[path for path, kind in walk.left_out.items() if kind == NOT_ASKED_FOR],
        named=walk.named,
        ours=sorted(walk.ours, key=str),
    )
    if not listing.films:
        raise ConfigError(_nothing(places, listing))
    return listing


def begins_like_video(head: bytes) -> bool:
    """Say whether the first bytes of a file are those of a container of video."""
    if head.startswith(_STARTS) or (head[:4] == b"RIFF" and head[8:12] == b"AVI "):
        return True
    if head[4:8] == b"ftyp":
        return head[8:12] not in _PICTURE_AND_SOUND_BRANDS
    if head[4:8] in (b"moov", b"mdat"):
        return True
    if head.startswith(b"OggS"):
        return b"theora" in head[:_HEAD_BYTES]
    return any(  # transport streams, plain and with a time before each packet
        len(head) > start + 2 * step and all(head[start + step * n] == 0x47 for n in range(3))
        for start, step in ((0, 188), (4, 192))
    )


def _files(root: Path, walk: _Walk) -> Iterator[Path]:
    """Yield the films below a folder of this machine, by name."""
    try:
        there = root.stat()
        if (there.st_dev, there.st_ino) in walk.folders or _resolved(root) == walk.skipped:
            return
        walk.folders.add((there.st_dev, there.st_ino))
        with os.scandir(root) as scanned:
            entries = sorted(scanned, key=lambda entry: (entry.name.casefold(), entry.name))
    except OSError as error:
        walk.problems[root] = f"{one_line(str(root))}: cannot be looked into ({error.strerror or error})"
        return
    for entry in entries:
        path = root / entry.name
        if entry.name.startswith(".") or entry.name.casefold() in RUBBISH_FOLDERS:
            walk.left_out[path] = HIDDEN
        elif _is_folder(entry):
            yield from _files(path, walk)
        elif _is_film(path, walk):
            yield path


def _store_files(root: StorePath, walk: _Walk) -> Iterator[Path]:
    """Yield the films below a place on a store."""
    for path in sorted(root.files_below(), key=str):
        parts = path.relative_to(root).parts
        if any(part.startswith(".") or part.casefold() in RUBBISH_FOLDERS for part in parts):
            walk.left_out[path] = HIDDEN
        elif (walk.skipped is None or not path.is_relative_to(walk.skipped)) and _is_film(path, walk):
            yield path


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # links that lead to one another
        return False


def _is_film(path: Path, walk: _Walk) -> bool:
    suffix = path.suffix.casefold()
    if _is_odd(path):
        walk.left_out[path] = "special"
        return False
    if suffix in VIDEO_SUFFIXES:
        return True
    if suffix not in OTHER_SUFFIXES:
        try:
            if begins_like_video(_head(path)):
                return True
        except OSError as error:
            walk.problems[path] = f"{one_line(str(path))}: cannot be looked at ({error.strerror or error})"
            return False
    if walk.is_ours(path):
        walk.ours.add(path)
    else:
        walk.left_out[path] = one_line(suffix) or "without suffix"
    return False


def _is_odd(path: Path) -> bool:
    """Say whether something is there that is no file: a pipe, a device. A link that leads nowhere is not: it is bad."""
    if isinstance(path, StorePath):
        return False
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False


def _head(path: Path) -> bytes:
    with path.open("rb") as handle:
        return handle.read(_HEAD_BYTES)


def _is_asked_for(relative: PurePosixPath, walk: _Walk) -> bool:
    met = [pattern for pattern in (*walk.include, *walk.exclude) if _meets(relative, pattern)]
    walk.used.update(met)
    wanted = not walk.include or any(pattern in walk.include for pattern in met)
    return wanted and not any(pattern in walk.exclude for pattern in met)


def _meets(relative: PurePosixPath, pattern: str) -> bool:
    folded = composed(pattern).casefold().rstrip("/")
    below = [str(relative), *(str(parent) for parent in relative.parents if parent.parts)]
    names = below if "/" in folded else list(relative.parts)
    return any(fnmatch.fnmatchcase(composed(name).casefold(), folded) for name in names)


def _told_apart(found: Sequence[tuple[Film, Path, PurePosixPath]]) -> list[Film]:
    """Return the films; those that would be called alike have their suffix, and the folder that was named, said."""
    counts = Counter(film.name for film, _, _ in found)
    return [
        film if counts[film.name] == 1 else Film(film.path, film.resolved, one_line(f"{folder.name}/{relative}"))
        for film, folder, relative in found
    ]


def _nothing(places: Sequence[Path], listing: Listing) -> str:
    where = ", ".join(map(str, places))
    said = [f"no video files in {where} or below"]
    if listing.not_asked_for:
        said = [f"none of {counted(len(listing.not_asked_for), 'film')} in {where} is asked for (--include, --exclude)"]
    said += [f"no film or folder is like {pattern!r}" for pattern in listing.unused]
    if listing.left_out:
        said.append(f"left out: {listing.left_out_words()}")
    if listing.problems:
        said.append(f"{counted(len(listing.problems), 'problem')}, the first: {listing.problems[0]}")
    remedy = "name at least one video file, or a folder that holds some"
    return f"{'; '.join(said)}; {'correct the patterns' if listing.not_asked_for else remedy}"


def _absolute(path: Path) -> Path:
    """Return a path as a person would type it from anywhere; with ``..`` in it, where that leads."""
    return path.resolve() if ".." in path.parts else path.absolute()


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # links that lead to one another
        return path.absolute()
