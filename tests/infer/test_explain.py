"""Evidence and near misses worked by hand."""

import pytest

from data.errors import SchemaError
from data.schemas import LabelThresholds
from infer.explain import explain_segments, nearest_misses
from infer.segments import find_segments

LIMITS = LabelThresholds(title=0.5, frame=0.5, merge_gap_s=1.0, min_length_s=2.0, flag=0.75)


def gates(candidate):
    return [(gate.name, pytest.approx(gate.value), gate.needed, gate.passed) for gate in candidate.gates]


def explained(scores, limits=LIMITS, **options):
    thresholds = {"violence": limits}
    segments = find_segments(scores, thresholds, ("violence",), **options)
    flagged = [segment for segment in segments if segment.decision == "flag"]
    arguments = (("violence",), thresholds)
    return (
        explain_segments(scores, flagged, *arguments, segment_score="max"),
        nearest_misses(scores, segments, *arguments, segment_score="max"),
    )


def test_a_flagged_segment_passes_every_threshold(make_scores):
    # frames 1 to 4, joined over the gap at 3; frame 8 is a single one at exactly tau_f
    scores = make_scores([0.0, 0.5, 0.875, 0.25, 0.625, 0.0, 0.0, 0.0, 0.5, 0.0], title_scores=[0.75])
    [found], [miss] = explained(scores)
    assert (found.start_s, found.end_s, found.decision, found.peak_s) == (1.0, 5.0, "flag", 2.0)
    assert (found.action_peak, found.action_mean) == (0.875, 0.5625)
    assert gates(found) == [
        ("title score", 0.75, 0.5, True),
        ("frame score", 0.875, 0.5, True),
        ("length", 4.0, 2.0, True),
        ("segment score", 0.875, 0.75, True),
    ]
    assert found.shortfall == 0.0
    assert (miss.start_s, miss.end_s, miss.decision) == (8.0, 9.0, "")  # review does not lower the length
    assert gates(miss) == [
        ("title score", 0.75, 0.5, True),
        ("frame score", 0.5, 0.5, True),
        ("length", 1.0, 2.0, False),
        ("segment score", 0.5, 0.75, False),
    ]
    assert miss.shortfall == 0.5  # of the length; of the score a third


def test_misses_are_sought_at_half_the_frame_threshold_and_the_nearest_is_first(make_scores):
    scores = make_scores([0.25, 0.0, 0.0, 0.4375, 0.375, 0.0, 0.0, 0.125, 0.125], title_scores=[0.75])
    found, misses = explained(scores, LabelThresholds(0.5, 0.5, 0.0, 0.0, 0.5), review_fraction=0.0)
    assert found == []
    assert [(miss.start_s, miss.end_s, miss.decision) for miss in misses] == [(3.0, 5.0, ""), (0.0, 1.0, "")]
    assert [miss.shortfall for miss in misses] == [0.125, 0.5]
    assert gates(misses[0])[1:] == [("frame score", 0.4375, 0.5, False), ("segment score", 0.4375, 0.5, False)]


def test_what_holds_a_flagged_segment_is_no_miss_even_with_a_higher_peak_beside_it(make_scores):
    # the single frame of 1.0 is too short; the run of 0.875 is flagged; frames of 0.25 join them at half of tau_f
    scores = make_scores([0.0, 1.0, 0.25, 0.25, 0.875, 0.875, 0.0], title_scores=[0.75])
    [found], misses = explained(scores)
    assert (found.start_s, found.end_s, misses) == (4.0, 6.0, [])


def test_a_dropped_label_has_misses_only(make_scores):
    scores = make_scores([0.0, 1.0, 1.0, 0.0], title_scores=[0.375])
    found, [miss] = explained(scores)
    assert found == []
    assert [gate.name for gate in miss.gates if not gate.passed] == ["title score"]
    assert miss.shortfall == 0.25


def test_scores_of_the_parts_where_the_network_has_them(make_scores):
    scores = make_scores([0.5, 0.75], title_scores=[1.0], foreground=[1.0, 0.75])
    [found], _ = explained(scores, LabelThresholds(0.5, 0.5, 0.0, 0.0, 0.0))
    assert (found.foreground_peak, found.conditional_peak) == (1.0, 1.0)


def test_a_segment_that_these_scores_cannot_have_given_is_refused(make_scores, make_segment):
    arguments = (("violence",), {"violence": LIMITS})
    for segment in (make_segment(start_s=10.0, end_s=12.0), make_segment(label="sex")):
        with pytest.raises(SchemaError, match="is not within them; infer again"):
            explain_segments(make_scores([0.5, 0.5]), [segment], *arguments, segment_score="max")


def test_a_near_miss_is_told_from_its_row_and_what_it_missed_from_the_part_that_a_flag_would_be(make_scores):
    # at half of tau_f: 2 to 8; at tau_f: 3 to 5 and 6 to 7, the longer one is nearer to the 3 s that are needed
    scores = make_scores([0, 0, 0.25, 0.5, 0.625, 0.25, 0.5, 0.25, 0, 0], title_scores=[0.4])
    limits = LabelThresholds(title=0.5, frame=0.5, merge_gap_s=0.0, min_length_s=3.0, flag=0.75)
    [segment] = find_segments(scores, {"violence": limits}, ("violence",))
    [near] = nearest_misses(scores, [segment], ("violence",), {"violence": limits}, segment_score="max")
    assert (
        (near.start_s, near.end_s, near.decision) == (segment.start_s, segment.end_s, "review") == (2.0, 8.0, "review")
    )
    assert (near.score, near.drawn, near.core_s) == (0.625, (0.25, 0.25), (3.0, 5.0))
    assert gates(near) == [
        ("title score", pytest.approx(0.4), 0.5, False),
        ("frame score", 0.625, 0.5, True),
        ("length", 2.0, 3.0, False),
        ("segment score", 0.625, 0.75, False),
    ]


def test_a_near_miss_is_as_long_as_in_the_table_whatever_fraction_it_was_drawn_at(make_scores):
    scores = make_scores([0, 0.3, 0.45, 0.5, 0.45, 0.3, 0], title_scores=[0.75])
    for fraction, interval in ((0.5, (1.0, 6.0)), (0.8, (2.0, 5.0))):
        limits = LabelThresholds(title=0.5, frame=0.5, merge_gap_s=1.0, min_length_s=0.0, flag=0.6)
        segments = find_segments(scores, {"violence": limits}, ("violence",), review_fraction=fraction)
        [near] = nearest_misses(scores, segments, ("violence",), {"violence": limits}, segment_score="max")
        assert (near.start_s, near.end_s) == interval


def test_what_is_not_listed_ends_with_what_was_read(make_scores):
    scores = make_scores([0.0, 0.0, 0.0, 0.4], title_scores=[0.75])
    [miss] = nearest_misses(scores, [], ("violence",), {"violence": LIMITS}, segment_score="max", duration_s=3.25)
    assert (miss.start_s, miss.end_s, miss.decision) == (3.0, 3.25, "")


def test_without_scores_the_table_is_told_and_nothing_else(make_scores):
    scores = make_scores([0.0, 0.6, 0.6, 0.0, 0.3, 0.3, 0.3], title_scores=[0.75], foreground=[1.0] * 7)
    limits = LabelThresholds(title=0.5, frame=0.5, merge_gap_s=0.0, min_length_s=2.0, flag=0.55)
    segments = find_segments(scores, {"violence": limits}, ("violence",))
    told = explain_segments(None, segments, ("violence",), {"violence": limits}, segment_score="max")
    assert [[gate.name for gate in one.gates] for one in told] == [
        ["title score", "frame score", "length", "segment score"],
        ["title score", "frame score", "segment score"],
    ]
    own_rule = explain_segments(scores, segments, ("violence",), {}, segment_score="max")
    assert [(one.gates, one.drawn, one.shortfall) for one in own_rule] == [((), None, 0.0)] * 2
