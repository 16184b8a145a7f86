"""Labels from ELAN (``.eaf``): one file a title, one tier a label, or one tier whose values are the labels.

XML from outside is refused if it brings a DOCTYPE: entities, which may read other files or grow without bound, can
only be declared there, and ELAN writes none.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree
from xml.parsers import expat

from data.annotation_tool import ToolReader
from data.counted import counted
from data.elan_times import NOWHERE, Span, annotation_times
from data.errors import ManifestError
from data.json_file import refusal
from data.label_rows import LabelRows

TITLE_PROPERTY = "coarse2fine.title_id"
STATUS_TIER = "coarse2fine.status"  # no label has a dot
DEEPEST = 50  # ELAN nests five elements


def read_elan(path: Path, labels: Sequence[str], title_ids: Sequence[str]) -> LabelRows:
    """Read the clips of an ELAN file; nothing is raised, everything wrong is in ``problems`` with its annotation.

    The title is the one that the file names (our own pre-annotations do), else that of its first media file that is a
    known title, else that of the ``.eaf`` itself. Tiers of other things are ignored with a warning.
    """
    reader = ToolReader(path, labels, title_ids)
    try:
        document = parse_xml(path)
    except ManifestError as error:
        reader.rows.problems.extend(error.problems)
        return reader.finish()
    if document.tag != "ANNOTATION_DOCUMENT":
        reader.problem("file", f"<{document.tag:.60}> is no ELAN document; expected <ANNOTATION_DOCUMENT>", whole=True)
        return reader.finish()
    title_id = _title(reader, document, title_ids)
    if title_id is None or not _times_are_milliseconds(reader, document):
        return reader.finish()
    times = annotation_times(document)
    for tier in document.iterfind("TIER"):
        _read_tier(reader, title_id, tier, times)
    return reader.finish()


def parse_xml(path: Path) -> ElementTree.Element:
    """Parse an XML file that nobody vouches for.

    Raises:
        ManifestError: not readable, not well-formed, with a DOCTYPE, or nested deeper than any ELAN file.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise refusal(path, f"cannot be read: {error.strerror}") from error
    depth = 0

    def start(_name: str, _attributes: object) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise refusal(path, f"elements nested more than {DEEPEST} deep; this is no ELAN file")

    def end(_name: str) -> None:
        nonlocal depth
        depth -= 1

    def doctype(*_declaration: object) -> None:
        raise refusal(path, "has a DOCTYPE, which may declare entities; ELAN writes none, remove it")

    guard = expat.ParserCreate()
    guard.StartElementHandler, guard.EndElementHandler, guard.StartDoctypeDeclHandler = start, end, doctype
    try:
        guard.Parse(raw, True)
        return ElementTree.fromstring(raw)
    except expat.ExpatError as error:
        raise refusal(path, f"not well-formed XML: {error}") from error
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise refusal(path, f"not usable XML: {error}") from error


def _title(reader: ToolReader, document: ElementTree.Element, title_ids: Sequence[str]) -> str | None:
    named = document.find(f"HEADER/PROPERTY[@NAME='{TITLE_PROPERTY}']")
    if named is not None and named.text:
        return reader.title(named.text, None)
    for media in document.iterfind("HEADER/MEDIA_DESCRIPTOR"):
        probe = ToolReader(reader.path, (), title_ids).title(None, media.get("MEDIA_URL"))
        if probe in title_ids:
            return reader.title(probe, None)
    return reader.title(reader.path.stem, None)


def _times_are_milliseconds(reader: ToolReader, document: ElementTree.Element) -> bool:
    header = document.find("HEADER")
    units = "milliseconds" if header is None else header.get("TIME_UNITS", "milliseconds")
    if units != "milliseconds":
        reader.problem("header", f"TIME_UNITS {units!r:.60}; only milliseconds are read", whole=True)
        return False
    for media in document.iterfind("HEADER/MEDIA_DESCRIPTOR"):
        if media.get("TIME_ORIGIN", "0") != "0":
            message = f"TIME_ORIGIN {media.get('TIME_ORIGIN')!r:.60}: the media does not begin at 0; remove the offset"
            reader.problem("header", message, whole=True)
            return False
    return True


def _read_tier(reader: ToolReader, title_id: str, tier: ElementTree.Element, times: dict[str, Span]) -> None:
    name = tier.get("TIER_ID", "")
    annotations = tier.findall("ANNOTATION/ALIGNABLE_ANNOTATION") + tier.findall("ANNOTATION/REF_ANNOTATION")
    values = [(annotation.findtext("ANNOTATION_VALUE") or "").strip() for annotation in annotations]
    if name not in reader.labels and not any(value in reader.labels for value in values):
        if name != STATUS_TIER:
            reader.ignore(f"tiers {name!r:.60} of {counted(len(tier.findall('ANNOTATION')), 'annotation')}")
        return
    for number, (annotation, value) in enumerate(zip(annotations, values), 1):
        place = f"tier {name!r:.60}, annotation {annotation.get('ANNOTATION_ID', str(number)):.60}"
        start_s, end_s = times.get(annotation.get("ANNOTATION_ID", ""), NOWHERE)
        reader.clip(place, title_id, name if name in reader.labels else value, start_s, end_s)
