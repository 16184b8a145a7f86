"""What is said of every title in every format, and what is refused."""

import csv
import json
import re
import shlex
import sys
from dataclasses import replace

import pytest

from data.errors import ConfigError, SchemaError
from infer.export.settings import FORMATS, ExportSettings
from infer.export.source import milliseconds, read_run
from infer.export.statement import one_line, statement
from infer.export.write import export_run
from pipeline import cli

SETTINGS = ExportSettings(severity={"sex": "medium", "violence": "high", "drug-use": "low"})


def test_statements(read):
    said = {title.title_id: statement(title) for title in read().titles}
    assert said["t-flagged"] == (
        "flagged: 3 segments of violence, sex; 1 near miss not listed here, but by "
        "`coarse2fine export --decision all --format srt --out near-misses`"
    )
    assert said["t-review"].startswith("review: no segment listed; 1 near miss not listed here, but by `coarse2fine ")
    assert said["t-clear"] == "clear: read to its end, nothing found"
    assert said["t-partial"].startswith("partial: read in part only, 50.0 s of 100.0 s (=cmd()")
    assert said["t-partial"].endswith("what is not listed is unknown, not clear; 1 segment of drug-use")
    assert said["t-quarantined"].startswith("quarantined: could not be read (=cmd()")
    assert "review: 1 segment of sex" in {statement(title) for title in read("all").titles}


@pytest.mark.parametrize("form", FORMATS)
def test_the_command_for_what_is_held_back_runs_as_it_is_printed(read, run_dir, tmp_path, form, monkeypatch):
    export_run(read(), form, tmp_path / "flags", SETTINGS)
    with (tmp_path / "flags" / "titles.csv").open(newline="") as handle:
        told = next(row["statement"] for row in csv.DictReader(handle) if row["title_id"] == "t-review")
    typed = shlex.split(told.split("`")[1])
    monkeypatch.chdir(tmp_path)
    severities = [f"--set=export.severity.{label}=low" for label in ("sex", "nudity", "violence", "drug-use")]
    with pytest.raises(SystemExit) as caught:
        cli.main([*typed[1:], "--run", str(run_dir), *severities])
        sys.exit(0)
    assert caught.value.code in (0, 1)  # 1: titles of this run were not read to their end
    with (tmp_path / "near-misses" / "titles.csv").open(newline="") as handle:
        assert {row["held_back"] for row in csv.DictReader(handle)} == {"0"}


def test_the_folder_of_moderate_is_named_in_it(run_dir):
    facts = json.loads((run_dir / "run.json").read_text())
    facts |= {"command": ["moderate", "Films"], "config": {"work_dir": "/x/my films"}}
    (run_dir / "run.json").write_text(json.dumps(facts))
    [said] = {statement(title).split("`")[1] for title in read_run(run_dir, "flag", {}).titles if title.held_back}
    assert said == "coarse2fine export --config 'my films' --decision all --format srt --out near-misses"


def test_a_score_reads_alike_in_every_format_that_writes_it_for_people(read, tmp_path):
    for form in ("srt", "webvtt", "edl", "elan", "mcf"):
        export_run(read("all"), form, tmp_path / form, SETTINGS)
        [path] = (tmp_path / form).glob("t-flagged.*")
        assert re.findall(r"[01]\.\d+(?= flag|, flag|</ANN)", path.read_text())[-1] == "0.99926", form


@pytest.mark.parametrize("form", FORMATS)
def test_titles_csv_tells_the_status_of_every_title_in_every_format(read, tmp_path, form):
    export_run(read(), form, tmp_path, SETTINGS)
    with (tmp_path / "titles.csv").open(newline="") as handle:
        rows = {row["title_id"]: row for row in csv.DictReader(handle)}
    assert {title_id: row["status"] for title_id, row in rows.items()} == {
        "t-flagged": "flagged",
        "t-review": "review",
        "t-clear": "clear",
        "t-partial": "partial",
        "t-quarantined": "quarantined",
    }
    for row in rows.values():
        assert row["statement"].startswith(f"{row['status']}: ")
        assert not row["file"] or (tmp_path / row["file"]).stat().st_size > 0
    assert (rows["t-flagged"]["segments"], rows["t-flagged"]["held_back"]) == ("3", "1")


@pytest.mark.parametrize("form", ["webvtt", "srt", "edl", "rekognition", "jellyfin", "elan"])
def test_every_title_has_a_file_that_says_its_status(read, tmp_path, form):
    export_run(read(), form, tmp_path, SETTINGS)
    for title in read().titles:
        [path] = tmp_path.glob(f"{title.title_id}.*")
        assert f"{title.row.status}: " in path.read_text()


def test_severity_is_asked_for_and_never_made_of_scores(read, tmp_path):
    with pytest.raises(ConfigError) as caught:
        export_run(
            read(), "mcf", tmp_path / "out", ExportSettings(severity={"sex": "low"}, mcf_category={"sex": "a b"})
        )
    assert str(caught.value).splitlines() == [
        "[export.severity] drug-use: not set; write low, medium or high, a score is no severity",
        "[export.mcf_category] sex: 'a b'; name a category of MovieContentFilter",
        "[export.severity] violence: not set; write low, medium or high, a score is no severity",
    ]
    assert not (tmp_path / "out").exists()


def test_an_older_filter_of_a_title_without_segments_is_removed(read, tmp_path):
    (tmp_path / "t-clear.mcf").write_text("old")
    export_run(read(), "mcf", tmp_path, SETTINGS)
    assert not (tmp_path / "t-clear.mcf").exists()


def test_the_shortest_segment_still_has_a_millisecond(read):
    [first, *_] = read().titles[0].segments
    assert milliseconds(replace(first, start_s=1.0004, end_s=1.0005)) == (1000, 1001)
    assert milliseconds(replace(first, start_s=1.0006, end_s=2.0004)) == (1001, 2000)


def test_one_line_is_short_and_printable():
    assert one_line("a\r\n\tb\x1b[31m\u2028c") == "a b [31m c"
    assert one_line("x" * 1001, 8) == "xxxxx..."


def test_a_long_reason_does_not_push_out_what_it_means(read):
    title = next(title for title in read().titles if title.title_id == "t-partial")
    said = statement(replace(title, row=replace(title.row, reason="why " * 1000)))
    assert len(said) < 400
    assert said.endswith("why w...); what is not listed is unknown, not clear; 1 segment of drug-use")


@pytest.mark.parametrize(
    ("start_s", "end_s", "score"),
    [(5.0, 5.0, 0.5), (-1.0, 5.0, 0.5), (0.0, float("inf"), 0.5), (float("nan"), 5.0, 0.5), (0.0, 5.0, float("nan"))],
)
def test_tables_that_make_no_sense_are_refused(read, run_dir, write_segments, start_s, end_s, score):
    [segment, *_] = read().titles[0].segments
    damaged = type(segment)(**{**segment.__dict__, "start_s": start_s, "end_s": end_s, "score": score})
    write_segments(run_dir / "segments.parquet", [damaged])
    with pytest.raises(SchemaError, match=r"'t-flagged': .* is no segment; run `coarse2fine infer`"):
        read()


def test_segments_of_a_title_that_is_not_listed_are_refused(read, run_dir, write_segments):
    [segment, *_] = read().titles[0].segments
    stray = type(segment)(**{**segment.__dict__, "title_id": "../../x"})
    write_segments(run_dir / "segments.parquet", [stray])
    with pytest.raises(SchemaError, match=r"is not in titles\.parquet"):
        read()


@pytest.mark.parametrize("content", [None, "{", "[]", json.dumps({"thresholds": 3, "finished_at": ""})])
def test_an_unfinished_run_is_refused(run_dir, content):
    (run_dir / "run.json").unlink()
    if content is not None:
        (run_dir / "run.json").write_text(content)
    with pytest.raises(SchemaError, match=r"run\.json"):
        read_run(run_dir, "flag", {})
