"""Whether a run trains, and why: decided from labels, splits, shard headers and the checkpoint's sidecar; no torch.

A checkpoint remembers what it was made from (``inputs.json`` beside its sidecar): a fingerprint of split, film and
labels of every title, and the settings. So it can be said what changed since, title by title. What changed is a reason
to train anew only for those who asked for that (``[run] train``): a night must not spend itself on a corrected label.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from data.catalogue import Catalogue
from data.counted import counted
from data.errors import ConfigError, MissingShardError, SchemaError
from data.files import fingerprint, write_json
from data.label_check import uneven_labels
from data.seen_labels import ReadSpan, all_seen_labels
from data.shards import ShardHeader, read_header, shard_path
from data.split_check import held_clips, held_labels
from model.sidecar import Checkpoint
from pipeline.config import Config
from pipeline.expected_features import ExpectedFeatures
from pipeline.runs.own_checkpoint import checkpoint_damage, found_checkpoint, lost_choices

log = logging.getLogger(__name__)
INPUTS_NAME = "inputs.json"
TRAIN, VAL = "train", "val"
TRAIN_ANEW = "`coarse2fine run --train` trains anew"


class Training(StrEnum):
    """What a run does about training."""

    NAMED = "named"  # the configuration names a checkpoint
    CURRENT = "current"
    KEPT = "kept"  # other inputs, but the checkpoint that is there stays
    TRAIN = "train"


@dataclass(frozen=True)
class Inputs:
    """What a checkpoint is made from.

    Args:
        identity: fingerprint of everything; what a checkpoint's sidecar holds as ``inputs``.
        titles: by id, its split, and fingerprints of its features and of its labels.
        settings: what counts of the configuration, by dotted name.
    """

    identity: str
    titles: Mapping[str, Sequence[str]]
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class TrainingPlan:
    """A training, decided but not begun.

    Args:
        why: for ``CURRENT`` and ``NAMED`` which checkpoint; for ``KEPT`` what changed; for ``TRAIN`` why.
        titles: usable titles by split; those that are still to be extracted count.
        teaching: the titles to train on.
        obstacles: why training could not be done, in words.
        warnings: what it will not be able to learn, to choose or to be measured by.
        checkpoint: the one that is there; None if none is.
    """

    action: Training
    why: str
    titles: Mapping[str, int]
    teaching: frozenset[str] = frozenset()
    obstacles: Sequence[str] = ()
    checkpoint: Checkpoint | None = None
    warnings: Sequence[str] = ()

    @property
    def summary(self) -> str:
        """One line for a run that does not train."""
        model = self.checkpoint.model_id if self.checkpoint is not None else ""
        if self.action is Training.KEPT:
            return f"train: not done, model {model} is used; since it was trained: {self.why}; {TRAIN_ANEW}"
        return f"train: nothing to do, {self.why}"


def inputs_of(config: Config, catalogue: Catalogue, headers: Sequence[ShardHeader]) -> Inputs:
    """Return what a checkpoint is made from: the titles of these shards, their labels, and the settings."""
    labels, _ = all_seen_labels(catalogue.labels, {header.title_id: ReadSpan.of(header) for header in headers})
    rows = [
        [
            header.title_id,
            catalogue.splits[header.title_id],
            header.spec.features_id,
            _seen_of(header),
            asdict(labels[header.title_id]),
        ]
        for header in headers
    ]
    sections = config.model_dump(mode="json", include={"model", "loss", "train", "tune"})
    others = {"data.labels": list(config.data.labels), "infer.segment_score": config.infer.segment_score}
    titles = {
        header.title_id: (catalogue.splits[header.title_id], fingerprint(row[2:4])[:8], fingerprint(row[4])[:8])
        for header, row in zip(headers, rows)
    }
    identity = fingerprint([rows, config.data.labels, config.infer.segment_score, sections])
    return Inputs(identity, titles, _dotted(sections) | others)


def write_inputs(folder: Path, inputs: Inputs) -> None:
    """Write what a checkpoint was made from beside it."""
    write_json(folder / INPUTS_NAME, asdict(inputs))


def usable(
    catalogue: Catalogue, split: str, headers: Mapping[str, ShardHeader], coming: Collection[str] = ()
) -> tuple[list[ShardHeader], list[str]]:
    """Return the shards of a split's titles that can teach (labelled, read to the end), and the titles yet to come.

    Args:
        headers: of the shards that are there, by title.
        coming: titles that are still to be extracted.
    """
    labelled = [title.title_id for title in catalogue.in_split(split) if catalogue.labels[title.title_id].is_labelled]
    ready = [headers[title_id] for title_id in labelled if title_id in headers and title_id not in coming]
    return [header for header in ready if header.coverage.complete], [name for name in labelled if name in coming]


def teaching_headers(config: Config, catalogue: Catalogue, known: Mapping[str, ShardHeader]) -> dict[str, ShardHeader]:
    """Return the shards of the labelled train and val titles; those that ``known`` lacks are looked for.

    A damaged shard is left out, and logged: extraction makes it again.
    """
    found = {}
    for title in (*catalogue.in_split(TRAIN), *catalogue.in_split(VAL)):
        if not catalogue.labels[title.title_id].is_labelled:
            continue
        try:
            header = known.get(title.title_id) or read_header(shard_path(config.features_dir, title.title_id))
        except MissingShardError:
            continue
        except SchemaError as error:
            log.warning("not trained on: %s", error)
            continue
        found[title.title_id] = header
    return found


def plan_training(
    config: Config,
    catalogue: Catalogue,
    headers: Mapping[str, ShardHeader],
    expected: ExpectedFeatures,
    coming: Collection[str] = (),
) -> TrainingPlan:
    """Decide whether a run trains.

    Args:
        headers, coming: see ``usable``.
        expected: the features that are wanted now; a checkpoint that cannot read them is as good as none.
    """
    parts = {split: usable(catalogue, split, headers, coming) for split in (TRAIN, VAL)}
    titles = {split: len(ready) + len(later) for split, (ready, later) in parts.items()}
    ready, later = parts[TRAIN]
    teaching = frozenset([*(header.title_id for header in ready), *later])
    checkpoint = found_checkpoint(config)
    damage = checkpoint_damage(config)

    def plan(action: Training, why: str, obstacles: Sequence[str] = ()) -> TrainingPlan:
        uneven = uneven_labels(config.data, catalogue) if action is Training.TRAIN else []
        lost = lost_choices(config)[0] if action is Training.TRAIN else []
        warnings = [*lost, *(problem.message for problem in uneven)]
        return TrainingPlan(action, why, titles, teaching, obstacles, checkpoint, warnings)

    obstacles = tuple(_obstacles(config, catalogue, titles))
    if checkpoint is None:
        require_training_allowed(config)
        return plan(Training.TRAIN, damage or f"no checkpoint in {config.checkpoint_dir}", obstacles)
    if difference := expected.difference(checkpoint.feature_spec):
        require_training_allowed(config)
        return plan(Training.TRAIN, f"the checkpoint was trained on other features: {difference}", obstacles)
    inputs = inputs_of(config, catalogue, [*ready, *parts[VAL][0]])
    to_come = [name for split in parts for name in parts[split][1]]
    if not to_come and inputs.identity == checkpoint.training.get("inputs"):
        return plan(Training.CURRENT, f"{config.checkpoint_dir} is current")
    changed = changes(_written_inputs(config.checkpoint_dir, checkpoint), inputs, to_come)
    if config.run.train == "changed":
        return plan(Training.TRAIN, changed, obstacles)
    return plan(Training.KEPT, changed)


def changes(before: Inputs | None, now: Inputs, coming: Sequence[str] = ()) -> str:
    """Say in words what changed since a checkpoint was trained.

    Args:
        before: what it was made from; None if it does not say (it is of an earlier version).
        now: what it would be made from.
        coming: titles that are to be extracted: films that are new, or not those of before.
    """
    if before is None:
        return "labels, films or settings are other ones (it does not say which)"
    replaced = [name for name in coming if name in before.titles]
    both = [(before.titles[name], now.titles[name]) for name in now.titles if name in before.titles]
    added = len([name for name in now.titles if name not in before.titles]) + len(coming) - len(replaced)
    gone = len(set(before.titles) - set(now.titles) - set(coming))
    films = len(replaced) + sum(old[1] != new[1] for old, new in both)
    labels = sum(old[2] != new[2] for old, new in both)
    moved = sum(old[0] != new[0] for old, new in both)
    names = sorted({*before.settings, *now.settings})
    settings = [name for name in names if before.settings.get(name) != now.settings.get(name)]
    said = [f"{counted(added, 'title')} added to train or val"] * bool(added)
    said += [f"{counted(gone, 'title')} gone from train or val"] * bool(gone)
    said += [f"{counted(films, 'film')} replaced"] * bool(films)
    said += [f"labels of {counted(labels, 'title')} changed"] * bool(labels)
    said += [f"{counted(moved, 'title')} in another split"] * bool(moved)
    said += [f"settings changed ({', '.join(settings)})"] * bool(settings)
    return ", ".join(said) or "the order of the titles changed"


def require_training_allowed(config: Config) -> None:
    """Raise ConfigError if a run may not train, though it has nothing to score with."""
    if config.run.train == "never":
        damage = checkpoint_damage(config)
        raise ConfigError(
            f"[run] train: 'never', but {config.checkpoint_dir} holds no checkpoint that can score these features; "
            f"name one (`checkpoint = ...`), or `coarse2fine run --train`{f' ({damage})' if damage else ''}"
        )


def _obstacles(config: Config, catalogue: Catalogue, titles: Mapping[str, int]) -> Iterator[str]:
    """Say why training would end with an error."""
    for split, count in titles.items():
        if not count:
            yield f"no title of the {split} split is labelled and can be read"
    if titles[VAL] and not any(held_clips(catalogue.labels[t.title_id]) for t in catalogue.in_split(VAL)):
        yield "no clip of any label in the val split, so that nothing can be chosen there; label some, or move titles"
    if titles[TRAIN] and not any(held_labels(catalogue.labels[t.title_id]) for t in catalogue.in_split(TRAIN)):
        yield "no title of the train split holds any label, so that nothing can be learnt; label some, or move titles"
    if config.train.occurrences == "all" and not any(
        catalogue.labels[title.title_id].occurrences for title in catalogue.in_split(TRAIN)
    ):
        yield "train.occurrences = 'all', but no title of the train split has all its occurrences labelled"


def require_possible(config: Config, catalogue: Catalogue) -> None:
    """Raise ConfigError if a training must fail whatever extraction brings: before a night of decoding."""
    labels = catalogue.labels
    titles = {
        split: sum(labels[title.title_id].is_labelled for title in catalogue.in_split(split)) for split in (TRAIN, VAL)
    }
    obstacles = list(_obstacles(config, catalogue, titles))
    if obstacles:
        raise ConfigError(
            f"{config.data.titles}: nothing can be trained: {'; '.join(obstacles)}; see `coarse2fine labels check`, or "
            "name a `checkpoint` to score with"
        )


def _written_inputs(folder: Path, checkpoint: Checkpoint) -> Inputs | None:
    """Return what a checkpoint was made from; None if that is not written, or speaks of another one."""
    try:
        raw = json.loads((folder / INPUTS_NAME).read_text(encoding="utf-8"))
        inputs = Inputs(str(raw["identity"]), dict(raw["titles"]), dict(raw["settings"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return inputs if inputs.identity == checkpoint.training.get("inputs") else None


def _dotted(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested values by dotted name, as they come back from JSON."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= _dotted(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _seen_of(header: ShardHeader) -> str | list[object]:
    """Return what a shard shows, and when, where that is not from 0 on: labels meet other rows then."""
    coverage = header.coverage
    return [coverage.source_sha256, coverage.picture_start_s] if coverage.picture_start_s else coverage.source_sha256
