from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.feature_folders import FeatureFolders
from data.import_features import ImportOutcome
from data.schemas import Coverage, FeatureSpec
from data.shards import ShardHeader
from data.titles import Title
from pipeline.import_words import ImportNotes, duration_lines, error_lines, features_line, unused_line
from pipeline.runs.extraction_plan import Failure

SPEC = FeatureSpec("imported:i3d", "", 8, "imported", "imported", False, 0)


def header(title_id: str, reason: str = "", declared_s: float | None = None, spec: FeatureSpec = SPEC) -> ShardHeader:
    coverage = Coverage(title_id, "", "", "import", "", "", 0, 0, 0, declared_s, 10.0, 10, 0, not reason, reason)
    return ShardHeader(Path(f"{title_id}.parquet"), spec, coverage)


def odd(title_id: str, rate: str = "") -> ShardHeader:
    """Of a title of 20 s with rows for 10."""
    fits = f"; the rows would fit at a rate of {rate}" if rate else ""
    return header(title_id, f"10 rows (one a second) for a stated duration of 20 s{fits}", 20.0)


def test_the_rate_that_would_fit_most_titles_is_told():
    assert duration_lines([odd("a", "25/16"), odd("b", "25/16"), header("c", declared_s=10.0)], told=False) == [
        "2 titles of 3: the rows do not last as long as stated: a (00:00:10 of 00:00:20), b (00:00:10 of 00:00:20)",
        '  at 25/16 rows a second 2 would: give --rate 25/16, or [data] feature_rate = "25/16"',
    ]


def test_files_that_are_not_whole_are_no_reason_for_another_rate():
    found = [odd("a", "25/8"), odd("b"), *(header(f"t{n}", declared_s=10.0) for n in range(3))]
    assert duration_lines(found, told=True) == [
        "2 titles of 5: the rows do not last as long as stated: a (00:00:10 of 00:00:20), b (00:00:10 of 00:00:20)",
        "  the other 3 do: the rate is right, and these files are not whole",
    ]


def test_no_rate_is_offered_where_none_would_fit():
    found = [odd(f"t{n}") for n in range(4)]
    (line,) = duration_lines(found, told=True)
    assert line.startswith("4 titles of 4: the rows do not last as long as stated: t0 (")
    assert line.endswith(", ...")


@pytest.mark.parametrize(
    ("found", "told", "said"),
    [
        ([header("a"), header("b")], False, True),  # nobody says anything: a row is taken for a second
        ([header("a"), header("b")], True, False),
        ([header("a"), header("b", declared_s=10.0)], False, False),
        ([header("a", spec=replace(SPEC, step_s=0.64))], False, False),
        ([header("a", spec=replace(SPEC, backbone="resnet50"))], False, False),
        ([], False, False),
    ],
)
def test_a_rate_that_nothing_checks_is_told(found, told, said):
    assert any("a row was taken for a second" in line for line in duration_lines(found, told=told)) is said


def test_what_was_done_to_rows_is_told_with_how_many_titles():
    notes = ImportNotes()
    assert notes.lines() == []
    notes.add(ImportOutcome("a", "done", notes=("crops were averaged",)))
    notes.add(ImportOutcome("b", "done", notes=("crops were averaged",), called="v_b.npy"))
    notes.add(ImportOutcome("c", "current", called="v_c.npy"))
    assert notes.lines() == [
        "of 2 titles crops were averaged",
        "of 2 titles the files have other names, such as v_b.npy for b",
    ]


def test_what_the_features_are_is_told():
    i3d = replace(SPEC, step_s=0.64)
    assert features_line([header("a", spec=i3d), header("b", spec=i3d)]) == (
        "features of 2 titles: 8 wide, 25/16 rows a second, 0.0 h"
    )
    assert features_line([header("a", spec=replace(SPEC, backbone="resnet50"))]) == ""


def test_the_first_error_of_each_reason_is_told():
    failures = {
        "a": Failure("shape", "a.npy: streams of 300 and 291 rows cannot be joined"),
        "b": Failure("shape", "b.npy: shape (7,)"),
        "c": Failure("missing", "c: no file called so"),
        "d": Failure("missing", "d: no file called so"),
        "e": Failure("missing", "e: no file called so under flow; rgb/e.npy is there"),
    }
    assert error_lines(failures) == [
        "  a: a.npy: streams of 300 and 291 rows cannot be joined",
        "  c: no file called so",
        "  e: no file called so under flow; rgb/e.npy is there",
    ]


def test_files_that_fit_no_title_are_told_where_titles_have_none(tmp_path: Path):
    np.save(tmp_path / "x.npy", np.zeros((3, 2)))
    folders, titles = FeatureFolders((tmp_path,)), [Title("a")]
    missing = {"a": Failure("missing", "")}
    assert unused_line(folders, titles, missing) == "1 feature file fits no title, such as x.npy"
    assert unused_line(folders, titles, {}) == ""
    assert unused_line(folders, [Title("x")], missing) == ""
    (tmp_path / "x.npy").rename(tmp_path / "all.h5")
    assert unused_line(FeatureFolders((tmp_path,)), titles, missing) == (
        "1 feature file fits no title, such as all.h5; if it holds all titles, name the file itself in [data] "
        "feature_folders, or --features"
    )
