"""The command that writes a synthetic catalogue, for tests of scale."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from data.counted import counted
from pipeline.commands.terminal import LOCAL_FILE
from pipeline.lock import folder_lock
from pipeline.progress import progress_bar

RUN_TOML = """\
# A run on synthetic features: `coarse2fine train`, `infer` and `evaluate`; there are no videos to extract.
work_dir = "work"

[data]
titles = "titles.csv"
video_labels = "video_labels.csv"
clip_labels = "clip_labels.csv"
"""


@click.command()
@click.argument("out", type=LOCAL_FILE)
@click.option("--titles", default=200, show_default=True, type=click.IntRange(1), help="Size of the catalogue.")
@click.option("--width", default=64, show_default=True, type=click.IntRange(1), help="Width of the features.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Another seed, another catalogue.")
@click.option(
    "--occurrences",
    default="all",
    show_default=True,
    type=click.Choice(["all", "first"]),
    help="Which clips are labelled; first is all that the paper's annotators note.",
)
@click.option("--labels-only", is_flag=True, help="Titles and labels without features.")
def synthetic(
    out: Path, titles: int, width: int, seed: int, occurrences: Literal["all", "first"], labels_only: bool
) -> None:
    """Write a catalogue at the paper's shape to OUT: titles, labels, features, run.toml. No film is in it.

    Title i is the same whatever the size, and features that are there already are kept, so a catalogue can grow.
    """
    from data.synthetic import write_catalogue

    with folder_lock(out), progress_bar("synthetic") as advance:
        write_catalogue(
            out,
            titles=titles,
            seed=seed,
            width=None if labels_only else width,
            features_dir=out / "work" / "features",
            occurrences=occurrences,
            advance=advance,
        )
    config = out / "run.toml"
    if not config.exists():
        config.write_text(RUN_TOML, encoding="utf-8")
    features = "labels only" if labels_only else f"features of width {width}"
    click.echo(
        f"synthetic: {counted(titles, 'title')}, {features}; next: coarse2fine train --config {config}\n  -> {out}"
    )
