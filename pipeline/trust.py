"""How far a run may be believed, in words that come before its results: what was looked for, how often it is right.

From the run's own tables and record, so that the terminal and the report say the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from data.counted import counted
from data.schemas import Segment
from infer.csv_export import clock
from infer.flags_measured import KEY
from infer.title_status import TitleRow
from infer.write import read_titles_table

UNBELIEVABLE = 0.5
"""A larger share of a title is hardly ever anything: the model does not know what it sees."""
MOST_LINES = 8


def what_it_knows(record: Mapping[str, Any], rows: Sequence[TitleRow]) -> list[str]:
    """Say what a run looked for and how far to believe it, the checkpoint's own notice first.

    Args:
        record: the run's ``run.json``.
        rows: its titles.
    """
    labels = list(record.get("thresholds", {}))
    lines = [str(record["notice"])] if record.get("notice") else []
    lines.append(f"It looks for {_listed(labels)}, and for nothing else: clear means that none of these was noticed.")
    measured = _known(record)
    if not measured and record.get(KEY):
        return [*lines, "It was measured at other thresholds than these; how often it is right at these is not known."]
    if not measured:
        lines.append(
            "How often it is right is not known of this checkpoint; `coarse2fine evaluate` tells, on labelled titles."
        )
        return lines
    for on in dict.fromkeys(values["on"] for values in measured.values()):
        lines.append(f"Measured on {on}:")
        lines += [f"  {label}: {_measured(values)}" for label, values in measured.items() if values["on"] == on]
    if len(measured) == len(labels) and (expected := _expected_wrong(list(measured.values()), rows)):
        lines.append(expected)
    if record.get("config", {}).get("infer", {}).get("thresholds"):
        lines.append("Thresholds were changed for this run: other numbers hold for it.")
    return lines


def _expected_wrong(measured: Sequence[Mapping[str, Any]], rows: Sequence[TitleRow]) -> str:
    """Say how many of a run's flags would be wrong, by either measure: they differ where films differ from those."""
    rates = [values["false_per_hour"] for values in measured if values["false_per_hour"] is not None]
    shares = [values["precision"] for values in measured if values["precision"] is not None]
    flags = sum(row.segments for row in rows)
    if not rates or not flags:
        return ""
    hours = sum(row.decoded_s or 0.0 for row in rows) / 3600
    parts = [f"{min(flags, round(hours * sum(rates)))} by those false flags an hour"]
    if shares:
        least, most = round(flags * (1 - max(shares))), round(flags * (1 - min(shares)))
        parts.insert(0, f"{least if least == most else f'{least} to {most}'} by those shares")
    return (
        f"It raised {counted(flags, 'flag')} in the {_length(hours)} read here: of these {', '.join(parts)} would be "
        "wrong; on films of another kind expect more."
    )


def _known(record: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what was measured, by label, of the thresholds that the run has: of others nothing is known."""
    measured, found = record.get(KEY) or {}, {}
    for label, used in record.get("thresholds", {}).items():
        values = measured.get("labels", {}).get(label)
        if values is not None and values.get("thresholds", used) == used:
            found[label] = {"on": measured["on"], **values}
    return found


def how_sure(folder: Path) -> list[str]:
    """Say what is known of the results in a run's folder, but for the notice, which its stage said."""
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return what_it_knows({**record, "notice": ""}, read_titles_table(folder / "titles.parquet"))


def hard_to_believe(rows: Sequence[TitleRow], segments: Mapping[str, Sequence[Segment]]) -> list[str]:
    """Name the titles of which more is flagged than anybody would believe, the largest shares first."""
    found = doubted(rows, segments)
    lines = [line for _, line in found[:MOST_LINES]]
    if len(found) > MOST_LINES:
        lines.append(f"and {counted(len(found) - MOST_LINES, 'more title')} of which more than half is flagged")
    return lines


def doubted(rows: Sequence[TitleRow], segments: Mapping[str, Sequence[Segment]]) -> list[tuple[TitleRow, str]]:
    """Return all titles of ``hard_to_believe``, each with what is said of it."""
    found: list[tuple[float, TitleRow, str]] = []
    for row in rows:
        length_s = row.decoded_s or row.duration_s or 0.0
        flagged = [segment for segment in segments.get(row.title_id, ()) if segment.decision == "flag"]
        if not flagged or row.flagged_s <= UNBELIEVABLE * length_s:
            continue
        share = min(1.0, row.flagged_s / length_s) if length_s else 1.0
        longest = max(flagged, key=lambda segment: segment.end_s - segment.start_s)
        whole = longest.end_s - longest.start_s >= 0.95 * length_s
        how = (
            f"the whole of it is one segment of {longest.label}"
            if whole
            else f"{share:.0%} of it is flagged, the longest from {clock(longest.start_s)[:8]} to "
            f"{clock(longest.end_s)[:8]} for {longest.label}"
        )
        found.append((share, row, f"{row.shown}: {how}; that is hardly so, look before you skip it"))
    found.sort(key=lambda item: -item[0])
    return [(row, line) for _, row, line in found]


def _measured(values: Mapping[str, Any]) -> str:
    """Say it in shares, and in counts where they are known: 2 of 2 is not 90 of 90."""
    counts = "clips" in values
    if values["recall"] is None:
        found = "no scene of it was there to be found"
    elif counts:
        found = f"finds {values['found']} of {counted(values['clips'], 'scene')} ({values['recall']:.0%})"
    else:
        found = f"finds {values['recall']:.0%} of the scenes"
    if values["precision"] is None:
        right = "it raised no flag there"
    elif counts:
        right = (
            f"{values['flagged'] - values['false']} of {counted(values['flagged'], 'flag')} right "
            f"({values['precision']:.0%})"
        )
    else:
        right = f"{values['precision']:.0%} of its flags are right"
    if values["false_per_hour"] is None:
        return f"{found}; {right}"
    rate = f"{values['false_per_hour']:.1f} false flags an hour"
    return f"{found}; {right}; {rate}" + (f", in {_length(values['hours'])}" if counts else "")


def _length(hours: float) -> str:
    return f"{hours:.1f} h" if hours >= 1 else f"{max(1, round(60 * hours))} min"


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
