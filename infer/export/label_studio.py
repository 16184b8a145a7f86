"""Pre-annotations for Label Studio: a task a title with its segments as a prediction, and the labelling configuration.

Frames count from 1 and the last one of a range belongs to it (``data.label_studio`` reads them back), so a segment
grows to whole frames. The header of the task shows what is known of the title. A quarantined title has no prediction:
an empty one would say that nothing was found.
"""

from __future__ import annotations

import math
from typing import Any
from xml.etree import ElementTree

from data.schemas import Segment
from infer.export.source import ExportRun, ExportTitle
from infer.export.statement import statement

CONTROL, OBJECT = "labels", "video"
_TOLERANCE = 1e-6  # of a frame: 0.04 s at 25 frames a second is one frame, not 1.0000000001


def tasks(run: ExportRun, fps: float) -> list[dict[str, Any]]:
    """Return the tasks to import, one a title."""
    return [
        {
            "data": {
                OBJECT: title.media,
                "title_id": title.title_id,
                "name": title.name,
                "status": title.row.status,
                "note": statement(title),
                "fps": fps,
            },
            "predictions": [] if title.row.status == "quarantined" else [_prediction(title, run, fps)],
        }
        for title in run.titles
    ]


def labelling_configuration(run: ExportRun, fps: float) -> str:
    """Return the XML of a labelling interface that fits the tasks."""
    view = ElementTree.Element("View")
    ElementTree.SubElement(view, "Header", value="$note")
    control = ElementTree.SubElement(view, "TimelineLabels", name=CONTROL, toName=OBJECT)
    for label in run.labels:
        ElementTree.SubElement(control, "Label", value=label)
    ElementTree.SubElement(view, "Video", name=OBJECT, value=f"${OBJECT}", frameRate=f"{fps:g}")
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding="unicode") + "\n"


def _prediction(title: ExportTitle, run: ExportRun, fps: float) -> dict[str, Any]:
    result = [
        {
            "id": f"segment-{segment.segment_index}",
            "from_name": CONTROL,
            "to_name": OBJECT,
            "type": "timelinelabels",
            "value": {"ranges": [_range(segment, fps)], "timelinelabels": [segment.label]},
            "score": segment.score,
            "meta": {"text": [segment.decision]},
        }
        for segment in title.segments
    ]
    score = max((segment.score for segment in title.segments), default=0.0)
    return {"model_version": run.model_id, "score": score, "result": result}


def _range(segment: Segment, fps: float) -> dict[str, int]:
    first = math.floor(segment.start_s * fps + _TOLERANCE) + 1
    return {"start": first, "end": max(first, math.ceil(segment.end_s * fps - _TOLERANCE))}
