import csv
import io
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from data.errors import SchemaError
from data.schemas import SEGMENTS_SCHEMA, TITLES_SCHEMA, scores_schema
from data.time_grid import TimeGrid
from infer import write
from infer.csv_export import clock, guard, write_title_csv
from infer.title_scores import TitleScores
from infer.title_status import title_row
from infer.write import (
    Origin,
    read_score_labels,
    read_scores,
    read_segments,
    read_titles_table,
    write_results,
    write_scores,
)

ORIGIN = Origin(run_id="r1", model_id="m1", features_id="f1")


@pytest.fixture
def results(make_segment, make_coverage):
    found = [
        make_segment(start_s=3723.0, end_s=3731.25, score=0.75, peak_s=3725.0),
        make_segment(label="=cmd|'/C calc'!A0", start_s=3800.0, end_s=3801.0, score=0.5, decision="review"),
    ]
    return [
        (title_row("t1", found, make_coverage(), name="Küss mich, Zoë!", path="/films/Küss mich, Zoë!.mkv"), found),
        (title_row("-t2", [], make_coverage()), []),
        (title_row("t3", None, None, error_code="decode", error="@broken,\nbadly"), []),
    ]


def test_golden_csv(tmp_path, results):
    assert write_results(tmp_path, results, ORIGIN) == {"flagged": 1, "clear": 1, "quarantined": 1}
    header = b"title_id,label,start_s,end_s,start,end,duration_s,score,decision,peak_s,name,path\n"
    rows = (
        't1,violence,3723.000,3731.250,01:02:03.000,01:02:11.250,8.250,0.750000,flag,3725.000,"Küss mich, Zoë!",'
        '"/films/Küss mich, Zoë!.mkv"\n'
        "t1,'=cmd|'/C calc'!A0,3800.000,3801.000,01:03:20.000,01:03:21.000,1.000,0.500000,review,3800.000,"
        '"Küss mich, Zoë!","/films/Küss mich, Zoë!.mkv"\n'
    ).encode()
    assert (tmp_path / "segments.csv").read_bytes() == header + rows
    assert (tmp_path / "segments/t1.csv").read_bytes() == header + rows
    assert (tmp_path / "segments/-t2.csv").read_bytes() == header
    assert not (tmp_path / "segments/t3.csv").exists()
    assert (tmp_path / "titles.csv").read_text(encoding="utf-8") == (
        "title_id,status,labels,segments,flagged_s,duration_s,decoded_s,coverage,"
        "samples,corrupt_packets,reason,error_code,error,name,path,picture_start_s\n"
        't1,flagged,violence,1,8.250,10.000,10.000,1.0000,10,2,,,,"Küss mich, Zoë!",'
        '"/films/Küss mich, Zoë!.mkv",0.000\n'
        "'-t2,clear,,0,0.000,10.000,10.000,1.0000,10,2,,,,,,0.000\n"
        't3,quarantined,,0,0.000,,,,,,,decode,"\'@broken,\nbadly",,,\n'
    )


def test_titles_say_when_their_first_picture_is_seen(tmp_path, results):
    """A film whose sound begins 10 s before its pictures: what was read reaches from 10 s to 20 s of a player."""
    (row, segments), *_ = results
    late = replace(row, duration_s=20.0, picture_start_s=10.0)
    write_results(tmp_path, [(late, segments)], ORIGIN)
    (values,) = csv.DictReader(io.StringIO((tmp_path / "titles.csv").read_text(encoding="utf-8")))
    assert list(values)[-1] == "picture_start_s"
    assert (values["duration_s"], values["decoded_s"], values["picture_start_s"]) == ("20.000", "10.000", "10.000")
    assert read_titles_table(tmp_path / "titles.parquet") == [late]
    table = pq.read_table(tmp_path / "titles.parquet")
    pq.write_table(table.drop_columns(["picture_start_s"]), tmp_path / "titles.parquet")
    assert [old.picture_start_s for old in read_titles_table(tmp_path / "titles.parquet")] == [0.0]


def test_tables_read_back(tmp_path, results):
    write_results(tmp_path, iter(results), ORIGIN)
    assert read_segments(tmp_path / "segments.parquet") == results[0][1]
    assert [row.title_id for row in read_titles_table(tmp_path / "titles.parquet")] == ["t1", "-t2", "t3"]
    assert read_titles_table(tmp_path / "titles.parquet") == [row for row, _ in results]
    segments, titles = (pq.read_table(tmp_path / f"{name}.parquet") for name in ("segments", "titles"))
    assert segments.schema.equals(SEGMENTS_SCHEMA, check_metadata=True)
    assert titles.schema.equals(TITLES_SCHEMA, check_metadata=True)
    assert segments["features_id"].to_pylist() == ["f1", "f1"]
    assert titles["model_id"].to_pylist() == ["m1"] * 3


def test_tables_of_before_titles_had_names_are_read_with_empty_ones(tmp_path, results):
    write_results(tmp_path, results, ORIGIN)
    for name in ("segments", "titles"):
        table = pq.read_table(tmp_path / f"{name}.parquet").drop_columns(["name", "path"])
        pq.write_table(table, tmp_path / f"{name}.parquet")
    assert read_segments(tmp_path / "segments.parquet") == results[0][1]
    rows = read_titles_table(tmp_path / "titles.parquet")
    assert [(row.title_id, row.name, row.path, row.shown) for row in rows][:1] == [("t1", "", "", "t1")]
    assert [replace(row, name="", path="") for row, _ in results] == rows


def test_nothing_is_left_of_a_run_that_breaks(tmp_path, results):
    def broken():
        yield results[0]
        raise SchemaError("damaged")

    with pytest.raises(SchemaError, match="damaged"):
        write_results(tmp_path, broken(), ORIGIN)
    assert [path.name for path in tmp_path.iterdir()] == ["segments"]


def test_rows_are_written_in_bounded_groups(tmp_path, make_segment, make_coverage, monkeypatch):
    monkeypatch.setattr(write, "ROWS_PER_GROUP", 3)
    found = [make_segment(start_s=float(n), end_s=n + 1.0) for n in range(7)]
    write_results(tmp_path, [(title_row("t1", found, make_coverage()), found)], ORIGIN)
    file = pq.ParquetFile(tmp_path / "segments.parquet")
    assert [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)] == [3, 3, 1]
    assert [segment.start_s for segment in read_segments(tmp_path / "segments.parquet")] == [0, 1, 2, 3, 4, 5, 6]


def test_an_empty_table_is_a_table(tmp_path, make_coverage):
    write_results(tmp_path, [(title_row("t1", [], make_coverage()), [])], ORIGIN)
    assert read_segments(tmp_path / "segments.parquet") == []


def test_scores_read_back(tmp_path, make_scores):
    labels = ("sex", "drug-use")
    titles = [
        make_scores([0.25, 0.5], [0.125, 0.0], title_id="a", foreground=[0.5, 1.0]),
        replace(make_scores([0.75], [0.5], title_id="b", title_scores=[0.1, 0.2]), grid=TimeGrid(1.2, 0.64)),
    ]
    path = tmp_path / "scores.parquet"
    assert write_scores(path, labels, iter(titles)) == 2
    assert pq.ParquetFile(path).num_row_groups == 2
    assert pq.ParquetFile(path).schema_arrow.equals(scores_schema(labels))
    assert read_score_labels(path) == labels
    for before, after in zip(titles, read_scores(path), strict=True):
        assert after.title_id == before.title_id
        for name in TitleScores.__dataclass_fields__:
            expected = getattr(before, name)
            if expected is None:
                assert getattr(after, name) is None
            elif name == "grid":
                assert after.grid == before.grid
            elif name != "title_id":
                np.testing.assert_array_equal(getattr(after, name), expected)
                assert getattr(after, name).dtype == np.float32


def test_scores_are_told_at_the_seconds_of_the_player(tmp_path, make_scores):
    late = replace(make_scores([0.25, 0.5, 0.75]), grid=TimeGrid(10.0, 0.64))
    path = tmp_path / "scores.parquet"
    write_scores(path, ("sex",), [late])
    assert pq.read_table(path)["time_s"].to_pylist() == pytest.approx([10.0, 10.64, 11.28])


def test_a_title_is_scored_once(tmp_path, make_scores):
    with pytest.raises(SchemaError, match="scores of title a twice"):
        write_scores(tmp_path / "scores.parquet", ("sex",), [make_scores([0.5], title_id="a")] * 2)
    assert list(tmp_path.iterdir()) == []


def test_readers_refuse_other_tables(tmp_path, results):
    write_results(tmp_path, results, ORIGIN)
    with pytest.raises(SchemaError, match=r"titles.parquet: titles/1, expected segments/1"):
        read_segments(tmp_path / "titles.parquet")
    with pytest.raises(SchemaError, match=r"segments.parquet: segments/1, expected scores/1"):
        next(read_scores(tmp_path / "segments.parquet"))
    with pytest.raises(SchemaError, match="no such file; run `coarse2fine infer` first"):
        read_segments(tmp_path / "nothing.parquet")
    (tmp_path / "junk.parquet").write_bytes(b"junk")
    with pytest.raises(SchemaError, match="not a readable Parquet file"):
        read_titles_table(tmp_path / "junk.parquet")


@pytest.mark.parametrize("title_id", ["../evil", "a/b", "..", ""])
def test_a_title_id_never_leaves_the_folder(tmp_path, title_id):
    with pytest.raises(SchemaError, match="not usable as a file name"):
        write_title_csv(tmp_path, title_id, [])


@pytest.mark.parametrize(
    ("time_s", "text"),
    [(0, "00:00:00.000"), (59.9996, "00:01:00.000"), (3723.5, "01:02:03.500"), (360000, "100:00:00.000")],
)
def test_clock(time_s, text):
    assert clock(time_s) == text


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_formulas_are_guarded(text):
    assert guard(text) == "'" + text
    assert guard("x" + text) == "x" + text
