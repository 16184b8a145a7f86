"""What was found in a title, said as soon as its features are made: the others may take the whole night."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data.errors import SchemaError
from data.shards import ShardHeader
from data.titles import Title
from pipeline.config import Config
from pipeline.runs.inference_plan import plan_inference
from pipeline.score_work import ScoreTask, load_scorer, score
from pipeline.stages.infer import find, found_words, inference_run, row_of

if TYPE_CHECKING:
    from model.build import FrameNetwork


class Finder:
    """Scores single titles as an inference run of the same configuration will.

    Their scores are kept, so that the run finds them made. A configuration that keeps no scores has nothing said.
    """

    def __init__(self, config: Config) -> None:
        self.scored = 0
        """How many titles were scored here, which a run finds made."""
        self._config = config
        self._network: FrameNetwork | None = None

    def __call__(self, title: Title, header: ShardHeader) -> str:
        """Return what was found in a title, in words.

        Raises:
            CheckpointError, ConfigError: as inference would, which is to be known after the first title.
        """
        if not self._config.infer.write_scores:
            return ""
        plan = plan_inference(inference_run(self._config, [title], {}, {title.title_id: header}))
        task = ScoreTask.of(plan)
        scores = plan.store.read(header)
        if scores is None:
            if self._network is None:
                self._network = load_scorer(task.checkpoint_dir, task.model_id, task.device)
            made = score(self._network, header, task).scores
            if isinstance(made, SchemaError):
                return str(made)
            scores = made
            self.scored += 1
        found = find(plan, scores, header)
        return found_words(row_of(plan, title, found, header), found, why=False)
