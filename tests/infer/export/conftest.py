"""A run of five titles, one of each status, with texts that would break a careless writer."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from data.schemas import Segment
from data.titles import Title
from infer.export.source import read_run
from infer.title_status import TitleRow
from infer.write import Origin, write_results

HOSTILE = '=cmd(); 00:01 --> 00:09\n\n<b>&amp; {\\an8} "]]>\x00\x07'


def segment(title_id, label, index, start_s, end_s, score, decision="flag"):
    return Segment(
        title_id=title_id,
        label=label,
        segment_index=index,
        start_s=start_s,
        end_s=end_s,
        score=score,
        score_mean=score / 2,
        foreground_peak=0.9,
        conditional_peak=score,
        title_score=0.5,
        threshold=0.25,
        title_threshold=0.125,
        decision=decision,
        peak_s=start_s,
    )


def row(title_id, status, *, segments=0, duration_s=100.0, decoded_s=100.0, reason="", error=""):
    return TitleRow(
        title_id=title_id,
        status=status,
        labels="",
        segments=segments,
        flagged_s=0.0,
        duration_s=duration_s,
        decoded_s=decoded_s,
        coverage=None,
        samples=None,
        corrupt_packets=None,
        reason=reason,
        error_code="format" if error else "",
        error=error,
        features_id=None,
    )


RESULTS = [
    (
        replace(
            row("t-flagged", "flagged", segments=3, duration_s=3700.5, decoded_s=3700.5),
            name="=Küss mich, Zoë! --> & <b>",
            path="films/The <Film> & more.mkv",
        ),
        [
            segment("t-flagged", "violence", 0, 10.0, 20.0, 0.75),
            segment("t-flagged", "sex", 1, 15.0, 27.0, 0.5),
            segment("t-flagged", "violence", 2, 60.0, 61.0, 0.25, "review"),
            segment("t-flagged", "violence", 3, 3700.0, 3700.48, 0.9992632),
        ],
    ),
    (row("t-review", "review"), [segment("t-review", "sex", 0, 5.0, 9.0, 0.25, "review")]),
    (row("t-clear", "clear"), []),
    (
        row("t-partial", "partial", segments=1, decoded_s=50.0, reason=HOSTILE),
        [segment("t-partial", "drug-use", 0, 0.0, 2.0, 0.625)],
    ),
    (row("t-quarantined", "quarantined", duration_s=None, decoded_s=None, error=HOSTILE), []),
]
MANIFEST = {
    "t-flagged": Title("t-flagged", "films/The <Film> & more.mkv", 3700.5, extra={"jellyfin_id": "a" * 32}),
    "t-partial": Title("t-partial", "https://media.example/p.mp4"),
}


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    """Write the run's tables and run.json."""
    folder = tmp_path / "run"
    write_results(folder, RESULTS, Origin("run0", "model0", "features0"))
    limits = {"sex": 0.25, "nudity": 0.25, "violence": 0.7499, "drug-use": 0.25}
    thresholds = {label: {"flag": flag} for label, flag in limits.items()}
    facts = {"thresholds": thresholds, "finished_at": "2026-01-02T03:04:05+00:00"}
    (folder / "run.json").write_text(json.dumps(facts))
    return folder


@pytest.fixture
def read(run_dir: Path):
    """Read the run for export: ``read(decision)``."""

    def reader(decision="flag"):
        return read_run(run_dir, decision, MANIFEST)

    return reader
