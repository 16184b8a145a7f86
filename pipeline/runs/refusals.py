"""What would end a run before any work is done; the plan asks for it as well, since it is known without decoding."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from data.errors import ConfigError, ModerationError
from model.sidecar import read_checkpoint
from pipeline.config import Config
from pipeline.engine import require_engine
from pipeline.expected_features import require_weights
from pipeline.runs.extraction_plan import PlannedTitle
from pipeline.runs.faults import require_store
from pipeline.stages.extract import ExtractionRun, refuse_imported, require_folders, require_own_features


def refusals(config: Config, asked: ExtractionRun, planned: Sequence[PlannedTitle]) -> list[str]:
    """Return why a run would end before any work, all reasons at once.

    What keeps it from training is not among them: that is told with the training (``training_plan``).
    """
    videos = asked.sources.imports is None
    checks: list[Callable[[], None]] = [
        lambda: require_engine(config.run.engine),
        lambda: require_named_model(config),
        lambda: require_own_features(config),
        lambda: require_folders(asked.sources),
        lambda: require_store(planned, asked.sources.media_root, config.run),
    ]
    if videos:
        checks += [lambda: require_weights(config.extract), lambda: refuse_imported(planned)]
    found = []
    for check in checks:
        try:
            check()
        except ModerationError as error:
            found.append(str(error))
    return found


def require_named_model(config: Config) -> None:
    """Raise if a checkpoint is named that cannot be read, or beside the wish to train another one."""
    if config.checkpoint is None:
        return
    if config.run.train == "changed":
        raise ConfigError(
            f"checkpoint: {config.checkpoint} is named to score with, so `run` does not train; leave the key "
            "out, or leave out [run] train = 'changed' and --train"
        )
    read_checkpoint(config.checkpoint)
