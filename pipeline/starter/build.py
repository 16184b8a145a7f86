"""Rebuild the starter: ``python -m pipeline.starter.build DATA --work WORK [--out FOLDER]``.

DATA holds ``train/``, ``val/`` and ``test/``, each with ``titles.csv``, ``video_labels.csv``, ``clip_labels.csv`` and
the ``features/*.npy`` that its titles name: EfficientNet-lite0 features, one row a second. The preset ``tuned`` is
trained on train and val, its last epoch is kept, thresholds come from val (``train.refit``). The weights are rounded to
float16, and what is rounded is what is measured on test. WORK keeps everything in between, so an interrupted build goes
on where it was.

Not in the paper: it ships no model.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from data.errors import ConfigError
from data.feature_folders import FeatureFolders
from data.files import write_text
from data.import_features import FeatureImport
from data.manifest import SPLITS
from extract.backbone import feature_spec, load_backbone
from extract.settings import EFFICIENTNET_LITE0, ExtractSettings
from infer.evaluation import Evaluation
from infer.operator_report import columns
from infer.settings import Protocol
from model.checkpoint import load_network, save_checkpoint
from model.sidecar import WEIGHTS_NAME, Checkpoint
from pipeline.config import Config, merged, preset_values, validate
from pipeline.moderate import STARTER
from pipeline.stages.evaluate import evaluate
from pipeline.stages.extract import import_feature_files
from pipeline.stages.infer import infer
from pipeline.stages.train import train
from pipeline.starter.card import model_card

LABELS = ("intimacy", "violence", "smoking")
MAX_BYTES = 6_000_000
"""What the package may grow by."""

NOTICE = (
    "Starter checkpoint: a demonstration trained on a composed data set, not a safety device. To replace it, train on "
    "labels of your own (`coarse2fine init`, then `coarse2fine run`) and name what that writes with --checkpoint."
)
TABLES = ("titles", "video_labels", "clip_labels")
FLAG_COLUMNS = ("recall", "precision", "false_per_hour")
IMPORT_NAME = "efficientnet-lite0"


def build_starter(data: Path, work: Path, out: Path, overrides: Mapping[str, Any] | None = None) -> Checkpoint:
    """Train, measure and write the starter.

    Args:
        data: the folder with the three splits, see above.
        work: folder for features, training and measurements.
        out: where ``model.safetensors``, ``model.json`` and ``MODEL_CARD.md`` go.
        overrides: of the configuration, as nested sections.

    Raises:
        ConfigError: a table is missing, or what is built cannot be shipped.
    """
    merge_splits(data, work)
    config = starter_config(data, work, overrides)
    import_feature_files(config, FeatureImport(IMPORT_NAME, FeatureFolders((data,))))
    train(config)
    return pack_starter(config, out)


def pack_starter(config: Config, out: Path) -> Checkpoint:
    """Round the trained weights to float16, measure them on test, and write them as a checkpoint for video files.

    Raises:
        ConfigError: the features are not as wide as the backbone's, or the weights take more than ``MAX_BYTES``.
    """
    network, trained = load_network(config.checkpoint_dir)
    spec = feature_spec(settings := ExtractSettings(backbone=EFFICIENTNET_LITE0), load_backbone(settings))
    if trained.feature_spec.width != spec.width:
        raise ConfigError(
            f"{config.data.titles}: features of width {trained.feature_spec.width}, but {spec.backbone} makes "
            f"{spec.width}; give a folder with features of {spec.backbone}"
        )
    rounded = config.model_copy(update={"checkpoint": config.work_dir / "rounded"})
    save_checkpoint(rounded.checkpoint_dir, network, trained, half=True)
    infer(rounded, "test")
    evaluation = evaluate(rounded, "test")[1]
    weights = rounded.checkpoint_dir / WEIGHTS_NAME
    if weights.stat().st_size > MAX_BYTES:
        raise ConfigError(f"{weights}: {weights.stat().st_size} bytes, more than {MAX_BYTES}; make the network smaller")
    record = {**trained.training, "measured_on_test": _measured(evaluation), "flags_measured": _flags(evaluation)}
    shipped = replace(trained, feature_spec=spec, notice=NOTICE, training=record)
    saved = save_checkpoint(out, network, shipped, half=True)
    write_text(out / "MODEL_CARD.md", model_card(saved, evaluation, split_counts(config)))
    return saved


def starter_config(data: Path, work: Path, overrides: Mapping[str, Any] | None = None) -> Config:
    """Return the configuration of the training: the preset ``tuned``, whose last epoch is kept, on train and val."""
    own = {
        "work_dir": work,
        "preset": "tuned",
        "data": {**{name: work / f"{name}.csv" for name in TABLES}, "media_root": data, "labels": LABELS},
        "train": {"refit": True, "seed": 0},
    }
    return validate(merged(merged(preset_values("tuned"), own), overrides or {}), "the starter")


def merge_splits(data: Path, work: Path) -> None:
    """Write the tables of the three splits as one each; paths of titles are then below ``data``.

    Raises:
        ConfigError: a table is missing.
    """
    for name in TABLES:
        tables = []
        for split in SPLITS:
            path = data / split / f"{name}.csv"
            if not path.is_file():
                raise ConfigError(f"{path}: no such file; give a folder with {', '.join(SPLITS)}, as --help says")
            table = pd.read_csv(path, dtype=str, keep_default_na=False)
            if name == "titles":
                table = table.assign(path=f"{split}/" + table["path"], split=split)
            tables.append(table)
        write_text(work / f"{name}.csv", pd.concat(tables).to_csv(index=False))


def split_counts(config: Config) -> pd.DataFrame:
    """Return per split how many titles and hours there are, and how many titles hold each label."""
    titles = pd.read_csv(config.work_dir / "titles.csv", dtype={"title_id": str})
    video = pd.read_csv(config.work_dir / "video_labels.csv", dtype={"title_id": str})
    held = video[video.present == 1].merge(titles[["title_id", "split"]], on="title_id")
    counts = titles.groupby("split").duration_s.agg(titles="size", hours=lambda seconds: seconds.sum() / 3600)
    labels = pd.crosstab(held["split"], held["label"]).reindex(columns=list(config.data.labels), fill_value=0)
    joined: pd.DataFrame = counts.join(labels).fillna(0).reindex(list(SPLITS))
    return joined


def _measured(evaluation: Evaluation) -> dict[str, Any]:
    """Return the model's averages, 0 to 1, for the sidecar."""
    rows = [row for row in evaluation.results if row.method == "model" and row.rule == "judged"]
    return {f"{row.protocol}/{row.label}": row.average for row in rows}


def _flags(evaluation: Evaluation) -> dict[str, Any]:
    """Return how right its flags are, as the card says it, for what runs with it say first (``pipeline.trust``)."""
    labels = {}
    for row in evaluation.operator.rows if evaluation.operator is not None else ():
        found = columns(row)
        if row.protocol == Protocol.ALL_OCCURRENCE and None not in (values := [found[name] for name in FLAG_COLUMNS]):
            recall, precision, hourly = (float(value) for value in values if value is not None)
            labels[row.label] = dict(zip(FLAG_COLUMNS, (round(recall, 2), round(precision, 2), round(hourly, 1))))
    return {"on": "its test titles, which are composed of clips and photographs", "labels": labels}


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, metavar="DATA", help="folder with train/, val/ and test/")
    parser.add_argument("--work", type=Path, default=Path("starter-work"), help="folder for everything in between")
    parser.add_argument("--out", type=Path, default=STARTER, help="where to write (default: into the package)")
    options = parser.parse_args()
    saved = build_starter(options.data.resolve(), options.work.resolve(), options.out)
    print(f"starter: model {saved.model_id} -> {options.out}")


if __name__ == "__main__":
    main()
