import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.labels import Clip, TitleLabels
from data.seen_labels import ReadSpan, all_seen_labels, beyond_words, left_out_words, seen_labels

READ = ReadSpan(10.0, 40.0)


def firsts(**clips):
    return {label: Clip(label, *times) for label, times in clips.items()}


def test_what_was_read_keeps_its_labels_and_nothing_is_said():
    title = TitleLabels("t", {"a": True, "b": False}, firsts(a=(12, 40.9)))
    assert seen_labels(title, READ) == (title, None)


def test_a_first_occurrence_that_nobody_could_see_leaves_its_label_unknown_and_the_others_alone():
    title = TitleLabels("t", {"a": True, "b": True, "c": False}, firsts(a=(50, 60), b=(20, 25)))
    kept, unseen = seen_labels(title, READ)
    assert kept == TitleLabels("t", {"a": None, "b": True, "c": False}, firsts(b=(20, 25)))
    assert (unseen.clips, unseen.cut, unseen.last_s, unseen.read_until_s) == (1, 0, 60, 40)


def test_a_clip_before_the_first_picture_is_not_seen_either():
    kept, unseen = seen_labels(TitleLabels("t", {}, firsts(a=(0, 10))), READ)
    assert (kept.present, kept.first, unseen.clips) == ({"a": None}, {}, 1)


def test_a_clip_that_reaches_beyond_is_cut_where_reading_ended():
    kept, unseen = seen_labels(TitleLabels("t", {}, firsts(a=(30, 55))), READ)
    assert kept.first == firsts(a=(30, 40))
    assert (unseen.clips, unseen.cut) == (0, 1)


def test_of_all_occurrences_those_that_were_read_stay_and_a_clip_told_twice_counts_once():
    every = (Clip("a", 12, 15), Clip("a", 50, 52), Clip("b", 60, 61))
    title = TitleLabels("t", {"a": True, "b": True}, firsts(a=(12, 15), b=(60, 61)), every)
    kept, unseen = seen_labels(title, READ)
    assert kept.occurrences == (Clip("a", 12, 15),)
    assert (kept.present, unseen.clips) == ({"a": True, "b": None}, 2)


@pytest.mark.parametrize("times", [(50, 45), (50, 50), (50, math.inf), (math.nan, 60)])
def test_what_is_no_interval_is_left_to_whoever_refuses_it(times):
    title = TitleLabels("t", {}, firsts(a=times))
    assert seen_labels(title, READ)[1] is None


def test_titles_are_named_with_where_their_labels_and_their_reading_end():
    labels = {name: TitleLabels(name, {}, firsts(a=(3100, 3130))) for name in ("t1", "t2", "t3")}
    spans = {"t1": ReadSpan(0, 2520), "t2": ReadSpan(0, 3120), "t3": ReadSpan(0, 3130)}
    kept, unseen = all_seen_labels(labels, spans)
    assert beyond_words(unseen, {"t1": "Zoë, die Erste", "t2": "T2"}) == (
        "2 titles: labels reach beyond what was read: Zoë, die Erste (t1), clip to 00:52:10, read to 00:42:00; "
        "t2, clip to 00:52:10, read to 00:52:00"
    )
    assert left_out_words(unseen) == "1 clip lies where nothing was read: left out; 1 clip cut where reading ended"
    assert kept["t3"] is labels["t3"]


def test_nothing_is_said_where_all_was_read():
    assert (beyond_words([], {}), left_out_words([])) == ("", "")


def test_of_many_titles_five_are_named_and_the_rest_counted():
    labels = {f"t{n}": TitleLabels(f"t{n}", {}, firsts(a=(100, 110))) for n in range(8)}
    said = beyond_words(all_seen_labels(labels, {name: ReadSpan(0, 60) for name in labels})[1], {})
    assert said.startswith("8 titles: ")
    assert said.count("read to") == 5
    assert said.endswith(" and 3 more")


SECONDS = st.floats(0, 100)


@given(st.lists(st.tuples(SECONDS, SECONDS), max_size=5), st.tuples(SECONDS, SECONDS))
def test_no_kept_clip_reaches_beyond_the_reading_and_none_that_was_seen_is_lost(times, span):
    read = ReadSpan(min(span), max(span))
    clips = tuple(Clip("a", min(pair), max(pair)) for pair in times)
    kept, unseen = seen_labels(TitleLabels("t", {}, {}, clips), read)
    real = [clip for clip in clips if clip.end_s > clip.start_s]
    seen = [clip for clip in real if clip.start_s < read.end_s and clip.end_s > read.start_s]
    assert [clip.start_s for clip in kept.occurrences if clip.end_s > clip.start_s] == [clip.start_s for clip in seen]
    assert all(clip.end_s <= read.end_s + 1 for clip in kept.occurrences if clip.end_s > clip.start_s)
    assert (unseen.clips if unseen else 0) == len(dict.fromkeys(real)) - len(dict.fromkeys(seen))
