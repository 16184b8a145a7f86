"""The JSON records that a run writes for itself (``run.json`` and its like), read by any later one.

They appear whole (``data.files``), so one that cannot be read was changed by somebody else, or by a disk: it is named,
with what to do, and is never a traceback.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from data.errors import SchemaError

A_RUN = "name the folder of a finished run, or make it anew"


def read_record(path: Path, *keys: str, to_do: str = A_RUN) -> dict[str, Any]:
    """Read a record.

    Args:
        path: the file.
        keys: that it must have.
        to_do: what the reader is to do about one that is damaged.

    Raises:
        SchemaError: no such file, a folder, not UTF-8, not JSON, not an object, or without one of the keys.
    """
    try:
        record = json.loads(path.read_bytes().decode("utf-8"))
    except FileNotFoundError as error:
        raise SchemaError(f"{path}: no such file; {to_do}") from error
    except OSError as error:
        raise SchemaError(f"{path}: cannot be read ({error.strerror}); {to_do}") from error
    except (ValueError, RecursionError) as error:
        raise SchemaError(f"{path}: damaged, not the JSON that was written ({error!s:.100}); {to_do}") from error
    if not isinstance(record, dict):
        raise SchemaError(f"{path}: damaged, it holds no JSON object; {to_do}")
    missing = [key for key in keys if key not in record]
    if missing:
        raise SchemaError(f"{path}: no such record, it has no {', '.join(missing)}; {to_do}")
    return record
