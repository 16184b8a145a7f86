import numpy as np
import pytest

from infer.average_precision import label_average_precision, match, rank
from infer.bootstrap import draw_titles, resampled_average_precision
from infer.settings import Rule

COLUMNS = [(0.0, Rule.GT), (0.2, Rule.GE)]


@pytest.fixture
def rows():
    generator = np.random.default_rng(3)
    clips = [(n, c, s, s + 5) for n in range(6) for c in range(2) for s in generator.integers(0, 40, 2)]
    predictions = [
        (n, c, s, s + 5, score)
        for n in range(6)
        for c in range(2)
        for s, score in zip(generator.integers(0, 40, 6), generator.random(6))
    ]
    return clips, predictions


def test_a_title_drawn_twice_counts_as_two_titles(rows, as_clips, as_predictions):
    weights = [2, 0, 1, 3, 0, 1]
    copies = [(n, copy) for n, weight in enumerate(weights) for copy in range(weight)]
    number = {pair: index for index, pair in enumerate(copies)}
    drawn = [[(number[n, k], *row[1:]) for n, k in copies for row in part if row[0] == n] for part in rows]
    clips, predictions = as_clips(drawn[0]), as_predictions(drawn[1])
    ranked = predictions.take(rank(predictions))
    positives = np.bincount(clips.label_G, minlength=2)
    expected = label_average_precision(match(ranked, clips, COLUMNS), ranked.label_P, positives)

    clips, predictions = as_clips(rows[0]), as_predictions(rows[1])
    ranked = predictions.take(rank(predictions))
    hits = match(ranked, clips, COLUMNS)
    resampled = resampled_average_precision(ranked, hits, clips, 2, np.array([weights]))
    np.testing.assert_allclose(resampled[0].T, expected, rtol=1e-12)


def test_a_draw_without_clips_of_a_label_says_nothing(as_clips, as_predictions):
    clips, ranked = as_clips([(0, 0, 0, 5)]), as_predictions([(0, 0, 0, 5, 0.5), (1, 0, 0, 5, 0.4)])
    hits = match(ranked, clips, COLUMNS)
    result = resampled_average_precision(ranked, hits, clips, 1, np.array([[0, 2], [1, 1]]))
    assert np.isnan(result[0]).all()
    assert (result[1] == 1).all()


def test_every_draw_holds_as_many_titles():
    draws = draw_titles(50, 7, np.random.default_rng(0))
    assert (draws.sum(axis=1) == 7).all()
    assert len(np.unique(draws, axis=0)) > 10
