"""A plan as people read it, changes first, and as programs do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.cells import cell_len

from data.counted import counted
from data.titles import called
from pipeline.runs.extraction_plan import Action, PlannedTitle, Reason, count_reasons
from pipeline.runs.ledger import EXTRACT
from pipeline.runs.plan import RunPlan
from pipeline.runs.training_plan import TRAIN, VAL, Training
from pipeline.stages.infer import SCORE

FORMAT = "coarse2fine.plan/1"
LISTED = 20  # titles of one kind; --all lists the others
NOT_SCORED = "extracted, not scored"
LEAVE_OUT, NOT_LISTED = "leave out", "no longer in the manifest"


def describe(plan: RunPlan, *, everything: bool = False) -> Iterator[str]:
    """Yield the plan as lines: what changed, a line a title, what waits, then a summary of the stages.

    Args:
        everything: also list the titles that need nothing, and all of a kind however many.
    """
    groups = _groups(plan, everything=everything)
    shown = [item for items in groups.values() for item in (items if everything else items[:LISTED])]
    removed = [called(title_id, name) for title_id, name in plan.removed.items()]
    width = max(map(cell_len, [*map(_called, shown), *removed]), default=0)
    work_width = max((len(work) for work, _ in groups), default=0)

    def padded(title: str) -> str:
        return title + " " * (width - cell_len(title))

    for (work, reason), items in groups.items():
        for item in items if everything else items[:LISTED]:
            detail = f": {item.detail}" if item.detail else ""
            yield f"{padded(_called(item))}  {work:{work_width}}  {reason}{detail}"
        if len(items) > LISTED and not everything:
            yield f"... and {len(items) - LISTED} more: {work}, {reason}; --all lists them"
    for title in removed:
        yield f"{padded(title)}  {LEAVE_OUT:{work_width}}  {NOT_LISTED}"
    yield from _summary(plan)


def as_json(plan: RunPlan) -> dict[str, Any]:
    """Return the plan as JSON values; docs/formats.md says what each key means."""
    to_score, scored = plan.to_score, _scored(plan)
    scored_ids = {item.title.title_id for item in scored}
    extracted = [item for item in plan.titles if item.action is Action.EXTRACT]
    stages = ((EXTRACT, extracted), (SCORE, scored))
    training = plan.training
    return {
        "format": FORMAT,
        "titles": [
            {
                "title_id": item.title.title_id,
                "name": item.title.name,
                "action": item.action.value,
                "score": item.title.title_id in scored_ids,
                "reason": _reason(item, to_score),
                "detail": item.detail,
                "duration_s": plan.length_s(item),
            }
            for item in plan.titles
        ],
        "removed": list(plan.removed),
        "stages": {stage: _stage(plan, titles, plan.rates.get(stage)) for stage, titles in stages},
        "train": {
            "action": training.action.value if training is not None else None,
            "why": training.why if training is not None else plan.no_training,
            "titles": dict(training.titles) if training is not None else {},
            "obstacles": list(training.obstacles) if training is not None else [],
            "warnings": list(training.warnings) if training is not None else [],
        },
        "segments": _segments(plan, scored),
        "no_scores": plan.no_scores if scored else "",
        "refusals": list(plan.refusals),
        "held": plan.held,
    }


def _groups(plan: RunPlan, *, everything: bool) -> dict[tuple[str, str], list[PlannedTitle]]:
    """Return the titles to list by what is done and why: work first, then what waits, then what stays."""
    to_score = plan.to_score
    groups: dict[tuple[str, str], list[PlannedTitle]] = {}
    for item in sorted(plan.titles, key=lambda item: _rank(item, item.title.title_id in to_score)):
        work = _work(item, to_score)
        if everything or work != Action.NOTHING.value:
            groups.setdefault((work, _reason(item, to_score)), []).append(item)
    return groups


def _called(item: PlannedTitle) -> str:
    return called(item.title.title_id, item.title.name)


def _work(item: PlannedTitle, to_score: set[str]) -> str:
    steps = [item.action.value] if item.action is not Action.NOTHING else []
    steps += ["score"] if item.action is Action.EXTRACT or item.title.title_id in to_score else []
    return "+".join(steps) or item.action.value


def _reason(item: PlannedTitle, to_score: set[str]) -> str:
    if item.action is Action.NOTHING and item.title.title_id in to_score:
        return NOT_SCORED
    return item.reason.value


def _rank(item: PlannedTitle, is_scored: bool) -> tuple[int, int]:
    """Order titles by what is done, then by why; a sort leaves them in the order of the manifest within that."""
    if item.action is Action.NOTHING:
        place = 2 if is_scored else 4
    else:
        place = {Action.EXTRACT: 0, Action.COMPARE: 1}.get(item.action, 3)
    return place, list(Reason).index(item.reason)


def _summary(plan: RunPlan) -> Iterator[str]:
    counts = count_reasons(plan.titles)
    for (action, reason), count in sorted(counts.items()):
        if action is not Action.NOTHING:
            yield f"{counted(count, 'title')}: {action.value}, {reason.value}"
    to_score = plan.to_score
    idle = [item for item in plan.titles if item.action is Action.NOTHING]
    unscored = sum(item.title.title_id in to_score for item in idle)
    if unscored:
        yield f"{counted(unscored, 'title')}: score, {NOT_SCORED}"
    if plan.removed:
        yield f"{counted(len(plan.removed), 'title')}: {LEAVE_OUT}, {NOT_LISTED}"
    if len(idle) > unscored:
        yield f"{counted(len(idle) - unscored, 'title')}: nothing to do"
    compared = [item for item in plan.titles if item.action is Action.COMPARE]
    if compared:
        size_bytes = sum(item.state.size_bytes for item in compared if item.state is not None)
        yield f"compare: {counted(len(compared), 'title')}, {size_bytes / 1e9:.1f} GB to read"
    extracted = [item for item in plan.titles if item.action is Action.EXTRACT]
    yield f"{EXTRACT}: {_amount(plan, extracted, plan.rates.get(EXTRACT))}"
    yield f"{TRAIN}: {_training(plan)}"
    scored = _scored(plan)
    undone = f"; cannot be done: {plan.no_scores}" if scored and plan.no_scores else ""
    yield f"{SCORE}: {_amount(plan, scored, plan.rates.get(SCORE))}{undone}"
    yield f"segments: {_segments(plan, scored)}"
    for refusal in plan.refusals:
        yield f"run would end before any work: {refusal}"
    if plan.hold:
        yield f"runs: {plan.hold}; what is made until then waits"


def _scored(plan: RunPlan) -> list[PlannedTitle]:
    """Return the titles that are scored: a model that is trained before scores all that have features then."""
    if plan.trains:
        return [item for item in plan.titles if item.action is Action.EXTRACT or item.header is not None]
    to_score = plan.to_score
    return [item for item in plan.titles if item.action is Action.EXTRACT or item.title.title_id in to_score]


def _amount(plan: RunPlan, titles: Sequence[PlannedTitle], rate: float | None) -> str:
    if not titles:
        return "nothing to do"
    known_s, unknown = _length(plan, titles)
    length = f"{known_s / 3600:.1f} h of video" + (
        f" and {counted(unknown, 'title')} of unknown length" if unknown else ""
    )
    if not rate:
        return f"{counted(len(titles), 'title')}, {length}; no rate measured here yet"
    return f"{counted(len(titles), 'title')}, {length}, about {_duration(known_s / rate)} at {rate:.0f} times real time"


def _stage(plan: RunPlan, titles: Sequence[PlannedTitle], rate: float | None) -> dict[str, Any]:
    known_s, unknown = _length(plan, titles)
    seconds = round(known_s / rate, 1) if rate else None
    return {"titles": len(titles), "video_s": round(known_s, 3), "unknown_length": unknown, "seconds": seconds}


def _length(plan: RunPlan, titles: Sequence[PlannedTitle]) -> tuple[float, int]:
    """Return the seconds that are known of some titles, and of how many titles nothing is known."""
    lengths = [plan.length_s(item) for item in titles]
    return sum(length for length in lengths if length is not None), lengths.count(None)


def _training(plan: RunPlan) -> str:
    training = plan.training
    if training is None:
        return plan.no_training
    if training.action is not Training.TRAIN:
        return training.summary.removeprefix("train: ")
    said = f"{counted(training.titles[TRAIN], 'title')}, chosen by {training.titles[VAL]} of val; {training.why}"
    teaching = [item for item in plan.titles if item.title.title_id in training.teaching]
    known_s, unknown = _length(plan, teaching)
    rate = plan.rates.get(TRAIN)
    if rate and not unknown:
        said += f"; at most about {_duration(known_s * plan.epochs / rate)}"
    elif not rate:
        said += "; no rate measured here yet"
    told = [f"\n  cannot be done: {obstacle}" for obstacle in training.obstacles]
    return "".join([said, *told, *(f"\n  {warning}" for warning in training.warnings)])


def _segments(plan: RunPlan, scored: Sequence[PlannedTitle]) -> str:
    if plan.inference is None:
        return plan.no_inference
    if plan.inference.is_done and not scored:
        return "nothing to do" if plan.inference.is_newest else f"none, run {plan.inference.run_id} of before is taken"
    reason = plan.inference.segments_reason()
    if reason:
        return f"of all titles, {reason}"
    if scored:
        return f"a new run, new scores of {counted(len(scored), 'title')}"
    return "a new run, the titles are not those of the current one"


def _duration(seconds: float) -> str:
    minutes = seconds / 60
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
