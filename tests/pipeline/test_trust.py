"""How far a run may be believed: numbers of the checkpoint, and titles of which nobody would believe so much."""

from data.schemas import Segment
from infer.title_status import TitleRow
from pipeline.moderation_summary import _moments
from pipeline.trust import hard_to_believe, thresholds_in_force, what_it_knows

RECORD = {
    "notice": "A demonstration.",
    "thresholds": {"intimacy": {}, "violence": {}},
    "flags_measured": {
        "on": "its test titles",
        "labels": {
            "intimacy": {"recall": 0.88, "precision": 0.36, "false_per_hour": 2.1},
            "violence": {"recall": 0.77, "precision": 0.69, "false_per_hour": 0.8},
        },
    },
}


def row(title_id: str, flagged_s: float, decoded_s: float = 3600.0, segments: int = 1) -> TitleRow:
    numbers = (segments, flagged_s, decoded_s, decoded_s, 1.0, 60, 0)
    return TitleRow(title_id, "flagged", "violence", *numbers, "", "", "", "f", f"Name of {title_id}")


def segment(
    title_id: str, start_s: float, end_s: float, decision: str = "flag", label: str = "violence", score: float = 0.9
) -> Segment:
    return Segment(title_id, label, 0, start_s, end_s, score, 0.9, None, None, 0.9, 0.1, 0.1, decision, start_s)


def found(**flags: int) -> dict[str, list[Segment]]:
    """Return so many flags of each label in one title, and a near miss of each."""
    return {
        "a": [
            segment("a", 10 * number, 10 * number + 5, "flag" if number < count else "review", label)
            for label, count in flags.items()
            for number in range(count + 1)
        ]
    }


def test_the_notice_then_what_is_looked_for_then_how_often_it_is_right() -> None:
    assert what_it_knows(RECORD, [row("a", 60), row("b", 60, 7200)], found(intimacy=5, violence=3)) == [
        "A demonstration.",
        "It looks for intimacy and violence, and for nothing else: clear means that none of these was noticed.",
        "Measured on its test titles:",
        "  intimacy: finds 88% of the scenes; 36% of its flags are right; 2.1 false flags an hour",
        "  violence: finds 77% of the scenes; 69% of its flags are right; 0.8 false flags an hour",
        # intimacy: 5 x (1 - .36), and 3 h x 2.1 but no more than there are; violence: 3 x (1 - .69), and 3 h x 0.8
        "Of the 8 flags raised in the 3.0 h read here so many would be wrong, by those shares and rates: "
        "3 to 5 of 5 of intimacy, 1 to 2 of 3 of violence; on films of another kind expect more.",
    ]


def test_one_flag_is_one_and_a_label_without_flags_is_not_counted() -> None:
    assert what_it_knows(RECORD, [row("a", 60, 360)], found(violence=1))[-1] == (
        "Of the 1 flag raised in the 6 min read here so many would be wrong, by those shares and rates: "
        "0 of 1 of violence; on films of another kind expect more."
    )
    assert what_it_knows(RECORD, [row("a", 60)], {})[-1].startswith("  violence: finds")


LIMITS = {
    "intimacy": {"title": 0.3415954262018204, "frame": 0.14, "flag": 0.9758166670799255},
    "violence": {"title": 0.65, "frame": 0.04, "flag": 0.9987184405326843},
}


def test_the_thresholds_in_force_are_one_line() -> None:
    assert thresholds_in_force({"thresholds": LIMITS}) == [
        "Flagged from a score of: intimacy 0.97581667 in a title from 0.3415954; violence 0.99871844 in a title from "
        "0.65."
    ]
    assert thresholds_in_force({"thresholds": LIMITS, "rule": "3c-net"}) == [
        "Segments are made by the rule of 3c-net, which asks for no thresholds."
    ]
    assert thresholds_in_force(RECORD) == []
    many = {f"label {number}": LIMITS["violence"] for number in range(20)}
    [line] = thresholds_in_force({"thresholds": many})
    assert line.endswith("; 8 more labels in run.json.")
    assert what_it_knows({"thresholds": LIMITS}, [], {})[1] == thresholds_in_force({"thresholds": LIMITS})[0]


def test_changed_thresholds_and_a_checkpoint_that_was_not_measured_are_said() -> None:
    changed = {**RECORD, "config": {"infer": {"thresholds": {"violence": {"flag": 0.1}}}}}
    assert what_it_knows(changed, [], {})[-1] == "Thresholds were changed for this run: other numbers hold for it."
    assert what_it_knows({"thresholds": {"checks": {}}}, [row("a", 1)], {}) == [
        "It looks for checks, and for nothing else: clear means that none of these was noticed.",
        "How often it is right is not known of this checkpoint; `coarse2fine evaluate` tells, on labelled titles.",
    ]


def test_a_title_of_which_more_than_half_is_flagged_is_named_the_whole_ones_first() -> None:
    rows = [row("half", 1800), row("more", 1900), row("whole", 3590), row("unknown", 5, 0.0), row("little", 20)]
    segments = {
        "half": [segment("half", 0, 1800)],
        "more": [segment("more", 60, 1960)],
        "whole": [segment("whole", 5, 3595), segment("whole", 0, 3600, "review")],
        "unknown": [segment("unknown", 0, 5)],
        "little": [segment("little", 0, 20)],
    }
    assert hard_to_believe(rows, segments) == [
        "Name of unknown: the whole of it is one segment of violence; that is hardly so, look before you skip it",
        "Name of whole: the whole of it is one segment of violence; that is hardly so, look before you skip it",
        "Name of more: 53% of it is flagged, the longest from 00:01:00 to 00:32:40 for violence; that is hardly so, "
        "look before you skip it",
    ]


def test_many_of_them_are_counted() -> None:
    rows = [row(f"t{number}", 3600) for number in range(10)]
    segments = {f"t{number}": [segment(f"t{number}", 0, 3600)] for number in range(10)}
    lines = hard_to_believe(rows, segments)
    assert len(lines) == 9
    assert lines[-1] == "and 2 more titles of which more than half is flagged"


def test_of_thresholds_that_were_not_measured_no_number_is_said() -> None:
    tuned, other = {"flag": 0.5}, {"flag": 0.9}
    values = {"recall": 0.8, "precision": 0.5, "false_per_hour": 1.0, "thresholds": tuned}
    counts = {"on": "its titles", "labels": {"x": values, "y": values}}
    both = what_it_knows({"thresholds": {"x": other, "y": other}, "flags_measured": counts}, [row("a", 60)], {})
    assert both[1:] == ["It was measured at other thresholds than these; how often it is right at these is not known."]
    one = what_it_knows({"thresholds": {"x": tuned, "y": other}, "flags_measured": counts}, [row("a", 60)], {})
    assert one[1:] == [
        "Measured on its titles:",
        "  x: finds 80% of the scenes; 50% of its flags are right; 1.0 false flags an hour",
    ]


def test_flags_of_a_label_that_was_not_measured_are_named_as_such() -> None:
    record = {**RECORD, "thresholds": {"intimacy": {}, "violence": {}, "smoking": {}}}
    assert (
        "0 of 1 of violence, of the 2 of smoking it is not known;"
        in (what_it_knows(record, [row("a", 60, 360)], found(violence=1, smoking=2))[-1])
    )


def test_the_flag_that_is_warned_of_is_never_one_of_those_that_are_only_counted() -> None:
    short = [segment("a", 60.0 * number, 60.0 * number + 4, score=0.99 + number / 1000) for number in range(5)]
    film, long = row("a", 3000.0), segment("a", 500.0, 3380.0, score=0.95)
    [warning] = hard_to_believe([film], {"a": [*short, long]})
    assert "the longest from 00:08:20 to 00:56:20" in warning
    assert _moments(film, [*short, long], {"violence": 0.9}) == (
        "00:03:00 violence 0.9930; 00:04:00 violence 0.9940; 00:08:20 violence 0.950; 3 more"
    )


def test_a_moment_is_read_to_the_millisecond_where_it_is_no_whole_second() -> None:
    assert _moments(row("a", 5), [segment("a", 71.96, 86.0, score=0.9992632)], {"violence": 0.9987184}) == (
        "00:01:11.960 violence 0.99926"
    )
