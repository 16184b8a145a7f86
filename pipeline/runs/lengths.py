"""How long videos are whose length nobody stated: their headers say it, and a plan needs it before a night of decoding.

A header is as untrusted as the film: it is read in the confined child that decodes, and no picture of it is. Bounded in
titles and time, because a plan must be quick; what is not known then is said to be unknown.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path

from data.errors import ModerationError
from data.store_path import StorePath
from extract.decode_pool import Limits, TitleEnd, decode
from extract.decode_worker import WorkerConfig
from extract.settings import ExtractSettings
from pipeline.runs.extraction_plan import Action, PlannedTitle

READER = "extract.header_reader:HeaderReader"
INPUT_PX = 16  # no picture is asked for
MOST_TITLES, MOST_S, TITLE_S = 2000, 20.0, 5.0


def probed_lengths(
    planned: Sequence[PlannedTitle], settings: ExtractSettings, *, most_s: float = MOST_S
) -> dict[str, float]:
    """Return the lengths in seconds that headers state, of titles to extract whose length is not known.

    Args:
        most_s: after so long nothing more is asked. Films on a store are not asked at all.
    """
    asked = {
        item.title.title_id: item.path
        for item in planned
        if item.action is Action.EXTRACT and item.duration_s is None and item.path is not None
    }
    return header_lengths(asked, settings, most_s=most_s)


def header_lengths(films: Mapping[str, Path], settings: ExtractSettings, *, most_s: float = MOST_S) -> dict[str, float]:
    """Return the lengths in seconds that the headers of films state, by title; ``most_s`` as in ``probed_lengths``."""
    local = [(title_id, path) for title_id, path in films.items() if not isinstance(path, StorePath)][:MOST_TITLES]
    found: dict[str, float] = {}
    if not local:
        return found
    config = WorkerConfig(READER, "full", False, INPUT_PX, settings.decode_memory_mib, sandbox=settings.sandbox)
    limits = Limits(min(settings.decode_workers, len(local)), TITLE_S, TITLE_S)
    until_s = time.monotonic() + most_s
    with suppress(ModerationError), closing(decode([path for _, path in local], config, limits)) as news:
        for item in news:  # an error here will be that of extraction, which says it
            if isinstance(item, TitleEnd) and item.info is not None:
                length_s = item.info.declared_duration_s or item.info.container_s
                found |= {local[item.job][0]: length_s} if length_s else {}
            if time.monotonic() > until_s:
                break
    return found
