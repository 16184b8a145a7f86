"""A finished run as the report and the figures read it: its tables, what labels say of it, and its measurements.

Everything comes from the files of the run's folder and from the catalogue; nothing is scored or decoded here. What a
run does not have (frame scores, labels, an evaluation) is empty, because a report must open for any run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from data.catalogue import scan_catalogue
from data.counted import counted
from data.errors import ConfigError
from data.labels import TitleLabels
from data.schemas import LabelThresholds, Segment
from data.seen_labels import ReadSpan, all_seen_labels
from data.titles import Title
from infer.title_scores import TitleScores
from infer.title_status import TitleRow
from infer.write import read_scores, read_segments, read_titles_table
from pipeline.config import Config
from pipeline.runs import history as run_history
from pipeline.runs.pointer import current_folder
from pipeline.seen_truth import row_spans

RUN_RECORD = "run.json"
EVALUATION_PREFIX = "evaluation-"


@dataclass(frozen=True)
class Run:
    """The products of one ``infer``.

    Args:
        folder: ``runs/<run_id>``.
        run_id: its name.
        record: its ``run.json``.
        thresholds: by label, in the order of the score columns.
        titles: one row a title, in the order of the catalogue.
        segments: by title id, in order of time; flagged and near misses.
    """

    folder: Path
    run_id: str
    record: Mapping[str, Any]
    thresholds: Mapping[str, LabelThresholds]
    titles: tuple[TitleRow, ...]
    segments: Mapping[str, tuple[Segment, ...]]

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self.thresholds)

    @property
    def has_own_rule(self) -> bool:
        """Whether a baseline's own rule made the segments: it flags all that it finds and reads no thresholds."""
        return bool(self.record.get("rule", "thresholds") != "thresholds")

    @property
    def asked(self) -> Mapping[str, LabelThresholds]:
        """What segments had to reach, by label; empty where a baseline's own rule made them."""
        return {} if self.has_own_rule else self.thresholds

    @property
    def segment_score(self) -> str:
        """How a segment is scored: ``max`` or ``mean``."""
        return str(self.record.get("segment_score", "max"))

    def scores(self) -> Iterator[TitleScores]:
        """Yield the frame scores of each title; nothing if the run kept none."""
        path = self.folder / "scores.parquet"
        return read_scores(path) if path.is_file() else iter(())


@dataclass(frozen=True)
class Truth:
    """What the catalogue says of a run's titles.

    Args:
        titles: by title id, for the path of the video.
        labels: by title id, only titles at which somebody looked.
        splits: by title id.
        problem: why some of it could not be read, in words; empty when all could.
        spans: by title id, what the run read of it, as far as that is known.
    """

    titles: Mapping[str, Title] = field(default_factory=dict)
    labels: Mapping[str, TitleLabels] = field(default_factory=dict)
    splits: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    spans: Mapping[str, ReadSpan] = field(default_factory=dict)

    def as_read(self, rows: Iterable[TitleRow]) -> Truth:
        """Return the same with what a run read: what lies beyond is no mistake of its."""
        return replace(self, spans=row_spans(rows))

    @cached_property
    def held_out(self) -> dict[str, TitleLabels]:
        """Labels of titles that training did not see, as far as they were read: only they tell how good a model is."""
        held = {title_id: labels for title_id, labels in self.labels.items() if self.splits.get(title_id) != "train"}
        return all_seen_labels(held, self.spans)[0]


def read_run(folder: Path) -> Run:
    """Read a run's folder.

    Raises:
        ConfigError: it is not the folder of a finished run.
        SchemaError: a table that is not one of ours.
    """
    path = folder / RUN_RECORD
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        thresholds = {label: LabelThresholds(**value) for label, value in record["thresholds"].items()}
        run_id = str(record["run_id"])
    except FileNotFoundError as error:
        raise ConfigError(
            f"{folder}: no finished run ({RUN_RECORD} is missing); run `coarse2fine infer` first"
        ) from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); name a folder below runs/") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ConfigError(f"{path}: not the record of an inference ({error!r}); name a folder below runs/") from error
    segments: dict[str, list[Segment]] = {}
    for segment in read_segments(folder / "segments.parquet"):
        segments.setdefault(segment.title_id, []).append(segment)
    return Run(
        folder.resolve(),
        run_id,
        record,
        thresholds,
        tuple(read_titles_table(folder / "titles.parquet")),
        {title_id: tuple(found) for title_id, found in segments.items()},
    )


def find_run(config: Config, name: Path | None) -> Path:
    """Return the folder of a run: a path, or a name that ``run_history.find_run`` knows; by default the current run.

    Raises:
        ConfigError: no run, or more than one, answers to that name.
    """
    if name is None:
        return current_folder(config.work)
    return name if name.is_dir() else run_history.find_run(config.work, str(name)).folder


def read_truth(config: Config) -> Truth:
    """Read the catalogue for a report: what is wrong with it is said on the page, not raised."""
    catalogue = scan_catalogue(config.data)
    errors = [problem for problem in catalogue.problems if problem.severity == "error"]
    problem = (
        f"{counted(len(errors), 'problem')} in titles and labels, the first: {errors[0].message}" if errors else ""
    )
    labelled = {title_id: labels for title_id, labels in catalogue.labels.items() if labels.is_labelled}
    return Truth(catalogue.titles, labelled, catalogue.splits, problem)


def read_evaluations(folder: Path) -> dict[str, Mapping[str, Any]]:
    """Return what ``evaluate`` wrote into a run's folder, by split; files that are not JSON objects are left out."""
    found: dict[str, Mapping[str, Any]] = {}
    for path in sorted(folder.glob(f"{EVALUATION_PREFIX}*.json")):
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            found[path.stem.removeprefix(EVALUATION_PREFIX)] = value
    return found
