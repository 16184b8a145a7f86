"""How far a run may be believed: numbers of the checkpoint, and titles of which nobody would believe so much."""

from data.schemas import Segment
from infer.title_status import TitleRow
from pipeline.trust import hard_to_believe, what_it_knows

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


def segment(title_id: str, start_s: float, end_s: float, decision: str = "flag") -> Segment:
    return Segment(title_id, "violence", 0, start_s, end_s, 0.9, 0.9, None, None, 0.9, 0.1, 0.1, decision, start_s)


def test_the_notice_then_what_is_looked_for_then_how_often_it_is_right() -> None:
    assert what_it_knows(RECORD, [row("a", 60, segments=5), row("b", 60, 7200, segments=3)]) == [
        "A demonstration.",
        "It looks for intimacy and violence, and for nothing else: clear means that none of these was noticed.",
        "Measured on its test titles:",
        "  intimacy: finds 88% of the scenes; 36% of its flags are right; 2.1 false flags an hour",
        "  violence: finds 77% of the scenes; 69% of its flags are right; 0.8 false flags an hour",
        # 8 x (1 - .69) and 8 x (1 - .36); 3 h x 2.9 an hour, but no more than there are
        "It raised 8 flags in the 3.0 h read here: of these 2 to 5 by those shares, 8 by those false flags an hour "
        "would be wrong; on films of another kind expect more.",
    ]


def test_changed_thresholds_and_a_checkpoint_that_was_not_measured_are_said() -> None:
    changed = {**RECORD, "config": {"infer": {"thresholds": {"violence": {"flag": 0.1}}}}}
    assert what_it_knows(changed, [])[-1] == "Thresholds were changed for this run: other numbers hold for it."
    assert what_it_knows({"thresholds": {"checks": {}}}, [row("a", 1)]) == [
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
    found = {"on": "its titles", "labels": {"x": values, "y": values}}
    both = what_it_knows({"thresholds": {"x": other, "y": other}, "flags_measured": found}, [row("a", 60)])
    assert both[1:] == ["It was measured at other thresholds than these; how often it is right at these is not known."]
    one = what_it_knows({"thresholds": {"x": tuned, "y": other}, "flags_measured": found}, [row("a", 60)])
    assert one[1:] == [
        "Measured on its titles:",
        "  x: finds 80% of the scenes; 50% of its flags are right; 1.0 false flags an hour",
    ]
