"""What went wrong with titles, in a line for a person: by reason and count, with the first titles of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from data.counted import counted
from data.import_features import IMPORTED, WOULD_FIT
from data.shards import ShardHeader
from pipeline.runs.extraction_plan import Failure

NAMED = 3
"""So many titles of each reason are named; ``quarantine list`` and the coverage table name all."""

REASONS = {
    "missing": "no such file",
    "ambiguous": "two files for one title",
    "shape": "of another shape than (T, D)",
    "width": "of another width than the others",
    "values": "not finite, or beyond float16",
    "type": "no floating-point numbers",
    "unreadable": "not readable",
    "path": "outside the folder of the films",
    "no_path": "no path in the manifest",
    "no_frames": "no picture can be decoded",
    "no_video_stream": "no video in the file",
    "encrypted": "encrypted",
    "timeout": "took too long",
    "process_lost": "its decoder ended",
}


def failure_words(failures: Mapping[str, Failure]) -> str:
    """Return ``why: 2 no such file (t1, t2), 1 not readable (t3)``; empty where all could be read."""
    if not failures:
        return ""
    by_code: dict[str, list[str]] = {}
    for title_id, failure in failures.items():
        by_code.setdefault(failure.error_code, []).append(title_id)
    parts = [
        f"{len(titles)} {REASONS.get(code, code.replace('_', ' '))} ({_named(titles)})"
        for code, titles in sorted(by_code.items(), key=lambda item: -len(item[1]))
    ]
    return f"why: {', '.join(parts)}"


def rate_words(headers: Iterable[ShardHeader], *, told: bool) -> str:
    """Say that the rows of imported features would last as long as is stated at another rate; empty if they do.

    Where a row was taken for a second and no title states its duration, nothing can tell: that is said, too, unless
    somebody told the rate.
    """
    fitting: Counter[str] = Counter()
    found_headers = [header for header in headers if header.spec.backbone.startswith(IMPORTED)]
    for header in found_headers:
        _, found, rate = header.coverage.reason.partition(WOULD_FIT)
        if found:
            fitting[rate] += 1
    if not fitting:
        return "" if told else _unchecked(found_headers)
    rate, count = fitting.most_common(1)[0]
    return (
        f"{counted(sum(fitting.values()), 'title')}: the rows do not last as long as stated; at {rate} rows a second "
        f'{count} would: give --rate {rate}, or [data] feature_rate = "{rate}"'
    )


def _unchecked(headers: Sequence[ShardHeader]) -> str:
    a_second = [header for header in headers if header.spec.step_s == 1 and header.coverage.declared_duration_s is None]
    if not headers or len(a_second) < len(headers):
        return ""
    return (
        "a row was taken for a second, and no title states its duration to check that by; if there are more or fewer, "
        "give --rate, such as 25/16, or [data] feature_rate"
    )


def note_words(notes: Mapping[str, int]) -> str:
    """Say what was done to the rows of how many titles; empty if nothing was."""
    return ", ".join(f"of {counted(count, 'title')} {note}" for note, count in sorted(notes.items()))


def _named(titles: list[str]) -> str:
    more = ", ..." if len(titles) > NAMED else ""
    return f"{', '.join(titles[:NAMED])}{more}"
