"""The catalogue of a run: its titles, their splits and their labels, read together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from data.errors import ConfigError
from data.label_manifest import read_labels
from data.labels import TitleLabels
from data.manifest import SPLITS, read_titles
from data.settings import DataSettings
from data.splits import assign_splits, read_splits, write_splits
from data.titles import Title


@dataclass(frozen=True)
class Catalogue:
    """Titles in manifest order, with splits and labels by title id."""

    titles: Mapping[str, Title]
    splits: Mapping[str, str]
    labels: Mapping[str, TitleLabels]

    def in_split(self, split: str | None) -> list[Title]:
        """Return the titles of a split, or all for None."""
        if split is not None and split not in SPLITS:
            raise ConfigError(f"split {split!r}: not a split; use one of {', '.join(SPLITS)}")
        return [title for title in self.titles.values() if split in (None, self.splits[title.title_id])]


def read_catalogue(settings: DataSettings) -> Catalogue:
    """Read titles, labels and splits; splits that are drawn are written to the split file, where one is named.

    Raises:
        ManifestError: with every problem of the titles, or of the labels.
    """
    titles = read_titles(settings.titles, settings.media_root)
    labels = read_labels(
        settings.video_labels,
        settings.clip_labels,
        settings.labels,
        titles,
        frame_rate_fps=settings.frame_rate_fps,
        form=settings.label_form,
    )
    file = settings.split_file
    earlier = read_splits(file) if file is not None and file.exists() else {}
    splits = assign_splits(
        titles,
        fractions=settings.fractions,
        group_column=settings.group_column,
        seed=settings.split_seed,
        earlier=earlier,
        source=settings.titles,
    )
    if file is not None and splits != earlier:
        write_splits(file, {**earlier, **splits})
    return Catalogue(titles, splits, labels)
