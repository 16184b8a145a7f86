"""HDF5 files of features: one title, or all of a data set, an array or a group of streams each.

What an HDF5 file may say of other files (external links, external storage, virtual arrays) is not followed.

Not in the paper.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from data.errors import ConfigError
from data.feature_bounds import require_size
from data.feature_files import ImportFeatureError, canonical_stem
from data.files import local_copy


@contextmanager
def open_hdf5(copy: Path, named: str) -> Iterator[Any]:
    """Yield an open HDF5 file; ConfigError where h5py is not installed."""
    try:
        import h5py
    except ImportError as error:
        raise ConfigError(f"{named}: HDF5 needs h5py; pip install -c constraints.txt '.[hdf5]'") from error
    with h5py.File(copy, "r") as file:
        yield file


def keys_of(path: Path) -> list[str]:
    """Return the names at the top of a file; none where it cannot be read, which its titles will say."""
    try:
        with local_copy(path) as copy, open_hdf5(copy, path.name) as file:
            return list(map(str, file))
    except (OSError, RuntimeError):
        return []


def key_of(file: Any, title_id: str) -> str | None:
    """Return what a title is called in a file that holds several; None if it is not there."""
    for name in (title_id, f"v_{title_id}"):
        if name in file:
            return name
    wanted = canonical_stem(title_id)
    return next((str(name) for name in file if canonical_stem(str(name)) == wanted), None)


def own_datasets(file: Any, key: str | None, named: str) -> dict[str, Any]:
    """Return the arrays of a title by name, under an empty name if it is one: at ``key``, or all of the file.

    Raises:
        ImportFeatureError: a link to another file.
    """
    import h5py

    node = file if key is None else _linked(file, key, named)
    if isinstance(node, h5py.Dataset):
        return {"": node}
    items = {str(name): _linked(node, name, named) for name in node}
    return {name: item for name, item in items.items() if isinstance(item, h5py.Dataset)}


def require_own(dataset: Any, named: str) -> None:
    """Raise ImportFeatureError for an array that is too large (or a chunk of it), in other files, or of no numbers."""
    if dataset.is_virtual or dataset.external:
        raise ImportFeatureError(f"{named}: its array lies in other files; copy it into one", code="path")
    item_bytes = dataset.dtype.itemsize
    if dataset.dtype.hasobject:  # of any length each
        raise ImportFeatureError(f"{named}: type {dataset.dtype}, expected float16, 32 or 64", code="type")
    require_size(dataset.shape or (), item_bytes, named)
    if dataset.chunks is not None and math.prod(dataset.chunks) > math.prod(dataset.shape):
        require_size(dataset.chunks, item_bytes, named, "a chunk")


def _linked(group: Any, name: str, named: str) -> Any:
    import h5py

    if isinstance(group.get(name, getlink=True), h5py.ExternalLink):
        raise ImportFeatureError(f"{named}: {name!r} is a link to another file; copy it into this one", code="path")
    return group[name]
