"""What the next run would do, title by title; the run itself decides by the same code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from data.catalogue import look_at_catalogue
from data.errors import CheckpointError, ManifestError, ModerationError
from data.known_films import KnownFilms
from data.manifest import raise_errors
from model.sidecar import weights_path
from pipeline.config import Config
from pipeline.expected_features import ExpectedFeatures
from pipeline.runs.extraction_plan import Action, PlannedTitle
from pipeline.runs.history import held_run, hold_words
from pipeline.runs.inference_plan import InferencePlan, plan_inference
from pipeline.runs.known_films import planned_films
from pipeline.runs.ledger import REMOVED, read_ledger
from pipeline.runs.lengths import probed_lengths
from pipeline.runs.rates import read_rates
from pipeline.runs.refusals import refusals
from pipeline.runs.selection import Selection
from pipeline.runs.training_plan import Training, TrainingPlan, plan_training, teaching_headers
from pipeline.stages.extract import ExtractionRun
from pipeline.stages.infer import inference_run


@dataclass(frozen=True)
class RunPlan:
    """A run, decided but not begun.

    Args:
        titles: what extraction would do with each.
        inference: what inference would do with the features that stay; None without a checkpoint or any such feature,
            and where a model is trained before.
        no_inference: why not, then.
        rates: seconds of video a second, by stage, as measured here.
        training: what would be done about training; None where labels and splits cannot be read, or a checkpoint is
            named.
        no_training: why not, then.
        removed: titles that are no longer in the manifest, and were in the run before: their names by id.
        lengths: of videos whose length nobody stated, as their headers say, seconds.
        epochs: of a training, with those of its refit, at most.
        no_scores: why titles cannot be scored, though there is a checkpoint; empty if they can.
        refusals: why a run would end before any work.
        held: the run that a rollback holds in force, None if none does.
        hold: that in words.
    """

    titles: Sequence[PlannedTitle]
    inference: InferencePlan | None
    no_inference: str
    rates: Mapping[str, float]
    training: TrainingPlan | None = None
    no_training: str = ""
    removed: Mapping[str, str] = field(default_factory=dict)
    lengths: Mapping[str, float] = field(default_factory=dict)
    epochs: int = 0
    no_scores: str = ""
    refusals: Sequence[str] = ()
    held: str | None = None
    hold: str = ""

    def length_s(self, item: PlannedTitle) -> float | None:
        """Return the length of a title's video as far as it is known."""
        return item.duration_s if item.duration_s is not None else self.lengths.get(item.title.title_id)

    @property
    def to_score(self) -> set[str]:
        """Titles with features that have to be scored; none is known yet where a model is trained before."""
        return set(self.inference.to_score()) if self.inference is not None else set()

    @property
    def trains(self) -> bool:
        return self.training is not None and self.training.action is Training.TRAIN


def plan_run(config: Config, selection: Selection, *, verify: bool = False) -> RunPlan:
    """Decide what a run would do; nothing is written, and of videos no more than headers is read."""
    asked = ExtractionRun.of(config, selection, verify=verify)
    ledger = read_ledger(config.work.ledger)
    planner = asked.planner(ledger)
    planned = list(planner.plan())
    kept = [item for item in planned if item.action is not Action.EXTRACT]
    failures = {item.title.title_id: item.failure for item in kept if item.failure is not None}
    headers = {item.title.title_id: item.header for item in kept if item.header is not None}
    lengths = probed_lengths(planned, config.extract) if config.run.import_name is None else {}
    training, no_training = _training(config, planned, planner.expected, planned_films(planned, lengths))
    inference, no_inference = None, ""
    if training is not None and training.action is Training.TRAIN:
        no_inference = "of all titles, by the model that is trained before"
    else:
        try:
            inference = plan_inference(inference_run(config, [item.title for item in kept], failures, headers))
        except CheckpointError as error:
            no_inference = f"none ({error})"
    listed = {item.title.title_id for item in planned}
    return RunPlan(
        planned,
        inference,
        no_inference,
        read_rates(config.work.rates),
        training,
        no_training,
        {row.title_id: row.name for row in ledger if row.status != REMOVED and row.title_id not in listed},
        lengths,
        config.train.most_epochs,
        "" if inference is None else _unusable(inference),
        refusals(config, asked, planned),
        held_run(config.work),
        hold_words(config.work),
    )


def _unusable(inference: InferencePlan) -> str:
    """Say why nothing can be scored afresh: its weights are missing or damaged; empty if they are whole."""
    try:
        weights_path(inference.run.checkpoint_dir, inference.checkpoint)
    except CheckpointError as error:
        return str(error)
    return ""


def _training(
    config: Config, planned: Sequence[PlannedTitle], expected: ExpectedFeatures, films: KnownFilms
) -> tuple[TrainingPlan | None, str]:
    """Return what a run would do about training, or why that cannot be said."""
    if config.checkpoint is not None:
        return None, f"nothing to do, {config.checkpoint} is named in the configuration"
    try:
        catalogue = look_at_catalogue(config.data, films)
        raise_errors(catalogue.problems)
        coming = {item.title.title_id for item in planned if item.action is Action.EXTRACT}
        known = {item.title.title_id: item.header for item in planned if item.header is not None}
        headers = teaching_headers(config, catalogue, known)
        return plan_training(config, catalogue, headers, expected, coming), ""
    except ManifestError as error:
        return None, f"labels or splits cannot be read, see `coarse2fine labels check`: {error.problems[0]}"
    except ModerationError as error:
        return None, str(error)
