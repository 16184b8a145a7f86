from pipeline.failure_words import failure_words
from pipeline.runs.extraction_plan import Failure


def test_failures_are_told_by_reason_and_count_the_most_first():
    failures = {f"t{n}": Failure("missing", "") for n in range(5)}
    failures |= {"x": Failure("values", ""), "y": Failure("odd_one", "")}
    assert failure_words(failures) == (
        "why: 5 no such file (t0, t1, t2, ...), 1 not finite, or beyond float16 (x), 1 odd one (y)"
    )
    assert failure_words({}) == ""
