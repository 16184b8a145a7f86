"""`benchmark`: every method, its variants and seeds on one data set, and the paper's tables of what they reached."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
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
from pipeline.benchmark.run import Inputs, Outcome, read_headers, read_inputs, run_once
from pipeline.benchmark.score_tables import columns_of, method_lines, table_3, table_4, table_5, trivial_lines
from pipeline.benchmark.scores import Standing, choose
from pipeline.benchmark.tables import Table, as_csv, as_markdown, runs_table, table_1, table_2
from pipeline.config import Config
from pipeline.figures import save
from pipeline.progress import Advance, progress_bar, titles_untold
from pipeline.stage_result import StageResult

log = logging.getLogger(__name__)


def benchmark(path: Path, overrides: Mapping[str, Any] | None = None) -> StageResult:
    """Run what is not finished, and write the tables into ``<work_dir>/benchmark/tables``.

    A failed run is a note in the tables and is tried again the next time.

    Raises:
        ConfigError: a method or variant that is not valid; nothing was run then.
        ManifestError: with all that is wrong with titles and labels.
        OSError: a full disk, a folder that cannot be written.
    """
    plan = plan_benchmark(path, overrides or {})
    if isinstance(plan.folder, StorePath):
        raise ConfigError(
            f"{path}: work_dir: a benchmark works on this machine; name a folder here (features may be on a store)"
        )
    inputs = read_inputs(plan.config)
    with progress_bar("benchmark") as advance, titles_untold():
        runner = _Runner(plan, inputs, advance)
        standings = [runner.compete(entry) for entry in plan.entries]
    folder = plan.folder / "tables"
    write_tables(plan.config, standings, folder)
    failed = sum(len(standing.failed) for standing in standings)
    note = f", {failed} failed (see runs.csv)" if failed else ""
    return StageResult(
        f"benchmark: {counted(len(standings), 'method')}, {counted(plan.runs, 'run')}{note}", folder, failed
    )


def write_tables(config: Config, standings: Sequence[Standing], folder: Path) -> None:
    """Write Tables 1 to 5, each as Markdown, CSV and a figure (PNG, SVG), and the appendix of all runs as CSV."""
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
            _write(folder, make(standings, labels, confidence))
        if any(standing.done for standing in shown):
            _draw(folder, number, shown, labels, confidence)
    write_text(folder / "runs.csv", as_csv(runs_table(standings)))


class _Runner:
    """Runs the methods of a plan, one run after the other."""

    def __init__(self, plan: Plan, inputs: Inputs, advance: Advance) -> None:
        self._plan, self._inputs, self._advance = plan, inputs, advance
        self._begun = 0

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
        log.info("benchmark run=%d/%d", self._begun, self._plan.runs)
        return run_once(self._plan, self._inputs, method, variant, seed)


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
