"""Figures of a run as PNG and SVG files: Figure 3 for chosen titles; Figure 4, curves and drift for the whole run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from data.counted import counted
from data.errors import ConfigError
from data.label_names import label_slug
from data.labels import Clip, TitleLabels
from infer.title_scores import TitleScores
from pipeline.config import Config
from pipeline.figures import draw_heat_bars, draw_mistakes, save
from pipeline.measure_figures import draw_curves, draw_drift, draw_reliability
from pipeline.report.measures import measures
from pipeline.report.mistakes import Mistake, worst
from pipeline.report.run import Run, Truth, find_run, read_evaluations, read_run, read_truth
from pipeline.report.signals import shown_second
from pipeline.report.stage import gather, judged_curves, previous_drift
from pipeline.report.stills import TitleStills, make_stills
from pipeline.stage_result import StageResult
from pipeline.stages.explain import find_title

PER_LABEL = 3
"""False positives, and false negatives, of each label in Figure 4."""
MAX_STILLS = 6


def figures(
    config: Config, titles: Sequence[str], out: Path, run_dir: Path | None = None, *, reveal: bool = False
) -> StageResult:
    """Draw Figure 3 of each title and label with anything in it, and of the whole run what the report shows.

    Those are Figure 4 and curves where there are labels, reliability where it was evaluated, and drift since the run
    before.

    Args:
        titles: ids or names of titles that the run scored, see ``find_title``.
        out: folder for the files.
        run_dir: a run's folder or id; by default the current run.
        reveal: show pictures as they are, not blurred.

    Raises:
        ConfigError: a title that the run has no scores of.
    """
    run = read_run(find_run(config, run_dir))
    truth = read_truth(config).as_read(run.titles)
    names = {row.title_id: row.shown for row in run.titles}
    titles = [title if title in names else find_title(run, title).title_id for title in titles]
    paths: list[Path] = []
    found = {scores.title_id: scores for scores in run.scores() if scores.title_id in set(titles)}
    for title_id in titles:
        if title_id not in found:
            raise ConfigError(f"{run.folder}: no scores of title {title_id!r}; name one that is not quarantined")
        paths += _title_figures(config, run, truth, found[title_id], out, reveal=reveal)
    if truth.held_out:
        paths += _run_figures(config, run, truth, out, reveal=reveal)
    for split, evaluation in read_evaluations(run.folder).items():
        if reliability := measures(split, evaluation).reliability:
            paths += save(draw_reliability(reliability), out, f"reliability-{split}")
    earlier = previous_drift(config, run)
    drift_figure = None if earlier is None else draw_drift(earlier)
    if drift_figure is not None:
        paths += save(drift_figure, out, "drift")
    return StageResult(f"figures: {counted(len(paths), 'file')}", out)


def _title_figures(
    config: Config, run: Run, truth: Truth, scores: TitleScores, out: Path, *, reveal: bool
) -> list[Path]:
    title_id = scores.title_id
    clips = labelled_clips(truth.labels.get(title_id))
    segments = run.segments.get(title_id, ())
    involved = {segment.label for segment in segments} | {clip.label for clip in clips}
    labels = [label for label in run.labels if label in involved]
    moments = {label: _moments(run, title_id, label, clips) for label in labels or run.labels[:1]}
    wanted = sorted({second for seconds in moments.values() for second in seconds})
    stills = make_stills(config, truth.titles, {title_id: wanted} if wanted else {})
    pictures = stills.get(title_id, TitleStills({})).jpegs
    paths = []
    for label, seconds in moments.items():
        figure = draw_heat_bars(
            scores,
            [segment for segment in segments if segment.label == label],
            [clip for clip in clips if clip.label == label],
            labels=run.labels,
            label=label,
            thresholds=run.thresholds[label],
            stills={second: pictures[second] for second in seconds if second in pictures},
            reveal=reveal,
            name=next((row.shown for row in run.titles if row.title_id == title_id), title_id),
        )
        paths += save(figure, out, f"heat-bars-{title_id}-{label_slug(label)}")
    return paths


def _run_figures(config: Config, run: Run, truth: Truth, out: Path, *, reveal: bool) -> list[Path]:
    gathered = gather(run, truth)
    paths = []
    found = judged_curves(run, truth, gathered)
    if found:
        paths += save(draw_curves(found), out, "precision-recall")
    shown = worst(gathered.mistakes, run.labels, PER_LABEL)
    if shown:
        stills = make_stills(config, truth.titles, _mistake_moments(shown))
        pictures = {(title, second): jpeg for title, made in stills.items() for second, jpeg in made.jpegs.items()}
        paths += save(draw_mistakes(shown, pictures, reveal=reveal), out, "mistakes")
    return paths


def labelled_clips(truth: TitleLabels | None) -> list[Clip]:
    """Return every located clip of a title, firsts and others, each once."""
    if truth is None:
        return []
    return list(dict.fromkeys([*truth.first.values(), *(truth.occurrences or ())]))


def _moments(run: Run, title_id: str, label: str, clips: Sequence[Clip]) -> list[int]:
    """Return the seconds to show of one label: peaks of segments, best first, and the middles of clips."""
    best = sorted(
        (segment for segment in run.segments.get(title_id, ()) if segment.label == label),
        key=lambda segment: (segment.decision != "flag", -segment.score),
    )
    peaks = [shown_second(segment.peak_s) for segment in best[:MAX_STILLS]]
    middles = [int((clip.start_s + clip.end_s) / 2) for clip in clips if clip.label == label]
    return sorted(dict.fromkeys([*peaks, *middles][:MAX_STILLS]))


def _mistake_moments(shown: Sequence[Mistake]) -> dict[str, list[int]]:
    seconds: dict[str, set[int]] = {}
    for mistake in shown:
        seconds.setdefault(mistake.title_id, set()).add(mistake.moment_s)
    return {title_id: sorted(found) for title_id, found in seconds.items()}
