"""`explain`: one title of a run in words and as a picture, from the tables of the run alone."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from data.counted import counted, written_score, written_threshold
from data.errors import ConfigError
from data.schemas import Segment
from data.titles import composed, folded
from infer.csv_export import clock
from infer.explain import Candidate, explain_segments, nearest_misses
from infer.title_scores import TitleScores
from infer.title_status import TitleRow
from infer.write import read_title_scores
from pipeline import evidence
from pipeline.report.run import Run, read_run

SCORES = "scores.parquet"


def explain(run_dir: Path, title_id: str, *, misses: int, plot: Path | None) -> Iterator[str]:
    """Yield the explanation of a title, line by line, and draw its scores if asked to.

    Args:
        run_dir: folder of a finished run that kept its frame scores.
        title_id: the title; see ``find_title`` for what it may be called.
        misses: how many of the nearest misses to show.
        plot: PNG to write; None for none.

    Raises:
        ConfigError: no such run or title, or no frame scores.
    """
    run = read_run(run_dir)
    row = find_title(run, title_id)
    title_id = row.title_id
    yield _headline(row)
    scores = _scores(run, row)
    if scores is None:
        return
    segments = run.segments.get(title_id, ())
    flagged = [segment for segment in segments if segment.decision == "flag"]
    yield from _title_scores(run, scores)
    yield counted(len(flagged), "flagged segment")
    basis = (run.labels, run.asked)
    for found in explain_segments(scores, flagged, *basis, segment_score=run.segment_score, duration_s=row.decoded_s):
        yield from _describe(found)
    near = nearest_misses(scores, segments, *basis, segment_score=run.segment_score, duration_s=row.decoded_s)
    shown = near[:misses]
    yield counted(len(shown), "nearest miss") + (f" of {len(near)}" if len(near) > len(shown) else "")
    for found in shown:
        yield from _describe(found)
    if plot is not None:
        _draw(plot, run, scores, segments, row.shown)
        yield f"scores drawn\n  -> {plot}"


def find_title(run: Run, wanted: str) -> TitleRow:
    """Return the title of a run that somebody means: its id, its name, its path, or a part of these that no other has.

    Raises:
        ConfigError: none, or several.
    """
    said = folded(composed(wanted))
    called = [(row, [folded(text) for text in (row.title_id, row.name, row.path) if text]) for row in run.titles]
    exact = [row for row in run.titles if row.title_id == wanted]
    exact = exact or [row for row, names in called if said in names]
    found = exact or [row for row, names in called if said and any(said in name for name in names)]
    if len(found) == 1:
        return found[0]
    if not found:
        near = get_close_matches(said, {name for _, names in called for name in names}, n=1)
        meant = next((f"; did you mean {row.shown!r}?" for row, names in called if near and near[0] in names), "")
        raise ConfigError(f"{run.folder}: no title {wanted!r:.130} in this run; its titles.csv lists them{meant}")
    several = ", ".join(f"{row.shown} ({row.title_id})" for row in found[:5])
    raise ConfigError(f"{wanted!r:.130} may be {counted(len(found), 'title')}: {several}; say more of it, or the id")


def _headline(row: TitleRow) -> str:
    why = row.reason or row.error
    named = "" if row.shown == row.title_id else f"{row.shown}  ({row.path or row.title_id})\n"
    return f"{named}{row.title_id}: {row.status}{f' ({why})' if why else ''}"


def _scores(run: Run, row: TitleRow) -> TitleScores | None:
    """Return the title's scores; None for one that could not be scored."""
    path = run.folder / SCORES
    if not path.is_file():
        raise ConfigError(f"{path}: this run kept no frame scores; set write_scores in [infer] and infer again")
    scores = read_title_scores(path, row.title_id)
    if scores is None and row.status != "quarantined":
        raise ConfigError(f"{path}: no scores of {row.title_id}; infer again")
    return scores


def _title_scores(run: Run, scores: TitleScores) -> Iterator[str]:
    if run.has_own_rule:
        yield f"  the segments were made by the rule of {run.record['rule']}, which asks for no thresholds"
    for c, label in enumerate(run.labels):
        value, needed = float(scores.title_score_C[c]), run.thresholds[label].title
        said = f"  {label}: title score {written_score(value, None if run.has_own_rule else needed)}"
        if run.has_own_rule:
            yield said
            continue
        verdict = "is considered" if value >= needed else f"is dropped, short by {needed - value:.2g}"
        yield f"{said}, needed {written_threshold(needed)}: {verdict}"


def _describe(found: Candidate) -> Iterator[str]:
    """Yield what, why and by how much."""
    listed = f" ({found.decision})" if found.decision else " (not in the tables)"
    yield f"  {clock(found.start_s)} - {clock(found.end_s)}  {found.label}{listed}, {evidence.length(found)}"
    highest = f"highest at {clock(found.peak_s)}"
    yield "      " + "; ".join([highest, *(f"{part.name} {part.value}" for part in evidence.parts(found))])
    if words := evidence.drawn(found):
        yield f"      {words}"
    for reason in evidence.reasons(found):
        yield f"      {reason.name} {reason.value}, {reason.verdict}"


def _draw(path: Path, run: Run, scores: TitleScores, segments: tuple[Segment, ...], name: str) -> None:
    from pipeline.stages.explain_figure import draw_scores

    draw_scores(path, scores, run.labels, run.thresholds, segments, name=name)
