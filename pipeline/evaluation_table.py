"""What `evaluate` and `run` say of a model: one table in a person's words, and behind ``--all`` every number.

The table is of the judged protocol and reading; the files hold the others, too.
"""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console

from infer.certainty import CONFIDENCE, share_interval
from infer.evaluation import JUDGED, MEAN, MODEL, Evaluation, Result, notes, table
from infer.operator_metrics import LabelMetrics
from infer.operator_report import operator_notes, operator_table
from infer.settings import Protocol, Rule
from infer.tiou_text import tiou_words
from infer.trivial import said_of_trivial
from pipeline.terminal_table import print_table

Lines = list[list[str]]
ALL_LABELS = "all labels"
BASIS = {
    Protocol.FIRST_OCCURRENCE: "Judged on first occurrences: each title up to the end of its first clip of a label, "
    "and wholly where it has none.",
    Protocol.ALL_OCCURRENCE: "Judged on all occurrences: each title from beginning to end.",
}
NOTHING = "-"
OFFICIAL = str(Rule.GE)


def print_evaluation(
    console: Console, evaluation: Evaluation, *, everything: bool = False, official: bool = False
) -> None:
    """Print an evaluation: one table and what must be known of it, or all tables.

    Args:
        everything: all protocols and rules, frames, titles and calibration, under the names that papers use.
        official: it was measured as the official evaluator does: its numbers alone, unless everything is asked for.
    """
    if everything:
        _print_all(console, evaluation)
        return
    if official:
        print_table(
            console, "Average precision by the official evaluator, in percent", precision_table(evaluation, OFFICIAL)
        )
        console.print(official_remark(evaluation), soft_wrap=True)
        return
    title = "What the model finds" if evaluation.operator is not None else "Mean average precision, in percent"
    rows = found_table(evaluation) if evaluation.operator is not None else precision_table(evaluation)
    print_table(console, title, rows)
    for line in remarks(evaluation):
        console.print(line, soft_wrap=True)


def found_table(evaluation: Evaluation) -> Lines:
    """Return per label what is found and flagged, under the judged protocol; the header first."""
    header = ["label", "clips found", "flags correct", "false flags\nper hour", "first flag comes", "mAP, %"]
    assert evaluation.operator is not None
    measured = [row for row in evaluation.operator.rows if row.protocol == evaluation.protocol]
    average = {row.label: _percent(row.average) for row in _judged_rows(evaluation)}
    rows = [
        [
            row.label,
            *_counts(row.segments.found, row.segments.clips, row.segments.flagged, row.segments.false),
            NOTHING if row.segments.false_per_hour is None else f"{row.segments.false_per_hour:.1f}",
            _onset(row),
            average.get(row.label, NOTHING),
        ]
        for row in measured
    ]
    if len(measured) > 1:
        found, clips, flagged, false = (
            sum(getattr(row.segments, name) for row in measured) for name in ("found", "clips", "flagged", "false")
        )
        hourly = [row.segments.false_per_hour for row in measured]
        rate = NOTHING if None in hourly else f"{sum(value or 0.0 for value in hourly):.1f}"
        counts = _counts(found, clips, flagged, false)
        rows.append([ALL_LABELS, *counts, rate, NOTHING, average.get(MEAN, NOTHING)])
    return without_dashes([header, *rows])


def precision_table(evaluation: Evaluation, rule: str = JUDGED) -> Lines:
    """Return per label the average precision at each tIoU, under the judged protocol; for segments without scores."""
    thresholds = [f"tIoU {value:g}" for value in evaluation.tiou_thresholds]
    rows = [["label", "clips", "segments", "found, %", *thresholds, "mean", "false per hour"]]
    for row in sorted(_judged_rows(evaluation, rule), key=lambda row: row.label == MEAN):
        name = ALL_LABELS if row.label == MEAN else row.label
        hourly = row.false_positives_per_hour
        numbers = [_percent(value) for value in (row.recall_K[0], *row.ap_K, row.average)]
        rows.append(
            [name, str(row.clips), str(row.predictions), *numbers, NOTHING if hourly is None else f"{hourly:.2f}"]
        )
    return without_dashes(rows)


def remarks(evaluation: Evaluation) -> Iterator[str]:
    """Yield what the reader of the table must know, a line each."""
    mean = evaluation.result(evaluation.protocol, JUDGED)
    if mean.average is None:
        yield (
            f"By the {evaluation.protocol} protocol these titles hold no clip of any label: nothing can be found in "
            "them, only flagged falsely."
        )
    else:
        yield _precision(evaluation, mean)
    yield BASIS[evaluation.protocol]
    yield from _other_protocol(evaluation)
    if evaluation.operator is not None:
        yield (
            "A clip is found when a flag overlaps it; a flag is correct when it overlaps a clip. In brackets: "
            f"{CONFIDENCE:.0%} intervals (Clopper-Pearson)."
        )
        if evaluation.operator.unscored:
            yield f"{evaluation.operator.unscored} titles have no scores: their clips count as not found."
    yield from (f"Refused: {count} segments, {reason}." for reason, count in evaluation.refused.items())
    unknown = evaluation.left_out.get(evaluation.protocol, {}).get("title and label without known clips", 0)
    if unknown:
        yield f"Left out: {unknown} times a title and label, of which nobody said that it is absent or where it is."


def official_remark(evaluation: Evaluation) -> str:
    """Return what numbers of the official evaluator are, in a line."""
    mean = evaluation.result(evaluation.protocol, OFFICIAL).average
    thresholds = tiou_words(evaluation.tiou_thresholds)
    at_0 = " At tIoU 0 any segment of the right title and label is right." if 0 in evaluation.tiou_thresholds else ""
    return f"mAP {_percent(mean)} %, mean over tIoU {thresholds}: all occurrences, tIoU >= threshold.{at_0}"


def without_dashes(lines: Lines) -> Lines:
    """Leave out columns and rows that hold nothing but dashes beside a row's name, in the first column."""
    header, *rows = lines
    kept = [0, *(c for c in range(1, len(header)) if any(row[c] != NOTHING for row in rows))]
    return [[row[c] for c in kept] for row in [header, *rows] if any(row[c] != NOTHING for c in kept[1:])]


def _print_all(console: Console, evaluation: Evaluation) -> None:
    print_table(console, "mAP in percent", _shown(table(evaluation), 4), group=2, names=2)
    for line in notes(evaluation):
        console.print(line)
    if evaluation.operator is not None:
        title = "What an operator decides by: shares in percent, onset in seconds, segments at the flag threshold"
        print_table(console, title, _shown(operator_table(evaluation.operator), 2), group=1)
        for line in operator_notes(evaluation.operator):
            console.print(line)


def _shown(lines: Lines, names: int) -> Lines:
    """Leave out what ``without_dashes`` does where several columns name a row."""
    joined = without_dashes([["\0".join(row[:names]), *row[names:]] for row in lines])
    return [[*row[0].split("\0"), *row[1:]] for row in joined]


def _judged_rows(evaluation: Evaluation, rule: str = JUDGED) -> list[Result]:
    return [
        row for row in evaluation.results if (row.protocol, row.rule, row.method) == (evaluation.protocol, rule, MODEL)
    ]


def _counts(found: int, clips: int, flagged: int, false: int) -> tuple[str, str]:
    return _share(found, clips), _share(flagged - false, flagged)


def _share(count: int, of: int) -> str:
    if not of:
        return NOTHING
    low, high = share_interval(count, of)
    return f"{count} of {of} ({100 * low:.0f} to {100 * high:.0f} %)"


def _percent(value: float | None) -> str:
    return NOTHING if value is None else f"{100 * value:.1f}"


def _onset(row: LabelMetrics) -> str:
    """Say when the first flag of a title comes, beside its first clip."""
    median_s = row.segments.onset.median_s
    if median_s is None:
        return NOTHING
    if abs(median_s) < 0.5:
        return "with the clip"
    return f"{abs(median_s):.0f} s {'early' if median_s < 0 else 'late'}"


def _precision(evaluation: Evaluation, mean: Result) -> str:
    thresholds = tiou_words(evaluation.tiou_thresholds)
    at_0 = "; at 0 some overlap is needed" if 0 in evaluation.tiou_thresholds else ""
    interval = ""
    if mean.interval is not None:
        interval = f" (other titles: {_percent(mean.interval[0])} to {_percent(mean.interval[1])})"
    trivial = {
        row.method: row.average
        for row in evaluation.results
        if (row.protocol, row.rule, row.label) == (evaluation.protocol, JUDGED, MEAN) and row.method != MODEL
    }
    named = [f"{name.removeprefix('trivial (').removesuffix(')')} {_percent(value)}" for name, value in trivial.items()]
    beside = f" One that saw nothing reaches: {', '.join(named)}." if named else ""
    if above := said_of_trivial(mean.average, trivial):
        beside += f" Mind: {above}."
    return f"mAP {_percent(mean.average)} %{interval}, mean over tIoU {thresholds}{at_0}.{beside}"


def _other_protocol(evaluation: Evaluation) -> Iterator[str]:
    """Say that there are clips under the other protocol, too, and why it is not the one that is judged by."""
    for protocol in dict.fromkeys(row.protocol for row in evaluation.results):
        if protocol != evaluation.protocol:
            clips = evaluation.result(protocol, JUDGED).clips
            why = ""
            if protocol is Protocol.ALL_OCCURRENCE:
                why = " (not of all titles, so not the one to judge by)"
            yield f"By the {protocol} protocol there are {clips} clips{why}: `evaluate --all`, or the files."
