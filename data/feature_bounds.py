"""What a feature file says of its size, asked before any memory is taken for it.

A file of a kilobyte can promise terabytes: a stride of 0 in a ``.pt``, holes in a ``.npy``, zeros in a ``.npz`` or HDF5
that were compressed. So each array is asked for its shape and type first.

Not in the paper, which reads files that it made itself.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np

from data.counted import byte_words
from data.feature_files import MOST_FILE_BYTES, ImportFeatureError

MOST_BYTES = 2 * 1024**3
"""Of an array as it is stored, all crops of it: 46 h of 2,048 float32 at 25/16 rows a second, 4.6 h of ten crops."""
MOST_HEADER_BYTES = 64 * 1024
MOST_PICKLE_BYTES = 16 * 1024**2


def require_size(shape: Sequence[int], item_bytes: int, named: str, what: str = "an array") -> None:
    """Raise ImportFeatureError for an array of more than ``MOST_BYTES``."""
    size_bytes = math.prod(shape) * item_bytes
    if size_bytes > MOST_BYTES:
        message = f"{named}: {what} of shape {tuple(shape)} has {byte_words(size_bytes)}; at most "
        raise ImportFeatureError(
            f"{message}{byte_words(MOST_BYTES)} are read: save fewer crops, or parts of the title", code="size"
        )


def require_npy(file: IO[bytes], named: str) -> None:
    """Raise for an array that is too large, by the header that ``file`` begins with; the place in it is kept.

    Raises:
        ImportFeatureError: too large.
        ValueError: no header of numpy.
    """
    start = file.tell()
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"version {version} of the format, expected 1.0 or 2.0")
    width = 2 if version == (1, 0) else 4
    length = file.read(width)
    header_bytes = int.from_bytes(length, "little")
    if header_bytes > MOST_HEADER_BYTES:
        raise ValueError(f"a header of {header_bytes} bytes")
    header = io.BytesIO(length + file.read(header_bytes))
    read = np.lib.format.read_array_header_1_0 if width == 2 else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(header)
    require_size(shape, dtype.itemsize, named)
    file.seek(start)


def require_tensors(copy: Path, named: str) -> None:
    """Raise ImportFeatureError for a ``.pt`` whose records unpack to more than is read, or that cannot be asked."""
    with copy.open("rb") as file:
        begins = file.read(4)
    if begins != b"PK\x03\x04":  # before PyTorch 1.6 tensors were made as large as a pickle asked for
        message = f"{named}: not a .pt file of PyTorch 1.6 or newer; load it and save it again with torch.save"
        raise ImportFeatureError(message, code="unreadable")
    with zipfile.ZipFile(copy) as archive:
        records = archive.infolist()
        for record in records:
            require_size((record.file_size,), 1, named, "a record")
        pickles = [record for record in records if record.filename.endswith(".pkl")]
        if any(record.file_size > MOST_PICKLE_BYTES for record in pickles):
            raise ImportFeatureError(f"{named}: holds more than tensors; save the tensors alone", code="unreadable")
        if any(b"bytearray" in archive.read(record) for record in pickles):  # made as long as the file asks
            raise ImportFeatureError(f"{named}: holds a bytearray; save tensors alone", code="unreadable")
    total_bytes = sum(record.file_size for record in records)
    if total_bytes > MOST_FILE_BYTES:
        message = f"{named}: unpacks to {byte_words(total_bytes)}; at most {byte_words(MOST_FILE_BYTES)} are read"
        raise ImportFeatureError(message, code="size")
