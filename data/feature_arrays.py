"""The (T, D) array in a title's feature files: streams joined, crops and single axes gone.

``data.feature_containers`` says what is in a file. Axes: T rows, D feature width.

Not in the paper, which extracts its features itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from data.feature_containers import read_streams
from data.feature_files import FoundFile, ImportFeatureError
from data.settings import Crops

Array = npt.NDArray[Any]

MOST_CROPS = 16
JOINED_SLACK_ROWS, JOINED_SLACK_SHARE = 2, 0.01


@dataclass(frozen=True)
class Read:
    """What was read of a title's files.

    Args:
        features_TD: (T, D) floats.
        notes: what was done to them, in words; the same words for every title that it was done to.
    """

    features_TD: Array
    notes: tuple[str, ...] = ()


def read_features(
    copies: Sequence[tuple[Path, FoundFile]], named: str, title_id: str, *, crops: Crops, rows: float | None
) -> Read:
    """Read (T, D) floats, T >= 1, from a title's files, streams joined side by side.

    Args:
        copies: the files, of this machine, and what they were found as.
        named: what they are called in messages.
        title_id: the array of an HDF5 file that holds several titles.
        crops: what becomes of several crops of each picture: their mean, or the first.
        rows: how many are expected by the stated duration, to tell axes apart; None if nobody says.

    Raises:
        ImportFeatureError: damaged, too large, or of another shape or type.
    """
    notes: list[str] = []
    found = [
        (one.stream if len(streams) == 1 and one.stream else stream.name, stream.array)
        for copy, one in copies
        for streams in [read_streams(copy, named, title_id)]
        for stream in streams
    ]
    streams = [(name, _rows(array, named, crops, rows, notes)) for name, array in found]
    if len(streams) == 1:
        return Read(streams[0][1], tuple(notes))
    lengths = [len(array) for _, array in streams]
    least, most = min(lengths), max(lengths)
    if most - least > max(JOINED_SLACK_ROWS, JOINED_SLACK_SHARE * most):
        message = f"{named}: streams of {' and '.join(map(str, lengths))} rows cannot be joined; they must have as many"
        raise ImportFeatureError(message, code="shape")
    parts = [f"{name} ({array.shape[1]} wide)".strip() for name, array in streams]
    notes = [f"{' and '.join(parts)} were joined in this order", *dict.fromkeys(notes)]
    if most > least:
        notes.append("streams of unequal length were cut to the shorter")
    kind = np.result_type(*(array for _, array in streams))
    joined = np.concatenate([array[:least].astype(kind, copy=False) for _, array in streams], axis=1)
    return Read(joined, tuple(notes))


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
