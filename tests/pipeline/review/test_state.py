import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.review.actions import ActionError, ActionRequest, OpenTitle, make_entry
from pipeline.review.log import ReviewedSegment
from pipeline.review.state import in_force, replay, replay_title, undecided


def test_accept_reject_unsure_and_second_thoughts(desk):
    desk.do("accept", 0)
    desk.do("reject", 1)
    desk.do("unsure", 2)
    desk.do("reject", 0)
    verdicts = {name: one.verdict for name, one in desk.review.segments.items()}
    assert verdicts == {"run1:0": "rejected", "run1:1": "rejected", "run1:2": "unsure"}
    assert undecided(desk.review, desk.of_model) == {}


def test_adjusted_edges_are_accepted_and_stay_inside_the_title(desk):
    desk.do("adjust", 2, start_s=21.25)
    assert desk.spans() == [("violence", 21.25, 25.0)]
    desk.do("adjust", 2, end_s=99.0)
    assert desk.spans() == [("violence", 21.25, 60.0)]
    with pytest.raises(ActionError, match="30-30 s is no interval"):
        desk.do("adjust", 2, start_s=30, end_s=30)


def test_split_parts_keep_the_verdict_and_can_be_judged_apart(desk):
    parts = desk.do("split", 2, at_s=22).segments
    assert [(one.start_s, one.end_s, one.verdict) for one in parts] == [(20, 22, "open"), (22, 25, "open")]
    assert set(undecided(desk.review, desk.of_model)) == {parts[0].id, parts[1].id, "run1:0", "run1:1"}
    desk.do("accept", parts[0].id)
    desk.do("reject", parts[1].id)
    assert desk.spans() == [("violence", 20, 22)]
    with pytest.raises(ActionError, match="no segment 'run1:2'"):
        desk.do("accept", 2)
    with pytest.raises(ActionError, match="cannot split 3-6 s at 6"):
        desk.do("split", 0, at_s=6)


def test_merge_takes_all_from_the_first_start_to_the_last_end(desk):
    desk.do("merge", 0, other=2)
    assert desk.spans() == [("violence", 3, 25)]
    assert set(undecided(desk.review, desk.of_model)) == {"run1:1"}
    with pytest.raises(ActionError, match="only two segments of one label"):
        desk.do("merge", next(iter(desk.review.segments)), other=1)


def test_add_and_change_of_label(desk):
    desk.do("add", label="smoking", start_s=30, end_s=31.5)
    desk.do("label", 1, label="violence")
    assert desk.spans() == [("smoking", 30, 31.5), ("violence", 8, 10)]
    with pytest.raises(ActionError, match="label 'sex' is not one of smoking, violence"):
        desk.do("add", label="sex", start_s=1, end_s=2)


def test_one_first_occurrence_a_label_and_nothing_accepted_before_it(desk):
    desk.do("first", 2)
    assert desk.review.segments["run1:2"].first and desk.review.segments["run1:2"].verdict == "accepted"
    desk.do("first", 0)
    assert [name for name, one in desk.review.segments.items() if one.first] == ["run1:0"]
    with pytest.raises(ActionError, match="violence at 20 s is not the first: 3 s is accepted, too"):
        desk.do("first", 2)
    desk.do("first", 0)
    assert not any(one.first for one in desk.review.segments.values())
    desk.do("first", 0)
    desk.do("reject", 0)
    assert not desk.review.segments["run1:0"].first


def test_a_title_is_complete_only_when_everything_is_decided(desk):
    desk.do("accept", 0)
    with pytest.raises(ActionError, match="2 segments are not decided"):
        desk.do("complete")
    desk.do("reject", 1)
    desk.do("unsure", 2)
    desk.do("complete")
    assert desk.review.complete
    desk.do("reopen")
    assert not desk.review.complete


def test_notes_of_segment_and_title(desk):
    desk.do("note", 0, text="  a toy gun ")
    desk.do("note", text="watched at double speed")
    assert desk.review.segments["run1:0"].note == "a toy gun"
    assert desk.review.segments["run1:0"].verdict == "open"
    assert desk.review.note == "watched at double speed"
    assert set(undecided(desk.review, desk.of_model)) == set(desk.of_model)


def test_undo_takes_back_the_last_action_in_force_and_then_the_one_before(desk):
    desk.do("accept", 0)
    desk.do("split", 2, at_s=22)
    desk.do("undo")
    assert "run1:2" not in desk.review.removed and desk.spans() == [("violence", 3, 6)]
    desk.do("undo")
    assert desk.review.segments == {}
    with pytest.raises(ActionError, match="nothing to undo"):
        desk.do("undo")
    assert [one.action for one in desk.entries] == ["accept", "split", "undo", "undo"]  # nothing is erased


def test_an_undo_may_itself_be_taken_back(desk):
    accept = desk.do("accept", 0)
    undo = desk.do("undo")
    again = undo.model_copy(update={"id": "redo", "undoes": undo.id})
    assert in_force([accept, undo, again]) == [accept]


def test_reviewers_do_not_see_each_other(make_desk):
    ann, bob = make_desk("ann"), make_desk("bob")
    ann.do("accept", 0)
    bob.do("reject", 0)
    states = replay([*ann.entries, *bob.entries])
    assert {key: state.segments["run1:0"].verdict for key, state in states.items()} == {
        ("ann", "film-a"): "accepted",
        ("bob", "film-a"): "rejected",
    }


def test_verdicts_carry_over_to_a_later_run(desk):
    """3-6 s was judged, and 3.5-6 s covers 5/6 of it; 9-14 s shares 1 s of 6 with 8-10 s: to be looked at."""
    desk.do("reject", 0)
    desk.do("accept", 1)
    later = {
        f"run2:{n}": ReviewedSegment(id=f"run2:{n}", label=label, start_s=start, end_s=end)
        for n, (label, start, end) in enumerate([("violence", 3.5, 6), ("smoking", 3, 6), ("smoking", 9, 14)])
    }
    assert set(undecided(desk.review, later)) == {"run2:1", "run2:2"}


ACTIONS = st.lists(
    st.tuples(st.sampled_from(["accept", "reject", "unsure", "split", "merge", "first", "undo"]), st.integers(0, 2)),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(ACTIONS)
def test_undoing_everything_leads_back_to_the_beginning(desk_actions):
    of_model = {
        f"r:{n}": ReviewedSegment(id=f"r:{n}", label="violence", start_s=10 * n, end_s=10 * n + 4) for n in range(3)
    }
    entries, states = [], [replay_title([])]

    def do(request):
        title = OpenTitle("t", 60, ("violence",), replay_title(entries), of_model)
        entries.append(make_entry(request, title, reviewer="ann", run_id="r"))

    for action, n in desk_actions:
        values = (
            {"at_s": 10 * n + 2} if action == "split" else {"other": f"r:{(n + 1) % 3}"} if action == "merge" else {}
        )
        try:
            do(ActionRequest(action=action, segment=f"r:{n}", **values))
        except ActionError:
            continue
        if action == "undo":
            states.pop()
        else:
            states.append(replay_title(entries))
        assert replay_title(entries).segments == states[-1].segments
    for state in reversed(states[:-1]):
        do(ActionRequest(action="undo"))
        assert replay_title(entries).segments == state.segments
        assert replay_title(entries).removed == state.removed
