"""Jellyfin's media segments: the JSON of ``GET /MediaSegments/{itemId}``, times in ticks of 100 ns.

Jellyfin knows no segment type for content and no place for a note. The status stands in a member of our own, which its
readers ignore, and in ``titles.csv``: no item means only that there is nothing to skip.
"""

from __future__ import annotations

import uuid
from typing import Any

from data.errors import ConfigError
from infer.export.settings import ExportSettings
from infer.export.source import ExportRun, ExportTitle
from infer.export.statement import statement

TICKS_PER_SECOND = 10_000_000
_NAMESPACE = uuid.UUID("6f1a3f0e-5f0b-4b7c-9d55-0c2f6a1c9e10")  # any, but always the same: equal runs, equal ids


def require_column(run: ExportRun, settings: ExportSettings) -> None:
    """Raise ConfigError if a column of item ids was named that no title has: files without ids would reach no film."""
    name, is_named = settings.jellyfin_item_column, "jellyfin_item_column" in settings.model_fields_set
    if is_named and run.titles and not any(name in title.extra for title in run.titles):
        raise ConfigError(
            f"[export] jellyfin_item_column: {name!r} is no column of the titles; add it, or name another one"
        )


def content(title: ExportTitle, run: ExportRun, settings: ExportSettings) -> dict[str, Any]:
    """Return one title's segments; without an item id of the server (see the settings) ``ItemId`` is left out."""
    item_id = title.extra.get(settings.jellyfin_item_column, "")
    items = [
        {
            "Id": str(uuid.uuid5(_NAMESPACE, f"{run.run_id}/{title.title_id}/{segment.segment_index}")),
            **({"ItemId": item_id} if item_id else {}),
            "Type": settings.jellyfin_type,
            "StartTicks": round(segment.start_s * TICKS_PER_SECOND),
            "EndTicks": round(segment.end_s * TICKS_PER_SECOND),
        }
        for segment in title.segments
    ]
    status = {"TitleId": title.title_id, "Name": title.name, "Status": title.row.status, "Statement": statement(title)}
    return {"Items": items, "TotalRecordCount": len(items), "StartIndex": 0, "Coarse2Fine": status}
