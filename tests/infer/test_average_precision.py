import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infer.average_precision import Clips, Predictions, average_precision, label_average_precision, match, rank
from infer.official import prefer_officially, rank_officially
from infer.settings import Rule

TIMES = st.integers(0, 12)
CLIPS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1), TIMES, st.integers(1, 8)), min_size=1, max_size=12)
ROWS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 1), TIMES, st.integers(1, 8), st.integers(0, 4)), max_size=25
)
COLUMNS = [(t, rule) for t in (0.0, 0.1, 0.2, 0.5) for rule in Rule]


def clips_from(rows):
    columns = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    return Clips(columns[0], columns[1], columns[2].astype(float), (columns[2] + columns[3]).astype(float))


def predictions_from(rows):
    columns = np.array(rows, dtype=np.int64).reshape(-1, 5).T
    start_s_P = columns[2].astype(float)
    return Predictions(columns[0], columns[1], start_s_P, start_s_P + columns[3], columns[4] / 4)


def loop_match(ranked, clips, threshold, rule, *, official=False):
    """The rule as SPEC.md words it, one prediction after another."""
    taken, hits = set(), []
    order = range(len(clips.title_G))
    if not official:
        order = sorted(order, key=lambda g: (clips.start_s_G[g], clips.end_s_G[g]))
    for p in range(len(ranked)):
        own = [g for g in order if (clips.title_G[g], clips.label_G[g]) == (ranked.title_P[p], ranked.label_P[p])]
        tiou = np.zeros(len(own))
        for i, g in enumerate(own):
            inside = min(ranked.end_s_P[p], clips.end_s_G[g]) - max(ranked.start_s_P[p], clips.start_s_G[g])
            inside = max(inside, 0.0)
            both = ranked.end_s_P[p] - ranked.start_s_P[p] + (clips.end_s_G[g] - clips.start_s_G[g]) - inside
            tiou[i] = inside / both
        walk = tiou.argsort()[::-1] if official else np.argsort(-tiou, kind="stable")
        hit = False
        for i in walk:
            if tiou[i] < threshold or (rule is Rule.GT and tiou[i] <= threshold):
                break
            if own[i] in taken:
                continue
            taken.add(own[i])
            hit = True
            break
        hits.append(hit)
    return np.array(hits, dtype=bool)


def loop_average_precision(hits, positives):
    """The official interpolated_prec_rec, step by step."""
    found = np.cumsum(hits)
    precision = found / np.arange(1, len(hits) + 1)
    recall = found / positives
    precision = np.hstack([[0], precision, [0]])
    recall = np.hstack([[0], recall, [1]])
    for i in range(len(precision) - 1)[::-1]:
        precision[i] = max(precision[i], precision[i + 1])
    steps = np.where(recall[1:] != recall[:-1])[0] + 1
    return np.sum((recall[steps] - recall[steps - 1]) * precision[steps])


@given(CLIPS, ROWS)
def test_matches_equal_the_loop(clip_rows, rows):
    clips, predictions = clips_from(clip_rows), predictions_from(rows)
    ranked = predictions.take(rank(predictions))
    hits = match(ranked, clips, COLUMNS)
    for column, found in zip(COLUMNS, hits):
        np.testing.assert_array_equal(found, loop_match(ranked, clips, *column), err_msg=str(column))


@given(CLIPS, ROWS)
def test_official_matches_equal_the_official_loop(clip_rows, rows):
    clips, predictions = clips_from(clip_rows), predictions_from(rows)
    ranked = predictions.take(rank_officially(predictions))
    hits = match(ranked, clips, COLUMNS, prefer=prefer_officially)
    for column, found in zip(COLUMNS, hits):
        np.testing.assert_array_equal(found, loop_match(ranked, clips, *column, official=True), err_msg=str(column))


@given(st.lists(st.booleans(), max_size=40), st.integers(0, 5))
def test_average_precision_equals_the_official_one(hits, missed):
    positives = sum(hits) + missed
    if positives:
        area = float(average_precision(np.array(hits, dtype=bool), positives))
        assert area == pytest.approx(loop_average_precision(np.array(hits), positives), abs=1e-12)
        assert 0 <= area <= 1


@given(CLIPS, ROWS)
def test_a_lower_scored_false_positive_never_raises_average_precision(clip_rows, rows):
    clips = clips_from(clip_rows)
    positives = np.bincount(clips.label_G, minlength=2)

    def measure(rows_of_predictions):
        predictions = predictions_from(rows_of_predictions)
        ranked = predictions.take(rank(predictions))
        return label_average_precision(match(ranked, clips, COLUMNS), ranked.label_P, positives)

    before = measure(rows)
    after = measure([*rows, (3, 0, 0, 5, -1), (3, 1, 0, 5, -1)])
    known = ~np.isnan(before)
    assert (after[known] <= before[known] + 1e-12).all()
    assert (np.isnan(before) == np.isnan(after)).all()


def test_hand_worked(as_clips, as_predictions):
    clips = as_clips([(0, 0, 0, 10), (0, 0, 20, 30), (1, 0, 0, 10)])
    ranked = as_predictions([(0, 0, 0, 10, 0.9), (0, 0, 0, 9, 0.8), (1, 0, 5, 15, 0.7), (0, 0, 22, 40, 0.6)])
    hits = match(ranked, clips, [(0.0, Rule.GE), (0.0, Rule.GT), (0.35, Rule.GE), (1 / 3, Rule.GT), (1 / 3, Rule.GE)])
    assert hits.astype(int).tolist() == [[1, 1, 1, 0], [1, 0, 1, 1], [1, 0, 0, 1], [1, 0, 0, 1], [1, 0, 1, 1]]
    # precision 1, 1/2, 2/3, 3/4: its envelope at the three hits is 1, 3/4, 3/4
    np.testing.assert_allclose(average_precision(hits, 3), [1, (1 + 0.75 + 0.75) / 3, 0.5, 0.5, 2.5 / 3])


def test_a_displaced_prediction_asks_for_its_next_clip(as_clips, as_predictions):
    """The lower one asks first in a naive parallel matcher; the higher one takes its clip and it moves on."""
    clips = as_clips([(0, 0, 0, 10), (0, 0, 8, 18)])
    ranked = as_predictions([(0, 0, 1, 10, 0.9), (0, 0, 0, 12, 0.8), (0, 0, 0, 10, 0.7)])
    assert match(ranked, clips, [(0.1, Rule.GE)]).tolist() == [[True, True, False]]


def test_ties_are_ranked_by_title_start_end(as_predictions):
    rows = [(1, 0, 0, 5, 0.5), (0, 0, 3, 9, 0.5), (0, 0, 3, 4, 0.5), (0, 0, 1, 9, 0.5), (0, 0, 9, 10, 0.6)]
    assert rank(as_predictions(rows)).tolist() == [4, 3, 2, 1, 0]


def test_labels_without_clips_have_no_average_precision(as_predictions):
    ranked = as_predictions([(0, 0, 0, 1, 0.9)])
    result = label_average_precision(np.ones((1, 1), dtype=bool), ranked.label_P, np.array([1, 0, 2]))
    np.testing.assert_array_equal(result, [[1.0], [np.nan], [0.0]])
