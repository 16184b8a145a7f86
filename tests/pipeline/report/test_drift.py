import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infer.title_scores import TitleScores
from pipeline.config import load_config
from pipeline.report.drift import HISTOGRAM_BINS, compare, score_histograms, stability_index
from pipeline.report.run import read_run
from pipeline.runs.history import run_before

counts = st.lists(st.integers(0, 10**6), min_size=3, max_size=3)


def test_the_index_by_hand():
    # shares 0.5, 0.5 and 0.75, 0.25: 0.25 ln 1.5 - 0.25 ln 0.5
    expected = 0.25 * math.log(1.5) - 0.25 * math.log(0.5)
    assert stability_index([10, 10], [15, 5]) == pytest.approx(expected)


@given(counts, counts)
def test_the_index_is_zero_for_equal_shares_and_never_negative(before, now):
    if sum(before) and sum(now):
        assert stability_index(before, now) >= 0
        assert stability_index(before, [7 * count for count in before]) == pytest.approx(0, abs=1e-9)
    else:
        assert stability_index(before, now) is None


def test_frames_are_counted_by_the_root_of_their_score():
    action_TC = np.array([[0.0, 1.0], [0.25, 0.0]], np.float32)
    scores = [TitleScores(name, None, None, action_TC, np.zeros(2, np.float32)) for name in ("in", "out")]
    histogram_CH = score_histograms(scores, {"in"}, 2)
    assert histogram_CH.sum() == 4
    assert histogram_CH[0, 0] == 1 and histogram_CH[0, HISTOGRAM_BINS // 2] == 1
    assert histogram_CH[1, HISTOGRAM_BINS - 1] == 1


def test_two_runs(finished_runs):
    config = load_config(finished_runs)
    runs = config.work.runs
    now = read_run(runs / "now")
    assert run_before(config.work, now.folder) == runs / "before"
    assert run_before(config.work, runs / "before") is None
    drift = compare(read_run(runs / "before"), now)
    assert drift.statuses == {"clear": (3, 2), "flagged": (0, 1), "partial": (1, 1), "quarantined": (1, 1)}
    assert drift.changed == (("film-a", "clear", "flagged"),)
    assert (drift.common, drift.added, drift.removed, drift.same_model) == (5, 0, 0, True)
    violence = drift.labels[1]
    assert (violence.label, violence.flagged, violence.review) == ("violence", (0, 2), (0, 0))
    # 41 frames at 0.01; now 3 of them at 0.81 and one at 0.49: bins 2, 18 and 14
    assert violence.histogram[0][2] == 1.0
    assert violence.histogram[1][2] == pytest.approx(37 / 41)
    assert violence.reading == "shifted"
