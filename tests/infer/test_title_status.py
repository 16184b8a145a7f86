from dataclasses import replace

import pytest

from infer.title_status import covered_s, title_row, title_status


@pytest.mark.parametrize(
    ("decisions", "complete", "expected"),
    [
        (["flag", "review"], True, "flagged"),
        (["review"], True, "review"),
        ([], True, "clear"),
        (["flag"], False, "partial"),
        ([], False, "partial"),
    ],
)
def test_every_title_has_one_status(make_segment, make_coverage, decisions, complete, expected):
    segments = [make_segment(decision=decision) for decision in decisions]
    assert title_status(segments, make_coverage(complete)) == expected


def test_what_was_not_scored_is_quarantined(make_coverage):
    assert title_status(None, None) == "quarantined"
    assert title_status(None, make_coverage()) == "quarantined"
    assert title_status([], None) == "quarantined"


def test_row_of_a_flagged_title(make_segment, make_coverage):
    segments = [
        make_segment(label="violence", start_s=0, end_s=4),
        make_segment(label="sex", start_s=3, end_s=6),
        make_segment(label="nudity", start_s=8, end_s=9, decision="review"),
    ]
    row = title_row("t1", segments, make_coverage(declared_duration_s=None), duration_s=20.0)
    assert (row.status, row.labels, row.segments, row.flagged_s) == ("flagged", "sex;violence", 2, 6.0)
    assert (row.duration_s, row.decoded_s, row.coverage) == (20.0, 10.0, 0.5)
    assert (row.samples, row.corrupt_packets) == (10, 2)


def test_row_of_a_partial_title_says_why(make_coverage):
    row = title_row("t1", [], make_coverage(complete=False, reason="ends early", declared_duration_s=40.0))
    assert (row.status, row.coverage, row.reason) == ("partial", 0.25, "ends early")


def test_a_title_with_a_hole_inside_is_never_read_as_a_whole(make_coverage):
    """Its last picture is there, so its length is, too; 0.9999 would be printed as all of it as well."""
    hole = make_coverage(complete=False, reason="1 packet is damaged", declared_duration_s=10.0)
    assert title_row("t1", [], hole).coverage == 0.99
    assert title_row("t1", [], make_coverage(declared_duration_s=10.0)).coverage == 1


def test_a_partial_title_of_unknown_length_has_no_coverage(make_coverage):
    row = title_row("t1", [], make_coverage(complete=False, declared_duration_s=None))
    assert (row.status, row.duration_s, row.coverage) == ("partial", None, None)


def test_row_of_a_failed_title():
    row = title_row("t1", None, None, error_code="decode", error="no video stream")
    assert (row.status, row.error_code, row.error) == ("quarantined", "decode", "no video stream")
    assert (row.segments, row.flagged_s, row.decoded_s) == (0, 0.0, None)


def test_overlaps_count_once():
    assert covered_s([(5, 8), (0, 4), (1, 2), (7, 9)]) == 8
    assert covered_s([]) == 0


@pytest.mark.parametrize(
    ("declared_s", "declared_start_s", "length_s", "coverage"),
    [(11, 0.0, 11, 8 / 11), (11, 1.0, 12, 8 / 11), (11, None, 14, 8 / 11), (None, None, None, None)],
)
def test_what_lies_before_the_first_picture_counts_once(
    make_coverage, declared_s, declared_start_s, length_s, coverage
):
    """A recording begins with pictures that nobody can decode, at 0 or 1 s; or its sound begins before its pictures."""
    read = replace(
        make_coverage(False),
        declared_duration_s=declared_s,
        decoded_s=8.0,
        picture_start_s=3.0,
        declared_start_s=declared_start_s,
    )
    row = title_row("t", [], read)
    assert (row.duration_s, row.coverage) == (length_s, pytest.approx(coverage) if coverage else None)
    assert row.read_until_s == 11
