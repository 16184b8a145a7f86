"""Pre-annotations for ELAN (``.eaf``): a tier a label, values with decision and score, and a tier with the status.

Every label has its tier, also where nothing was found, so that an annotator can add to it; the status tier spans the
whole title and says what is known of it.
"""

from __future__ import annotations

import mimetypes
from xml.etree import ElementTree

from data.elan import STATUS_TIER, TITLE_PROPERTY
from infer.export.source import ExportRun, ExportTitle, milliseconds
from infer.export.statement import statement

TYPE = "segment"
_INSTANCE = "{http://www.w3.org/2001/XMLSchema-instance}noNamespaceSchemaLocation"


def render(title: ExportTitle, run: ExportRun) -> str:
    """Return one title's file."""
    attributes = {"AUTHOR": "coarse2fine", "DATE": run.finished_at, "FORMAT": "3.0", "VERSION": "3.0"}
    attributes[_INSTANCE] = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
    document = ElementTree.Element("ANNOTATION_DOCUMENT", attributes)
    header = ElementTree.SubElement(document, "HEADER", MEDIA_FILE="", TIME_UNITS="milliseconds")
    kind = mimetypes.guess_type(title.media)[0] or "video/mp4"
    ElementTree.SubElement(header, "MEDIA_DESCRIPTOR", MEDIA_URL=title.media, MIME_TYPE=kind)
    for name, text in ((TITLE_PROPERTY, title.title_id), ("coarse2fine.run_id", run.run_id)):
        ElementTree.SubElement(header, "PROPERTY", NAME=name).text = text
    order = ElementTree.SubElement(document, "TIME_ORDER")
    spans = [(STATUS_TIER, 0, max(1, round(title.end_s * 1000)), statement(title))]
    spans += [(s.label, *milliseconds(s), f"{s.decision} {title.score_of(s)}") for s in title.segments]
    tiers = {name: _tier(document, name) for name in dict.fromkeys([STATUS_TIER, *run.labels])}
    for number, (name, start_ms, end_ms, text) in enumerate(spans, 1):
        slots = []
        for slot, time_ms in ((f"ts{2 * number - 1}", start_ms), (f"ts{2 * number}", end_ms)):
            ElementTree.SubElement(order, "TIME_SLOT", TIME_SLOT_ID=slot, TIME_VALUE=str(time_ms))
            slots.append(slot)
        references = {"ANNOTATION_ID": f"a{number}", "TIME_SLOT_REF1": slots[0], "TIME_SLOT_REF2": slots[1]}
        annotation = ElementTree.SubElement(tiers[name], "ANNOTATION")
        aligned = ElementTree.SubElement(annotation, "ALIGNABLE_ANNOTATION", references)
        ElementTree.SubElement(aligned, "ANNOTATION_VALUE").text = text
    ElementTree.SubElement(
        document, "LINGUISTIC_TYPE", GRAPHIC_REFERENCES="false", LINGUISTIC_TYPE_ID=TYPE, TIME_ALIGNABLE="true"
    )
    ElementTree.indent(document)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(document, encoding="unicode") + "\n"


def _tier(document: ElementTree.Element, name: str) -> ElementTree.Element:
    return ElementTree.SubElement(document, "TIER", LINGUISTIC_TYPE_REF=TYPE, TIER_ID=name)
