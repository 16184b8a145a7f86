"""How far a run may be believed, in words that come before its results: what was looked for, how often it is right.

From the run's own tables and record, so that the terminal and the report say the same.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from data.counted import counted, written_threshold
from data.schemas import Segment
from infer.csv_export import clock
from infer.flags_measured import KEY
from infer.title_status import TitleRow
from infer.write import read_segments, read_titles_table

UNBELIEVABLE = 0.5
"""A larger share of a title is hardly ever anything: the model does not know what it sees."""
MOST_LINES = 8
MOST_LABELS = 12
"""So many labels are named in one line."""


def what_it_knows(
    record: Mapping[str, Any], rows: Sequence[TitleRow], segments: Mapping[str, Sequence[Segment]]
) -> list[str]:
    """Say what a run looked for and how far to believe it, the checkpoint's own notice first.

    Args:
        record: the run's ``run.json``.
        rows: its titles.
        segments: of the run, by title.
    """
    labels = list(record.get("thresholds", {}))
    lines = [str(record["notice"])] if record.get("notice") else []
    lines.append(f"It looks for {_listed(labels)}, and for nothing else: clear means that none of these was noticed.")
    lines += thresholds_in_force(record)
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
    if expected := _expected_wrong(measured, rows, segments):
        lines.append(expected)
    if record.get("config", {}).get("infer", {}).get("thresholds"):
        lines.append("Thresholds were changed for this run: other numbers hold for it.")
    return lines


def thresholds_in_force(record: Mapping[str, Any]) -> list[str]:
    """Say in a line from which scores a run flagged; nothing where its record holds none."""
    if record.get("rule", "thresholds") != "thresholds":
        return [f"Segments are made by the rule of {record['rule']}, which asks for no thresholds."]
    limits = {
        label: values for label, values in record.get("thresholds", {}).items() if {"flag", "title"} <= set(values)
    }
    said = [
        f"{label} {written_threshold(values['flag'])} in a title from {written_threshold(values['title'])}"
        for label, values in limits.items()
    ]
    more = [counted(len(said) - MOST_LABELS, "more label") + " in run.json"] if len(said) > MOST_LABELS else []
    return [f"Flagged from a score of: {'; '.join(said[:MOST_LABELS] + more)}."] if said else []


def _expected_wrong(
    measured: Mapping[str, Mapping[str, Any]], rows: Sequence[TitleRow], segments: Mapping[str, Sequence[Segment]]
) -> str:
    """Say how many of a run's flags of each label would be wrong, from the least to the most that its measures say.

    The share of flags that were right and the false flags an hour differ where films differ from those measured.
    """
    flags = Counter(segment.label for found in segments.values() for segment in found if segment.decision == "flag")
    hours = sum(row.decoded_s or 0.0 for row in rows) / 3600
    said = []
    for label, values in measured.items():
        by_measure = []
        if values["false_per_hour"] is not None:
            by_measure.append(min(flags[label], round(hours * values["false_per_hour"])))
        if values["precision"] is not None:
            by_measure.append(round(flags[label] * (1 - values["precision"])))
        if flags[label] and by_measure:
            least, most = min(by_measure), max(by_measure)
            said.append(f"{least if least == most else f'{least} to {most}'} of {flags[label]} of {label}")
    if not said:
        return ""
    said += [f"of the {flags[label]} of {label} it is not known" for label in flags if label not in measured]
    return (
        f"Of the {counted(flags.total(), 'flag')} raised in the {_length(hours)} read here so many would be wrong, by "
        f"those shares and rates: {', '.join(said)}; on films of another kind expect more."
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
    return what_it_knows({**record, "notice": ""}, *_tables(folder))


def doubts_of_run(folder: Path) -> list[str]:
    """Name the titles of a run's folder that ``hard_to_believe`` names, a line each."""
    return [f"! {line}" for line in hard_to_believe(*_tables(folder))]


def _tables(folder: Path) -> tuple[Sequence[TitleRow], Mapping[str, Sequence[Segment]]]:
    segments: dict[str, list[Segment]] = {}
    for segment in read_segments(folder / "segments.parquet"):
        segments.setdefault(segment.title_id, []).append(segment)
    return read_titles_table(folder / "titles.parquet"), segments


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
