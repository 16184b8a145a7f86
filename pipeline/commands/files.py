"""Commands that need no configuration: moderate a file, run the demo."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.commands.terminal import FILE, LOCAL_FILE, finish, print_outcome, print_segments
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
def moderate(videos: tuple[Path, ...], checkpoint: Path | None, out: Path) -> None:
    """Find segments in video files, and print them; no configuration needed."""
    from pipeline.moderate import STARTER
    from pipeline.moderate import moderate as stage

    result = stage(videos, checkpoint or STARTER, out)
    print_segments(result.path)
    finish([(result, None)])


@click.command()
@click.option("--out", type=LOCAL_FILE, default=Path("demo-output"), show_default=True, help="Folder for everything.")
@click.option("--titles", default=36, show_default=True, type=click.IntRange(min=12), help="Size of the catalogue.")
@click.option("--seed", default=0, show_default=True, help="Another seed, another catalogue.")
def demo(out: Path, titles: int, seed: int) -> None:
    """Make a small catalogue of videos and run everything on it: extract, train, infer, evaluate."""
    from pipeline.demo.stage import DEMO_SPLIT
    from pipeline.demo.stage import demo as stages

    with folder_lock(out):
        for outcome in stages(out, titles=titles, seed=seed):
            print_outcome(*outcome)
    print_segments(out / "work" / "current")
    click.echo(f"The titles above are the {DEMO_SPLIT} split, which training never saw; two of its files are broken.")
