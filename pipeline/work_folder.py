"""Where everything of a work_dir lies: the only place that knows the names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class WorkFolder:
    """The folder that a configuration writes to.

    Args:
        shared_features: a folder of shards that another configuration wrote; None for its own.
    """

    root: Path
    shared_features: Path | None = None

    @property
    def features(self) -> Path:
        """One shard a title."""
        return self.shared_features or self.root / "features"

    @property
    def feature_record(self) -> Path:
        """What the features are made with, so that a plan need not load a backbone."""
        return self.root / "features.json"

    @property
    def coverage(self) -> Path:
        return self.root / "coverage.parquet"

    @property
    def ledger(self) -> Path:
        return self.root / "ledger.parquet"

    @property
    def scores(self) -> Path:
        """Frame scores by model and title."""
        return self.root / "scores"

    @property
    def models(self) -> Path:
        """Weights of the models that kept runs were made with, for a rollback; a folder each."""
        return self.root / "models"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def current(self) -> Path:
        """What leads to the run that is in force; see ``pipeline.runs.pointer``."""
        return self.root / "current"

    @property
    def history(self) -> Path:
        """Which runs were finished, made current and rolled back, in order."""
        return self.root / "history.jsonl"

    @property
    def events(self) -> Path:
        """What happened since the last run was finished; then it becomes that run's ``events.jsonl``."""
        return self.root / "events.jsonl"

    @property
    def at_work(self) -> Path:
        """Which titles are at work; there only while a run is, or after it was killed."""
        return self.root / "at_work.jsonl"

    @property
    def review(self) -> Path:
        """What reviewers did, one action a line; never removed with a run."""
        return self.root / "review.jsonl"

    @property
    def benchmark(self) -> Path:
        """Runs of a benchmark, and its ``tables``."""
        return self.root / "benchmark"

    @property
    def asked(self) -> Path:
        """What the last call of `moderate` was asked."""
        return self.root / "asked.json"

    @property
    def exports_table(self) -> Path:
        """What the last call did with files beside films."""
        return self.root / "exports.csv"

    @property
    def export_folder(self) -> Path:
        """Exports in formats that have no place beside a film, a folder each."""
        return self.root / "exports"

    @property
    def rates(self) -> Path:
        return self.root / "rates.json"

    @property
    def metrics(self) -> Path:
        return self.root / "metrics.prom"

    @property
    def last_success(self) -> Path:
        return self.root / "last_success.json"
