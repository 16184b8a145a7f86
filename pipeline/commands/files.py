"""Commands that need no configuration: moderate a file, run the demo."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from infer.export.settings import FORMATS, Format
from pipeline.commands.terminal import FILE, LOCAL_FILE, print_lines, print_outcome, set_option
from pipeline.lock import folder_lock


@click.command()
@click.argument("videos", nargs=-1, required=True, type=FILE)
@click.option(
    "--checkpoint",
    type=FILE,
    help="Checkpoint folder. Without one: the starter, a demonstration for intimacy, violence and smoking; "
    "not a safety device.",
)
@click.option("--out", type=FILE, default=Path("moderation"), show_default=True, help="Folder for the results.")
@click.option(
    "--export",
    "exports",
    multiple=True,
    type=click.Choice(FORMATS),
    help="Also write a format; may be repeated. edl, mcf, srt and webvtt go beside the films that have something to "
    "skip, others into exports/ of the results.",
)
@click.option(
    "--include", multiple=True, metavar="GLOB", help="Only films whose name, or that of a folder above, is like it."
)
@click.option("--exclude", multiple=True, metavar="GLOB", help="Leave out what is like it, for example '*-trailer.*'.")
@click.option(
    "--threshold",
    "thresholds",
    multiple=True,
    metavar="[LABEL=]SCORE",
    help="Flag from this score on: violence=0.9995, or 0.9995 for all labels; higher flags less. May be repeated.",
)
@click.option(
    "--overwrite",
    is_flag=True,
    help="Replace files beside films that this program did not write; a copy of each is kept as .bak.",
)
@set_option
def moderate(
    videos: tuple[Path, ...],
    checkpoint: Path | None,
    out: Path,
    exports: tuple[Format, ...],
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    thresholds: tuple[str, ...],
    overwrite: bool,
    overrides: dict[str, Any],
) -> None:
    """Find segments in video files and folders of them, and write skip files beside them; no configuration needed."""
    from pipeline.moderate import STARTER, Wishes
    from pipeline.moderate import moderate as stage
    from pipeline.moderation_summary import print_moderation

    wishes = Wishes(include, exclude, exports, thresholds, overrides, overwrite)
    moderated = stage(videos, checkpoint or STARTER, out, wishes)
    print_moderation(moderated, out)
    sys.exit(moderated.exit_code)


@click.command()
@click.option("--out", type=LOCAL_FILE, default=Path("demo-output"), show_default=True, help="Folder for everything.")
@click.option("--titles", default=72, show_default=True, type=click.IntRange(min=12), help="Size of the catalogue.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Another seed, another catalogue.")
def demo(out: Path, titles: int, seed: int) -> None:
    """Make a small catalogue of videos, learn from it, find, and say what was right."""
    from pipeline.demo.stage import demo as stages
    from pipeline.demo.story import story

    evaluations = []
    with folder_lock(out):
        for result, evaluation in stages(out, titles=titles, seed=seed):
            print_outcome(result, None)
            evaluations += [] if evaluation is None else [evaluation]
        print_lines(story(out, evaluations[-1]))
