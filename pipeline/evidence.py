"""Why a segment is there, in words that the terminal, the report and the review share: the same numbers everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from data.counted import written_score, written_threshold
from infer.csv_export import moment
from infer.explain import LENGTH, Candidate, Gate


@dataclass(frozen=True)
class Reason:
    """One thing that a flag needs, as text.

    Args:
        name: of what.
        value: what it is.
        verdict: what is needed, and whether it is reached.
    """

    name: str
    value: str
    verdict: str


def reasons(found: Candidate) -> Iterator[Reason]:
    """Yield what a flag needs, with what there is of it; lengths that nothing is asked of are left out."""
    core = ""
    if found.core_s is not None:
        core = f"from {moment(found.core_s[0])} to {moment(found.core_s[1])}, "
    for gate in found.gates:
        if gate.name != LENGTH:
            yield Reason(
                gate.name, written_score(gate.value, gate.needed), _verdict(gate, written_threshold(gate.needed))
            )
        elif gate.needed > 0:
            yield Reason(gate.name, seconds(gate.value), core + _verdict(gate, seconds(gate.needed)))
        elif core:
            yield Reason(gate.name, seconds(gate.value), f"{core}what a flag would be")


def parts(found: Candidate) -> list[Reason]:
    """Return the scores that nothing is asked of: the mean, and the highest of the two parts where there are such."""
    rows = [Reason("frame score, mean", written_score(found.action_mean), "")]
    if found.foreground_peak is not None:
        rows.append(Reason("foreground, highest", written_score(found.foreground_peak), ""))
    if found.conditional_peak is not None:
        rows.append(Reason("conditional, highest", written_score(found.conditional_peak), ""))
    return rows


def drawn(found: Candidate) -> str:
    """Say at which thresholds a near miss was drawn, if not at those of a flag; empty otherwise."""
    if found.drawn is None:
        return ""
    title, frame = map(written_threshold, found.drawn)
    return f"drawn as a near miss: title score from {title}, frame score from {frame}"


def seconds(value: float) -> str:
    """Return a length to the millisecond, without zeros at its end."""
    return f"{value:.3f}".rstrip("0").rstrip(".") + " s"


def span(found: Candidate) -> str:
    """Return from when to when."""
    return f"{moment(found.start_s)} to {moment(found.end_s)}"


def length(found: Candidate) -> str:
    """Return how long it is."""
    return seconds(found.end_s - found.start_s)


def score_text(found: Candidate) -> str:
    """Return the segment's own score, as it is read in tables and exports."""
    return written_score(found.score, next((gate.needed for gate in found.gates if gate.name == "segment score"), None))


def _verdict(gate: Gate, needed: str) -> str:
    if gate.passed:
        return f"needed {needed}: passed"
    missing = gate.needed - gate.value
    return f"needed {needed}: missed by {seconds(missing) if gate.name == LENGTH else f'{missing:.2g}'}"
