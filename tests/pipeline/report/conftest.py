"""A catalogue of five short films with two finished runs over it."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from data.schemas import Coverage, LabelThresholds
from extract.pyav_writer import write_video
from infer.segments import find_segments
from infer.title_scores import TitleScores
from infer.title_status import title_row
from infer.write import Origin, open_scores, write_results

CONFIG = """
work_dir = "work"
[data]
titles = "titles.csv"
video_labels = "video_labels.csv"
clip_labels = "clip_labels.csv"
labels = ["smoking", "violence"]
[extract]
decode_workers = 1
"""
LABELS = ("smoking", "violence")
HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>"


@pytest.fixture
def finished_runs(tmp_path: Path) -> Path:
    """Return the run.toml of a catalogue with two runs, see ``_write_catalogue``; free to be changed."""
    return _write_catalogue(tmp_path)


@pytest.fixture(scope="session")
def report_path(tmp_path_factory) -> Path:
    """Return the report of that catalogue's current run, with pictures; to be read only."""
    from pipeline.config import load_config
    from pipeline.report.stage import report

    return report(load_config(_write_catalogue(tmp_path_factory.mktemp("catalogue")))).path


def _write_catalogue(folder: Path) -> Path:
    """Write five titles with two runs over them, and return their run.toml.

    film-a is flagged for violence at 3 to 6 s (rightly) and smoking at 8 to 10 s (wrongly); film-b is clear, but holds
    violence at 7 to 9 s; film-c is partial; film-d could not be read and has a hostile error; film-e is clear. The
    current run is ``now``; the one before it, ``before``, found nothing in film-a.
    """
    rows = ["title_id,path,duration_s,split"]
    for title_id in ("film-a", "film-b", "film-c", "film-d", "film-e"):
        rows.append(f"{title_id},{title_id}.mp4,12,test")
    for shade, title_id in enumerate(("film-a", "film-b"), 1):
        pictures = (np.full((48, 96, 3), 20 * second + shade, np.uint8) for second in range(12))
        write_video(folder / f"{title_id}.mp4", pictures, fps=1, options={"preset": "ultrafast", "g": "4"})
    (folder / "titles.csv").write_text("\n".join(rows) + "\n")
    (folder / "video_labels.csv").write_text(
        "title_id,label,present\nfilm-a,violence,1\nfilm-a,smoking,0\nfilm-b,violence,1\nfilm-b,smoking,0\n"
        "film-e,violence,0\n"
    )
    (folder / "clip_labels.csv").write_text(
        "title_id,label,start_s,end_s,kind\nfilm-a,violence,3,6,all_occurrence\nfilm-b,violence,7,9,all_occurrence\n"
    )
    (folder / "run.toml").write_text(CONFIG)
    _write_run(folder / "work" / "runs" / "before", "2026-01-01T00:00:00+00:00", {})
    peaks = {("film-a", 1): (3, 6, 0.81), ("film-a", 0): (8, 10, 0.64), ("film-c", 1): (1, 2, 0.49)}
    _write_run(folder / "work" / "runs" / "now", "2026-01-02T00:00:00+00:00", peaks)
    (folder / "work" / "current").symlink_to(Path("runs") / "now")
    return folder / "run.toml"


def _write_run(folder: Path, finished_at: str, peaks: dict[tuple[str, int], tuple[int, int, float]]) -> None:
    """Write a run's tables; ``peaks``: by title and label, start, end and action score of a run of frames."""
    thresholds = {label: LabelThresholds(0.1, 0.25, 0.0, 0.0, 0.3) for label in LABELS}

    def results():
        with open_scores(folder / "scores.parquet", LABELS) as sink:
            for title_id in ("film-a", "film-b", "film-c", "film-e"):
                whole = title_id != "film-c"
                action_TC = np.full((12 if whole else 5, 2), 0.01, np.float32)
                for (name, c), (start, end, score) in peaks.items():
                    if name == title_id:
                        action_TC[start:end, c] = score
                scores = TitleScores(title_id, action_TC.max(1) ** 0.5, action_TC**0.5, action_TC, action_TC.max(0))
                sink.add(scores)
                reason = "" if whole else "the file breaks off"
                length_s = float(len(action_TC))
                coverage = Coverage(
                    title_id, "", "", "pyav", "mp4", "h264", 96, 48, 0, 12.0, length_s, len(action_TC), 0, whole, reason
                )
                found = find_segments(scores, thresholds, LABELS)
                yield title_row(title_id, found, coverage), found
            yield title_row("film-d", None, None, error_code="decode", error=HOSTILE), []

    write_results(folder, results(), Origin(folder.name, "model", "features"))
    record = {
        "stage": "infer",
        "run_id": folder.name,
        "model_id": "model",
        "finished_at": finished_at,
        "segment_score": "max",
        "thresholds": {label: asdict(value) for label, value in thresholds.items()},
        "config": {"work_dir": HOSTILE},
    }
    (folder / "run.json").write_text(json.dumps(record))
