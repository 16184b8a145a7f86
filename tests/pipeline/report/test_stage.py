import json
import re
import sys

import pyarrow.parquet as pq
import pytest

from data.errors import ConfigError
from data.files import write_json
from pipeline import cli
from pipeline.config import load_config
from pipeline.report.run import read_run, read_truth
from pipeline.report.stage import gather, judged_curves, report
from pipeline.report.stills import make_stills, wanted_seconds


def title_values(path):
    found = re.findall(r'<script type="application/json" id="title-\d+">(.*?)</script>', path.read_text())
    return {values["id"]: values for values in map(json.loads, found)}


def run_command(*arguments):
    with pytest.raises(SystemExit) as caught:
        cli.main([str(argument) for argument in arguments])
        sys.exit(0)
    return caught.value.code or 0


def test_the_command_writes_beside_the_run(finished_runs, capsys):
    assert run_command("report", "--config", finished_runs, "--no-thumbnails") == 0
    path = finished_runs.parent / "work" / "runs" / "now" / "report.html"
    assert f"-> {path}" in capsys.readouterr().out
    assert "pictures" not in title_values(path)["film-a"]
    text = path.read_text()
    assert "Compared with run <code>before</code>" in text
    assert "false positives 1, false negatives 0" in text  # smoking
    assert "false positives 0, false negatives 1" in text  # violence


def test_pictures_are_taken_at_the_peaks_and_the_misses(finished_runs):
    result = report(load_config(finished_runs))
    values = title_values(result.path)
    assert list(values["film-a"]["pictures"]) == ["3", "8"]
    assert list(values["film-b"]["pictures"]) == ["8"]  # the middle of the missed clip
    assert values["film-a"]["picture_error"] == ""
    assert "film-c.mp4: cannot be read" in values["film-c"]["picture_error"]
    assert "pictures" not in values["film-e"]


def test_a_picture_is_the_frame_of_its_second_in_the_shape_of_the_film(finished_runs):
    import io

    from PIL import Image

    config = load_config(finished_runs)
    stills = make_stills(config, read_truth(config).titles, {"film-a": [3, 8]})["film-a"]
    for second, jpeg in stills.jpegs.items():
        image = Image.open(io.BytesIO(jpeg))
        assert image.size == (192, 96)
        assert image.convert("L").getpixel((96, 48)) == pytest.approx(20 * second + 1, abs=4)


def test_flagged_peaks_come_first(finished_runs):
    segments = read_run(finished_runs.parent / "work" / "runs" / "now").segments
    assert wanted_seconds(segments, [], per_title=1) == {"film-a": [3], "film-c": [1]}


def test_another_run_may_be_named_and_compared(finished_runs, tmp_path):
    config = load_config(finished_runs)
    path = tmp_path / "other.html"
    assert (
        run_command(
            *(
                "report",
                "--config",
                finished_runs,
                "--run",
                "before",
                "--against",
                "now",
                "--out",
                path,
                "--no-thumbnails",
            )
        )
        == 0
    )
    text = path.read_text()
    assert "<title>Run before" in text and "Compared with run <code>now</code>" in text
    alone = tmp_path / "alone.html"
    report(config, config.work_dir / "runs" / "before", out=alone, pictures=False)
    assert 'id="drift"' not in alone.read_text()


def test_measures_and_benchmark_tables_are_shown(finished_runs, tmp_path):
    config = load_config(finished_runs)
    run = config.work_dir / "runs" / "now"
    rows = [{"rule": "judged", "label": "mAP", "method": "model", "ap_K": [0.5], "average": 0.5}]
    bins = [{"mean_score": 0.1, "positive_share": 0.2, "samples": 3}]
    operator = {"rows": [{"label": "violence", "frames": {"reliability": bins}}]}
    write_json(run / "evaluation-test.json", {"tiou_thresholds": [0.1], "results": rows, "operator": operator})
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "table3.csv").write_text("method,AVG\n<b>Coarse2Fine</b>,27.4\n")
    (tmp_path / "tables" / "table3.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    text = report(config, benchmark=tmp_path / "tables", pictures=False).path.read_text()
    assert 'src="data:image/svg+xml;base64,PHN2Zy' in text
    assert '<td class="n">50.0 %</td>' in text
    assert "Reliability of the action score" in text
    assert '<td>&lt;b&gt;Coarse2Fine&lt;/b&gt;</td><td class="n">27.4</td>' in text


def test_the_tables_of_the_benchmark_that_ran_here_are_shown(finished_runs):
    config = load_config(finished_runs)
    assert 'id="benchmark"' not in report(config, pictures=False).path.read_text()
    tables = config.work_dir / "benchmark" / "tables"
    tables.mkdir(parents=True)
    (tables / "table1.md").write_text("# Table 1\n\n| label | titles |\n|---|---|\n| violence | 4821 |\n")
    assert '<td class="n">4821</td>' in report(config, pictures=False).path.read_text()


def test_a_run_without_scores_and_labels_has_a_report(finished_runs):
    folder = finished_runs.parent
    (folder / "work" / "runs" / "now" / "scores.parquet").unlink()
    finished_runs.write_text(
        "\n".join(line for line in finished_runs.read_text().splitlines() if "_labels =" not in line)
    )
    path = report(load_config(finished_runs), pictures=False).path
    values = title_values(path)["film-a"]
    assert values["labels"][1]["as"] is None
    assert len(values["segments"]) == 2
    assert 'id="measures"' not in path.read_text()


def test_bad_label_files_are_said_on_the_page(finished_runs):
    (finished_runs.parent / "clip_labels.csv").write_text("title_id,label,start_s,end_s,kind\nfilm-a,violence,6,3,x\n")
    assert "1 problem in titles and labels" in report(load_config(finished_runs), pictures=False).path.read_text()


def test_a_folder_without_a_record_is_no_run(finished_runs):
    (finished_runs.parent / "work" / "runs" / "now" / "run.json").unlink()
    with pytest.raises(ConfigError, match=r"no finished run \(run.json is missing\); run `coarse2fine infer` first"):
        report(load_config(finished_runs))


@pytest.mark.parametrize("record", ["[]", "{", "{}", '{"thresholds": {"violence": {"tau": 1}}}'])
def test_another_record_is_no_run(finished_runs, record):
    (finished_runs.parent / "work" / "runs" / "now" / "run.json").write_text(record)
    with pytest.raises(ConfigError, match=r"run\.json: not the record of an inference"):
        report(load_config(finished_runs))


def change_record(folder, **values):
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**record, **values}))


def test_a_baseline_s_own_rule_reads_no_thresholds(finished_runs):
    config = load_config(finished_runs)
    unused = {"title": 0, "frame": 0, "merge_gap_s": 0, "min_length_s": 0, "flag": 5.0}
    thresholds = dict.fromkeys(("smoking", "violence"), unused)
    change_record(config.work_dir / "runs" / "now", rule="sf-net", thresholds=thresholds)
    run, truth = read_run(config.work_dir / "runs" / "now"), read_truth(config)
    (curve, *_) = judged_curves(run, truth, gather(run, truth))
    # film-a's segment finds one of two clips of violence; all that the rule finds is flagged, whatever its score
    assert (curve.label, curve.recall_K, curve.precision_K, curve.chosen) == ("violence", (0.5,), (1.0,), (0.5, 1.0))
    assert "made by the rule of sf-net" in report(config, pictures=False).path.read_text()


def test_a_run_over_other_titles_is_no_earlier_state(finished_runs):
    config = load_config(finished_runs)
    for name in ("titles.parquet", "segments.parquet"):
        table = pq.read_table(config.work_dir / "runs" / "before" / name)
        pq.write_table(table.slice(0, 0), config.work_dir / "runs" / "before" / name)
    assert 'id="drift"' not in report(config, pictures=False).path.read_text()
