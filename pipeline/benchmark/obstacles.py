"""What keeps a benchmark from measuring anything, known before its first training; and what its numbers leave out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from data.catalogue import Catalogue
from data.counted import counted
from data.errors import ConfigError
from data.labels import TitleLabels
from data.manifest import SPLITS
from data.shards import ShardHeader
from infer.tiou_text import tiou_words
from pipeline.config import Config

WITHHELD = (
    "where a data set withholds the labels of its test titles, as ActivityNet does, [data.subsets] "
    'validation = "test", testing = "none", training = "draw" measures on the validation titles'
)


def require_measurable(config: Config, catalogue: Catalogue, headers: Mapping[str, ShardHeader]) -> None:
    """Raise ConfigError unless each split has features, and a clip in titles that have some."""
    for split in SPLITS:
        titles = [title.title_id for title in catalogue.in_split(split)]
        read = [title_id for title_id in titles if title_id in headers]
        if titles and not read:
            message = f"{config.features_dir}: none of the {counted(len(titles), 'title')} of {split} has features"
            raise ConfigError(f"{message}; extract or import them with this file first")
        if not any(_clips(catalogue.labels[title_id]) for title_id in read):
            what = "nothing would be measured" if split == "test" else "nothing could be trained or chosen"
            message = f"no title of the {split} split that has features has a clip of any label: {what}"
            raise ConfigError(f"{message}; {WITHHELD}" if split == "test" else f"{message}; move titles between splits")


def remarks(config: Config, catalogue: Catalogue, headers: Mapping[str, ShardHeader]) -> tuple[str, ...]:
    """Say what else decides the numbers: how epoch and thresholds were chosen, and titles that have no features."""
    chosen = "Epoch, thresholds and variant: chosen on validation at tIoU"
    judged, asked = config.tune.tiou_thresholds, config.evaluate.tiou_thresholds
    words = tiou_words(judged).replace("0,", "0 (strict),", 1) if judged[0] == 0 else tiou_words(judged)
    if asked != judged:
        words += f", not at the {tiou_words(asked)} that are measured; [tune] tiou_thresholds chooses by others"
    return (f"{chosen} {words}.", *_unread(catalogue, headers))


def _unread(catalogue: Catalogue, headers: Mapping[str, ShardHeader]) -> Sequence[str]:
    counts, missed = [], 0
    for split in SPLITS:
        titles = [title.title_id for title in catalogue.in_split(split)]
        unread = [title_id for title_id in titles if title_id not in headers]
        if unread:
            counts.append(f"{len(unread)} of {len(titles)} {split} titles")
        if split == "test":
            missed = sum(_clips(catalogue.labels[title_id]) for title_id in unread)
    if not counts:
        return ()
    clips = f": {counted(missed, 'clip')} of test titles count as missed" if missed else ""
    return (f"Without features: {', '.join(counts)}{clips}.",)


def _clips(labels: TitleLabels) -> int:
    return len({*labels.first.values(), *(labels.occurrences or ())})
