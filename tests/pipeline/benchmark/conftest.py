"""Runs made by hand: two labels, thresholds 0 and 0.5."""

from pathlib import Path

import numpy as np
import pytest

from infer.evaluation import Resampled
from pipeline.benchmark.methods import METHODS, Variant
from pipeline.benchmark.run import DONE, FAILED, Outcome
from pipeline.benchmark.scores import Standing

TIOUS = (0.0, 0.5)
COLUMNS = ((0.0, "ge"), (0.5, "ge"), (0.0, "gt"), (0.5, "gt"))
ALL = "all-occurrence"


def results(official, strict, half, method="model", label="mAP"):
    """Return the rows that an evaluation has of one label."""
    rules = {"ge": (official, half), "gt": (strict, half), "judged": (strict, half)}
    return [
        {"protocol": ALL, "rule": rule, "method": method, "label": label, "ap_K": list(ap), "average": sum(ap) / 2}
        for rule, ap in rules.items()
    ]


@pytest.fixture
def make_run():
    """Make a finished run from its mAP, or, without one, a failed run."""

    def make(method="fo", seed=0, ap=None, *, variant="preset", val=0.5, resampled=None, extra=(), error="diverged"):
        folder = Path(method, variant, f"seed-{seed}")
        if ap is None:
            return Outcome(method, variant, seed, folder, "", FAILED, 1.0, error)
        draws = {} if resampled is None else {ALL: Resampled(COLUMNS, np.array(resampled, dtype=float))}
        rows = (*results(*ap), *extra)
        return Outcome(method, variant, seed, folder, "", DONE, 60.0, "", val, 3, TIOUS, rows, draws)

    return make


@pytest.fixture
def make_results():
    return results


@pytest.fixture
def make_standing():
    """Make the standing of a built-in method from its runs."""

    def make(method, *runs, chosen="preset", tuning=None):
        (found,) = (one for one in METHODS if one.name == method)
        return Standing(found, Variant(chosen, {}), tuple(tuning or runs[:1]), runs)

    return make
