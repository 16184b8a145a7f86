"""What went wrong with titles, in a line for a person: by reason and count, with the first titles of each."""

from __future__ import annotations

from collections.abc import Mapping

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
    "size": "too large to be read",
    "path": "outside the folder of the films",
    "no_path": "no path in the manifest",
    "no_frames": "no picture can be decoded",
    "no_video_stream": "no video in the file",
    "encrypted": "encrypted",
    "timeout": "took too long",
    "too_long": "longer than its bytes can be",
    "killed": "its decoder was killed",
    "ended_run": "ended the run",
    "process_lost": "its decoder ended",
    "decoder_crashed": "its decoder crashed",
    "memory": "more memory needed than a decoder may take",
    "decode": "not to be decoded",
    "decord_refused": "refused by the reader decord",
    "refused_format": "no video file, but text, a playlist or another format",
    "refused_codec": "in a codec that is not read",
    "unsupported_codec": "in a codec without a decoder here",
    "not_a_file": "no regular file",
    "changed": "changed while it was read",
    "features": "no features of the form that is read",
    "schema": "damaged features",
    "not_extracted": "not extracted yet",
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


def _named(titles: list[str]) -> str:
    more = ", ..." if len(titles) > NAMED else ""
    return f"{', '.join(titles[:NAMED])}{more}"
