from dataclasses import asdict

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.schemas import SEGMENTS_SCHEMA, Coverage, LabelThresholds, Segment
from infer.average_precision import Clips, Predictions
from infer.title_scores import TitleScores


@pytest.fixture
def make_scores():
    """Build TitleScores of one title from a list of action scores per label."""

    def make(*actions, title_id="t1", title_scores=None, foreground=None):
        action_TC = np.array(actions, dtype=np.float32).T
        title_score_C = action_TC.max(axis=0) if title_scores is None else np.array(title_scores, dtype=np.float32)
        foreground_T = None if foreground is None else np.array(foreground, dtype=np.float32)
        conditional_TC = None if foreground is None else action_TC / foreground_T[:, None]
        return TitleScores(title_id, foreground_T, conditional_TC, action_TC, title_score_C)

    return make


@pytest.fixture
def make_thresholds():
    def make(title=0.0, frame=0.5, merge_gap_s=0.0, min_length_s=0.0):
        return LabelThresholds(title, frame, merge_gap_s, min_length_s)

    return make


@pytest.fixture
def make_segment():
    def make(title_id="t1", label="violence", start_s=0.0, end_s=1.0, score=0.5, decision="flag", **others):
        values = {
            "segment_index": 0,
            "score_mean": 0.25,
            "foreground_peak": None,
            "conditional_peak": None,
            "title_score": 0.5,
            "threshold": 0.25,
            "title_threshold": 0.125,
            "peak_s": start_s,
            **others,
        }
        return Segment(
            title_id=title_id, label=label, start_s=start_s, end_s=end_s, score=score, decision=decision, **values
        )

    return make


@pytest.fixture
def make_coverage():
    def make(complete=True, reason="", declared_duration_s=10.0, decoded_s=10.0):
        return Coverage(
            title_id="t1",
            source="t1.mp4",
            source_sha256="",
            reader="pyav",
            container="mp4",
            codec="h264",
            width_px=1,
            height_px=1,
            rotation_deg=0,
            declared_duration_s=declared_duration_s,
            decoded_s=decoded_s,
            samples=10,
            corrupt_packets=2,
            complete=complete,
            reason=reason,
        )

    return make


@pytest.fixture
def write_segments():
    """Write a table of segments and nothing else of a run."""

    def write(path, segments):
        origin = {"run_id": "run0", "model_id": "model0", "features_id": "features0"}
        rows = [{**asdict(segment), **origin} for segment in segments]
        pq.write_table(pa.Table.from_pylist(rows, schema=SEGMENTS_SCHEMA), path)

    return write


@pytest.fixture
def as_clips():
    """Clips from (title, label, start, end) rows."""

    def build(rows):
        columns = np.array(rows, dtype=np.float64).reshape(-1, 4).T
        return Clips(columns[0].astype(np.int64), columns[1].astype(np.int64), columns[2], columns[3])

    return build


@pytest.fixture
def as_predictions():
    """Predictions from (title, label, start, end, score) rows."""

    def build(rows):
        columns = np.array(rows, dtype=np.float64).reshape(-1, 5).T
        return Predictions(columns[0].astype(np.int64), columns[1].astype(np.int64), *columns[2:])

    return build
