"""ActivityNet JSON: all titles in one file, as evaluators of the field read it.

``results`` holds the titles that were read, in part or to their end; a quarantined title is not in it, since an empty
list would say that nothing was found. ``external_data`` says the status of every title.
"""

from __future__ import annotations

from typing import Any

from infer.export.source import ExportRun, ExportTitle
from infer.export.statement import statement


def content(run: ExportRun) -> dict[str, Any]:
    """Return the file's object."""
    return {
        "version": "coarse2fine 1",
        "results": {title.title_id: _rows(title) for title in run.titles if title.row.status != "quarantined"},
        "external_data": {
            "used": True,
            "details": f"run {run.run_id}, model {run.model_id}",
            "titles": {
                title.title_id: {"status": title.row.status, "statement": statement(title), "name": title.name}
                for title in run.titles
            },
        },
    }


def _rows(title: ExportTitle) -> list[dict[str, Any]]:
    return [
        {"label": segment.label, "score": segment.score, "segment": [segment.start_s, segment.end_s]}
        for segment in title.segments
    ]
