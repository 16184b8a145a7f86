import logging
from dataclasses import replace

import numpy as np
import pytest

from data.errors import SchemaError
from data.labels import Clip, TitleLabels
from data.schemas import LabelThresholds
from data.time_grid import TimeGrid
from infer.average_precision import Clips, Predictions
from infer.evaluate import evaluate
from infer.segments import find_runs, find_segments, merge_runs
from infer.settings import EvaluateSettings, Protocol, TuneSettings
from infer.title_scores import TitleScores
from infer.tune import (
    _cut_segments,
    choose_flag_threshold,
    choose_title_threshold,
    frame_candidates,
    gather,
    objective,
    smooth,
    tune_thresholds,
)

SMALL = TuneSettings(frame_candidates=12, merge_gaps_s=(0, 2, 5), min_lengths_s=(0, 3, 6))


def catalogue(titles=24, frames=300, seed=0, occurrences=True):
    """Clips of 15 s whose score flickers between 0.2 and 0.45 (0 every fifth frame), noise below 0.1, spikes of 1 s."""
    generator = np.random.default_rng(seed)
    scores, truth = [], {}
    for n in range(titles):
        title_id, present = f"t{n:02d}", n % 2 == 0
        action_T = generator.random(frames) * 0.1
        action_T[generator.integers(0, frames, 3)] = 0.5
        clips = []
        for start in (40, 200) if present else ():
            action_T[start : start + 15] = 0.2 + generator.random(15) * 0.25
            action_T[start + 2 : start + 15 : 5] = 0.0
            clips.append(Clip("sex", float(start), start + 15.0))
        first = {"sex": clips[0]} if present else {}
        truth[title_id] = TitleLabels(title_id, {"sex": present}, first, tuple(clips) if occurrences else None)
        action_TC = action_T.astype(np.float32)[:, None]
        scores.append(TitleScores(title_id, None, None, action_TC, np.sort(action_TC, axis=0)[-20:].mean(axis=0)))
    return scores, truth


def judged(scores, truth, thresholds, protocol):
    found = [s for title in scores for s in find_segments(title, thresholds, ("sex",), review_fraction=0)]
    settings = EvaluateSettings(rules=(), bootstrap_draws=0, trivial_draws=0)
    return evaluate(found, truth, ("sex",), settings=settings).judged(protocol)


@pytest.mark.parametrize(
    ("occurrences", "protocol"), [(True, Protocol.ALL_OCCURRENCE), (False, Protocol.FIRST_OCCURRENCE)]
)
def test_tuned_thresholds_find_what_a_fixed_half_misses(occurrences, protocol):
    scores, truth = catalogue(occurrences=occurrences)
    chosen = tune_thresholds(scores, truth, ("sex",), SMALL)
    assert 0.1 <= chosen["sex"].frame <= 0.25
    assert chosen["sex"].merge_gap_s >= 2
    assert chosen["sex"].min_length_s >= 3
    assert judged(scores, truth, chosen, protocol) > 0.99
    assert judged(scores, truth, {"sex": LabelThresholds(0.5, 0.5, 0, 0)}, protocol) < 0.1
    others = catalogue(seed=1, occurrences=occurrences)
    assert judged(*others, chosen, protocol) > 0.95


def test_tau_v_separates_titles_without_touching_a_title_score():
    scores, truth = catalogue()
    chosen = tune_thresholds(scores, truth, ("sex",), SMALL)["sex"]
    absent = [float(title.title_score_C[0]) for n, title in enumerate(scores) if n % 2]
    present = [float(title.title_score_C[0]) for n, title in enumerate(scores) if n % 2 == 0]
    assert max(absent) < chosen.title < min(present)


def candidates(scores, starts):
    """One-second candidates of one label in one title, in the order of judgement."""
    count = len(scores)
    zeros, starts = np.zeros(count, dtype=np.int64), np.array(starts, dtype=np.float64)
    return Predictions(zeros, zeros, starts, starts + 1, np.array(scores, dtype=np.float64))


def clips_at(starts):
    zeros, starts = np.zeros(len(starts), dtype=np.int64), np.array(starts, dtype=np.float64)
    return Clips(zeros, zeros, starts, starts + 1)


@pytest.mark.parametrize(
    ("starts", "expected"),
    [
        # two clips, at 0 s and 10 s. F1 down the ranking, hit miss hit miss: 2/3, 2/4, 4/5, 4/6: cut below the third
        ([0, 50, 10, 60], (0.5 + 0.25) / 2),
        # hit miss miss hit: 2/3, 2/4, 2/5, 4/6: of equals the first, which flags less
        ([0, 50, 60, 10], (0.875 + 0.75) / 2),
        # nothing is hit: only the best candidate is flagged
        ([50, 60, 70, 80], (0.875 + 0.75) / 2),
    ],
)
def test_the_flag_threshold_is_the_best_f1_by_hand(starts, expected):
    ranked = candidates([0.875, 0.75, 0.5, 0.25], starts)
    assert choose_flag_threshold(ranked, clips_at([0, 10]), 0.1) == expected


def test_all_candidates_are_flagged_when_all_are_right_and_never_from_0():
    assert choose_flag_threshold(candidates([0.5, 0.5], [0, 10]), clips_at([0, 10]), 0.25) == 0.375
    assert choose_flag_threshold(candidates([0.5, 0.5], [0, 10]), clips_at([0, 10]), 0.5) == 0.5
    # the mean of a run that was merged over a gap may lie below tau_f
    assert choose_flag_threshold(candidates([0.5, 0.2], [0, 10]), clips_at([0, 10]), 0.4) == 0.2
    assert choose_flag_threshold(candidates([], []), clips_at([0]), 0.25) == 0.25


@pytest.mark.parametrize(("recall", "expected"), [(1.0, 0.15), (0.9, 0.35), (0.5, 0.65), (0.75, 0.45)])
def test_tau_v_keeps_a_share_of_the_positive_titles(recall, expected):
    """Ten positive titles of 0.2, 0.4, 0.5, 0.5, 0.5, 0.7 ... and three others at 0.1, 0.3, 0.6."""
    scores = np.array([0.2, 0.4, 0.5, 0.5, 0.5, 0.7, 0.8, 0.8, 0.9, 0.9, 0.1, 0.3, 0.6])
    assert choose_title_threshold(scores, np.arange(10), recall) == pytest.approx(expected)
    assert choose_title_threshold(scores[:10], np.arange(10), 1.0) == 0.0


@pytest.mark.parametrize("occurrences", [True, False])
def test_the_objective_is_what_the_evaluator_reports(occurrences):
    scores, truth = catalogue(occurrences=occurrences, seed=2)
    limits = LabelThresholds(0.0, 0.15, 1.0, 1.0)
    protocol = Protocol.ALL_OCCURRENCE if occurrences else Protocol.FIRST_OCCURRENCE
    validation = gather(scores, truth, 0, "sex", gap=1)
    runs = merge_runs(find_runs(validation.action_T >= limits.frame), limits.merge_gap_s)
    runs = runs.take(runs.stop_R - runs.start_R >= limits.min_length_s)
    reached = objective(_cut_segments(validation, runs, "max")[0], validation.clips, 1)[0]
    assert reached == pytest.approx(judged(scores, truth, {"sex": limits}, protocol), abs=1e-12)
    assert 0.1 < reached < 1


def test_tuning_is_deterministic_and_ignores_the_order_of_titles():
    scores, truth = catalogue()
    assert tune_thresholds(scores, truth, ("sex",), SMALL) == tune_thresholds(scores[::-1], truth, ("sex",), SMALL)


def test_titles_that_say_nothing_of_the_label_are_left_out():
    scores, truth = catalogue()
    silent = TitleScores("silent", None, None, np.ones((300, 1), np.float32), np.ones(1, np.float32))
    loud = TitleScores("unlisted", None, None, np.ones((300, 1), np.float32), np.ones(1, np.float32))
    more = {**truth, "silent": TitleLabels("silent", {"sex": None})}
    assert tune_thresholds([silent, loud, *scores], more, ("sex",), SMALL) == tune_thresholds(
        scores, truth, ("sex",), SMALL
    )


def test_a_label_without_clips_gets_thresholds_that_nothing_reached(caplog):
    scores, truth = catalogue()
    negative = {title_id: TitleLabels(title_id, {"sex": False}) for title_id in truth}
    with caplog.at_level(logging.DEBUG):
        chosen = tune_thresholds(scores, negative, ("sex",), SMALL)
    assert "tune label=sex clips=0" in caplog.text
    assert chosen["sex"].frame == chosen["sex"].flag == pytest.approx(0.5, abs=1e-6)
    assert [s for title in scores for s in find_segments(title, chosen, ("sex",), review_fraction=0)] == []
    unknown = {title_id: TitleLabels(title_id) for title_id in truth}
    assert tune_thresholds(scores, unknown, ("sex",), SMALL) == {"sex": LabelThresholds(0.5, 0.5, 0.0, 0.0, 0.5)}


def test_nan_scores_are_refused():
    _, truth = catalogue(titles=1)
    bad = TitleScores("t00", None, None, np.full((5, 1), np.nan, np.float32), np.ones(1, np.float32))
    with pytest.raises(SchemaError, match="scores of t00: NaN or infinite"):
        tune_thresholds([bad], truth, ("sex",), SMALL)


def test_smoothing_prefers_a_plateau_to_a_spike():
    grid = np.array([0.0, 1.0, 0.0, 0.0, 0.8, 0.8, 0.8])
    np.testing.assert_allclose(smooth(grid), [1 / 3, 0.5, 0.25, 0.2, 0.6, 0.8, 0.8])
    assert smooth(np.full((3, 4, 5), 0.25)) == pytest.approx(np.full((3, 4, 5), 0.25))


@pytest.mark.parametrize("values", [np.zeros(10), np.full(10, 0.7), np.random.default_rng(0).random(1000) ** 8])
def test_candidates_ascend_inside_the_unit_interval(values):
    found = frame_candidates(np.append(values, -np.inf), 40)
    assert 1 <= len(found) <= 40
    assert (np.diff(found) > 0).all()
    assert 0 < found[0] <= found[-1] <= 1


def test_thresholds_are_chosen_at_the_tiou_that_is_measured_by_default():
    assert TuneSettings().tiou_thresholds == EvaluateSettings().tiou_thresholds


def test_a_choice_at_other_tiou_prefers_what_is_exact():
    """Segments of 10 s: one merged over a gap covers both clips to 0.4, two apart cover each exactly."""
    clips = Clips(np.zeros(2, int), np.zeros(2, int), np.array([0.0, 15.0]), np.array([10.0, 25.0]))
    merged = Predictions(np.zeros(1, int), np.zeros(1, int), np.array([0.0]), np.array([25.0]), np.array([1.0]))
    apart = Predictions(np.zeros(2, int), np.zeros(2, int), clips.start_s_G, clips.end_s_G, np.array([1.0, 0.9]))
    for tiou, expected in (((0.1,), (0.5, 1.0)), ((0.3, 0.5), (0.25, 1.0)), ((0.5,), (0.0, 1.0))):
        reached = tuple(float(objective(found, clips, 1, tiou)[0]) for found in (merged, apart))
        assert reached == pytest.approx(expected)


def test_settings_that_say_nothing_of_tiou_are_those_of_earlier_trainings():
    assert "tiou_thresholds" not in TuneSettings().model_dump(mode="json")
    assert TuneSettings(tiou_thresholds="0.3:0.7:0.1").model_dump()["tiou_thresholds"] == (0.3, 0.4, 0.5, 0.6, 0.7)
    assert TuneSettings(**TuneSettings(tiou_thresholds=0.5).model_dump()).tiou_thresholds == (0.5,)


def test_thresholds_are_those_of_any_other_clock():
    scores, truth = catalogue()
    grid = TimeGrid(10.0, 0.5)
    moved = [replace(title, grid=grid) for title in scores]

    def shifted(clip):
        return Clip(clip.label, grid.time_s(clip.start_s), grid.time_s(clip.end_s))

    elsewhere = {
        title_id: TitleLabels(
            title_id,
            labels.present,
            {label: shifted(clip) for label, clip in labels.first.items()},
            tuple(map(shifted, labels.occurrences)),
        )
        for title_id, labels in truth.items()
    }
    halved = SMALL.model_copy(update={"merge_gaps_s": (0, 1, 2.5), "min_lengths_s": (0, 1.5, 3)})
    plain = tune_thresholds(scores, truth, ("sex",), SMALL)["sex"]
    other = tune_thresholds(moved, elsewhere, ("sex",), halved)["sex"]
    assert (other.title, other.frame, other.flag) == (plain.title, plain.frame, plain.flag)
    assert (other.merge_gap_s, other.min_length_s) == (plain.merge_gap_s / 2, plain.min_length_s / 2)


def test_titles_of_different_rates_are_not_judged_together():
    scores, truth = catalogue(titles=4)
    mixed = [*scores[:2], *(replace(title, grid=TimeGrid(0.0, 0.5)) for title in scores[2:])]
    with pytest.raises(SchemaError, match="cannot be judged together"):
        tune_thresholds(mixed, truth, ("sex",), SMALL)
