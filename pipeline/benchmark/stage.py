"""`benchmark`: every method, its variants and seeds on one data set, and the paper's tables of what they reached."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from data.catalogue import read_catalogue
from data.counted import counted
from data.errors import ConfigError
from data.files import write_text
from data.label_check import check_labels
from data.store_path import StorePath
from infer.evaluation import MEAN
from pipeline.benchmark.catalogue import frame_shares
from pipeline.benchmark.figures import draw_counts, draw_labels, draw_methods, draw_shares
from pipeline.benchmark.methods import Entry, Method, Plan, Variant, plan_benchmark
from pipeline.benchmark.obstacles import remarks, require_measurable
from pipeline.benchmark.run import Inputs, Outcome, read_headers, read_inputs, run_once
from pipeline.benchmark.score_tables import columns_of, method_lines, table_3, table_4, table_5, trivial_lines
from pipeline.benchmark.scores import Standing, choose
from pipeline.benchmark.tables import Table, as_csv, as_markdown, runs_table, table_1, table_2
from pipeline.config import Config
from pipeline.figures import save
from pipeline.progress import Advance, progress_bar, titles_untold
from pipeline.stage_result import StageResult

log = logging.getLogger(__name__)

KEPT_S = 1.0
"""A run that took less was read, not trained, and says nothing of how long the others take."""


def benchmark(path: Path, overrides: Mapping[str, Any] | None = None) -> StageResult:
    """Run what is not finished, and write the tables into ``<work_dir>/benchmark/tables``.

    A failed run is a note in the tables and is tried again the next time.

    Raises:
        ConfigError: a method or variant that is not valid, or a split without features or clips; nothing was run then.
        ManifestError: with all that is wrong with titles and labels.
        OSError: a full disk, a folder that cannot be written.
    """
    plan = plan_benchmark(path, overrides or {})
    if isinstance(plan.folder, StorePath):
        raise ConfigError(
            f"{path}: work_dir: a benchmark works on this machine; name a folder here (features may be on a store)"
        )
    catalogue = read_catalogue(plan.config.data)
    headers = read_headers(plan.config.features_dir, catalogue.titles)
    require_measurable(plan.config, catalogue, headers)
    said = remarks(plan.config, catalogue, headers)
    inputs = read_inputs(plan.config)
    with progress_bar("benchmark") as advance, titles_untold():
        runner = _Runner(plan, inputs, advance)
        standings = [runner.compete(entry) for entry in plan.entries]
    folder = plan.folder / "tables"
    write_tables(plan.config, standings, folder, said)
    failed = sum(len(standing.failed) for standing in standings)
    note = f", {failed} failed (see runs.csv)" if failed else ""
    summary = f"benchmark: {counted(len(standings), 'method')}, {counted(plan.runs, 'run')}{note}"
    return StageResult("\n  ".join((summary, *said)), folder, failed)


def write_tables(config: Config, standings: Sequence[Standing], folder: Path, said: Sequence[str] = ()) -> None:
    """Write Tables 1 to 5, each as Markdown, CSV and a figure (PNG, SVG), and the appendix of all runs as CSV.

    Args:
        said: notes below Tables 3 to 5.
    """
    labels, confidence = config.data.labels, config.evaluate.confidence
    counts = check_labels(config.data).counts
    catalogue = read_catalogue(config.data)
    shares = frame_shares(catalogue, labels, read_headers(config.features_dir, catalogue.titles))
    _write(folder, table_1(counts))
    save(draw_counts(counts), folder, "table1")
    if shares is not None:
        _write(folder, table_2(shares))
        save(draw_shares(shares), folder, "table2")
    for number, make in ((3, table_3), (4, table_4), (5, table_5)):
        shown = [standing for standing in standings if number in standing.method.tables]
        if shown:
            _write(folder, make(standings, labels, confidence, said))
        if any(standing.done for standing in shown):
            _draw(folder, number, shown, labels, confidence)
    write_text(folder / "runs.csv", as_csv(runs_table(standings)))


class _Runner:
    """Runs the methods of a plan, one run after the other."""

    def __init__(self, plan: Plan, inputs: Inputs, advance: Advance) -> None:
        self._plan, self._inputs, self._advance = plan, inputs, advance
        self._begun = 0
        self._trained_s: list[float] = []

    def compete(self, entry: Entry) -> Standing:
        """Run all variants with the first seeds, and the best of them on validation with the others."""
        first = self._plan.tuning_seeds
        tuning = [self._run(entry.method, variant, seed) for variant in entry.variants for seed in first]
        chosen = choose(entry.variants, tuning)
        runs = [run for run in tuning if run.variant == chosen.name]
        runs += [self._run(entry.method, chosen, seed) for seed in self._plan.settings.seeds[len(first) :]]
        return Standing(entry.method, chosen, tuple(tuning), tuple(runs))

    def _run(self, method: Method, variant: Variant, seed: int) -> Outcome:
        self._advance(self._begun, self._plan.runs, f"{method.name}, {variant.name}, seed {seed}")
        self._begun += 1
        rest = self._plan.runs - self._begun + 1
        left = f" about_min_left={rest * mean(self._trained_s) / 60:.0f}" if self._trained_s else ""
        log.info("benchmark run=%d/%d%s", self._begun, self._plan.runs, left)
        started_s = time.monotonic()
        outcome = run_once(self._plan, self._inputs, method, variant, seed)
        if (took_s := time.monotonic() - started_s) > KEPT_S:
            self._trained_s.append(took_s)
        return outcome


def _write(folder: Path, table: Table) -> None:
    write_text(folder / f"{table.name}.md", as_markdown(table))
    write_text(folder / f"{table.name}.csv", as_csv(table))


def _draw(folder: Path, number: int, shown: Sequence[Standing], labels: Sequence[str], confidence: float) -> None:
    columns = columns_of(shown)
    if number == 4:
        figure = draw_labels(method_lines(shown, columns, labels, labels, confidence), columns)
    else:
        trivial = trivial_lines(shown, columns) if number == 3 else []
        figure = draw_methods(method_lines(shown, columns, labels, [MEAN], confidence), trivial, columns)
    save(figure, folder, f"table{number}")
