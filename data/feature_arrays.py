"""The (T, D) array in a title's feature files, whatever they are: .npy, .npz, .pt or HDF5, streams, crops, single axes.

Nothing is unpickled but tensors. Axes: T rows, D feature width.

Not in the paper, which extracts its features itself.
"""

from __future__ import annotations

import pickle
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from data.errors import ConfigError, ModerationError
from data.feature_files import STREAMS, TAIL, ImportFeatureError, canonical_stem, stream_order
from data.settings import Crops

Array = npt.NDArray[Any]

USUAL_NAMES = ("features", "feature", "feat", "feats", "arr_0", "c3d_features")
MOST_CROPS = 16
JOINED_SLACK_ROWS, JOINED_SLACK_SHARE = 2, 0.01

# what numpy, zipfile, torch and h5py were seen to raise on damaged files
DAMAGE = (
    *(OSError, EOFError, MemoryError, ArithmeticError, LookupError, ValueError, TypeError, AttributeError),
    *(RuntimeError, SyntaxError, AssertionError, zipfile.BadZipFile, zlib.error, struct.error, tokenize.TokenError),
    pickle.UnpicklingError,
)


@dataclass(frozen=True)
class Read:
    """What was read of a title's files.

    Args:
        features_TD: (T, D) floats.
        notes: what was done to them, in words; the same words for every title that it was done to.
    """

    features_TD: Array
    notes: tuple[str, ...] = ()


def read_features(copies: Sequence[Path], named: str, title_id: str, *, crops: Crops, rows: float | None) -> Read:
    """Read (T, D) floats, T >= 1, from a title's files, streams joined side by side.

    Args:
        copies: the files, of this machine.
        named: what they are called in messages.
        title_id: the array of an HDF5 file that holds several titles.
        crops: what becomes of several crops of each picture: their mean, or the first.
        rows: how many are expected by the stated duration, to tell axes apart; None if nobody says.

    Raises:
        ImportFeatureError: damaged, or of another shape or type.
    """
    notes: list[str] = []
    arrays = [array for copy in copies for array in _arrays(copy, named, title_id)]
    streams = [_rows(array, named, crops, rows, notes) for array in arrays]
    if len(streams) == 1:
        return Read(streams[0], tuple(notes))
    lengths = [len(stream) for stream in streams]
    least, most = min(lengths), max(lengths)
    if most - least > max(JOINED_SLACK_ROWS, JOINED_SLACK_SHARE * most):
        message = f"{named}: streams of {' and '.join(map(str, lengths))} rows cannot be joined; they must have as many"
        raise ImportFeatureError(message, code="shape")
    if most > least:
        notes.append("streams of unequal length were cut to the shorter")
    kind = np.result_type(*streams)
    return Read(np.concatenate([stream[:least].astype(kind) for stream in streams], axis=1), tuple(notes))


def _rows(array: Array, named: str, crops: Crops, rows: float | None, notes: list[str]) -> Array:
    """Return (T, D) of an array that may have axes of length 1, or an axis of crops."""
    features = _without_single_axes(array)
    if features.ndim == 3 and 0 not in features.shape:
        features = _without_crops(features, named, crops, rows)
        notes.append("crops were averaged" if crops == "mean" else "only the first crop was taken")
    if features.ndim != 2 or 0 in features.shape:
        message = f"{named}: shape {array.shape}, expected (T, D): one row a step of time, one column a feature"
        raise ImportFeatureError(message, code="shape")
    if features.dtype.kind != "f":
        raise ImportFeatureError(f"{named}: type {features.dtype}, expected float16, 32 or 64", code="type")
    return features


def _without_crops(features: Array, named: str, crops: Crops, rows: float | None) -> Array:
    """Return (T, D) of (crops, T, D) or (T, crops, D): crops are the shorter axis, and few."""
    one, other, _ = features.shape
    axis = 0 if one < other else 1
    if one == other or features.shape[axis] > MOST_CROPS:
        message = f"{named}: shape {features.shape}; expected (T, D), or at most {MOST_CROPS} crops as (crops, T, D)"
        raise ImportFeatureError(message, code="shape")
    if rows is not None and abs(features.shape[axis] - rows) < abs(features.shape[1 - axis] - rows):
        axis = 1 - axis  # a title that is shorter than its crops are many
    first: Array = features.take(0, axis=axis)
    if crops == "first" or features.dtype.kind != "f":
        return first
    averaged: Array = features.mean(axis=axis, dtype=np.float64)
    return averaged.astype(features.dtype)


def _without_single_axes(features: Array) -> Array:
    """Drop axes of length 1 after the first: (T, 1, 1, D) and (T, D, 1, 1) are (T, D); then a batch axis, (1, T, D)."""
    if features.ndim <= 2:
        return features
    rest = tuple(axis for axis in range(1, features.ndim) if features.shape[axis] == 1)
    squeezed = features.squeeze(axis=rest)
    if squeezed.ndim == 1:
        return squeezed[:, None]
    return squeezed[0] if squeezed.ndim == 3 and len(squeezed) == 1 else squeezed


def _arrays(copy: Path, named: str, title_id: str) -> list[Array]:
    """Return the arrays of a file, one a stream."""
    suffix = copy.suffix.casefold()
    try:
        if suffix == ".pt":
            return _tensors(copy, named)
        if suffix == ".npz":
            with np.load(copy, allow_pickle=False) as arrays:
                return [np.asarray(arrays[name]) for name in _chosen(tuple(arrays.files), named)]
        if suffix in (".h5", ".hdf5"):
            return _datasets(copy, named, title_id)
        # mapped, not read: a header that promises more than the file holds is refused before anything is allocated
        return [np.asarray(np.load(copy, mmap_mode="r", allow_pickle=False))]
    except ModerationError:
        raise
    except DAMAGE as error:
        hint = ""
        if "allow_pickle" in str(error) or "Python objects" in str(error):
            hint = "; it holds Python objects, which are never unpickled: save the arrays themselves"
        raise ImportFeatureError(f"{named}: not a readable {suffix} file ({error}){hint}", code="unreadable") from error


def _tensors(copy: Path, named: str) -> list[Array]:
    import torch

    try:
        value = torch.load(copy, map_location="cpu", weights_only=True)
    except DAMAGE as error:
        reason = str(error).partition("\n")[0]
        message = f"{named}: not a .pt file of tensors only ({reason}); save it with torch.save(tensor, path)"
        raise ImportFeatureError(message, code="unreadable") from error
    if isinstance(value, Mapping):
        tensors = {str(key): item for key, item in value.items() if isinstance(item, torch.Tensor)}
        chosen = [tensors[name] for name in _chosen(tuple(tensors), named)]
    elif isinstance(value, torch.Tensor):
        chosen = [value]
    else:
        raise ImportFeatureError(f"{named}: holds a {type(value).__name__}, expected a tensor", code="unreadable")
    found = [tensor.detach() for tensor in chosen]
    return [(tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy() for tensor in found]


def _datasets(copy: Path, named: str, title_id: str) -> list[Array]:
    try:
        import h5py
    except ImportError as error:
        raise ConfigError(f"{named}: HDF5 needs h5py; pip install -c constraints.txt '.[hdf5]'") from error
    with h5py.File(copy, "r") as file:
        node = file
        by_name = {canonical_stem(name): name for name in file}
        if canonical_stem(title_id) in by_name:
            node = file[by_name[canonical_stem(title_id)]]
        elif copy.stem != title_id and canonical_stem(TAIL.sub("", copy.stem)) != canonical_stem(title_id):
            raise ImportFeatureError(f"{named}: no array of {title_id} among its {len(file)}", code="missing")
        if isinstance(node, h5py.Dataset):
            return [np.asarray(node)]
        arrays = [name for name, item in node.items() if isinstance(item, h5py.Dataset)]
        return [np.asarray(node[name]) for name in _chosen(tuple(arrays), named)]


def _chosen(names: tuple[str, ...], named: str) -> list[str]:
    """Choose the only array of a file, those of streams, or the one with a usual name."""
    if len(names) == 1:
        return list(names)
    streams = [name for name in names if name.casefold() in STREAMS]
    streams.sort(key=lambda name: stream_order(name.casefold()))
    usual = [name for name in USUAL_NAMES if name in names]
    if usual or not streams:
        if usual:
            return usual[:1]
        listed = ", ".join(names[:20]) or "none"
        message = (
            f"{named}: arrays {listed}; expected one, one called {USUAL_NAMES[0]!r}, or {' and '.join(STREAMS[:2])}"
        )
        raise ImportFeatureError(message, code="shape")
    return streams
