"""Stage 2: shards and labels to a checkpoint with thresholds, chosen on validation."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from data.catalogue import Catalogue, read_catalogue
from data.counted import counted
from data.errors import ConfigError
from data.labels import TitleLabels
from data.schemas import FeatureSpec, LabelThresholds
from data.shards import ShardHeader
from data.targets import frame_targets
from data.windows import TitlesOnDemand, TrainingTitle
from infer.flags_measured import KEY
from infer.protocol import fullest_truth
from infer.title_scores import TitleScores
from model.build import FrameNetwork, build_network
from model.checkpoint import save_checkpoint
from model.peers import Peers, launched_peers
from model.run_folder import TrainState, set_aside
from model.settings import FRAMES_PER_CLIP
from model.sidecar import Checkpoint
from model.train import Trainer, Validation
from pipeline.config import Config
from pipeline.progress import progress_bar
from pipeline.provenance import software, write_run
from pipeline.runs.own_checkpoint import found_checkpoint, lost_choices
from pipeline.runs.rates import add_rate
from pipeline.runs.training_plan import (
    TRAIN,
    Inputs,
    inputs_of,
    teaching_headers,
    usable,
    write_inputs,
)
from pipeline.seen_truth import header_spans, seen_truth
from pipeline.stage_result import StageResult
from pipeline.stages.validation import CHOSEN_BY_HALVES, CHOSEN_THERE, judge, measure_flags, score_titles

log = logging.getLogger(__name__)


def train(config: Config, *, told: bool = False) -> StageResult:
    """Train on the train split, select and choose thresholds on the val split, write the checkpoint.

    With ``train.refit`` weights and thresholds come from trainings that follow, see ``_refit``.

    An interrupted training goes on where it was; a finished one with the same inputs is left as it is. With other
    inputs training begins anew: the state of the one before is set aside, and the checkpoint that is there stays until
    the new one is whole. Started by torchrun, its processes train together as one would alone; the first one writes.

    Args:
        told: an earlier stage of the same command warned of labels that reach beyond what was read.

    Raises:
        ConfigError: a split has no labelled titles with features.
        SchemaError: the rows of a shard are damaged.
    """
    with launched_peers() as peers:
        return _train(config, peers, None if told else "train")


def _train(config: Config, peers: Peers, stage: str | None) -> StageResult:
    catalogue = read_catalogue(config.data)
    found = teaching_headers(config, catalogue, {})
    training = _usable(config, catalogue, "train", found)
    validation = _usable(config, catalogue, "val", found)
    spans = header_spans([*training, *validation])
    seen, left_out = seen_truth(catalogue.labels, spans, catalogue.titles, stage)
    catalogue = replace(catalogue, labels=seen)
    _check_occurrences(config, catalogue, training)
    untuned = _check_clips(config, catalogue, validation)
    spec = _one_spec([*training, *validation])
    inputs = inputs_of(config, catalogue, [*training, *validation])
    identity = inputs.identity
    if peers.from_first(lambda: _is_current(config, identity)):
        return StageResult(f"train: nothing to do, {config.checkpoint_dir} is current", config.checkpoint_dir)
    lost, then = peers.from_first(lambda: lost_choices(config))

    truth = {header.title_id: catalogue.labels[header.title_id] for header in validation}

    def validate(candidate: FrameNetwork) -> Validation:
        scores = score_titles(config, candidate, validation, peers)
        return peers.from_first(lambda: judge(config, scores, truth))[0]

    network, state = _fit(config, training, catalogue, validate, identity=identity, peers=peers)
    scores, measured_on = score_titles(config, network.eval(), validation, peers), CHOSEN_THERE
    _, thresholds = peers.from_first(lambda: judge(config, scores, truth))
    used = f"{counted(len(training), 'title')}, kept epoch {state.best_epoch + 1} of {state.epoch}"
    if config.train.refit:
        network, scores = _refit(config, training, validation, catalogue, state, identity=identity, peers=peers)
        refitted = peers.from_first(lambda: judge(config, scores, truth))[1]
        thresholds, measured_on = _stricter_flags(refitted, thresholds), CHOSEN_BY_HALVES
        used += f", trained anew with {counted(len(validation), 'title')} of val"
    measured = peers.from_first(lambda: measure_flags(config, scores, truth, thresholds, measured_on))
    record = {
        "inputs": identity,
        "best_epoch": state.best_epoch,
        "val_score": state.best_score,
        "epochs": state.epoch,
        "train_titles": len(training),
        "val_titles": len(validation),
        "untuned": untuned,
        KEY: measured,
        "trained_on": ["train", "val"] if config.train.refit else ["train"],
        "processes": peers.count,
        "loss": config.loss.model_dump(mode="json"),
        "train": config.train.model_dump(mode="json"),
        "software": software(),
    }
    if untuned:
        used += f"; no clip in val of {', '.join(untuned)}, flagged only above all that was seen there"
    if left_out:
        used += f"; {left_out}"
    checkpoint = Checkpoint(config.model, config.data.labels, spec, thresholds, record)
    model_id = peers.from_first(lambda: _write(config, network, checkpoint, state, inputs))
    summary = f"train: {used}, validation score {state.best_score:.3f}, model {model_id}"
    return StageResult(summary, config.checkpoint_dir, notice="\n".join(f"train: {line}" for line in lost), then=then)


def _fit(
    config: Config,
    headers: Sequence[ShardHeader],
    catalogue: Catalogue,
    validate: Callable[[FrameNetwork], Validation],
    *,
    identity: str,
    peers: Peers,
    folder: Path | None = None,
) -> tuple[FrameNetwork, TrainState]:
    """Train a fresh network on titles in ``folder`` (by default the configuration's); return it with what was kept."""
    width = headers[0].spec.width
    network = build_network(config.model, width=width, labels=len(config.data.labels), seed=config.train.seed)
    settings = (config.model, config.loss, config.train)
    place = folder or config.training_dir
    aside = peers.from_first(lambda: set_aside(place, identity))
    if aside is not None:
        log.info("training of other inputs, or not whole, set aside: %s", aside)
    trainer = Trainer(network, settings, place, identity, peers)
    titles = TitlesOnDemand(
        lambda n: _training_title(config, headers[n], catalogue.labels[headers[n].title_id]), range(len(headers))
    )
    started_s, epochs = time.monotonic(), 0.0
    with progress_bar("train" if folder is None else "train anew") as advance:

        def watch(epoch: int, done: int, total: int) -> None:
            nonlocal epochs
            epochs += 1 / total
            advance(epoch * total + done, config.train.epochs * total, f"epoch {epoch + 1}/{config.train.epochs}")

        state = trainer.run(titles, validate, watch)
    if folder is None and peers.first and epochs:
        video_s = sum(header.coverage.decoded_s for header in headers)
        add_rate(config.work.rates, TRAIN, epochs * video_s, time.monotonic() - started_s)
    return network, state


def _refit(
    config: Config,
    training: Sequence[ShardHeader],
    validation: Sequence[ShardHeader],
    catalogue: Catalogue,
    kept: TrainState,
    *,
    identity: str,
    peers: Peers,
) -> tuple[FrameNetwork, list[TitleScores]]:
    """Train anew on all titles, for as long as the kept weights were trained; return the network and scores of val.

    A network that has seen more titles is surer of what it sees, so thresholds of the first one do not fit it. Each
    half of the val titles is scored by a network that was trained on all titles but those, which is nearly as many.
    """
    epochs, score = kept.best_epoch + 1, kept.best_score
    assert score is not None
    settings = config.train.model_copy(update={"epochs": epochs, "validate_every": epochs, "select": "last"})
    longest = config.model_copy(update={"train": settings})

    def fit(headers: Sequence[ShardHeader], name: str) -> FrameNetwork:
        folder = config.training_dir / name
        unjudged = Validation(score)  # no title is left to judge it by
        network, _ = _fit(
            longest, headers, catalogue, lambda _: unjudged, identity=identity, peers=peers, folder=folder
        )
        return network.eval()

    halves = validation[::2], validation[1::2]
    scores: list[TitleScores] = []
    for number, (half, rest) in enumerate((halves, halves[::-1]), start=1):
        if half:
            scores += score_titles(config, fit([*training, *rest], f"refit-half-{number}"), half, peers)
    return fit([*training, *validation], "refit"), scores


def _stricter_flags(
    thresholds: Mapping[str, LabelThresholds], others: Mapping[str, LabelThresholds]
) -> dict[str, LabelThresholds]:
    """Return thresholds that flag no more than either; who rates scores by halves of val is led to flag too much.

    The halves may hold episodes of one series, or shots of one camera, which makes telling them apart look easier than
    it is; train and val should not.
    """
    return {label: replace(own, flag=max(own.flag, others[label].flag)) for label, own in thresholds.items()}


def _write(config: Config, network: FrameNetwork, checkpoint: Checkpoint, state: TrainState, inputs: Inputs) -> str:
    """Write the checkpoint and what made it; return its model_id."""
    model_id = save_checkpoint(config.checkpoint_dir, network, checkpoint).model_id
    write_inputs(config.checkpoint_dir, inputs)
    write_run(
        config.checkpoint_dir / "run.json",
        "train",
        config.model_dump(mode="json"),
        model_id=model_id,
        best_epoch=state.best_epoch,
        val_score=state.best_score,
    )
    return model_id


def _usable(config: Config, catalogue: Catalogue, split: str, found: Mapping[str, ShardHeader]) -> list[ShardHeader]:
    """Return the shards of a split's titles that can teach: labelled, extracted, read to the end."""
    titles = catalogue.in_split(split)
    labelled = [title.title_id for title in titles if catalogue.labels[title.title_id].is_labelled]
    headers, _ = usable(catalogue, split, found)
    unlabelled, without = len(titles) - len(labelled), sum(title_id not in found for title_id in labelled)
    partial = len(labelled) - without - len(headers)
    log.debug("split=%s usable=%d unlabelled=%d without_features=%d partial=%d", split, len(headers), unlabelled,
             without, partial)  # fmt: skip
    if not headers:
        raise ConfigError(
            f"{config.data.titles}: no usable titles in the {split} split ({unlabelled} unlabelled, {without} without "
            f"features, {partial} read in part); extract first, and check `coarse2fine labels check`"
        )
    return headers


def _check_occurrences(config: Config, catalogue: Catalogue, headers: Sequence[ShardHeader]) -> None:
    if config.train.occurrences == "all" and not any(catalogue.labels[h.title_id].occurrences for h in headers):
        raise ConfigError(
            f"{config.data.titles}: train.occurrences = 'all', but no title of the train split has all its occurrences "
            "labelled; label some (kind all_occurrence), or use 'first'"
        )


def _check_clips(config: Config, catalogue: Catalogue, headers: Sequence[ShardHeader]) -> list[str]:
    """Return the labels without a clip in val, which get thresholds that nothing reaches; refuse a val without any."""
    truth = {header.title_id: catalogue.labels[header.title_id] for header in headers}
    clips_C = fullest_truth(truth, config.data.labels).positives
    if not clips_C.any():
        raise ConfigError(
            f"{config.data.titles}: no clip of any label in {counted(len(headers), 'usable title')} of the val split: "
            "without start and end of some nothing can be chosen there; label first occurrences, or move titles to val"
        )
    without = [label for label, clips in zip(config.data.labels, clips_C) if not clips]
    if without:
        log.warning("val holds no clip of %s: thresholds of these labels cannot be chosen", ", ".join(without))
    return without


def _one_spec(headers: Sequence[ShardHeader]) -> FeatureSpec:
    first = headers[0]
    for header in headers:
        difference = header.spec.difference(first.spec)
        if difference:
            raise ConfigError(f"{header.path}: its features do not fit those of {first.path.name}: {difference}")
    return first.spec


def _training_title(config: Config, header: ShardHeader, labels: TitleLabels) -> TrainingTitle:
    targets = frame_targets(
        labels,
        config.data.labels,
        header.frames,
        grid=header.grid,
        unknown=config.loss.unknown,
        frames_per_clip=FRAMES_PER_CLIP.get(config.model.network, 0),
        occurrences=config.train.occurrences,
    )
    return TrainingTitle(header.title_id, header.path, targets)


def _is_current(config: Config, identity: str) -> bool:
    checkpoint = found_checkpoint(config)
    return checkpoint is not None and checkpoint.training.get("inputs") == identity
