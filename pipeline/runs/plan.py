"""What the next run would do, title by title, and how long it would take; the run itself decides by the same code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from data.counted import counted
from data.errors import CheckpointError
from pipeline.config import Config
from pipeline.runs.extraction_plan import Action, PlannedTitle, count_reasons
from pipeline.runs.inference_plan import InferencePlan, plan_inference
from pipeline.runs.ledger import EXTRACT, read_ledger
from pipeline.runs.rates import read_rates
from pipeline.runs.selection import Selection
from pipeline.stages.extract import ExtractionRun
from pipeline.stages.infer import SCORE, inference_run


@dataclass(frozen=True)
class RunPlan:
    """A run, decided but not begun.

    Args:
        titles: what extraction would do with each.
        inference: what inference would do with the features that stay; None without a checkpoint or any such feature.
        no_inference: why not, then.
        rates: seconds of video a second, by stage, as measured here.
    """

    titles: Sequence[PlannedTitle]
    inference: InferencePlan | None
    no_inference: str
    rates: Mapping[str, float]


def plan_run(config: Config, selection: Selection, *, verify: bool = False) -> RunPlan:
    """Decide what a run would do; nothing is written, no video is read."""
    asked = ExtractionRun.of(config, selection, verify=verify)
    planned = list(asked.planner(read_ledger(config.work.ledger)).plan())
    kept = [item for item in planned if item.action is not Action.EXTRACT]
    failures = {item.title.title_id: item.failure for item in kept if item.failure is not None}
    headers = {item.title.title_id: item.header for item in kept if item.header is not None}
    inference, no_inference = None, ""
    try:
        inference = plan_inference(inference_run(config, [item.title for item in kept], failures, headers))
    except CheckpointError as error:
        no_inference = str(error)
    return RunPlan(planned, inference, no_inference, read_rates(config.work.rates))


def describe(plan: RunPlan, *, everything: bool = False) -> Iterator[str]:
    """Yield the plan as lines: a line a title with work (or every title), then a summary."""
    to_score = set(plan.inference.to_score()) if plan.inference is not None else set()
    listed = []
    for item in plan.titles:
        steps = [item.action.value] if item.action is not Action.NOTHING else []
        steps += ["score"] if item.action is Action.EXTRACT or item.title.title_id in to_score else []
        if everything or steps:
            listed.append((item, "+".join(steps) or item.action.value))
    id_width = max((len(item.title.title_id) for item, _ in listed), default=0)
    work_width = max((len(work) for _, work in listed), default=0)
    for item, work in listed:
        detail = f": {item.detail}" if item.detail else ""
        yield f"{item.title.title_id:{id_width}}  {work:{work_width}}  {item.reason.value}{detail}"
    yield from _summary(plan, to_score)


def _summary(plan: RunPlan, to_score: set[str]) -> Iterator[str]:
    counts = count_reasons(plan.titles)
    for (action, reason), count in sorted(counts.items()):
        yield f"{counted(count, 'title')}: {action.value}, {reason.value}"
    extracted = [item for item in plan.titles if item.action is Action.EXTRACT]
    compared = [item for item in plan.titles if item.action is Action.COMPARE]
    scored = [*extracted, *(item for item in plan.titles if item.title.title_id in to_score)]
    if compared:
        size_bytes = sum(item.state.size_bytes for item in compared if item.state is not None)
        yield f"compare: {counted(len(compared), 'title')}, {size_bytes / 1e9:.1f} GB to read"
    for stage, titles in ((EXTRACT, extracted), (SCORE, scored)):
        yield f"{stage}: {_amount(titles, plan.rates.get(stage))}"
    yield f"segments: {_segments(plan, scored)}"


def _amount(titles: Sequence[PlannedTitle], rate: float | None) -> str:
    if not titles:
        return "nothing to do"
    known_s = sum(item.duration_s for item in titles if item.duration_s is not None)
    unknown = sum(item.duration_s is None for item in titles)
    length = f"{known_s / 3600:.1f} h of video" + (
        f" and {counted(unknown, 'title')} of unknown length" if unknown else ""
    )
    if not rate:
        return f"{counted(len(titles), 'title')}, {length}; no rate measured here yet"
    return f"{counted(len(titles), 'title')}, {length}, about {_duration(known_s / rate)} at {rate:.0f} times real time"


def _segments(plan: RunPlan, scored: Sequence[PlannedTitle]) -> str:
    if plan.inference is None:
        return f"none ({plan.no_inference})"
    reason = plan.inference.segments_reason()
    if reason:
        return f"of all titles, {reason}"
    if scored:
        return f"a new run, new scores of {counted(len(scored), 'title')}"
    if not plan.inference.is_done:
        return "a new run, the titles are not those of the current one"
    return "nothing to do"


def _duration(seconds: float) -> str:
    minutes = seconds / 60
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
