"""Commands of unattended operation: plan, run, retry, and what to do with runs and bad titles afterwards."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from data.counted import counted
from pipeline.commands.completion import complete_title
from pipeline.commands.terminal import (
    FILE,
    config_option,
    config_words,
    json_option,
    locked,
    print_json,
    print_lines,
    print_outcome,
)
from pipeline.config import Config, load_config
from pipeline.runs.selection import Selection, parse_since, read_title_ids


def selection_options(command: Any) -> Any:
    """Add the options that say which titles may be worked on."""
    for option in (
        click.option("--verify", is_flag=True, help="Read every video again, whatever its size and time say."),
        click.option("--titles", "titles_file", type=FILE, help="Only the titles of this file, one id a line."),
        click.option("--changed", is_flag=True, help="Only new and changed videos: no retries, no other features."),
        click.option("--since", metavar="DATE", help="Only videos modified then or later: 2026-11-22[T03:00]."),
    ):
        command = option(command)
    return command


train_option = click.option(
    "--train", "training", is_flag=True, help="Train anew if labels, films or settings changed since the checkpoint."
)


def _with_training(overrides: dict[str, Any], training: bool) -> dict[str, Any]:
    return {**overrides, "run": {**overrides.get("run", {}), "train": "changed"}} if training else overrides


def _selection(since: str | None, changed: bool, titles_file: Path | None, *, failed: bool = False) -> Selection:
    return Selection(
        title_ids=read_title_ids(titles_file) if titles_file is not None else None,
        since_s=parse_since(since) if since is not None else None,
        changed=changed,
        failed=failed,
    )


@click.command()
@config_option
@selection_options
@train_option
@click.option("--all", "everything", is_flag=True, help="Also list the titles that need nothing.")
@json_option
def plan(
    config_path: Path,
    overrides: dict[str, Any],
    since: str | None,
    changed: bool,
    titles_file: Path | None,
    verify: bool,
    training: bool,
    everything: bool,
    as_json: bool,
) -> None:
    """Say what `run` would do with each title, why, and how long it would take; nothing is written."""
    config = load_config(config_path, _with_training(overrides, training))
    selection = _selection(since, changed, titles_file)
    from pipeline.runs import plan_text
    from pipeline.runs.plan import plan_run

    planned = plan_run(config, selection, verify=verify)
    if as_json:
        print_json(plan_text.as_json(planned))
    else:
        print_lines(plan_text.describe(planned, everything=everything))


@click.command()
@config_option
@selection_options
@train_option
def run(
    config_path: Path,
    overrides: dict[str, Any],
    since: str | None,
    changed: bool,
    titles_file: Path | None,
    verify: bool,
    training: bool,
) -> None:
    """Extract, train (only while there is no checkpoint), infer and evaluate; only what is not done yet."""
    _run(config_path, _with_training(overrides, training), _selection(since, changed, titles_file), verify=verify)


@click.command()
@config_option
@click.option("--titles", "titles_file", type=FILE, help="Only the titles of this file, one id a line.")
def retry(config_path: Path, overrides: dict[str, Any], titles_file: Path | None) -> None:
    """Run, but extract only quarantined titles that are not given up."""
    _run(config_path, overrides, _selection(None, False, titles_file, failed=True), verify=False)


def _run(config_path: Path, overrides: dict[str, Any], selection: Selection, *, verify: bool) -> None:
    with locked(config_path, overrides) as config:
        from data.record_file import read_record
        from pipeline.runs.closing import closing_lines
        from pipeline.runs.pointer import current_folder, current_run
        from pipeline.runs.record import recorded_run
        from pipeline.runs.stage import run as stages
        from pipeline.trust import doubts_of_run, how_sure, thresholds_in_force

        with recorded_run(config.work) as outcome:
            worst, folder, is_measured = 0, current_folder(config.work), False
            then: list[tuple[str, str]] = []
            before = current_run(config.work)
            for result, evaluation in stages(config, selection, verify=verify):
                print_outcome(result, evaluation)
                is_measured = is_measured or evaluation is not None
                worst = max(worst, result.exit_code)
                then += result.then
                folder = result.path if result.path.parent == config.work.runs else folder
            outcome.exit_code = worst
        has_run = folder.parent == config.work.runs
        is_new = has_run and folder.name != before
        if is_new and not is_measured:
            print_lines(how_sure(folder))
        elif has_run:
            print_lines(thresholds_in_force(read_record(folder / "run.json")))
        if is_new:
            print_lines(doubts_of_run(folder))
        print_lines(closing_lines(config, folder, worst, config_words(config_path), then))
    sys.exit(worst)


@click.group()
def quarantine() -> None:
    """Look at the titles that could not be read, and give them another chance."""


@quarantine.command("list")
@config_option
@json_option
def quarantine_list(config_path: Path, overrides: dict[str, Any], as_json: bool) -> None:
    """List the titles that are quarantined or missing: stage, code, attempts, whether given up, and what is wrong."""
    config = load_config(config_path, overrides)
    from dataclasses import asdict

    from data.titles import called
    from pipeline.runs.closing import troubled_words
    from pipeline.runs.ledger import TROUBLED, read_ledger

    rows = [row for row in read_ledger(config.work.ledger) if row.status in TROUBLED]
    names = {row.title_id: row.name for row in rows} | _listed_names(config)
    if as_json:
        titles = [{**asdict(row), "name": names[row.title_id]} for row in rows]
        print_json({"format": "coarse2fine.quarantine/1", "titles": titles})
        return
    print_lines(
        f"{called(row.title_id, names[row.title_id])}  {row.status}  {row.stage}  {row.error_code}  "
        f"attempts={row.attempts}{', given up' if row.given_up else ''}  {row.error}"
        for row in rows
    )
    click.echo(troubled_words(rows) or "none quarantined, none missing", err=True)


def _listed_names(config: Config) -> dict[str, str]:
    """Return the names of the titles as the manifest has them; none where it cannot be read."""
    from data.manifest import scan_titles

    manifest = scan_titles(config.data.titles, config.data.media_root, subsets=config.data.subsets)
    return {title_id: title.name for title_id, title in manifest.titles.items()}


@quarantine.command("release")
@config_option
@click.argument("title_ids", nargs=-1, shell_complete=complete_title)
@click.option("--all", "everything", is_flag=True, help="Release all of them.")
def quarantine_release(
    config_path: Path, overrides: dict[str, Any], title_ids: tuple[str, ...], everything: bool
) -> None:
    """Let titles be tried again by the next `run` or `retry`."""
    if bool(title_ids) == everything:
        raise click.UsageError("name titles, or give --all")
    with locked(config_path, overrides) as config:
        from pipeline.runs.ledger import QUARANTINED, read_ledger

        ledger = read_ledger(config.work.ledger)
        held = {row.title_id for row in ledger if row.status == QUARANTINED}
        unknown = sorted(set(title_ids) - held)
        if unknown:
            raise click.ClickException(f"not quarantined: {', '.join(unknown)}; see `coarse2fine quarantine list`")
        for title_id in held if everything else title_ids:
            ledger.change(title_id, attempts=0, given_up=False)
        ledger.write()
        click.echo(f"{len(held if everything else set(title_ids))} released; `coarse2fine retry` tries them now")


@click.group()
def runs() -> None:
    """Look at the runs of a work folder."""


@runs.command("list")
@config_option
def runs_list(config_path: Path, overrides: dict[str, Any]) -> None:
    """List finished runs, the earliest first; * is the one in force."""
    config = load_config(config_path, overrides)
    from pipeline.runs.history import held_run, hold_words, list_runs

    held = held_run(config.work)
    entries = list_runs(config.work)
    for entry in entries:
        statuses = ", ".join(f"{count} {status}" for status, count in sorted(entry.record["statuses"].items()))
        mark = "*" if entry.is_current else " "
        note = "  (held by rollback)" if entry.run_id == held else ""
        if held is not None and entry is entries[-1] and entry.run_id != held:
            note = "  (waits)"
        at, model = entry.record["finished_at"], entry.record["model_id"]
        click.echo(f"{mark} {entry.run_id}  {at}  model {model}  {statuses}{note}")
    if held is not None:
        click.echo(hold_words(config.work))


@runs.command("release")
@config_option
def runs_release(config_path: Path, overrides: dict[str, Any]) -> None:
    """End a rollback: the newest run is put in force, with the model that it was made with, and so will be new ones."""
    with locked(config_path, overrides) as config:
        from pipeline.runs.history import release
        from pipeline.runs.kept_model import take_model_along

        entry = release(config.work)
        click.echo(f"in force: run {entry.run_id} of {entry.record['finished_at']}; no rollback holds")
        print_lines(f"  {line}" for line in take_model_along(config, entry))


@click.command()
@config_option
@click.argument("run_id", required=False)
def rollback(config_path: Path, overrides: dict[str, Any], run_id: str | None) -> None:
    """Put an earlier run in force (default: the one before), with its model, and keep it so until `runs release`."""
    with locked(config_path, overrides) as config:
        from pipeline.runs.history import hold_words, roll_back
        from pipeline.runs.kept_model import take_back

        entry = roll_back(config.work, run_id)
        click.echo(f"in force: run {entry.run_id} of {entry.record['finished_at']}")
        print_lines(f"  {line}" for line in [*take_back(config, entry), hold_words(config.work)])


@click.command()
@config_option
@click.option("--keep", type=click.IntRange(min=1), required=True, help="How many of the newest runs stay.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
def gc(config_path: Path, overrides: dict[str, Any], keep: int, dry_run: bool) -> None:
    """Remove old runs, what killed runs left behind, and scores that no kept run needs."""
    with locked(config_path, overrides, sweeps=False) as config:
        from pipeline.runs.leftovers import collect

        removed = collect(config.work, keep, dry=dry_run)
        print_lines(str(path) for path in removed.paths)
        found = counted(len(removed.paths), "file or folder", "files and folders")
        verb = "would be removed" if dry_run else "removed"
        click.echo(f"{found}, {removed.size_bytes / 1e6:.1f} MB {verb}", err=True)


@click.command()
@config_option
@click.argument("run_a")
@click.argument("run_b", default="current")
@click.option("--out", type=FILE, help="Also write all changes to this .csv or .parquet file.")
@json_option
def diff(config_path: Path, overrides: dict[str, Any], run_a: str, run_b: str, out: Path | None, as_json: bool) -> None:
    """Compare two runs (an id, the beginning of one, `current` or `previous`): segments and statuses that changed."""
    config = load_config(config_path, overrides)
    from pipeline.runs.diff import as_values, describe, diff_runs, write_diff
    from pipeline.runs.history import find_run

    before, after = find_run(config.work, run_a), find_run(config.work, run_b)
    result = diff_runs(before.folder, after.folder)
    if out is not None:
        write_diff(out, result)
    if as_json:
        print_json({**as_values(result), "before": before.run_id, "after": after.run_id})
    else:
        print_lines(describe(result))
