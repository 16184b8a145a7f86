from dataclasses import replace

import numpy as np
import pytest

from data.labels import Clip, TitleLabels
from data.targets import frame_targets
from data.windows import TrainingTitle
from model.mining import grow_labels, labelled_rows, with_labelled_rows

FRAMES = 12


def grown(most, score, labelled, *, radius=3, least=0.95):
    """Grow label 0, whose probability is ``score``; the most probable output is as given (0 background, 1, 2)."""
    probability_TK = np.zeros((len(most), 3))
    probability_TK[np.arange(len(most)), most] = 0.9
    probability_TK[:, 1] = np.where(np.array(most) == 1, 0.9, 0) if score is None else score
    labelled_TC = np.zeros((len(most), 2), bool)
    labelled_TC[labelled, 0] = True
    return np.flatnonzero(grow_labels(probability_TK, labelled_TC, radius=radius, least=least)[:, 0]).tolist()


@pytest.mark.parametrize(
    ("most", "score", "labelled", "expected"),
    [
        ([1] * 12, None, [6], [3, 4, 5, 6, 7, 8, 9]),  # three to each side
        ([0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0], None, [6], [5, 6, 7]),  # 4 and 8 have another output beside them
        ([1] * 12, None, [1], [1, 2, 3, 4]),  # frame 0 has no frame before it
        ([1] * 12, None, [10], [7, 8, 9, 10]),  # nor frame 11 behind
        ([1] * 12, None, [5, 7], [2, 3, 4, 5, 6, 7, 8, 9, 10]),  # grown frames of two anchors meet
        ([1] * 12, [0.9] * 8 + [0.86] + [0.9] * 3, [6], [3, 4, 5, 6, 7, 8, 9]),  # 0.86 is within 5 % of 0.9
        ([1] * 12, [0.9] * 8 + [0.85] + [0.9] * 3, [6], [3, 4, 5, 6, 7]),  # 0.85 is not, and growth stops there
        ([1] * 12, None, [], []),
    ],
)
def test_labels_grow_while_neighbours_look_alike(most, score, labelled, expected):
    assert grown(most, score, labelled) == expected


def test_growth_is_from_given_labels_only_and_leaves_its_input():
    labelled_TC = np.zeros((12, 2), bool)
    labelled_TC[6] = True  # both labels: their mean probability counts
    probability_TK = np.tile([0.2, 0.5, 0.3], (12, 1))
    probability_TK[8] = [0.2, 0.7, 0.1]  # the same mean
    probability_TK[9] = [0.3, 0.4, 0.3]  # 0.35 of 0.4
    result = grow_labels(probability_TK, labelled_TC, radius=3, least=0.95)
    assert np.flatnonzero(result[:, 0]).tolist() == np.flatnonzero(result[:, 1]).tolist() == [3, 4, 5, 6, 7, 8]
    assert labelled_TC.sum() == 2


def test_what_is_labelled_is_saved_and_read_back(tmp_path):
    labels = TitleLabels("t", {"a": True, "b": False}, {"a": Clip("a", 2, 9)})
    clear = TitleLabels("t", {"a": False, "b": False})
    titles = [
        TrainingTitle(str(n), tmp_path, frame_targets(each, ("a", "b"), FRAMES, frames_per_clip=1))
        for n, each in enumerate([clear, labels, clear, labels, clear])
    ]
    titles[1] = replace(titles[1], targets=replace(titles[1].targets, labelled_TC=np.eye(FRAMES, 2, dtype=bool)))
    rows = labelled_rows(titles)
    assert rows.tolist() == [[1, 0, 0], [1, 1, 1], [3, 5, 0]]
    blank = [replace(t, targets=replace(t.targets, labelled_TC=np.zeros((FRAMES, 2), bool))) for t in titles]
    for before, after in zip(titles, with_labelled_rows(blank, rows)):
        assert (before.targets.labelled_TC == after.targets.labelled_TC).all()
