from dataclasses import replace
from pathlib import Path

import pytest

from data.schemas import Coverage, FeatureSpec
from data.shards import ShardHeader
from pipeline.failure_words import failure_words, note_words, rate_words
from pipeline.runs.extraction_plan import Failure

SPEC = FeatureSpec("imported:i3d", "", 8, "imported", "imported", False, 0)


def header(title_id: str, reason: str = "", declared_s: float | None = None, spec: FeatureSpec = SPEC) -> ShardHeader:
    coverage = Coverage(title_id, "", "", "import", "", "", 0, 0, 0, declared_s, 10.0, 10, 0, not reason, reason)
    return ShardHeader(Path(f"{title_id}.parquet"), spec, coverage)


def test_failures_are_told_by_reason_and_count_the_most_first():
    failures = {f"t{n}": Failure("missing", "") for n in range(5)}
    failures |= {"x": Failure("values", ""), "y": Failure("odd_one", "")}
    assert failure_words(failures) == (
        "why: 5 no such file (t0, t1, t2, ...), 1 not finite, or beyond float16 (x), 1 odd one (y)"
    )
    assert failure_words({}) == ""


def test_the_rate_that_would_fit_is_told_for_all_titles_at_once():
    reason = "312 rows (one a second) for a stated duration of 200 s; the rows would fit at a rate of 25/16"
    found = [header("a", reason, 200.0), header("b", reason, 200.0), header("c", declared_s=10.0)]
    assert rate_words(found, told=False) == (
        "2 titles: the rows do not last as long as stated; at 25/16 rows a second 2 would: give --rate 25/16, or "
        '[data] feature_rate = "25/16"'
    )


@pytest.mark.parametrize(
    ("found", "told", "said"),
    [
        ([header("a"), header("b")], False, True),  # nobody says anything: a row is taken for a second
        ([header("a"), header("b")], True, False),
        ([header("a"), header("b", declared_s=10.0)], False, False),
        ([header("a", spec=replace(SPEC, step_s=0.64))], False, False),
        ([header("a", spec=replace(SPEC, backbone="resnet50"))], False, False),
        ([], False, False),
    ],
)
def test_a_rate_that_nothing_checks_is_told(found, told, said):
    assert ("a row was taken for a second" in rate_words(found, told=told)) is said


def test_what_was_done_to_rows_is_told_with_how_many_titles():
    assert note_words({"crops were averaged": 3}) == "of 3 titles crops were averaged"
