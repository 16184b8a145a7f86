"""The arrays in a feature file, one a stream: .npy, .npz, .pt or HDF5. Nothing is unpickled but tensors.

What an array would take is asked before it is read (``data.feature_bounds``).

Not in the paper, which extracts its features itself.
"""

from __future__ import annotations

import pickle
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from data.errors import ModerationError
from data.feature_bounds import require_npy, require_size, require_tensors
from data.feature_files import HDF5, STREAMS, TAIL, ImportFeatureError, canonical_stem, stream_order
from data.hdf5 import key_of, open_hdf5, own_datasets, require_own

USUAL_NAMES = ("features", "feature", "feat", "feats", "arr_0", "c3d_features")

# what numpy, zipfile, torch and h5py were seen to raise on damaged files
DAMAGE = (
    *(OSError, EOFError, MemoryError, ArithmeticError, LookupError, ValueError, TypeError, AttributeError),
    *(RuntimeError, SyntaxError, AssertionError, zipfile.BadZipFile, zlib.error, struct.error, tokenize.TokenError),
    pickle.UnpicklingError,
)


@dataclass(frozen=True)
class Stream:
    """An array of a file, and what it is called there; empty if it is the only one or says nothing."""

    array: npt.NDArray[Any]
    name: str = ""


def read_streams(copy: Path, named: str, title_id: str) -> list[Stream]:
    """Return the arrays of a file of this machine, one a stream.

    Args:
        named: what the file is called in messages.
        title_id: the array of an HDF5 file that holds several titles.

    Raises:
        ImportFeatureError: damaged, too large, or none of its arrays is known for the features.
    """
    suffix = copy.suffix.casefold()
    try:
        if suffix == ".pt":
            return _tensors(copy, named)
        if suffix == ".npz":
            return _members(copy, named)
        if suffix in HDF5:
            return _datasets(copy, named, title_id)
        with copy.open("rb") as file:
            require_npy(file, named)
        # mapped, not read: a header that promises more than the file holds is refused before anything is allocated
        return [Stream(np.asarray(np.load(copy, mmap_mode="r", allow_pickle=False)))]
    except ModerationError:
        raise
    except DAMAGE as error:
        hint = ""
        if "allow_pickle" in str(error) or "Python objects" in str(error) or "Object arrays" in str(error):
            hint = "; it holds Python objects, which are never unpickled: save the arrays themselves"
        raise ImportFeatureError(f"{named}: not a readable {suffix} file ({error}){hint}", code="unreadable") from error


def _members(copy: Path, named: str) -> list[Stream]:
    with zipfile.ZipFile(copy) as archive:
        members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
        streams = []
        for name in _chosen(tuple(members), named):
            with archive.open(members[name]) as file:
                require_npy(file, named)
                array = np.lib.format.read_array(file, allow_pickle=False)
            streams.append(Stream(np.asarray(array), name))
    return streams


def _tensors(copy: Path, named: str) -> list[Stream]:
    import torch

    try:
        require_tensors(copy, named)
        value = torch.load(copy, map_location="cpu", weights_only=True)
    except DAMAGE as error:
        reason = str(error).partition("\n")[0]
        message = f"{named}: not a .pt file of tensors only ({reason}); save it with torch.save(tensor, path)"
        raise ImportFeatureError(message, code="unreadable") from error
    if isinstance(value, Mapping):
        tensors = {str(key): item for key, item in value.items() if isinstance(item, torch.Tensor)}
        chosen = {name: tensors[name] for name in _chosen(tuple(tensors), named)}
    elif isinstance(value, torch.Tensor):
        chosen = {"": value}
    else:
        raise ImportFeatureError(f"{named}: holds a {type(value).__name__}, expected a tensor", code="unreadable")
    streams = []
    for name, tensor in chosen.items():
        require_size(tensor.shape, tensor.element_size(), named)  # strides of 0 repeat what is stored once
        found = tensor.detach()
        streams.append(Stream((found.float() if found.dtype == torch.bfloat16 else found).numpy(), name))
    return streams


def _datasets(copy: Path, named: str, title_id: str) -> list[Stream]:
    with open_hdf5(copy, named) as file:
        key = key_of(file, title_id)
        if key is None and copy.stem != title_id and _base(copy.stem) != canonical_stem(title_id):
            such_as = "".join(f", such as {name!r}" for name in list(file)[:1])
            raise ImportFeatureError(f"{named}: no array of {title_id} among its {len(file)}{such_as}", code="missing")
        datasets = own_datasets(file, key, named)
        names = [""] if list(datasets) == [""] else _chosen(tuple(datasets), named)
        for name in names:
            require_own(datasets[name], named)
        return [Stream(np.asarray(datasets[name]), name) for name in names]


def _base(stem: str) -> str:
    return canonical_stem(TAIL.sub("", stem))


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
