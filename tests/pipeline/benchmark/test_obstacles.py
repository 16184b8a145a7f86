"""What a benchmark says before its first training, and below its tables."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from data.errors import ConfigError
from data.labels import Clip, TitleLabels
from data.titles import Title
from pipeline.benchmark.obstacles import remarks, require_measurable

CLIPS = (Clip("dive", 1.0, 2.0), Clip("dive", 3.0, 4.0))


def some(asked=(0.0, 0.1, 0.2), chosen_by=(0.0, 0.1, 0.2)):
    evaluate, tune = SimpleNamespace(tiou_thresholds=asked), SimpleNamespace(tiou_thresholds=chosen_by)
    return SimpleNamespace(features_dir=Path("features"), evaluate=evaluate, tune=tune)


class Titles:
    """Two titles of each split, each with two clips."""

    def __init__(self, without_clips=()):
        self.titles = {
            f"{split}{n}": Title(f"{split}{n}", split=split) for split in ("train", "val", "test") for n in (1, 2)
        }
        self.labels = {
            title_id: TitleLabels(title_id, {}, occurrences=() if title.split in without_clips else CLIPS)
            for title_id, title in self.titles.items()
        }

    def in_split(self, split):
        return [title for title in self.titles.values() if title.split == split]


@pytest.mark.parametrize(
    ("without", "message"),
    [
        ("test", r"no title of the test split .* nothing would be measured; .* validation = \"test\""),
        ("val", "no title of the val split .* nothing could be trained or chosen; move titles between splits"),
        ("train", "no title of the train split .* nothing could be trained or chosen"),
    ],
)
def test_a_split_without_clips_is_said_before_anything_is_trained(without, message):
    """As ActivityNet's test titles, whose labels are withheld: three trainings ended in three failed runs."""
    catalogue = Titles(without_clips=(without,))
    with pytest.raises(ConfigError, match=message):
        require_measurable(some(), catalogue, dict.fromkeys(catalogue.titles))
    whole = Titles()
    require_measurable(some(), whole, dict.fromkeys(whole.titles))


def test_a_split_without_features_is_said_before_anything_is_trained():
    catalogue = Titles()
    read = dict.fromkeys(title_id for title_id in catalogue.titles if not title_id.startswith("test"))
    with pytest.raises(ConfigError, match="features: none of the 2 titles of test has features; extract or import"):
        require_measurable(some(), catalogue, read)


def test_how_epoch_and_thresholds_were_chosen_is_said_whatever_is_measured():
    catalogue = Titles()
    whole = dict.fromkeys(catalogue.titles)
    chosen = "Epoch, thresholds and variant: chosen on validation at tIoU 0 (strict), 0.1, 0.2"
    assert remarks(some(), catalogue, whole) == (f"{chosen}.",)
    (said,) = remarks(some((0.3, 0.4, 0.5)), catalogue, whole)
    assert said == f"{chosen}, not at the 0.3, 0.4, 0.5 that are measured; [tune] tiou_thresholds chooses by others."
    (said,) = remarks(some((0.3, 0.4, 0.5), (0.3, 0.4, 0.5)), catalogue, whole)
    assert said == "Epoch, thresholds and variant: chosen on validation at tIoU 0.3, 0.4, 0.5."


def test_titles_without_features_are_counted_and_their_clips_are_misses():
    catalogue = Titles()
    read = dict.fromkeys(title_id for title_id in catalogue.titles if title_id not in ("train1", "test2"))
    assert remarks(some(), catalogue, read)[1] == (
        "Without features: 1 of 2 train titles, 1 of 2 test titles: 2 clips of test titles count as missed."
    )
