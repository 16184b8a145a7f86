"""Tables as text for people (Markdown) and as numbers for programs (CSV, unrounded); Tables 1 and 2, and the appendix.

Tables 3 to 5 are in ``pipeline.benchmark.score_tables``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from data.label_check import PAPER_TABLE_1, LabelCount
from infer.evaluation import JUDGED
from infer.settings import Protocol
from pipeline.benchmark.catalogue import FrameShares, LabelShare
from pipeline.benchmark.run import Outcome
from pipeline.benchmark.scores import Standing

Row = tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table of the paper.

    Args:
        name: of its files.
        heading: above it.
        header, rows: for people.
        numbers: for programs, header first.
        notes: below it.
    """

    name: str
    heading: str
    header: Row
    rows: tuple[Row, ...]
    numbers: tuple[Row, ...]
    notes: tuple[str, ...] = ()


def table_1(counts: Sequence[LabelCount]) -> Table:
    """Return Table 1, clip counts and mean durations; beside the paper's for its labels."""
    header = ["label", "titles with it", "without", "unknown", "first clips", "mean s", "all clips", "mean s"]
    names = ["label", "present", "absent", "unknown", "firsts", "first_mean_s", "occurrences", "occurrence_mean_s"]
    known = any(count.label in PAPER_TABLE_1 for count in counts)
    rows: list[Row] = []
    numbers: list[Row] = [tuple(names)]
    for count in counts:
        whole = [count.present, count.absent, count.unknown, count.firsts, count.occurrences]
        texts = [f"{number:,}" for number in whole]
        row = [count.label, *texts[:4], rounded(count.first_mean_s), texts[4], rounded(count.occurrence_mean_s)]
        if known:
            paper = PAPER_TABLE_1.get(count.label)
            row += ["-", "-"] if paper is None else [f"{paper[0]:,}", rounded(paper[1])]
        rows.append(tuple(row))
        present, absent, unknown, firsts, occurrences = map(str, whole)
        numbers.append(
            (count.label, present, absent, unknown, firsts, exact(count.first_mean_s), occurrences,
             exact(count.occurrence_mean_s))
        )  # fmt: skip
    header += ["paper: clips", "mean s"] if known else []
    return Table("table1", "Table 1: clips", tuple(header), tuple(rows), tuple(numbers))


def table_2(shares: FrameShares) -> Table:
    """Return Table 2, shares of frames, and the imbalance that the foreground removes."""
    columns = (*shares.labels, shares.foreground)
    lines = {
        "share of all frames, %": [percent(one.of_all) for one in columns],
        "share of foreground frames, %": [percent(one.of_foreground) for one in columns],
        "frames without per frame with": [rounded(one.imbalance) for one in columns],
        "the same among foreground frames": [rounded(one.foreground_imbalance) for one in columns],
        "times as frequent among foreground frames": [rounded(one.lift) for one in columns],
    }
    rows = tuple((name, *cells) for name, cells in lines.items())
    length = "one second" if shares.step_s == 1 else f"{shares.step_s:g} s"
    notes = [f"{shares.titles:,} titles ({', '.join(shares.splits)}), {shares.frames:,} frames of {length}."]
    if shares.is_lower_bound:
        notes.append("Only first occurrences are labelled: the shares are lower bounds.")
    lifts = [one.lift for one in shares.labels if one.lift is not None]
    if lifts:
        notes.append(f"Among foreground frames labels are {sum(lifts) / len(lifts):.0f} times as frequent (paper: 30).")
    names = ("label", "frames", "of_all", "of_foreground", "imbalance", "foreground_imbalance", "lift")
    numbers = (names, *(_share_numbers(one) for one in columns))
    header = ("frames", *(one.label for one in columns))
    return Table("table2", "Table 2: shares of frames", header, rows, numbers, tuple(notes))


def runs_table(standings: Sequence[Standing]) -> Table:
    """Return the appendix: every run, also of the variants that validation did not choose."""
    names = ("method", "variant", "chosen", "seed", "status", "val_score", "best_epoch", "first_occurrence_avg",
             "all_occurrence_avg", "seconds", "error")  # fmt: skip
    numbers: list[Row] = [names]
    for standing in standings:
        unique = {run.folder: run for run in (*standing.tuning, *standing.runs)}
        for run in unique.values():
            chosen = "yes" if run.variant == standing.chosen.name else "no"
            epoch = "" if run.best_epoch is None else str(run.best_epoch + 1)
            averages = [exact(_average(run, protocol)) for protocol in Protocol]
            numbers.append(
                (run.method, run.variant, chosen, str(run.seed), run.status, exact(run.val_score), epoch, *averages,
                 f"{run.seconds:.1f}", run.error)
            )  # fmt: skip
    return Table("runs", "Appendix: every run", (), (), tuple(numbers))


def as_markdown(table: Table) -> str:
    """Return a table as a Markdown file."""
    lines = [f"# {table.heading}", "", _pipes(table.header), _pipes(["---"] * len(table.header))]
    lines += [_pipes(row) for row in table.rows]
    if table.notes:
        lines += ["", *(f"- {note}" for note in table.notes)]
    return "\n".join(lines) + "\n"


def as_csv(table: Table) -> str:
    """Return a table's numbers as a CSV file."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(table.numbers)
    return buffer.getvalue()


def percent(share: float | None) -> str:
    """Return a share in percent with one decimal, as the paper prints it."""
    return "-" if share is None else f"{100 * share:.1f}"


def rounded(value: float | None) -> str:
    """Return a number with one decimal."""
    return "-" if value is None else f"{value:.1f}"


def exact(value: float | None) -> str:
    """Return a number for programs; empty for None."""
    return "" if value is None else f"{value:.6g}"


def _pipes(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _share_numbers(one: LabelShare) -> Row:
    shares = (one.of_all, one.of_foreground, one.imbalance, one.foreground_imbalance, one.lift)
    return (one.label, str(one.frames), *map(exact, shares))


def _average(run: Outcome, protocol: Protocol) -> float | None:
    row = run.row(str(protocol), JUDGED)
    return None if row is None else row["average"]
