"""Features that somebody has already: the files of a title (``data.feature_files``) become one shard.

How many rows a second there are is said by whoever made them (``rate``), since a file cannot say it; a stated duration
is the check on that. Row i stands for ``[i / rate, (i + 1) / rate)``, and stays a row from shard to segment edge.

Not in the paper, which has a row a second. Axes: T rows, D feature width.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np

from data.counted import counted
from data.errors import ConfigError, DecodeError, ModerationError, SchemaError
from data.feature_arrays import Array, read_features
from data.feature_files import FoundFile, ImportFeatureError, content_sha256
from data.feature_folders import FeatureFolders
from data.files import local_copy
from data.schemas import Coverage, FeatureSpec
from data.settings import Crops
from data.shards import list_shards, read_header, shard_path, write_shard
from data.titles import Title

FLOAT16_MAX = 65504.0
CHECKED_ROWS = 4096
SLACK_S, SLACK_SHARE = 2.0, 0.01
USUAL_RATES = tuple(
    Fraction(*rate)
    for rate in ((1,), (25, 16), (30, 16), (24, 16), (25, 8), (30, 8), (25, 4), (30, 4), (10, 16), (25, 64), (5, 16))
)
USUAL_SHARE = 0.02
"""So near a usual rate a rate is taken for it: files end a little before or after their films."""
IMPORTED = "imported"
WOULD_FIT = "; the rows would fit at a rate of "

Status = Literal["done", "current", "failed"]


@dataclass(frozen=True)
class FeatureImport:
    """What feature files are, which they cannot say themselves.

    Args:
        name: what made the features, for example ``i3d-rgb``; features of different names are never mixed.
        folders: where they lie.
        rate: rows a second.
        crops: what becomes of several crops of each picture.
    """

    name: str
    folders: FeatureFolders
    rate: float = 1.0
    crops: Crops = "mean"

    @property
    def backbone(self) -> str:
        return f"{IMPORTED}:{self.name}"

    @property
    def step_s(self) -> float:
        """Seconds from a row to the next."""
        return 1 / self.rate

    @property
    def sampling(self) -> str:
        """What a ``FeatureSpec`` says of the sampling."""
        return IMPORTED if self.crops == "mean" else f"{IMPORTED}:first-crop"


@dataclass(frozen=True)
class ImportOutcome:
    """What became of one title: ``done`` (shard written), ``current`` (shard there already) or ``failed``, with why.

    ``notes`` is what was done to the rows, in words that are the same for all titles that it was done to; ``called`` is
    what the files are called where that is not the title's id, nor what the manifest says.
    """

    title_id: str
    status: Status
    error_code: str = ""
    error: str = ""
    notes: tuple[str, ...] = ()
    called: str = ""


def import_features(titles: Iterable[Title], wanted: FeatureImport, folder: Path) -> Iterator[ImportOutcome]:
    """Write a shard for every title that has feature files, and say per title how it went.

    Args:
        titles: in the order in which outcomes are yielded.
        wanted: what the files are.
        folder: where the shards go. A shard of the same source bytes, of features that are wanted and of the same
            stated duration, is left alone.

    Raises:
        ConfigError: ``folder`` holds features of another kind.
    """
    width = _width_of_folder(folder, wanted)
    for title in titles:
        try:
            status, spec, notes, called = _import_title(title, wanted, folder, width)
        except ModerationError as error:
            if error.systemic or isinstance(error, ConfigError):
                raise
            yield ImportOutcome(title.title_id, "failed", error.code, str(error))
        else:
            width = width or (spec.width, title.title_id)
            yield ImportOutcome(title.title_id, status, notes=notes, called=called)


def _import_title(
    title: Title, wanted: FeatureImport, folder: Path, width: tuple[int, str] | None
) -> tuple[Status, FeatureSpec, tuple[str, ...], str]:
    try:
        sources = wanted.folders.find(title)
    except DecodeError as error:
        raise ImportFeatureError(str(error), code=error.code) from error
    named = wanted.folders.named(sources)
    called = "" if all(_plainly_called(source, title) for source in sources) else named
    try:
        sha256 = content_sha256([source.path for source in sources])
    except OSError as error:
        raise ImportFeatureError(f"{named}: cannot be read ({error.strerror})", code="unreadable") from error
    current = _current_spec(shard_path(folder, title.title_id), wanted, (named, sha256, title.duration_s))
    if current is not None:
        return "current", current, (), called
    with ExitStack() as stack:
        copies = [(stack.enter_context(local_copy(source.path)), source) for source in sources]
        rows = None if title.duration_s is None else title.duration_s * wanted.rate
        read = read_features(copies, named, title.title_id, crops=wanted.crops, rows=rows)
        features_TD = read.features_TD
        _check(features_TD, named, title, wanted.rate)
    count, found = features_TD.shape
    if width is not None and found != width[0]:
        hint = " (it looks like the transpose of what is expected)" if count == width[0] else ""
        message = f"{named}: width {found}, but {width[1]} has {width[0]}{hint}; all titles must have one width"
        raise ImportFeatureError(message, code="width")
    spec = FeatureSpec(
        wanted.backbone, "", found, wanted.sampling, framing=IMPORTED, letterbox=False, input_px=0, step_s=wanted.step_s
    )
    reason = _gap(count, wanted.rate, title.duration_s)
    coverage = Coverage(
        title_id=title.title_id,
        source=named,
        source_sha256=sha256,
        reader="import",
        container="",
        codec="",
        width_px=0,
        height_px=0,
        rotation_deg=0,
        declared_duration_s=title.duration_s,
        decoded_s=count * wanted.step_s,
        samples=count,
        corrupt_packets=0,
        complete=not reason,
        reason=reason,
    )
    write_shard(folder, spec, coverage, np.arange(count, dtype=np.float64) * wanted.step_s, features_TD)
    return "done", spec, read.notes, called


def _plainly_called(source: FoundFile, title: Title) -> bool:
    """Whether a file is called as its title's id, or the manifest names it, or it holds all titles."""
    if source.holds_all or source.path.stem == title.title_id:
        return True
    return title.path is not None and source.path.name == Path(title.path).name


def _width_of_folder(folder: Path, wanted: FeatureImport) -> tuple[int, str] | None:
    """Return the width of the shards that are there and the title that has it; refuse another kind of features."""
    try:
        header = next(list_shards(folder), None)
    except SchemaError:  # a damaged shard says nothing about the others; its title is written again
        return None
    if header is None:
        return None
    if header.spec.backbone != wanted.backbone:
        message = f"{folder}: holds features of {header.spec.backbone}, not {wanted.backbone}"
        raise ConfigError(f"{message}; choose another folder or name")
    return None if _difference(header.spec, wanted) else (header.spec.width, header.title_id)


def _difference(spec: FeatureSpec, wanted: FeatureImport) -> bool:
    return (spec.backbone, spec.sampling, spec.step_s) != (wanted.backbone, wanted.sampling, wanted.step_s)


def _current_spec(path: Path, wanted: FeatureImport, made_of: tuple[str, str, float | None]) -> FeatureSpec | None:
    try:
        header = read_header(path)
    except SchemaError:
        return None
    coverage = header.coverage
    same = made_of == (coverage.source, coverage.source_sha256, coverage.declared_duration_s)
    return header.spec if same and not _difference(header.spec, wanted) else None


def _gap(rows: int, rate: float, declared_s: float | None) -> str:
    """Say how the rows miss the stated duration by more than max(2 s, 1 %); empty when they do not."""
    if declared_s is None or abs(rows / rate - declared_s) <= max(SLACK_S, SLACK_SHARE * declared_s):
        return ""
    said = f"{counted(rows, 'row')} ({rate_words(rate)}) for a stated duration of {declared_s:g} s"
    fitting = fitting_rate(rows, declared_s)
    return said if fitting is None or fitting == rate else f"{said}{WOULD_FIT}{fitting}"


def fitting_rate(rows: int, declared_s: float) -> Fraction | None:
    """Return the usual rate, in rows a second, at which rows last nearly as long as is stated; None if none is near."""
    rate = rows / declared_s
    near = min(USUAL_RATES, key=lambda usual: abs(usual / rate - 1))
    return near if abs(near / rate - 1) <= USUAL_SHARE else None


def rate_words(rate: float) -> str:
    """Return a rate as people write it: ``25/16 rows a second``, ``one a second``."""
    if rate == 1:
        return "one a second"
    usual = next((usual for usual in USUAL_RATES if abs(float(usual) / rate - 1) < 1e-6), None)
    return f"{usual if usual is not None else f'{rate:.6g}'} rows a second"


def _check(features: Array, named: str, title: Title, rate: float) -> None:
    """Raise ImportFeatureError for what is (D, T), or not finite within float16."""
    rows, columns = features.shape
    declared_s = title.duration_s
    at_no_rate = declared_s is not None and fitting_rate(rows, declared_s) is None
    if at_no_rate and _gap(rows, rate, declared_s) and not _gap(columns, rate, declared_s):
        message = f"{named}: shape {features.shape} for {declared_s:g} s looks like (D, T); save its transpose (T, D)"
        raise ImportFeatureError(message, code="shape")
    bad = [
        row
        for first in range(0, rows, CHECKED_ROWS)
        for row in _bad_rows(features[first : first + CHECKED_ROWS], first)
    ]
    if bad:
        where = f"{counted(len(bad), 'row')}, first {bad[0]}"
        message = f"{named}: NaN, infinity or values beyond float16 ({FLOAT16_MAX:g}) in {where}"
        raise ImportFeatureError(message, code="values")


def _bad_rows(part: Array, first: int) -> list[int]:
    bad = np.flatnonzero(~(np.abs(part) <= FLOAT16_MAX).all(axis=1))
    return [first + int(row) for row in bad]
