import math

import numpy as np
import pytest

from pipeline.benchmark.methods import Variant
from pipeline.benchmark.scores import choose, score, table_columns, trivial_score

ALL = "all-occurrence"
OFFICIAL, STRICT, HALF, AVG_OFFICIAL, AVG = table_columns((0.0, 0.5))
LABELS = ("a", "b")


def constant(draws):
    """Return (B, 4, 2) resamples in which every column and label has the same value."""
    return np.array(draws)[:, None, None] * np.ones((1, 4, 2))


def test_columns_are_the_papers_with_the_strict_rule_beside_them():
    above_0 = [(column.title, column.rule) for column in table_columns((0.3, 0.5))]
    assert above_0 == [("0.3", "ge"), ("0.5", "ge"), ("AVG", "judged")]  # strict and official are the same there
    columns = [(column.title, column.tiou, column.rule) for column in table_columns((0.0, 0.1, 0.2))]
    assert columns == [
        ("0.0 official", "0", "ge"),
        ("0.0 strict", "0", "gt"),
        ("0.1", "0.1", "ge"),
        ("0.2", "0.2", "ge"),
        ("AVG official", "AVG", "ge"),
        ("AVG strict", "AVG", "judged"),
    ]


def test_mean_and_spread_over_seeds(make_run):
    runs = [make_run(seed=seed, ap=(0.6, strict, 0.2)) for seed, strict in enumerate((0.2, 0.4, 0.3))]
    found = score(runs, ALL, STRICT, labels=LABELS)
    assert (found.mean, found.spread) == (pytest.approx(0.3), pytest.approx(0.1))  # sqrt((.01 + .01 + 0) / 2)
    assert found.seeds == (0.2, 0.4, 0.3)
    assert found.interval is None
    assert score(runs, ALL, AVG, labels=LABELS).mean == pytest.approx((0.3 + 0.2) / 2)
    assert score(runs[:1], ALL, OFFICIAL, labels=LABELS).spread is None
    assert score(runs, "first-occurrence", STRICT, labels=LABELS) is None


def test_titles_are_resampled_jointly_for_all_seeds(make_run):
    """Where one seed gains from a title what the other loses, their mean does not depend on it."""
    up, down = (0.0, 0.1, 0.2, 0.3, 0.4), (0.4, 0.3, 0.2, 0.1, 0.0)
    one, other = (make_run(seed=s, ap=(0.2,) * 3, resampled=constant(draws)) for s, draws in enumerate((up, down)))
    assert score([one], ALL, HALF, labels=LABELS, confidence=0.5).interval == pytest.approx((0.1, 0.3))
    assert score([one, other], ALL, HALF, labels=LABELS, confidence=0.5).interval == pytest.approx((0.2, 0.2))


def test_each_column_has_the_interval_of_its_own_rule(make_run):
    draws_BKC = np.zeros((3, 4, 2))
    draws_BKC[:, 0] = 0.9  # official at 0
    draws_BKC[:, 1] = 0.1  # official at 0.5
    draws_BKC[:, 2] = 0.5  # strict at 0
    draws_BKC[:, 3] = 0.0  # strict at 0.5: no column shows it
    run = make_run(ap=(0.9, 0.5, 0.1), resampled=draws_BKC)
    middle = [
        score([run], ALL, column, labels=LABELS).interval[0] for column in (OFFICIAL, STRICT, HALF, AVG_OFFICIAL, AVG)
    ]
    assert middle == pytest.approx([0.9, 0.5, 0.1, 0.5, 0.3])


def test_labels_have_intervals_of_their_own_and_a_label_without_clips_is_left_out(make_run, make_results):
    draws_BKC = np.zeros((2, 4, 2))
    draws_BKC[:, :, 0] = 0.4
    draws_BKC[0, :, 1] = 0.8
    draws_BKC[1, :, 1] = math.nan  # no clip of b in this resample: the mean is that of a
    run = make_run(ap=(0.5,) * 3, resampled=draws_BKC, extra=make_results(0.7, 0.6, 0.5, label="b"))
    assert score([run], ALL, HALF, labels=LABELS, confidence=1.0).interval == pytest.approx((0.4, 0.6))
    found = score([run], ALL, HALF, labels=LABELS, label="b", confidence=1.0)
    assert (found.mean, found.interval) == (0.5, pytest.approx((0.8, 0.8)))


def test_trivial_rows_are_read_from_any_run(make_run, make_results):
    run = make_run(ap=(0.5,) * 3, extra=make_results(0.31, 0.02, 0.0, method="trivial (random segment)"))
    assert trivial_score(run, ALL, OFFICIAL, "trivial (random segment)").mean == 0.31
    assert trivial_score(run, ALL, OFFICIAL, "trivial (whole title)") is None


def test_validation_chooses_the_variant(make_run):
    variants = [Variant("one", {}), Variant("two", {}), Variant("three", {})]

    def tuned(*rows):
        return [
            make_run(seed=n, ap=None if val is None else (0.1,) * 3, variant=name, val=val)
            for n, (name, val) in enumerate(rows)
        ]

    assert choose(variants, tuned(("one", 0.4), ("two", 0.6), ("three", 0.5))).name == "two"
    # the mean over seeds, not the best seed
    assert choose(variants[:2], tuned(("one", 0.5), ("one", 0.5), ("two", 0.9), ("two", 0.0))).name == "one"
    # a variant that failed with one seed does not win by its luck with the other
    assert choose(variants[:2], tuned(("one", 0.2), ("one", 0.3), ("two", None), ("two", 0.9))).name == "one"
    assert choose(variants, tuned(("one", None), ("two", None), ("three", None))).name == "one"
