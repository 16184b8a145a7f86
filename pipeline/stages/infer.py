"""Stage 3: shards and a checkpoint to scores, segments and one status for every title.

A run's folder is named by what it was made from (model, thresholds, settings, every title's features), so the same
inputs are the same run: there is nothing to do, and a folder never changes after its ``run.json`` is written, last.
Scores of single titles are kept (``pipeline.score_store``): only titles that changed are scored, and none when it is
thresholds that changed. ``<work_dir>/current`` points to the newest run.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass

from data.catalogue import read_catalogue
from data.counted import brief_clock, counted
from data.errors import ConfigError, SchemaError
from data.manifest import read_titles
from data.schemas import Segment
from data.shards import ShardHeader
from data.titles import Title, called
from infer.flags_measured import KEY
from infer.segments import find_segments
from infer.title_scores import TitleScores
from infer.title_status import TitleRow, title_row, with_reason
from infer.write import Origin, open_scores, write_results
from pipeline.config import Config
from pipeline.coverage_table import read_failures
from pipeline.progress import progress_bar, result_line
from pipeline.provenance import write_run
from pipeline.runs.event_log import EventLog, move_events
from pipeline.runs.extraction_plan import Failure
from pipeline.runs.history import held_run, make_current
from pipeline.runs.inference_plan import InferencePlan, InferenceRun, plan_inference, thresholds_record
from pipeline.runs.kept_model import keep_model
from pipeline.runs.ledger import DONE, INFER, MISSING, PARTIAL, QUARANTINED, read_ledger
from pipeline.runs.rates import add_rate
from pipeline.score_work import Scored, score_work
from pipeline.stage_result import NothingScoredError, StageResult

log = logging.getLogger(__name__)
SCORE, SEGMENTS = "score", "segments"
PLACES = 2
"""So many segments of a label are told as a title ends; the tables have them all."""


def infer(config: Config, split: str | None = None) -> StageResult:
    """Score the catalogue, or one split of it, and write segments, titles and scores.

    Raises:
        CheckpointError: no checkpoint, or features of another kind than it was trained on.
        ConfigError: the segments are to be made by the rule of another network.
        NothingScoredError: no title has features.
    """
    if split is None:
        titles = list(read_titles(config.data.titles, config.data.media_root, subsets=config.data.subsets).values())
    else:
        titles = read_catalogue(config.data).in_split(split)
    return infer_titles(inference_run(config, titles, read_failures(config.coverage_path)))


def inference_run(
    config: Config,
    titles: Sequence[Title],
    failures: Mapping[str, Failure],
    headers: Mapping[str, ShardHeader] | None = None,
) -> InferenceRun:
    """Return the run that a configuration asks for; see ``InferenceRun``."""
    recorded = config.model_dump(mode="json")
    return InferenceRun(
        titles, config.work, failures, config.checkpoint_dir, config.infer, recorded, config.run, headers or {},
        config.data.media_folder,
    )  # fmt: skip


def infer_titles(run: InferenceRun, *, scored_before: int = 0) -> StageResult:
    """Score titles one after another; memory holds one title and the segments found so far.

    Args:
        run: what is asked for.
        scored_before: how many of its titles were scored as their features were made (``Finder``); they count, too.
    """
    plan = plan_inference(run)
    _require_own_rule(plan)
    if not plan.headers:
        raise NothingScoredError(
            f"{run.work.features}: none of the {len(run.titles)} titles could be scored "
            f"({_first_reason(run.titles, plan.failures)}); nothing is said of any title"
        )
    notice = plan.checkpoint.notice
    if plan.is_done:
        move_events(run.work.events, plan.folder / "events.jsonl")
        keep_model(run.work, run.checkpoint_dir, plan.folder)
        in_force = _put_in_force(plan)
        return StageResult(f"infer: nothing to do, run {plan.run_id} {in_force}", plan.folder, _not_read(plan), notice)
    unread = len(plan.failures)
    statuses, scored = _write(plan)
    scored += scored_before
    log.debug("stage=infer titles=%d scored=%d", len(plan.run.titles), scored)
    _record(plan)
    keep_model(run.work, run.checkpoint_dir, plan.folder)
    write_run(
        plan.folder / "run.json",
        "infer",
        run.config,
        run_id=plan.run_id,
        model_id=plan.checkpoint.model_id,
        **({"notice": notice} if notice else {}),
        **({KEY: measured} if (measured := plan.checkpoint.training.get(KEY)) else {}),
        features_id=plan.checkpoint.feature_spec.features_id,
        trained_on=plan.checkpoint.trained_on,
        thresholds=thresholds_record(plan.checkpoint),
        segment_score=run.settings.segment_score,
        review_fraction=run.settings.review_fraction,
        rule=run.settings.rule,
        title_gate=run.settings.title_gate,
        statuses=statuses,
        missing=_missing(plan),
        damaged_shards=len(plan.failures) - unread,
    )
    in_force = _put_in_force(plan)
    found = ", ".join(f"{count} {status}" for status, count in sorted(statuses.items()))
    found += f"; {missing} missing" if (missing := _missing(plan)) else ""
    summary = f"infer: {counted(len(run.titles), 'title')} ({found}), {scored} scored, run {plan.run_id} {in_force}"
    return StageResult(summary, plan.folder, _not_read(plan), notice)


@dataclass
class _Tally:
    """What was scored afresh; waiting is what a run over several machines takes, whatever each of them did."""

    titles: int = 0
    frames: int = 0
    waited_s: float = 0.0


def _write(plan: InferencePlan) -> tuple[dict[str, int], int]:
    """Write the tables of a run; return how many titles have each status, and how many were scored afresh."""
    checkpoint, folder = plan.checkpoint, plan.folder
    origin = Origin(plan.run_id, checkpoint.model_id, checkpoint.feature_spec.features_id)
    tally = _Tally()
    with EventLog(plan.run.work.events) as events, closing(_results(plan, tally, events)) as results:
        statuses = write_results(folder, results, origin)  # closing: whatever happens, its own file is not left half
    move_events(plan.run.work.events, folder / "events.jsonl")
    if tally.titles:
        add_rate(plan.run.work.rates, SCORE, tally.frames, tally.waited_s)
    return statuses, tally.titles


def _results(
    plan: InferencePlan, tally: _Tally, events: EventLog
) -> Generator[tuple[TitleRow, list[Segment]], None, None]:
    """Yield every title's row and segments; a shard that turns out damaged is added to the plan's failures."""
    with ExitStack() as stack:
        advance = stack.enter_context(progress_bar("infer"))
        advance(0, len(plan.run.titles), "")
        work = score_work(plan, plan.run.run_settings)
        scored = stack.enter_context(closing(work(list(plan.headers.values()))))  # in the order of the titles
        sink = None
        if plan.run.settings.write_scores:
            sink = stack.enter_context(open_scores(plan.folder / "scores.parquet", plan.checkpoint.labels))
        lines = 0  # for titles whose scores were not kept: a new threshold is no news of forty thousand titles
        for number, title in enumerate(plan.run.titles, 1):
            header = plan.headers.get(title.title_id)
            found: list[Segment] | None = None
            if header is not None:
                scores = _next_scores(scored, header, tally, events)
                if isinstance(scores, SchemaError):
                    plan.failures[title.title_id] = Failure(scores.code, str(scores))
                else:
                    found = find(plan, scores, header)
                    if sink is not None:
                        sink.add(scores)
            row = row_of(plan, title, found, header)
            if title.title_id in plan.gone:
                row = with_reason(row, plan.gone[title.title_id])
            if tally.titles > lines:
                lines = tally.titles
                place = f"{number} of {len(plan.run.titles)}"
                result_line(f"infer {place}  {title.name}  {found_words(row, found)}")
            log.debug("scored title_id=%s status=%s segments=%d", title.title_id, row.status, row.segments)
            events.add(stage=SEGMENTS, title_id=title.title_id, status=row.status, error_code=row.error_code)
            yield row, found or []
            advance(number, len(plan.run.titles), title.name)


def found_words(row: TitleRow, found: Sequence[Segment] | None, *, why: bool = True) -> str:
    """Say what was found in a title: how often each label, and the first places; and why it is not all of it."""
    flagged: dict[str, list[Segment]] = {}
    for segment in found or ():
        if segment.decision == "flag":
            flagged.setdefault(segment.label, []).append(segment)
    parts = []
    for label, segments in sorted(flagged.items()):
        places = [f"{brief_clock(part.start_s)} to {brief_clock(part.end_s)}" for part in segments[:PLACES]]
        more = ", ..." if len(segments) > PLACES else ""
        parts.append(f"{len(segments)} {label} ({', '.join(places)}{more})")
    near = sum(segment.decision == "review" for segment in found or ())
    parts += [counted(near, "near miss")] if near else []
    reason = row.reason or row.error
    return f"{row.status}: {'; '.join([*parts, *([reason] if why and reason else [])])}".removesuffix(": ")


def _next_scores(
    scored: Iterator[Scored], header: ShardHeader, tally: _Tally, events: EventLog
) -> TitleScores | SchemaError:
    """Take the scores of the next title, and record that they were made."""
    started_s = time.monotonic()
    item = next(scored)
    assert item.title_id == header.title_id
    if item.seconds is not None and isinstance(item.scores, TitleScores):
        tally.titles, tally.frames = tally.titles + 1, tally.frames + header.frames
        tally.waited_s += time.monotonic() - started_s
        events.add(stage=SCORE, title_id=header.title_id, status=DONE, seconds=round(item.seconds, 3))
    return item.scores


def find(plan: InferencePlan, scores: TitleScores, header: ShardHeader) -> list[Segment]:
    """Return the segments of a title by the rule and the thresholds of a plan."""
    settings, labels, decoded_s = plan.run.settings, plan.checkpoint.labels, header.coverage.decoded_s
    if settings.rule != "thresholds":
        from infer.published import find_published

        return find_published(scores, labels, rule=settings.rule, gate=settings.title_gate, duration_s=decoded_s)
    return find_segments(
        scores,
        plan.checkpoint.thresholds,
        labels,
        segment_score=settings.segment_score,
        review_fraction=settings.review_fraction,
        duration_s=decoded_s,
    )


def _require_own_rule(plan: InferencePlan) -> None:
    """Raise ConfigError if the segments are to be made by the rule of another network."""
    rule, network = plan.run.settings.rule, plan.checkpoint.settings.network
    if rule != "thresholds" and not network.startswith(rule):
        raise ConfigError(
            f"[infer] rule: {rule!r} is not the rule of the checkpoint's network, {network!r}; use 'thresholds'"
        )


def row_of(plan: InferencePlan, title: Title, found: list[Segment] | None, header: ShardHeader | None) -> TitleRow:
    """Return the row of the titles table: ``found`` is None for a title without scores."""
    failure = plan.failures.get(title.title_id)
    return title_row(
        title.title_id,
        found,
        header.coverage if header is not None else None,
        duration_s=title.duration_s,
        features_id=header.spec.features_id if header is not None else None,
        error_code=failure.error_code if failure else "",
        error=failure.error if failure else "",
        name=title.name,
        path=plan.run.path_of(title),
    )


def _record(plan: InferencePlan) -> None:
    """Tell the ledger which titles are scored, and which shards are damaged and must be extracted again."""
    ledger = read_ledger(plan.run.work.ledger)
    for title_id, header in plan.headers.items():
        failure = plan.failures.get(title_id)
        if title_id in plan.gone and failure is None:
            continue  # extraction said that its file is missing
        status = QUARANTINED if failure is not None else DONE if header.coverage.complete else PARTIAL
        ledger.change(
            title_id,
            stage=INFER,
            status=status,
            error_code=failure.error_code if failure else "",
            error=failure.error if failure else "",
            features_id=header.spec.features_id,
        )
    ledger.write()


def _put_in_force(plan: InferencePlan) -> str:
    """Make the run current unless a rollback holds another; say which."""
    if make_current(plan.run.work, plan.run_id):
        return "is current"
    return f"waits: a rollback holds run {held_run(plan.run.work)}"


def _not_read(plan: InferencePlan) -> int:
    partial = [title_id for title_id, header in plan.headers.items() if not header.coverage.complete]
    return len({*plan.failures, *plan.gone, *partial})


def _missing(plan: InferencePlan) -> int:
    """Count the titles whose file is not there, whatever is known of them."""
    return len(plan.gone) + sum(failure.error_code == MISSING for failure in plan.failures.values())


def _first_reason(titles: Sequence[Title], failures: Mapping[str, Failure]) -> str:
    for title in titles:
        if title.title_id in failures:
            return f"{called(title.title_id, title.name)}: {failures[title.title_id].error}"
    return "there are no titles"
