"""The starter's model card: what it saw, what it scored, what it is not. All numbers come from the build."""

from __future__ import annotations

import pandas as pd

from infer.evaluation import MEAN, MODEL, Evaluation, Result, percent
from infer.operator_report import columns
from model.sidecar import Checkpoint

CARD = """# Model card: the starter of `coarse2fine moderate`

**A demonstration, not a safety device.** It shows what the program does before you have labels of your own. Decide
nothing by it, do not let it stand between content and anyone, and replace it before you rely on a result. `moderate`
takes it when no `--checkpoint` is given; every run with it says so, on the terminal, in `run.json` and in the report.

| | |
|---|---|
| labels | {labels} |
| network | Coarse2Fine, preset `tuned`, seed {seed}, epoch {epoch} of {epochs} ({select} kept) |
| input | `efficientnet-lite0` features of one frame a second, framing `full`, letterbox bars removed |
| weights | {model_id}, float16 in the file, computed in float32; trained on train and val |
| thresholds | chosen on val, as `train.refit` does |
| licence | the project's, Apache-2.0; the data it was trained on is for research use and is **not included** |

## What it saw

"Reels": long titles composed from features of real frames, namely clips of TV shows (kisses, hugs, and others without),
street cameras (fights, and none), and photographs (of violence, of smoking, of everyday actions). Sources were split
before anything was composed, so none is in two splits.
**The cuts are synthetic**: shots of different origin stand next to each other, and an event begins and ends with a cut.
Training saw which titles hold a label, and the first occurrence of each in a title; nothing of the others.

{seen}

The weights come from a training on both splits. For thresholds, each half of val was scored by a training on train and
the other half, and what flags is no lower than a training on train alone chose (`train.refit`). Nothing of test was
used to train it or to choose its thresholds. It is no untouched split: earlier settings had been scored on it before
this one was shipped.

## What it scored on test

The {test_titles} test titles, with the weights as they are shipped. AP in percent; @0 by strict overlap, @0.1 and @0.2
by the official rule, AVG their mean, with a bootstrap interval over titles. The trivial row marks a random segment per
title and label. On val, a training on train alone reached {val} (mAP, {judged}, AVG, with thresholds
that were chosen there).

{scores}

At the shipped thresholds, {judged}:

{flags}

These numbers rank methods on composed titles. They do not predict accuracy on films: expect less, and measure it.

## Limits

- Three labels in a narrow sense: kisses and hugs, fights, cigarettes. It knows no nudity, no other drugs, no sound and
  no speech. *Clear* means that none of what it knows was noticed.
- One frame a second and its neighbours, without motion: what looks like an embrace or a scuffle is one for it.
- Few kinds of source stand for each label: pictures of street cameras may seem violent by their look alone, close faces
  intimate.
- The people, places, years and styles in its data were neither balanced nor examined; it may err more on some than on
  others.
- No whole film was in its data. Its features came as files, said to be of the same backbone; how like they are to what
  this program extracts could not be tested, as the pictures are not part of the data.

## How to replace it

    coarse2fine init                    # writes run.toml; name your titles and labels in [data]
    coarse2fine run --config run.toml   # extracts, trains, measures; writes work/checkpoint
    coarse2fine moderate film.mkv --checkpoint work/checkpoint

`run` measures it on your own test titles; believe that, not this card.

## How it was made

    python -m pipeline.starter.build DATA --work WORK

with the composed splits in DATA (`--help` says in which form) makes weights, sidecar and this card anew.
"""


def model_card(checkpoint: Checkpoint, evaluation: Evaluation, counts: pd.DataFrame) -> str:
    """Return the card as Markdown.

    Args:
        checkpoint: as shipped.
        evaluation: of the test split, with operator metrics.
        counts: a row per split: titles, hours, and titles with each label.
    """
    record = checkpoint.training
    return CARD.format(
        labels=", ".join(checkpoint.labels),
        seed=record["train"]["seed"],
        epoch=record["best_epoch"] + 1,
        epochs=record["epochs"],
        select=record["train"]["select"],
        model_id=checkpoint.model_id,
        val=percent(record["val_score"]),
        seen=_seen(counts, checkpoint.labels),
        test_titles=counts.loc["test", "titles"],
        judged=str(evaluation.protocol).replace("-occurrence", " occurrences"),
        scores=_scores(evaluation),
        flags=_flags(evaluation),
    )


def _seen(counts: pd.DataFrame, labels: tuple[str, ...]) -> str:
    rows = [["split", "titles", "hours", *(f"with {label}" for label in labels)]]
    for split, row in counts.iterrows():
        rows.append([str(split), f"{row.titles:.0f}", f"{row.hours:.0f}", *(f"{row[label]:.0f}" for label in labels)])
    return _markdown(rows)


def _scores(evaluation: Evaluation) -> str:
    rows = [["protocol", "", *(f"@{value:g}" for value in evaluation.tiou_thresholds), "AVG", "interval", "clips"]]
    for row in evaluation.results:
        if row.rule == "judged" and (row.method == MODEL or (row.label == MEAN and "random" in row.method)):
            rows.append([str(row.protocol), *_score_cells(row)])
    return _markdown(rows)


def _score_cells(row: Result) -> list[str]:
    interval = "-" if row.interval is None else " to ".join(percent(value) for value in row.interval)
    name = row.label if row.method == MODEL else "trivial row"
    return [name, *map(percent, row.ap_K), percent(row.average), interval, str(row.clips)]


def _flags(evaluation: Evaluation) -> str:
    rows = [["label", "clips found", "flags that are right", "false flags per hour"]]
    assert evaluation.operator is not None
    for row in evaluation.operator.rows:
        if row.protocol == evaluation.protocol:
            found = columns(row)
            shares = ("-" if found[name] is None else f"{found[name]:.0%}" for name in ("recall", "precision"))
            hourly = found["false_per_hour"]
            rows.append([row.label, *shares, "-" if hourly is None else f"{hourly:.1f}"])
    return _markdown(rows)


def _markdown(rows: list[list[str]]) -> str:
    """Return a Markdown table, its first row the header."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])
