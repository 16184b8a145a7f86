"""`coarse2fine export` as users run it, and its ActivityNet file measured by the official rules."""

import csv
import json

import duckdb
import pandas as pd
import polars as pl
import pytest

from data.schemas import Segment
from infer.settings import EvaluateSettings
from infer.title_status import TitleRow
from infer.write import Origin, write_results
from pipeline.stages.evaluate import evaluate_foreign


def segment(title_id, index, label, start_s, end_s, score, decision="flag"):
    peaks = (0.9, score, 0.5, 0.25, 0.125)
    return Segment(title_id, label, index, start_s, end_s, score, score / 2, *peaks, decision, start_s)


def row(title_id, status, **others):
    values = {"labels": "", "segments": 0, "flagged_s": 0.0, "duration_s": 100.0, "decoded_s": 100.0, "coverage": 1.0}
    values |= {"samples": 100, "corrupt_packets": 0, "reason": "", "error_code": "", "error": "", "features_id": "f"}
    return TitleRow(title_id=title_id, status=status, **{**values, **others})


@pytest.fixture
def run_dir(tmp_path):
    folder = tmp_path / "work" / "current"
    results = [
        (
            row("007", "flagged", segments=2),
            [segment("007", 0, "sex", 10.0, 20.0, 0.75), segment("007", 1, "violence", 30.0, 45.5, 0.5)],
        ),
        (row("NA", "review"), [segment("NA", 0, "sex", 5.0, 9.0, 0.25, "review")]),
        (row("-1", "clear"), []),
        (row("broken", "partial", reason="=HYPERLINK(1)", decoded_s=40.0, coverage=0.4), []),
    ]
    write_results(folder, results, Origin("run0", "model0", "features0"))
    facts = {"thresholds": {"sex": {}, "violence": {}}, "finished_at": "2026-01-02T03:04:05+00:00"}
    (folder / "run.json").write_text(json.dumps(facts))
    return folder


def test_export_says_what_it_wrote_and_that_not_all_was_read(run_dir, tmp_path, coarse2fine):
    code, out, _ = coarse2fine("export", "--run", run_dir, "--format", "webvtt", "--out", tmp_path / "vtt")
    assert code == 1  # finished, but a title was not read to its end
    assert out.startswith(
        "export: 2 segments of 4 titles as webvtt (1 near miss left out, 1 title not read to the end;"
    )
    assert (tmp_path / "vtt" / "007.vtt").is_file()


def test_config_gives_run_media_and_settings(run_dir, tmp_path, coarse2fine):
    (tmp_path / "titles.csv").write_text("title_id,path,item\n007,films/seven.mkv,abc\n")
    (tmp_path / "run.toml").write_text(
        'work_dir = "work"\n[data]\ntitles = "titles.csv"\n[export]\njellyfin_item_column = "item"\n'
    )
    arguments = ("export", "--config", tmp_path / "run.toml", "--out", tmp_path / "out")
    assert coarse2fine(*arguments, "--format", "jellyfin")[0] == 1
    assert json.loads((tmp_path / "out/007.json").read_text())["Items"][0]["ItemId"] == "abc"
    assert coarse2fine(*arguments, "--format", "labelstudio")[0] == 1
    assert json.loads((tmp_path / "out/tasks.json").read_text())[0]["data"]["video"] == "films/seven.mkv"


def test_a_column_of_item_ids_that_is_not_there_is_a_usage_error(run_dir, tmp_path, coarse2fine):
    (tmp_path / "titles.csv").write_text("title_id,path,item\n007,films/seven.mkv,abc\n")
    (tmp_path / "run.toml").write_text('work_dir = "work"\n[data]\ntitles = "titles.csv"\n')
    arguments = ("export", "--config", tmp_path / "run.toml", "--out", tmp_path / "out", "--format", "jellyfin")
    code, _, err = coarse2fine(*arguments, "--set", "export.jellyfin_item_column=itme")
    assert (code, "[export] jellyfin_item_column: 'itme' is no column of the titles" in err) == (2, True)
    assert coarse2fine(*arguments)[0] == 1  # without one there need not be ids


def test_what_is_missing_or_wrong_is_a_usage_error(run_dir, tmp_path, coarse2fine):
    arguments = ("export", "--format", "mcf", "--out", tmp_path / "out")
    assert "give --run, or --config" in coarse2fine(*arguments)[2]
    code, _, err = coarse2fine(*arguments, "--run", run_dir)
    assert code == 2
    assert "[export.severity] sex: not set; write low, medium or high, a score is no severity" in err
    code, _, err = coarse2fine(*arguments, "--run", run_dir, "--set", "export.severity.sex=awful")
    said = "coarse2fine: --set: [export.severity] sex: 'awful': Input should be 'low', 'medium' or 'high'\n"
    assert (code, err) == (2, said)
    code, _, err = coarse2fine(*arguments, "--run", tmp_path)
    assert code == 2
    assert "no such file; name the folder of a finished run" in err
    severities = ("--set", "export.severity.sex=low", "--set", "export.severity.violence=high")
    assert coarse2fine(*arguments, "--run", run_dir, *severities)[0] == 1


def test_activitynet_file_by_the_official_rules(run_dir, tmp_path, coarse2fine):
    coarse2fine("export", "--run", run_dir, "--format", "activitynet", "--out", tmp_path)
    annotations = [{"label": "sex", "segment": [10, 20]}, {"label": "violence", "segment": [30, 45.5]}]
    truth = {"007": {"subset": "test", "annotations": annotations}}
    (tmp_path / "truth.json").write_text(json.dumps({"database": truth}))
    settings = EvaluateSettings(trivial_draws=0, bootstrap_draws=0)
    evaluation = evaluate_foreign(
        tmp_path / "truth.json", tmp_path / "predictions.json", subset=None, official=True, settings=settings
    )
    maps = {result.average for result in evaluation.results if result.label == "mAP" and result.rule == "ge"}
    assert maps == {1.0}


def test_canonical_tables_by_pandas_polars_and_duckdb(run_dir):
    expected = [("007", "sex", 10.0, 20.0), ("007", "violence", 30.0, 45.5), ("NA", "sex", 5.0, 9.0)]
    columns = ["title_id", "label", "start_s", "end_s"]
    parquet, table = str(run_dir / "segments.parquet"), str(run_dir / "segments.csv")
    frames = [pd.read_parquet(parquet), pd.read_csv(table, dtype={"title_id": str}, keep_default_na=False)]
    assert [[*frame[columns].itertuples(index=False, name=None)] for frame in frames] == [expected, expected]
    assert pl.read_parquet(parquet).select(columns).rows() == expected
    assert pl.read_csv(table, schema_overrides={"title_id": pl.String}).select(columns).rows() == expected
    names = ", ".join(columns)
    assert duckdb.sql(f"select {names} from read_parquet('{parquet}')").fetchall() == expected
    typed = f"read_csv('{table}', types={{'title_id': 'VARCHAR'}})"
    assert duckdb.sql(f"select {names} from {typed}").fetchall() == expected


def test_no_cell_of_a_table_is_a_formula(run_dir, tmp_path, coarse2fine):
    coarse2fine("export", "--run", run_dir, "--format", "edl", "--out", tmp_path / "edl")
    for path in (run_dir / "titles.csv", run_dir / "segments.csv", tmp_path / "edl" / "titles.csv"):
        with path.open(newline="") as handle:
            cells = [cell for line in csv.reader(handle) for cell in line]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
