"""Features that somebody has already: one .npy, .npz or .pt file a title becomes one shard a title.

One row a second is assumed (row t stands for second t), since the file cannot say otherwise; a stated duration is the
check on that. The feature file is the one that the manifest names, or ``<title_id>.npy`` (.npz, .pt) in the feature
folder. Nothing is unpickled but tensors. Axes: T frames, D feature width.
"""

from __future__ import annotations

import pickle
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from data.counted import counted
from data.errors import ConfigError, DecodeError, ModerationError, SchemaError
from data.files import file_sha256, local_copy
from data.schemas import Coverage, FeatureSpec
from data.shards import list_shards, read_header, shard_path, write_shard
from data.titles import Title, media_path

SUFFIXES = (".npy", ".npz", ".pt")
FLOAT16_MAX = 65504.0
ARRAY_NAMES = ("features", "feature", "arr_0")

# what numpy, zipfile and torch were seen to raise on damaged files
_DAMAGE = (
    *(OSError, EOFError, MemoryError, ArithmeticError, LookupError, ValueError, TypeError, AttributeError),
    *(RuntimeError, SyntaxError, AssertionError, zipfile.BadZipFile, zlib.error, struct.error, tokenize.TokenError),
    pickle.UnpicklingError,
)

Status = Literal["done", "current", "failed"]
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class ImportOutcome:
    """What became of one title: ``done`` (shard written), ``current`` (shard there already) or ``failed``, with why."""

    title_id: str
    status: Status
    error_code: str = ""
    error: str = ""


class ImportFeatureError(ModerationError):
    """A feature file that is missing or does not hold one row of finite floats a second."""

    default_code = "features"


def import_features(titles: Iterable[Title], feature_root: Path, *, name: str, folder: Path) -> Iterator[ImportOutcome]:
    """Write a shard for every title that has a feature file, and say per title how it went.

    Args:
        titles: in the order in which outcomes are yielded.
        feature_root: folder that the paths of feature files are relative to.
        name: what made the features, for example ``i3d-rgb``; features of different names are never mixed.
        folder: where the shards go. A shard of the same source bytes, name and stated duration is left alone.

    Raises:
        ConfigError: ``folder`` holds features of another kind.
    """
    backbone = f"imported:{name}"
    width = _width_of_folder(folder, backbone)
    for title in titles:
        try:
            status, spec = _import_title(title, feature_root, backbone, folder, width)
        except ModerationError as error:
            if error.systemic:
                raise
            yield ImportOutcome(title.title_id, "failed", error.code, str(error))
        else:
            width = width or (spec.width, title.title_id)
            yield ImportOutcome(title.title_id, status)


def _import_title(
    title: Title, feature_root: Path, backbone: str, folder: Path, width: tuple[int, str] | None
) -> tuple[Status, FeatureSpec]:
    source = _find_source(title, feature_root)
    named = str(source.relative_to(feature_root.resolve()))
    sha256 = _source_sha256(source, named)
    current = _current_spec(shard_path(folder, title.title_id), backbone, (named, sha256, title.duration_s))
    if current is not None:
        return "current", current
    with local_copy(source) as copy:
        features_TD = _features(copy, named, title.duration_s)
    rows, found = features_TD.shape
    if width is not None and found != width[0]:
        hint = " (it looks like the transpose of what is expected)" if rows == width[0] else ""
        message = f"{named}: width {found}, but {width[1]} has {width[0]}{hint}; all titles must have one width"
        raise ImportFeatureError(message, code="width")
    spec = FeatureSpec(backbone, "", found, sampling="imported", framing="imported", letterbox=False, input_px=0)
    reason = _gap(rows, title.duration_s)
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
        decoded_s=float(rows),
        samples=rows,
        corrupt_packets=0,
        complete=not reason,
        reason=reason,
    )
    write_shard(folder, spec, coverage, np.arange(rows, dtype=np.float64), features_TD)
    return "done", spec


def _width_of_folder(folder: Path, backbone: str) -> tuple[int, str] | None:
    """Return the width of the shards that are there and the title that has it; refuse another kind of features."""
    try:
        header = next(list_shards(folder), None)
    except SchemaError:  # a damaged shard says nothing about the others; its title is written again
        return None
    if header is None:
        return None
    if header.spec.backbone != backbone:
        message = f"{folder}: holds features of {header.spec.backbone}, not {backbone}; choose another folder or name"
        raise ConfigError(message)
    return header.spec.width, header.title_id


def _current_spec(path: Path, backbone: str, made_of: tuple[str, str, float | None]) -> FeatureSpec | None:
    try:
        header = read_header(path)
    except SchemaError:
        return None
    coverage = header.coverage
    same = made_of == (coverage.source, coverage.source_sha256, coverage.declared_duration_s)
    return header.spec if same and header.spec.backbone == backbone else None


def _find_source(title: Title, feature_root: Path) -> Path:
    """Return the resolved feature file of a title; it must lie under the feature folder."""
    named = title.path is not None and Path(title.path).suffix.casefold() in SUFFIXES
    candidates = [title.path] if named and title.path else [f"{title.title_id}{suffix}" for suffix in SUFFIXES]
    try:
        found = [path for path in (media_path(feature_root, name) for name in candidates) if path.is_file()]
    except DecodeError as error:
        raise ImportFeatureError(str(error), code="path") from error
    if len(found) == 1:
        return found[0]
    if found:
        names = " and ".join(path.name for path in found)
        raise ImportFeatureError(f"{title.title_id}: both {names} exist; name one in the manifest", code="ambiguous")
    raise ImportFeatureError(f"{title.title_id}: no {' or '.join(candidates)} under {feature_root}", code="missing")


def _source_sha256(source: Path, named: str) -> str:
    try:
        return file_sha256(source)
    except OSError as error:
        raise ImportFeatureError(f"{named}: cannot be read ({error.strerror})", code="unreadable") from error


def _gap(rows: int, declared_s: float | None) -> str:
    """Say how the rows miss the stated duration by more than max(2 s, 1 %); empty when they do not."""
    if declared_s is None or abs(rows - declared_s) <= max(2.0, 0.01 * declared_s):
        return ""
    return f"{counted(rows, 'row')} (one a second) for a stated duration of {declared_s:g} s"


def _features(source: Path, named: str, declared_s: float | None) -> Array:
    """Read (T, D) floats, finite within float16, T >= 1, from a feature file."""
    features = _without_single_axes(_read_array(source, named))
    if features.ndim != 2 or 0 in features.shape:
        message = f"{named}: shape {features.shape}, expected (T, D): one row a second, one column a feature"
        raise ImportFeatureError(message, code="shape")
    rows, columns = features.shape
    if declared_s is not None and _gap(rows, declared_s) and not _gap(columns, declared_s):
        message = f"{named}: shape {features.shape} for {declared_s:g} s looks like (D, T); save its transpose (T, D)"
        raise ImportFeatureError(message, code="shape")
    if features.dtype.kind != "f":
        raise ImportFeatureError(f"{named}: type {features.dtype}, expected float16, 32 or 64", code="type")
    bad = np.flatnonzero(~(np.abs(features) <= FLOAT16_MAX).all(axis=1))
    if len(bad):
        where = f"{counted(len(bad), 'row')}, first {bad[0]}"
        message = f"{named}: NaN, infinity or values beyond float16 ({FLOAT16_MAX:g}) in {where}"
        raise ImportFeatureError(message, code="values")
    return features


def _without_single_axes(features: Array) -> Array:
    """Drop axes of length 1 after the first: (T, 1, 1, D) and (T, D, 1, 1) are (T, D); then a batch axis, (1, T, D)."""
    if features.ndim <= 2:
        return features
    rest = tuple(axis for axis in range(1, features.ndim) if features.shape[axis] == 1)
    squeezed = features.squeeze(axis=rest)
    if squeezed.ndim == 1:
        return squeezed[:, None]
    return squeezed[0] if squeezed.ndim == 3 and len(squeezed) == 1 else squeezed


def _read_array(source: Path, named: str) -> Array:
    suffix = source.suffix.casefold()
    try:
        if suffix == ".pt":
            return _read_tensor(source, named)
        if suffix == ".npz":
            with np.load(source, allow_pickle=False) as arrays:
                return np.asarray(arrays[_array_name(tuple(arrays.files), named)])
        # mapped, not read: a header that promises more than the file holds is refused before anything is allocated
        return np.asarray(np.load(source, mmap_mode="r", allow_pickle=False))
    except _DAMAGE as error:
        raise ImportFeatureError(f"{named}: not a readable {suffix} file ({error})", code="unreadable") from error


def _read_tensor(source: Path, named: str) -> Array:
    import torch

    try:
        value = torch.load(source, map_location="cpu", weights_only=True)
    except _DAMAGE as error:
        reason = str(error).partition("\n")[0]
        message = f"{named}: not a .pt file of tensors only ({reason}); save it with torch.save(tensor, path)"
        raise ImportFeatureError(message, code="unreadable") from error
    if isinstance(value, Mapping):
        tensors = {str(key): item for key, item in value.items() if isinstance(item, torch.Tensor)}
        value = tensors[_array_name(tuple(tensors), named)]
    if not isinstance(value, torch.Tensor):
        raise ImportFeatureError(f"{named}: holds a {type(value).__name__}, expected a tensor", code="unreadable")
    tensor = value.detach()
    result: Array = (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
    return result


def _array_name(names: tuple[str, ...], named: str) -> str:
    """Choose the only array of a file, or the one with a usual name."""
    if len(names) == 1:
        return names[0]
    usual = [name for name in ARRAY_NAMES if name in names]
    if not usual:
        listed = ", ".join(names) or "none"
        message = f"{named}: arrays {listed}; expected one array, or one called {ARRAY_NAMES[0]!r}"
        raise ImportFeatureError(message, code="shape")
    return usual[0]
