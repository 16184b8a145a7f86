"""Tables 3 to 5: methods by tIoU under both protocols, per label, and the ablation.

A cell holds all that a number needs to be read: mean over seeds, standard deviation over seeds, confidence interval
over titles. In the CSV file these have columns of their own, one line a number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from infer.evaluation import MEAN
from infer.settings import Protocol
from infer.tiou_text import tiou_words
from infer.trivial import TRIVIAL_METHODS
from pipeline.benchmark.scores import Column, Score, Standing, score, table_columns, trivial_score
from pipeline.benchmark.tables import Row, Table, exact, percent

FAILED = "failed"
NUMBERS_HEADER = ("protocol", "method", "label", "tiou", "rule", "mean", "spread", "low", "high", "seeds", "failed")


@dataclass(frozen=True)
class Line:
    """A line of Tables 3 to 5 before it is text: a number, or nothing, per column."""

    protocol: str
    method: str
    label: str
    scores: tuple[Score | None, ...]
    failed: int
    is_trivial: bool = False


def table_3(standings: Sequence[Standing], labels: Sequence[str], confidence: float, said: Sequence[str] = ()) -> Table:
    """Return Table 3, methods by tIoU under both protocols, with the trivial rows; ``said`` is noted below it."""
    shown = [standing for standing in standings if 3 in standing.method.tables]
    columns = columns_of(standings)
    lines = [*trivial_lines(standings, columns), *method_lines(shown, columns, labels, [MEAN], confidence)]
    lines.sort(key=lambda line: list(Protocol).index(Protocol(line.protocol)))
    notes = (*_reading(standings, confidence), *_settings(shown), *said, *failures(shown))
    return _scores_table("table3", "Table 3: methods", columns, lines, notes)


def table_4(standings: Sequence[Standing], labels: Sequence[str], confidence: float, said: Sequence[str] = ()) -> Table:
    """Return Table 4, the same per label."""
    shown = [standing for standing in standings if 4 in standing.method.tables]
    columns = columns_of(standings)
    lines = method_lines(shown, columns, labels, labels, confidence)
    notes = (*_reading(standings, confidence), *said, *failures(shown))
    return _scores_table("table4", "Table 4: labels", columns, lines, notes, by_label=True)


def table_5(standings: Sequence[Standing], labels: Sequence[str], confidence: float, said: Sequence[str] = ()) -> Table:
    """Return Table 5, the ablation."""
    shown = [standing for standing in standings if 5 in standing.method.tables]
    columns = columns_of(standings)
    lines = method_lines(shown, columns, labels, [MEAN], confidence)
    notes = (*_reading(standings, confidence), *_settings(shown), *said, *failures(shown))
    return _scores_table("table5", "Table 5: ablation", columns, lines, notes)


def columns_of(standings: Sequence[Standing]) -> list[Column]:
    """Return the columns that the runs measured; none if no run is finished."""
    done = [run for standing in standings for run in standing.done]
    return table_columns(done[0].tiou_thresholds) if done else []


def trivial_lines(standings: Sequence[Standing], columns: Sequence[Column]) -> list[Line]:
    """Return what a method that saw nothing reaches: the same whatever run is asked."""
    done = [run for standing in standings for run in standing.done]
    lines = []
    for protocol in measured_protocols(standings):
        for method in TRIVIAL_METHODS.values():
            scores = tuple(trivial_score(done[0], protocol, column, method) for column in columns)
            if any(value is not None for value in scores):
                lines.append(Line(protocol, method, MEAN, scores, 0, is_trivial=True))
    return lines


def method_lines(
    standings: Sequence[Standing],
    columns: Sequence[Column],
    labels: Sequence[str],
    shown: Sequence[str],
    confidence: float,
) -> list[Line]:
    """Return a line per protocol, label in ``shown`` and method; none for a label without clips in a protocol."""
    lines = [
        Line(
            protocol,
            standing.method.title,
            label,
            tuple(
                score(standing.done, protocol, column, labels=labels, label=label, confidence=confidence)
                for column in columns
            ),
            len(standing.runs) - len(standing.done),
        )
        for protocol in measured_protocols(standings)
        for label in shown
        for standing in standings
    ]
    held = {(line.protocol, line.label) for line in lines if any(value is not None for value in line.scores)}
    return [line for line in lines if not held or (line.protocol, line.label) in held]


def measured_protocols(standings: Sequence[Standing]) -> list[str]:
    """Return the protocols under which any run had clips to find; both when none had, so that failures have rows."""
    rows = [row for standing in standings for run in standing.done for row in run.results]
    found = {str(row["protocol"]) for row in rows if row["average"] is not None}
    return [str(protocol) for protocol in Protocol if protocol in found or not found]


def failures(standings: Sequence[Standing]) -> tuple[str, ...]:
    """Return a note for each failed run."""
    return tuple(
        f"{FAILED}: {standing.method.title}, {run.variant}, seed {run.seed}: {' '.join(run.error.split())}"
        for standing in standings
        for run in standing.failed
    )


def _scores_table(
    name: str,
    heading: str,
    columns: Sequence[Column],
    lines: Sequence[Line],
    notes: Sequence[str],
    *,
    by_label: bool = False,
) -> Table:
    header = ("protocol", *(["label"] if by_label else []), "method", *(column.title for column in columns), "seeds")
    rows: list[Row] = []
    numbers: list[Row] = [NUMBERS_HEADER]
    for line in lines:
        done = max((len(value.seeds) for value in line.scores if value is not None), default=0)
        seeds = "-" if line.is_trivial else f"{done} of {done + line.failed}" if line.failed else str(done)
        cells = [_cell(value, is_failed=not done) for value in line.scores]
        rows.append((line.protocol, *([line.label] if by_label else []), line.method, *cells, seeds))
        for column, value in zip(columns, line.scores):
            low, high = (value and value.interval) or (None, None)
            mean, spread = (value.mean, value.spread) if value is not None else (None, None)
            key = (line.protocol, line.method, line.label, column.tiou, column.rule)
            numbers.append((*key, *map(exact, (mean, spread, low, high)), str(done), str(line.failed)))
    return Table(name, heading, header, tuple(rows), tuple(numbers), tuple(notes))


def _cell(value: Score | None, *, is_failed: bool) -> str:
    if value is None:
        return FAILED if is_failed else "-"
    spread = "" if value.spread is None else f" ± {percent(value.spread)}"
    interval = "" if value.interval is None else f" [{percent(value.interval[0])}, {percent(value.interval[1])}]"
    return f"{percent(value.mean)}{spread}{interval}"


def _reading(standings: Sequence[Standing], confidence: float) -> tuple[str, ...]:
    done = [run for standing in standings for run in standing.done]
    thresholds = done[0].tiou_thresholds if done else ()
    at_0 = (
        "*official* accepts any segment of the right title and label at tIoU 0.0, *strict* needs some overlap there; "
        "above 0.0 both are the same. "
        if 0 in thresholds
        else "A segment is right if its tIoU is at least the threshold, as in the official evaluator. "
    )
    return (
        f"mAP in percent: mean ± standard deviation over seeds [{100 * confidence:g} % interval over titles].",
        *([f"{at_0}AVG is the mean over tIoU {tiou_words(thresholds)}."] if thresholds else []),
    )


def _settings(standings: Sequence[Standing]) -> tuple[str, ...]:
    """Say what each method's row is, and out of how many it was chosen."""
    chosen = []
    for standing in standings:
        tried = len({run.variant for run in standing.tuning})
        chosen.append(f"{standing.method.title}: {standing.chosen.name} (of {tried})")
    return (f"Settings, chosen on validation: {'; '.join(chosen)}.",)
