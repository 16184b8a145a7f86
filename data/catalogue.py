"""A whole catalogue, titles with labels and splits, read in one go so that one run shows everything that is wrong."""

from __future__ import annotations

from dataclasses import dataclass

from data.errors import ConfigError, ManifestError, Problem
from data.known_films import NOTHING_KNOWN, KnownFilms
from data.label_manifest import LabelRules, scan_labels
from data.labels import TitleLabels
from data.manifest import TitleManifest, raise_errors, scan_titles
from data.settings import DataSettings
from data.splits import assign_splits, group_titles, read_splits, spread_groups, write_splits
from data.titles import Title
from data.twin_films import twin_films, twin_problems


@dataclass(frozen=True)
class Catalogue:
    """What a run works on.

    Args:
        manifest: the title manifest.
        labels: by title id, one entry a title.
        splits: ``train``, ``val`` or ``test`` by title id; empty where they could not be assigned.
        problems: of all files, errors and warnings.
        readings: how the times of label tables were read.
    """

    manifest: TitleManifest
    labels: dict[str, TitleLabels]
    splits: dict[str, str]
    problems: tuple[Problem, ...]
    readings: tuple[str, ...] = ()

    @property
    def titles(self) -> dict[str, Title]:
        return self.manifest.titles

    def in_split(self, split: str) -> list[Title]:
        """Return the titles of a split, in the order of the manifest."""
        return [title for title in self.titles.values() if self.splits[title.title_id] == split]


def read_catalogue(settings: DataSettings) -> Catalogue:
    """Read titles, labels and splits; the split file is read where it exists and then written with the new titles.

    Raises:
        ManifestError: with every error of all files; warnings are logged.
    """
    catalogue = scan_catalogue(settings)
    raise_errors(catalogue.problems)
    if settings.split_file is not None:
        earlier = _earlier_splits(settings)
        if {**earlier, **catalogue.splits} != earlier:
            write_splits(settings.split_file, {**earlier, **catalogue.splits})
    return catalogue


def scan_catalogue(settings: DataSettings, known: KnownFilms = NOTHING_KNOWN) -> Catalogue:
    """Read titles, labels and splits and everything that is wrong with them; nothing is raised, nothing written.

    Args:
        known: what is known of the films, to hold labels against.
    """
    return _scan(settings, known, looks=False)


def look_at_catalogue(settings: DataSettings, known: KnownFilms = NOTHING_KNOWN) -> Catalogue:
    """Read a catalogue as ``scan_catalogue`` does, and also look for films that it has twice."""
    return _scan(settings, known, looks=True)


def _scan(settings: DataSettings, known: KnownFilms, *, looks: bool) -> Catalogue:
    manifest = scan_titles(settings.titles, settings.media_root, subsets=settings.subsets)
    labels = scan_labels(
        settings.video_labels,
        settings.clip_labels,
        settings.labels,
        manifest.titles,
        reading=settings.reading,
        form=settings.label_form,
        rules=label_rules(settings),
        labels_found=settings.labels_found,
        known=known,
    )
    splits, problems = _scan_splits(settings, manifest, labels.labels)
    if looks:
        problems += twin_problems(manifest, twin_films(manifest), splits)
    told = {title_id: one for title_id, one in labels.single_frames.items() if splits.get(title_id) == "train"}
    found = (*manifest.problems, *labels.problems, *problems)
    return Catalogue(manifest, {**labels.labels, **told}, splits, found, labels.readings)


def label_rules(settings: DataSettings) -> LabelRules:
    """Return what a run's settings say of labels that make no sense."""
    return LabelRules(skip_bad=settings.on_bad_label == "skip", strict=settings.strict)


def _earlier_splits(settings: DataSettings) -> dict[str, str]:
    if settings.split_file is None or not settings.split_file.exists():
        return {}
    return read_splits(settings.split_file)


def _scan_splits(
    settings: DataSettings, manifest: TitleManifest, labels: dict[str, TitleLabels]
) -> tuple[dict[str, str], list[Problem]]:
    """Return the splits, or what is wrong with the split file or the groups, at the line of the group's first title."""
    try:
        groups = group_titles(manifest.titles, settings.group_column)
        earlier = _earlier_splits(settings)
    except ConfigError as error:
        return {}, [Problem(manifest.path, None, str(error))]
    except ManifestError as error:
        return {}, list(error.problems)
    settled = {title_id: title.split or earlier.get(title_id) for title_id, title in manifest.titles.items()}
    problems = [
        Problem(manifest.path, manifest.lines[members[0]], message)
        for group, members in groups.items()
        for message in spread_groups({group: members}, settled)
    ]
    if problems:
        return {}, problems
    drawn_by_labels = settings.split_file is not None or settings.is_published
    undrawn = drawn_by_labels and None in settled.values()
    splits = assign_splits(
        manifest.titles,
        fractions=manifest.drawn_shares(settings.fractions),
        group_column=settings.group_column,
        seed=settings.split_seed,
        earlier=earlier,
        labels=labels if drawn_by_labels else None,
        twins=twin_films(manifest) if undrawn else (),
    )
    return splits, []
