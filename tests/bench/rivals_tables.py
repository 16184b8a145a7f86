"""Shards against pyarrow's defaults, our evaluator against the official algorithm, and our commands' start."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Work = Callable[[], object]
Job = dict[str, Any]
WIDTH, LABELS = 2048, 4
TIOUS = np.round(np.arange(0, 1, 0.1), 1)


def _features(job: Job) -> Any:
    """Features as a network with a ReLU and an average pool gives them: positive, many small."""
    return np.random.default_rng(0).gamma(0.5, 0.8, (job["seconds"], WIDTH)).astype(np.float16)


def _spec_and_coverage(job: Job) -> Any:
    from data.schemas import Coverage, FeatureSpec

    seconds = job["seconds"]
    spec = FeatureSpec("resnet50", "0" * 64, WIDTH, "presented-1fps/1", "full", True, 224)
    return spec, Coverage("t", "t.mp4", "", "pyav", "mp4", "h264", 0, 0, 0, None, float(seconds), seconds, 0, True, "")


def shard_write(job: Job) -> Work:
    from data.shards import write_shard

    features, times = _features(job), np.arange(job["seconds"], dtype=np.float64)
    spec, coverage = _spec_and_coverage(job)
    return lambda: write_shard(Path(job["folder"]), spec, coverage, times, features)


def shard_read(job: Job) -> Work:
    """Reading as training does, every check included."""
    from data.shards import read_shard, shard_path

    shard_write(job)()
    return lambda: read_shard(shard_path(Path(job["folder"]), "t"))


def _defaults_table(job: Job) -> Any:
    import pyarrow as pa

    features = _features(job)
    column = pa.FixedSizeListArray.from_arrays(pa.array(features.reshape(-1)), WIDTH)
    return pa.table({"time_s": np.arange(job["seconds"], dtype=np.float64), "feature": column})


def defaults_write(job: Job) -> Work:
    import pyarrow.parquet as pq

    table = _defaults_table(job)
    return lambda: pq.write_table(table, Path(job["folder"]) / "defaults.parquet")


def defaults_read(job: Job) -> Work:
    import pyarrow.parquet as pq

    defaults_write(job)()

    def work() -> None:
        table = pq.read_table(Path(job["folder"]) / "defaults.parquet")
        table["feature"].combine_chunks().flatten().to_numpy().reshape(-1, WIDTH)

    return work


def _detections(job: Job) -> dict[str, Any]:
    """Clips of many titles and labels, and predictions around them."""
    rng = np.random.default_rng(0)
    count, titles = job["predictions"], max(2, job["predictions"] // 50)
    clips = titles * LABELS * 2
    start_G, start_P = rng.uniform(0, 3600, clips), rng.uniform(0, 3600, count)
    return {
        "title_G": np.repeat(np.arange(titles), LABELS * 2),
        "label_G": np.tile(np.repeat(np.arange(LABELS), 2), titles),
        "start_G": start_G,
        "end_G": start_G + rng.uniform(5, 300, clips),
        "title_P": rng.integers(0, titles, count),
        "label_P": rng.integers(0, LABELS, count),
        "start_P": start_P,
        "end_P": start_P + rng.uniform(5, 300, count),
        "score_P": rng.uniform(0, 1, count),
    }


def evaluator(job: Job) -> Work:
    from infer.average_precision import Clips, Predictions, label_average_precision, match, rank
    from infer.settings import Rule

    made = _detections(job)
    clips = Clips(*(made[f"{name}_G"] for name in ("title", "label", "start", "end")))
    predictions = Predictions(*(made[f"{name}_P"] for name in ("title", "label", "start", "end", "score")))
    positives_C = np.bincount(clips.label_G, minlength=LABELS)

    def work() -> None:
        ranked = predictions.take(rank(predictions))
        hits = match(ranked, clips, [(float(tiou), Rule.GE) for tiou in TIOUS])
        label_average_precision(hits, ranked.label_P, positives_C)

    return work


def official(job: Job) -> Work:
    """ActivityNet's algorithm, written anew: one prediction after another, its clips from a data frame."""
    import pandas as pd

    made = _detections(job)
    truth = pd.DataFrame({name: made[f"{name}_G"] for name in ("title", "label", "start", "end")})
    found = pd.DataFrame({name: made[f"{name}_P"] for name in ("title", "label", "start", "end", "score")})
    return lambda: [_official_label(truth[truth.label == c], found[found.label == c]) for c in range(LABELS)]


def _official_label(truth: Any, found: Any) -> Any:
    truth = truth.reset_index(drop=True)
    found = found.sort_values("score", ascending=False).reset_index(drop=True)
    by_title = truth.groupby("title")
    taken = np.full((len(TIOUS), len(truth)), -1)
    hits = np.zeros((len(TIOUS), len(found)))
    for number, row in found.iterrows():
        try:
            own = by_title.get_group(row["title"])
        except KeyError:
            continue
        inside = np.minimum(row["end"], own.end.values) - np.maximum(row["start"], own.start.values)
        inside = inside.clip(0)
        tiou = inside / (own.end.values - own.start.values + row["end"] - row["start"] - inside)
        order = tiou.argsort()[::-1]
        for column, least in enumerate(TIOUS):
            for place in order:
                if tiou[place] < least:
                    break
                if taken[column, own.index[place]] < 0:
                    taken[column, own.index[place]] = number
                    hits[column, number] = 1
                    break
    precision = np.cumsum(hits, axis=1) / np.arange(1, len(found) + 1)
    return [_area(precision[column], hits[column].cumsum() / len(truth)) for column in range(len(TIOUS))]


def _area(precision: Any, recall: Any) -> float:
    high = np.maximum.accumulate(np.concatenate([[0], precision, [0]])[::-1])[::-1]
    steps = np.concatenate([[0], recall, [1]])
    changes = np.flatnonzero(steps[1:] != steps[:-1]) + 1
    return float(((steps[changes] - steps[changes - 1]) * high[changes]).sum())


def command(job: Job) -> Work:
    """``coarse2fine`` with some arguments, start of the interpreter included."""
    program = [sys.executable, "-c", "from pipeline.cli import main; main()", *job["arguments"]]
    return lambda: subprocess.run(program, check=True, stdout=subprocess.DEVNULL, cwd=job["folder"])


RIVALS = {
    "shard-write": shard_write,
    "shard-read": shard_read,
    "defaults-write": defaults_write,
    "defaults-read": defaults_read,
    "evaluator": evaluator,
    "official": official,
    "command": command,
}
