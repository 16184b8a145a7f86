import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from model.squash import squash, unsquash


def test_squash_by_hand():
    scores = squash(np.array([-3.0, -1.0, 0.0, 1.0, 3.0]))
    np.testing.assert_allclose(scores, [0.125, 0.25, 0.5, 0.75, 0.875])
    assert torch.equal(squash(torch.tensor([-1.0, 1.0])), torch.tensor([0.25, 0.75]))


@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=2, max_size=20))
def test_squash_keeps_the_ranking_even_in_float32(values):
    scores = np.array(values, np.float32)
    squashed = squash(scores)
    assert ((squashed > 0) & (squashed < 1)).all()
    order = np.argsort(scores, kind="stable")
    assert (np.diff(squashed[order]) >= 0).all()
    # scores a thousandth of their size apart are told apart
    apart = np.diff(scores[order]) > 1e-3 * (1 + np.abs(scores[order][1:])) ** 2
    assert (np.diff(squashed[order])[apart] > 0).all()


@given(st.floats(-1e4, 1e4))
def test_unsquash_is_the_inverse(value):
    np.testing.assert_allclose(unsquash(squash(np.array([value]))), [value], rtol=1e-6, atol=1e-9)


def test_unsquash_of_a_rounded_end_is_finite():
    assert np.isfinite(unsquash(np.array([0.0, 1.0], np.float32))).all()
