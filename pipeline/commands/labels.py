"""Commands for configuration and label files."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from data.counted import counted
from data.times import TimeUnit
from pipeline.commands.terminal import FILE, config_option, print_lines
from pipeline.config import load_config, merged
from pipeline.stage_result import SOME_FAILED, USAGE


@click.command()
@click.argument("path", type=FILE, required=False)
@click.option("--benchmark", is_flag=True, help="The file of a benchmark (default name: bench.toml).")
@click.option("--media", type=FILE, help="A folder of films, with all below it: titles.csv is written, too.")
@click.option("--labels", "label_file", type=FILE, help="With --media: a label file of any form that is there already.")
@click.option(
    "--label", "names", multiple=True, help="With --labels: a label that is meant, as it is written; may be repeated."
)
def init(
    path: Path | None, benchmark: bool, media: Path | None, label_file: Path | None, names: tuple[str, ...]
) -> None:
    """Write a configuration file to start from (default: run.toml), with --media the titles, too."""
    from pipeline.starting_files import start_from_films, write_example

    if (media is not None and benchmark) or (media is None and label_file is not None):
        raise click.UsageError("--media goes without --benchmark, and --labels with --media only")
    if names and label_file is None:
        raise click.UsageError("--label says which labels of a file are meant: give --labels FILE, too")
    path = path or Path("bench.toml" if benchmark else "run.toml")
    if media is None:
        click.echo(write_example(path, benchmark=benchmark))
        return
    lines, problems = start_from_films(path, media, label_file, names)
    print_lines(lines)
    for problem in problems:
        click.echo(f"not taken: {problem}", err=True)
    sys.exit(SOME_FAILED if problems else 0)


@click.group()
def labels() -> None:
    """Work with label files."""


@labels.command()
@config_option
@click.option("--strict", is_flag=True, help="Refuse clips that reach beyond their title's end ([data] strict).")
@click.option("--all", "everything", is_flag=True, help="List all problems of a kind, however many.")
def check(config_path: Path, overrides: dict[str, Any], strict: bool, everything: bool) -> None:
    """Report every problem of the manifests and labels at once, and counts beside the paper's Table 1."""
    from data.label_check import check_labels, render_report
    from pipeline.runs.known_films import known_films

    if strict:
        overrides = merged(overrides, {"data": {"strict": True, "on_bad_label": "refuse"}})
    config = load_config(config_path, overrides)
    report = check_labels(config.data, known_films(config))
    print_lines(render_report(report, everything=everything))
    sys.exit(USAGE if report.errors else 0)


@labels.command("import")
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("--out", type=FILE, required=True, help="Folder for video_labels.csv and clip_labels.csv.")
@click.option("--config", "config_path", type=FILE, help="The run's TOML file: its titles, labels and frame rate.")
@click.option(
    "--label",
    "names",
    multiple=True,
    help="A label, where --config lists none; may be repeated (default: those of the files).",
)
@click.option("--frame-rate", help="Frames a second of frame numbers that carry no rate: 25, 23.976 or 24000/1001.")
@click.option(
    "--silence-means-absent", is_flag=True, help="A label that is not drawn in a title is absent, not unknown."
)
@click.option("--skip-bad", is_flag=True, help="Leave out labels that make no sense, with a warning each.")
@click.option(
    "--time-unit", type=click.Choice(["seconds", "days"]), help="What plain numbers are in tables ([data] time_unit)."
)
@click.option("--annotators", help="Where several annotated one title: union, or the one who counts.")
def import_files(
    files: tuple[Path, ...],
    out: Path,
    config_path: Path | None,
    names: tuple[str, ...],
    frame_rate: str | None,
    silence_means_absent: bool,
    skip_bad: bool,
    time_unit: TimeUnit | None,
    annotators: str | None,
) -> None:
    """Turn label files of any form (Label Studio, VIA 3, ELAN, ActivityNet, CSV) into the two CSV files of a run."""
    from data.catalogue import label_rules
    from data.found_labels import labels_of
    from data.label_import import import_labels
    from data.label_manifest import REFUSE
    from data.label_reading import AS_WRITTEN
    from data.manifest import read_titles
    from data.times import parse_frame_rate

    try:
        rate = parse_frame_rate(frame_rate) if frame_rate else None
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--frame-rate") from error
    settings = load_config(config_path).data if config_path is not None else None
    reading = settings.reading if settings is not None else AS_WRITTEN
    rules = label_rules(settings) if settings is not None else REFUSE
    listed = names if settings is None or settings.labels_found else settings.labels
    manifest = import_labels(
        files,
        out,
        listed or labels_of(files, reading),
        read_titles(settings.titles, settings.media_root, subsets=settings.subsets) if settings is not None else None,
        reading=replace(
            reading,
            frame_rate_fps=rate or reading.frame_rate_fps,
            annotators=annotators or reading.annotators,
            times=replace(reading.times, unit=time_unit or reading.times.unit),
        ),
        rules=replace(rules, skip_bad=skip_bad or rules.skip_bad),
        silence_is_absence=silence_means_absent,
    )
    print_lines(map(str, manifest.problems))
    labelled = sum(title.is_labelled for title in manifest.labels.values())
    click.echo(f"labels import: {counted(labelled, 'labelled title')}\n  -> {out}")


@labels.command()
@config_option
@click.option("--review", "logs", multiple=True, type=FILE, help="A log; may be repeated (default: the work folder's).")
@click.option("--out", type=FILE, required=True, help="Folder for video_labels.csv and clip_labels.csv.")
@click.option("--prefer", help="Reviewer who decides where several contradict one another (default: unknown then).")
@click.option("--only-reviewed", is_flag=True, help="Leave out titles that no review speaks of.")
def merge(
    config_path: Path,
    overrides: dict[str, Any],
    logs: tuple[Path, ...],
    out: Path,
    prefer: str | None,
    only_reviewed: bool,
) -> None:
    """Turn reviews into label files for the next training: the catalogue's labels, corrected and added to."""
    from pipeline.review.stage import merge as stage
    from pipeline.review.stage import merge_lines

    merged = stage(load_config(config_path, overrides), logs, out, prefer=prefer, only_reviewed=only_reviewed)
    print_lines([*merge_lines(merged), f"  -> {out}"])
