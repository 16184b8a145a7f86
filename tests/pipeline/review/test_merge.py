import csv

import pytest

from data.errors import ManifestError
from data.label_manifest import scan_labels
from data.labels import Clip, TitleLabels
from data.titles import Title
from pipeline.review.log import ReviewLog
from pipeline.review.merge import merge_reviews, write_merged

LABELS = ("smoking", "violence")
TITLES = {name: Title(name, duration_s=60) for name in ("film-a", "film-b")}


@pytest.fixture
def merge(tmp_path):
    """Write desks to a log each, merge the logs."""

    def run(*desks, earlier=None, titles=TITLES, prefer=None):
        paths = []
        for number, desk in enumerate(desks):
            paths.append(tmp_path / f"{number}.jsonl")
            log = ReviewLog(paths[-1])
            for entry in desk.entries:
                log.append(lambda entries, entry=entry: entry)
        return merge_reviews(paths, LABELS, titles, earlier or {}, prefer=prefer)

    return run


def clip(label, start_s, end_s):
    return Clip(label, start_s, end_s)


def test_what_nobody_reviewed_is_unknown_and_never_absent(desk, merge):
    desk.do("note", text="looked at it only")
    desk.do("note", 0, text="hm")
    earlier = {name: TitleLabels(name, dict.fromkeys(LABELS)) for name in TITLES}
    assert merge(desk, earlier=earlier).labels == earlier


def test_an_accepted_segment_says_present_but_not_first(desk, merge):
    desk.do("accept", 2)
    desk.do("reject", 1)
    labels = merge(desk).labels["film-a"]
    assert labels == TitleLabels("film-a", {"smoking": None, "violence": True}, {}, None)


def test_a_marked_first_occurrence_is_a_clip_label(desk, merge):
    desk.do("first", 0)
    assert merge(desk).labels["film-a"].first == {"violence": clip("violence", 3, 6)}


def test_a_first_occurrence_with_an_unsure_segment_before_it_is_none(desk, merge):
    desk.do("unsure", 0)
    desk.do("first", 2)
    merged = merge(desk)
    assert merged.labels["film-a"] == TitleLabels("film-a", {"smoking": None, "violence": True}, {}, None)
    (problem,) = merged.problems
    assert "violence: 20 s cannot be called the first: 3 s is not decided" in problem.message


def test_a_fully_reviewed_title_lists_all_occurrences_and_absences(desk, merge):
    desk.do("accept", 0)
    desk.do("reject", 1)
    desk.do("adjust", 2, start_s=19, end_s=25)
    desk.do("complete")
    merged = merge(desk)
    assert merged.labels["film-a"] == TitleLabels(
        "film-a",
        {"smoking": False, "violence": True},
        {"violence": clip("violence", 3, 6)},
        (clip("violence", 3, 6), clip("violence", 19, 25)),
    )
    assert (merged.titles, merged.complete, merged.conflicts) == (["film-a"], 1, 0)


def test_unsure_keeps_its_label_unknown_even_in_a_fully_reviewed_title(desk, merge):
    desk.do("first", 0)
    desk.do("unsure", 1)
    desk.do("reject", 2)
    desk.do("complete")
    labels = merge(desk).labels["film-a"]
    assert labels.present == {"smoking": None, "violence": True}
    assert labels.first == {"violence": clip("violence", 3, 6)}
    assert labels.occurrences is None  # not all are known


def test_undone_actions_leave_no_label(desk, merge):
    desk.do("accept", 0)
    desk.do("undo")
    assert merge(desk).labels == {}


def test_a_review_corrects_earlier_labels(desk, merge):
    earlier = {
        "film-a": TitleLabels(
            "film-a", {"smoking": True, "violence": False}, {"smoking": clip("smoking", 40, 44)}, None
        ),
        "film-b": TitleLabels("film-b", {"smoking": False, "violence": None}),
    }
    desk.do("accept", 0)
    desk.do("accept", 1)  # smoking at 8 s, before what was called the first
    merged = merge(desk, earlier=earlier)
    assert merged.labels["film-b"] == earlier["film-b"]
    assert merged.labels["film-a"] == TitleLabels("film-a", {"smoking": True, "violence": True}, {}, None)
    messages = [problem.message for problem in merged.problems]
    assert any("violence: was absent, the review says present" in message for message in messages)
    assert any("smoking: the first occurrence at 40 s is dropped" in message for message in messages)


def test_an_earlier_first_occurrence_stays_while_nothing_comes_before_it(desk, merge):
    earlier = {"film-a": TitleLabels("film-a", {"violence": True}, {"violence": clip("violence", 2.5, 6)}, None)}
    desk.do("accept", 0)
    desk.do("accept", 2)
    desk.do("reject", 1)
    merged = merge(desk, earlier=earlier)
    assert merged.labels["film-a"].first == {"violence": clip("violence", 2.5, 6)}
    assert merged.problems == []


def test_accepted_segments_are_added_to_earlier_lists_of_all_occurrences(desk, merge):
    known = clip("violence", 19, 26)
    earlier = {"film-a": TitleLabels("film-a", {"smoking": False, "violence": True}, {"violence": known}, (known,))}
    desk.do("accept", 0)
    desk.do("reject", 2)
    merged = merge(desk, earlier=earlier)
    found = clip("violence", 3, 6)
    assert merged.labels["film-a"] == TitleLabels(
        "film-a", {"smoking": False, "violence": True}, {"violence": found}, (found, known)
    )
    assert "violence: rejected at 20 s, but labelled before" in merged.problems[0].message


def both_complete(make_desk, **second):
    ann, bob = make_desk("ann"), make_desk("bob")
    for one in (ann, bob):
        one.do("accept", 0)
        one.do("reject", 1)
    ann.do("accept", 2)
    return ann, bob


def test_reviewers_who_agree_give_averaged_edges(make_desk, merge):
    ann, bob = both_complete(make_desk)
    bob.do("adjust", 2, start_s=21, end_s=28)
    for one in (ann, bob):
        one.do("complete")
    merged = merge(ann, bob)
    assert merged.labels["film-a"].occurrences == (clip("violence", 3, 6), clip("violence", 20.5, 26.5))
    assert merged.labels["film-a"].first == {"violence": clip("violence", 3, 6)}
    assert merged.problems == []


def test_reviewers_who_contradict_one_another_leave_the_label_unknown(make_desk, merge):
    ann, bob = make_desk("ann"), make_desk("bob")
    for n in (0, 1, 2):
        ann.do("accept", n)
        bob.do("reject", n) if n != 1 else bob.do("accept", n)
    for one in (ann, bob):
        one.do("complete")
    earlier = {"film-a": TitleLabels("film-a", {"smoking": None, "violence": True})}
    merged = merge(ann, bob, earlier=earlier)
    labels = merged.labels["film-a"]
    assert labels.present == {"smoking": True, "violence": None}
    assert labels.first == {"smoking": clip("smoking", 8, 10)}
    assert labels.occurrences is None
    assert merged.conflicts == 1
    assert "violence: ann and bob contradict each other: present and absent" in merged.problems[0].message
    preferred = merge(ann, bob, earlier=earlier, prefer="bob").labels["film-a"]
    assert preferred.present == {"smoking": True, "violence": False}
    assert preferred.occurrences == (clip("smoking", 8, 10),)


def test_one_who_saw_more_than_a_full_review_contradicts_it(make_desk, merge):
    ann, bob = both_complete(make_desk)
    bob.do("reject", 2)
    bob.do("complete")
    merged = merge(ann, bob)
    labels = merged.labels["film-a"]
    assert (labels.present["violence"], labels.first, labels.occurrences) == (True, {}, None)
    assert "accepted different segments" in merged.problems[0].message


def test_a_third_opinion_does_not_settle_a_conflict_silently(make_desk, merge):
    ann, bob, cid = (make_desk(name) for name in ("ann", "bob", "cid"))
    ann.do("accept", 0)
    bob.do("reject", 0)
    cid.do("accept", 0)
    merged = merge(ann, bob, cid)
    assert merged.labels["film-a"].present == {"smoking": None, "violence": None}


def test_reviews_of_one_person_in_two_files_are_one_review(make_desk, merge):
    one, two = make_desk("ann"), make_desk("ann")
    one.do("first", 0)
    two.do("first", 1)
    assert set(merge(one, two).labels["film-a"].first) == {"violence", "smoking"}


def test_titles_that_are_not_in_the_catalogue_are_left_out_with_a_warning(desk, merge):
    desk.do("accept", 0)
    merged = merge(desk, titles={"film-b": Title("film-b")})
    assert merged.labels == {}
    assert "'film-a': is reviewed, but is not in the titles" in merged.problems[0].message


def test_bad_lines_and_unknown_labels_stop_the_merge(tmp_path, desk):
    log = ReviewLog(tmp_path / "review.jsonl")
    entry = desk.do("accept", 0)
    renamed = entry.segments[0].model_copy(update={"label": "sex"})
    log.append(lambda entries: entry.model_copy(update={"segments": (renamed,)}))
    with (tmp_path / "review.jsonl").open("a") as handle:
        handle.write('{"version": 1}\n')
    with pytest.raises(ManifestError) as caught:
        merge_reviews([tmp_path / "review.jsonl"], LABELS, TITLES, {})
    assert [problem.line for problem in caught.value.problems] == [2, 1]
    assert "unknown label 'sex'; allowed are smoking, violence" in str(caught.value)


def test_the_files_that_are_written_read_back_as_the_same_labels(tmp_path, make_desk, merge):
    ann, bob = both_complete(make_desk)
    bob = make_desk("bob", title_id="film-b")
    bob.do("first", 1)
    ann.do("complete")
    merged = merge(ann, bob)
    write_merged(tmp_path / "out", merged)
    out = tmp_path / "out"
    read = scan_labels(out / "video_labels.csv", out / "clip_labels.csv", LABELS, TITLES).labels
    assert read == merged.labels
    assert list(csv.reader((out / "clip_labels.csv").open())) == [
        ["title_id", "label", "start_s", "end_s", "kind"],
        ["film-a", "violence", "3.000000", "6.000000", "all_occurrence"],
        ["film-a", "violence", "20.000000", "25.000000", "all_occurrence"],
        ["film-b", "smoking", "8.000000", "10.000000", "first_occurrence"],
    ]
