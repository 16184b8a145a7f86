"""Frame scores of single titles, kept between runs, so that nothing is scored twice.

The name of a file says what it was made from, ``<model_id>/<title_id>@<features>.parquet``: it is there or it is not,
and it is never stale. A run over unchanged titles, or with other thresholds, reads them instead of scoring anew; an
interrupted one goes on where it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from data.errors import SchemaError
from data.files import fingerprint, local_copy
from data.shards import ShardHeader
from infer.title_scores import TitleScores
from infer.write import read_score_labels, read_scores, write_scores


class ScoreStore:
    """The scores of one model.

    Args:
        root: folder of all models' scores.
        model_id: the model.
        labels: its labels, in the order of its outputs.
    """

    def __init__(self, root: Path, model_id: str, labels: Sequence[str]) -> None:
        self._folder = root / model_id
        self._labels = tuple(labels)

    def has(self, header: ShardHeader) -> bool:
        """Say whether these features were scored by this model."""
        return self._path(header).is_file()

    def read(self, header: ShardHeader) -> TitleScores | None:
        """Return the scores of these features; None where there are none, or a damaged file."""
        try:
            with local_copy(self._path(header)) as path:
                if read_score_labels(path) != self._labels:
                    return None
                (scores,) = read_scores(path)
        except (SchemaError, ValueError, OSError):
            return None
        return scores if len(scores.action_TC) == header.frames else None

    def write(self, header: ShardHeader, scores: TitleScores) -> None:
        """Keep the scores of these features."""
        write_scores(self._path(header), self._labels, [scores])

    def _path(self, header: ShardHeader) -> Path:
        return self._folder / score_name(header)


def score_name(header: ShardHeader) -> str:
    """Return the file name of the scores of these features; ``@`` is in no title id."""
    coverage = header.coverage
    made_of = [header.spec.features_id, coverage.source_sha256, coverage.reader, coverage.samples, coverage.decoded_s]
    if coverage.picture_start_s:
        made_of.append(coverage.picture_start_s)
    return f"{header.title_id}@{fingerprint(made_of)}.parquet"
