from types import SimpleNamespace

import pytest

from data.catalogue import Catalogue
from data.labels import Clip, TitleLabels
from data.manifest import TitleManifest
from data.time_grid import TimeGrid
from data.titles import Title
from pipeline.benchmark.catalogue import frame_shares
from pipeline.benchmark.tables import table_2

LABELS = ("a", "b")


def catalogue(tmp_path, *rows):
    """Make a catalogue of (split, duration, labels) rows."""
    titles = {labels.title_id: Title(labels.title_id, None, duration_s, split) for split, duration_s, labels in rows}
    manifest = TitleManifest(tmp_path / "titles.csv", tmp_path, titles, {}, ())
    return Catalogue(
        manifest, {labels.title_id: labels for _, _, labels in rows}, {labels.title_id: s for s, _, labels in rows}, ()
    )


def both(title_id, *clips):
    present = {label: any(clip.label == label for clip in clips) for label in LABELS}
    return TitleLabels(title_id, present, {}, clips)


def test_shares_by_hand(tmp_path):
    """100 frames: a holds 10, b 5 of which 2 are a's; the foreground is 13."""
    found = frame_shares(
        catalogue(
            tmp_path,
            ("test", 59.5, both("t1", Clip("a", 10, 20), Clip("b", 18, 23))),
            ("test", 40.0, both("t2")),
            ("test", None, both("t3", Clip("a", 0, 9))),
        ),
        LABELS,
    )
    assert (found.titles, found.frames, found.splits, found.is_lower_bound) == (2, 100, ("test",), False)
    a, b = found.labels
    assert (a.frames, a.of_all, a.of_foreground) == (10, 0.1, pytest.approx(10 / 13))
    assert (b.frames, b.imbalance, b.foreground_imbalance) == (5, pytest.approx(19), pytest.approx(8 / 5))
    assert (a.lift, found.foreground.frames) == (pytest.approx(100 / 13), 13)


def test_a_split_with_first_occurrences_only_would_make_events_rarer(tmp_path):
    first = TitleLabels("t1", {"a": True, "b": False}, {"a": Clip("a", 0, 10)})
    whole = both("t2", Clip("a", 0, 10), Clip("a", 20, 30))
    rows = [("train", 100.0, first), ("train", 100.0, both("t0")), ("test", 100.0, whole)]
    found = frame_shares(catalogue(tmp_path, *rows), LABELS)
    assert (found.splits, found.labels[0].of_all, found.is_lower_bound) == (("test",), 0.2, False)
    found = frame_shares(catalogue(tmp_path, *rows[:2]), LABELS)
    assert (found.splits, found.labels[0].of_all, found.is_lower_bound) == (("train",), 0.05, True)
    assert found.labels[1].lift is None


def test_a_split_of_known_absences_alone_is_not_what_events_are_counted_in(tmp_path):
    """It is complete by itself, and would have said that nothing ever happens."""
    first = TitleLabels("t1", {"a": True, "b": False}, {"a": Clip("a", 0, 10)})
    absent = TitleLabels("t2", {"a": False, "b": False})
    found = frame_shares(catalogue(tmp_path, ("train", 100.0, first), ("val", 100.0, absent)), LABELS)
    assert (found.splits, found.labels[0].of_all, found.is_lower_bound) == (("train", "val"), 0.05, True)


def test_without_durations_there_is_no_table(tmp_path):
    assert frame_shares(catalogue(tmp_path, ("test", None, both("t1"))), LABELS) is None


def header(rows, start_s=0.0):
    """Stand for a shard of so many rows, 25 every 16 seconds."""
    return SimpleNamespace(frames=rows, grid=TimeGrid(start_s, 0.64), spec=SimpleNamespace(step_s=0.64))


def test_rows_of_features_are_counted_at_their_own_rate(tmp_path):
    """100 rows of 0.64 s: 6.4 to 12.8 s are rows 10 to 19, whatever the manifest says of the duration."""
    clips = (Clip("a", 6.4, 12.8), Clip("b", 63.9, 70.0), Clip("b", 64.0, 70.0))
    films = catalogue(tmp_path, ("test", None, both("t1", *clips)), ("test", 64.0, both("t2")))
    found = frame_shares(films, LABELS, {"t1": header(100)})
    assert (found.titles, found.frames, found.step_s) == (2, 200, 0.64)
    assert [label.frames for label in found.labels] == [10, 1]  # what begins after the last row is not in it
    assert "200 frames of 0.64 s." in table_2(found).notes[0]


def test_rows_that_begin_later_than_the_player_are_counted_where_they_are(tmp_path):
    clips = (Clip("a", 10.0, 10.64), Clip("b", 1.0, 2.0))
    films = catalogue(tmp_path, ("test", None, both("t1", *clips)))
    found = frame_shares(films, LABELS, {"t1": header(100, start_s=10.0)})
    assert [label.frames for label in found.labels] == [1, 0]
