"""JSON in the shape of Amazon Rekognition's ``GetContentModeration`` answer, aggregated by segments.

Programs that read it ask for ``JobStatus`` first, so that is where a title that may not be called clear says so: an
unread title is FAILED even if it has segments, and one with near misses that are not listed is IN_PROGRESS, since a
person has yet to decide. ``Confidence`` is the score in percent; it is no severity.
"""

from __future__ import annotations

from typing import Any

from infer.export.source import ExportRun, ExportTitle, milliseconds
from infer.export.statement import statement


def content(title: ExportTitle, run: ExportRun) -> dict[str, Any]:
    """Return one title's answer."""
    waiting = title.row.status == "review" and title.held_back > 0
    return {
        "JobStatus": "FAILED" if title.unread else "IN_PROGRESS" if waiting else "SUCCEEDED",
        "StatusMessage": statement(title),
        "VideoMetadata": {} if title.row.duration_s is None else {"DurationMillis": round(title.row.duration_s * 1000)},
        "ModerationLabels": [_detection(*milliseconds(s), s.label, s.score) for s in title.segments],
        "ModerationModelVersion": run.model_id,
        "GetRequestMetadata": {"SortBy": "TIMESTAMP", "AggregateBy": "SEGMENTS"},
        "Coarse2Fine": {
            "TitleId": title.title_id,
            "Name": title.name,
            "RunId": run.run_id,
            "Status": title.row.status,
            "HeldBack": title.held_back,
        },
    }


def _detection(start_ms: int, end_ms: int, label: str, score: float) -> dict[str, Any]:
    return {
        "Timestamp": start_ms,
        "StartTimestampMillis": start_ms,
        "EndTimestampMillis": end_ms,
        "DurationMillis": end_ms - start_ms,
        "ModerationLabel": {"Confidence": round(100 * score, 4), "Name": label, "ParentName": "", "TaxonomyLevel": 1},
    }
