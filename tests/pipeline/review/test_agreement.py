import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.review.agreement import agreements, cohens_kappa, report_lines
from pipeline.review.state import replay

LABELS = ("smoking", "violence")


def test_kappa_worked_by_hand():
    """Cohen's example shape: 20 + 15 of 50 equal; chance (25 x 30 + 25 x 20) / 2500 = 0.5; kappa (0.7 - 0.5) / 0.5."""
    found = cohens_kappa({("yes", "yes"): 20, ("yes", "no"): 5, ("no", "yes"): 10, ("no", "no"): 15})
    assert found.observed == pytest.approx(0.7)
    assert found.kappa == pytest.approx(0.4)
    assert found.count == 50


def test_kappa_without_a_choice_is_not_defined():
    assert cohens_kappa({}).kappa is cohens_kappa({}).observed is None
    found = cohens_kappa({("yes", "yes"): 7})
    assert (found.observed, found.kappa) == (1.0, None)


@given(st.dictionaries(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), st.integers(0, 50)))
def test_kappa_is_symmetric_and_at_most_one(pairs):
    mine = cohens_kappa(pairs)
    theirs = cohens_kappa({(b, a): count for (a, b), count in pairs.items()})
    assert mine.observed == theirs.observed
    if mine.kappa is not None:
        assert mine.kappa == pytest.approx(theirs.kappa)
        assert mine.kappa <= 1 + 1e-12
        assert (mine.kappa == pytest.approx(1)) == (mine.observed == 1)


def test_two_reviewers_of_one_title(make_desk):
    ann, bob = make_desk("ann"), make_desk("bob")
    ann.do("accept", 0)
    bob.do("adjust", 0, start_s=4, end_s=6)  # tIoU 2/3 with 3-6
    ann.do("reject", 1)
    bob.do("unsure", 1)
    ann.do("split", 2, at_s=22)
    bob.do("accept", 2)
    ann.do("add", label="violence", start_s=50, end_s=52)
    bob.do("note", text="tired")
    (found,) = agreements(replay([*ann.entries, *bob.entries]), LABELS)
    assert found.segments.pairs == {("accepted as violence", "accepted as violence"): 1, ("rejected", "unsure"): 1}
    assert found.segments.observed == 0.5
    assert found.left_out == 1
    assert (found.matched, found.unmatched) == (1, 2)  # 20-25 s of bob, 50-52 s of ann
    assert (found.mean_tiou, found.start_s, found.end_s) == (pytest.approx(2 / 3), 1.0, 0.0)
    assert found.presence.count == 0
    text = "\n".join(report_lines(found))
    assert "ann rejected, bob unsure: 1" in text
    assert "mean tIoU 0.667, median distance of starts 1.00 s, of ends 0.00 s" in text


def test_presence_counts_only_where_both_reviewed_the_whole_title(make_desk):
    entries = []
    for name, verdict in (("ann", "accept"), ("bob", "reject")):
        desk = make_desk(name)
        for n, action in enumerate(("accept", verdict, "accept")):
            desk.do(action, n)
        desk.do("complete")
        other = make_desk(name, title_id="film-b")
        other.do("accept", 0)
        entries += [*desk.entries, *other.entries]
    (found,) = agreements(replay(entries), LABELS)
    assert found.titles == 2
    assert found.presence.pairs == {("present", "present"): 1, ("present", "absent"): 1}


def test_a_changed_label_is_a_disagreement(make_desk):
    ann, bob = make_desk("ann"), make_desk("bob")
    ann.do("accept", 0)
    bob.do("label", 0, label="smoking")
    (found,) = agreements(replay([*ann.entries, *bob.entries]), LABELS)
    assert found.segments.pairs == {("accepted as violence", "accepted as smoking"): 1}


def test_nobody_to_compare(make_desk):
    ann, bob = make_desk("ann"), make_desk("bob", title_id="film-b")
    ann.do("accept", 0)
    bob.do("accept", 0)
    assert agreements(replay([*ann.entries, *bob.entries]), LABELS) == []
