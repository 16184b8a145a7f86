"""When the annotations of an ELAN file are: most name two time slots, others have the times of what they belong to.

In a *time subdivision* the slots between the first and the last annotation of a parent may have no time: ELAN shows
these parts equally long. An annotation of a *symbolic association* has its parent's time, those of a *symbolic
subdivision* share it in equal parts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from xml.etree import ElementTree

from data.activitynet import as_number

Span = tuple[float, float]
NOWHERE: Span = (math.nan, math.nan)
DEEPEST_PARENTS = 50


def annotation_times(document: ElementTree.Element) -> dict[str, Span]:
    """Return start and end in seconds of each annotation by its id; NaN where the file does not tell them.

    Not in the paper.
    """
    slots_s = {slot.get("TIME_SLOT_ID", ""): _slot_s(slot) for slot in document.iterfind("TIME_ORDER/TIME_SLOT")}
    spans: dict[str, Span] = {}
    for tier in document.iterfind("TIER"):
        aligned = tier.findall("ANNOTATION/ALIGNABLE_ANNOTATION")
        ends = {
            one.get("ANNOTATION_ID", ""): (one.get("TIME_SLOT_REF1", ""), one.get("TIME_SLOT_REF2", ""))
            for one in aligned
        }
        times_s = {**slots_s, **_between(list(ends.values()), slots_s)}
        spans |= {
            name: (times_s.get(first, math.nan), times_s.get(last, math.nan)) for name, (first, last) in ends.items()
        }
    parts = _parts(document)
    for name in parts:
        spans[name] = _span(name, parts, spans)
    return spans


def _slot_s(slot: ElementTree.Element) -> float:
    """Return the seconds of a time slot; NaN where ELAN was not told."""
    return as_number(slot.get("TIME_VALUE")) / 1000


def _between(annotations: list[tuple[str, str]], slots_s: Mapping[str, float]) -> dict[str, float]:
    """Return times for the slots without one that annotations of a tier share, equally far from one another."""
    following = dict(annotations)
    found: dict[str, float] = {}
    for first, last in annotations:
        if math.isnan(slots_s.get(first, math.nan)):
            continue
        chain = [first, last]
        while (
            math.isnan(slots_s.get(chain[-1], math.nan)) and chain[-1] in following and len(chain) <= len(annotations)
        ):
            chain.append(following[chain[-1]])
        start_s, end_s = slots_s[first], slots_s.get(chain[-1], math.nan)
        step_s = (end_s - start_s) / (len(chain) - 1)
        found |= {slot: start_s + number * step_s for number, slot in enumerate(chain[1:-1], 1)}
    return found


def _parts(document: ElementTree.Element) -> dict[str, tuple[str, int, int]]:
    """Return of each annotation without times its parent, its place among the parent's parts, and their number.

    Parts follow one another by PREVIOUS_ANNOTATION; without that, each has all of its parent's time.
    """
    parts: dict[str, tuple[str, int, int]] = {}
    for tier in document.iterfind("TIER"):
        by_parent: dict[str, dict[str, str]] = {}
        for one in tier.iterfind("ANNOTATION/REF_ANNOTATION"):
            siblings = by_parent.setdefault(one.get("ANNOTATION_REF", ""), {})
            siblings[one.get("ANNOTATION_ID", "")] = one.get("PREVIOUS_ANNOTATION", "")
        for parent, siblings in by_parent.items():
            chained = _chained(siblings) if any(siblings.values()) else []
            for name in siblings:
                is_part = name in chained
                parts[name] = (parent, chained.index(name) if is_part else 0, len(chained) if is_part else 1)
    return parts


def _chained(siblings: Mapping[str, str]) -> list[str]:
    """Return names in the order in which each names the one before it."""
    following = {before: name for name, before in siblings.items()}
    chain = [name for name, before in siblings.items() if before not in siblings][:1]
    while chain and chain[-1] in following and len(chain) < len(siblings):
        chain.append(following[chain[-1]])
    return chain


def _span(name: str, parts: Mapping[str, tuple[str, int, int]], spans: Mapping[str, Span], depth: int = 0) -> Span:
    if name not in parts or depth > DEEPEST_PARENTS:
        return spans.get(name, NOWHERE) if name not in parts else NOWHERE
    parent, place, count = parts[name]
    start_s, end_s = _span(parent, parts, spans, depth + 1)
    step_s = (end_s - start_s) / count
    return start_s + place * step_s, end_s if place == count - 1 else start_s + (place + 1) * step_s
