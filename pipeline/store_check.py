"""Whether the stores that a configuration names can be reached, read and written from here, found out by doing it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from data.errors import StoreError
from data.store_path import StorePath
from pipeline.config import Config

State = Literal["ok", "warning", "failure"]
PROBE = ".coarse2fine-probe"


@dataclass(frozen=True)
class StoreUse:
    """A place on a store that a configuration names.

    Args:
        key: of the configuration.
        written: results go there.
    """

    key: str
    place: StorePath
    written: bool = False


def store_uses(config: Config) -> list[StoreUse]:
    """Return the places on stores that a configuration names."""
    data = config.data
    named: dict[str, Path | None] = {
        "[data] titles": data.titles,
        "[data] media_root": data.media_folder,
        "[data] video_labels": data.video_labels,
        "[data] clip_labels": data.clip_labels,
        "checkpoint": config.checkpoint,
        "features": config.features,
        "work_dir": config.work_dir,
    }
    return [
        StoreUse(key, place, written=key == "work_dir") for key, place in named.items() if isinstance(place, StorePath)
    ]


def check_stores(uses: Sequence[StoreUse]) -> Iterator[tuple[State, str]]:
    """Yield (``ok``, ``warning`` or ``failure``, words) for each place, and more for one that is written."""
    for use in uses:
        try:
            yield from _written(use) if use.written else _read(use)
        except (OSError, StoreError) as error:
            yield "failure", f"{use.key}: {error}"


def _read(use: StoreUse) -> Iterator[tuple[State, str]]:
    started_s = time.monotonic()
    if use.place.exists():
        yield "ok", f"{use.key}: {use.place} answers within {1000 * (time.monotonic() - started_s):.0f} ms"
    else:
        yield "failure", f"{use.key}: {use.place}: nothing there; correct the URL, or fill it"


def _written(use: StoreUse) -> Iterator[tuple[State, str]]:
    probe = use.place / f"{PROBE}-{uuid.uuid4().hex[:12]}"
    first = probe.write_if(b"1", absent=True)
    try:
        second = probe.write_if(b"2", absent=True)
        same = probe.read_bytes() == b"1"
    finally:
        probe.unlink(missing_ok=True)
    yield "ok", f"{use.key}: {use.place} can be written, read and removed"
    if use.place.decides_in_one_step and first and not second and same:
        yield "ok", f"{use.key}: writing on condition works, so that two runs cannot both hold the folder"
    else:
        yield "warning", f"{use.key}: no writing on condition: let nothing start two runs at the same moment"
