"""How far two reviewers agree, on what both have judged: Cohen's kappa of verdicts, overlap and distance of edges.

Kappa is the share of equal verdicts, corrected for the share that two people with these habits would reach by chance.
It is computed over the model's segments that both judged (a segment that one of them split or merged has no single
verdict and is left out and counted), and over pairs of title and label in titles that both declared fully reviewed.
Edges are compared where both accepted: per title and label, their intervals are paired by overlap.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from pipeline.review.overlap import match_clips
from pipeline.review.state import Key, TitleReview, clip_of


@dataclass(frozen=True)
class Kappa:
    """Cohen's kappa (Cohen 1960).

    Args:
        pairs: (verdict of one, verdict of the other) and how often.
        observed: share of equal verdicts; None without any.
        kappa: (observed - chance) / (1 - chance); None without any, and where chance alone would agree always.
    """

    pairs: Mapping[tuple[str, str], int]
    observed: float | None
    kappa: float | None

    @property
    def count(self) -> int:
        return sum(self.pairs.values())


@dataclass(frozen=True)
class Agreement:
    """Two reviewers compared.

    Args:
        segments: verdicts on the model's segments; an accepted one counts with its label.
        left_out: segments that one split or merged and the other judged.
        presence: of labels in titles that both reviewed fully.
        matched: pairs of accepted intervals; ``unmatched``: accepted by one alone, in titles that both touched.
        mean_tiou, start_s, end_s: of the matched: mean overlap, median distance of starts and of ends in seconds.
    """

    one: str
    other: str
    titles: int
    segments: Kappa
    left_out: int
    presence: Kappa
    matched: int
    unmatched: int
    mean_tiou: float | None
    start_s: float | None
    end_s: float | None


def cohens_kappa(pairs: Mapping[tuple[str, str], int]) -> Kappa:
    """Return Cohen's kappa of a table of verdicts."""
    pairs = {key: count for key, count in pairs.items() if count}
    total = sum(pairs.values())
    if not total:
        return Kappa(pairs, None, None)
    mine, theirs = Counter[str](), Counter[str]()
    for (one, other), count in pairs.items():
        mine[one] += count
        theirs[other] += count
    observed = sum(count for (one, other), count in pairs.items() if one == other) / total
    chance = sum(mine[verdict] * theirs[verdict] for verdict in mine) / total**2
    return Kappa(pairs, observed, (observed - chance) / (1 - chance) if chance < 1 else None)


def agreements(states: Mapping[Key, TitleReview], labels: Sequence[str]) -> list[Agreement]:
    """Compare every two reviewers that touched a title in common, in alphabetical order."""
    names = sorted({reviewer for reviewer, _ in states})
    found = (compare(states, one, other, labels) for one, other in combinations(names, 2))
    return [agreement for agreement in found if agreement.titles]


def compare(states: Mapping[Key, TitleReview], one: str, other: str, labels: Sequence[str]) -> Agreement:
    """Compare two reviewers over the titles that both touched."""
    shared = [
        (states[one, title_id], states[other, title_id])
        for reviewer, title_id in sorted(states)
        if reviewer == one and (other, title_id) in states
    ]
    verdicts, presence = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    edges: list[tuple[float, float, float]] = []
    left_out = unmatched = 0
    for mine, theirs in shared:
        verdicts.update(_verdict_pairs(mine, theirs))
        left_out += len(mine.removed & theirs.segments.keys()) + len(theirs.removed & mine.segments.keys())
        presence.update(_presence_pairs(mine, theirs, labels))
        for label in labels:
            matched, alone = _edges(mine, theirs, label)
            edges += matched
            unmatched += alone
    columns = list(zip(*edges)) if edges else [(), (), ()]
    return Agreement(
        one=one,
        other=other,
        titles=len(shared),
        segments=cohens_kappa(verdicts),
        left_out=left_out,
        presence=cohens_kappa(presence),
        matched=len(edges),
        unmatched=unmatched,
        mean_tiou=statistics.fmean(columns[0]) if edges else None,
        start_s=statistics.median(columns[1]) if edges else None,
        end_s=statistics.median(columns[2]) if edges else None,
    )


def _verdict_pairs(mine: TitleReview, theirs: TitleReview) -> Iterator[tuple[str, str]]:
    """Yield the verdicts on segments of the same id: ids that were drawn at random are never shared."""
    for id_, one in mine.segments.items():
        other = theirs.segments.get(id_)
        if other is not None and "open" not in (one.verdict, other.verdict):
            accepted = f"accepted as {one.label}", f"accepted as {other.label}"
            yield (
                accepted[0] if one.verdict == "accepted" else one.verdict,
                accepted[1] if other.verdict == "accepted" else other.verdict,
            )


def _presence_pairs(mine: TitleReview, theirs: TitleReview, labels: Sequence[str]) -> Iterator[tuple[str, str]]:
    if mine.complete and theirs.complete:
        for label in labels:
            if not mine.doubtful(label) and not theirs.doubtful(label):
                yield tuple("present" if one.accepted(label) else "absent" for one in (mine, theirs))  # type: ignore[misc]


def _edges(mine: TitleReview, theirs: TitleReview, label: str) -> tuple[list[tuple[float, float, float]], int]:
    """Return (tIoU, distance of starts, distance of ends) of matched intervals, and how many have no partner."""
    one, other = ([clip_of(segment) for segment in review.accepted(label)] for review in (mine, theirs))
    pairs = match_clips(one, other)
    edges = [(tiou, abs(one[i].start_s - other[j].start_s), abs(one[i].end_s - other[j].end_s)) for i, j, tiou in pairs]
    return edges, len(one) + len(other) - 2 * len(pairs)


def report_lines(agreement: Agreement) -> Iterator[str]:
    """Yield an agreement in words."""
    a = agreement
    yield f"{a.one} and {a.other}: {a.titles} {'title' if a.titles == 1 else 'titles'} in common"
    for name, kappa in (("segments both judged", a.segments), ("labels in titles both fully reviewed", a.presence)):
        if kappa.observed is None:
            yield f"  {name}: none"
            continue
        value = "not defined (only one verdict occurs)" if kappa.kappa is None else f"{kappa.kappa:.3f}"
        yield f"  {name}: {kappa.count}, equal {100 * kappa.observed:.1f} %, Cohen's kappa {value}"
        for (one, other), count in sorted(kappa.pairs.items()):
            if one != other:
                yield f"    {a.one} {one}, {a.other} {other}: {count}"
    if a.left_out:
        yield f"  split or merged by one, judged by the other: {a.left_out}, left out"
    if a.mean_tiou is not None:
        edges = f"median distance of starts {a.start_s:.2f} s, of ends {a.end_s:.2f} s"
        yield f"  accepted by both: {a.matched}, mean tIoU {a.mean_tiou:.3f}, {edges}"
    yield f"  accepted by one alone: {a.unmatched}"
