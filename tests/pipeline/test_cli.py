"""The command line as users and cron run it: exit codes, messages, products, and doing nothing twice."""

import json
import re
import subprocess
import sys

import pandas as pd
import pytest
from filelock import FileLock

from pipeline import cli
from pipeline.commands.terminal import assignment


@pytest.fixture
def trained(catalogue, coarse2fine):
    assert coarse2fine("import-features", "--config", catalogue, "--name", "toy")[0] == 0
    code, out, _ = coarse2fine("train", "--config", catalogue)
    assert (code, out.split(",")[0]) == (0, "train: 8 titles")
    return catalogue


def test_features_to_measured_segments(trained, coarse2fine):
    work = trained.parent / "work"
    code, out, _ = coarse2fine("infer", "--config", trained)
    assert code == 0
    run_id = out.split("run ")[1].split()[0]
    current = work / "current"
    assert current.resolve() == work / "runs" / run_id

    segments = pd.read_parquet(current / "segments.parquet")
    titles = pd.read_parquet(current / "titles.parquet").set_index("title_id")
    scores = pd.read_parquet(current / "scores.parquet")
    assert set(segments.run_id) == {run_id}
    assert len(titles) == 14
    assert len(scores) == 14 * 120
    assert titles.status.isin(["flagged", "clear", "review"]).all()
    # a row of titles and a file of segments for every title, found or not
    for title_id, row in titles.iterrows():
        rows = pd.read_csv(current / "segments" / f"{title_id}.csv")
        assert (rows.decision == "flag").sum() == row.segments

    code, out, _ = coarse2fine("evaluate", "--config", trained)
    assert code == 0
    assert "One that saw nothing reaches: random segment" in out
    evaluation = json.loads((current / "evaluation-test.json").read_text())
    judged = {
        row["method"]: row["average"]
        for row in evaluation["results"]
        if (row["protocol"], row["rule"], row["label"]) == ("all-occurrence", "judged", "mAP")
    }
    assert len(judged) >= 2
    assert judged.pop("model") > max(0.6, *judged.values())

    # a higher flag threshold changes what is flagged, not how the ranking is judged
    raised = ("--set", "infer.thresholds.smoking.flag=1.0", "--set", "infer.thresholds.violence.flag=1.0")
    coarse2fine("infer", "--config", trained, *raised)
    coarse2fine("evaluate", "--config", trained)
    assert not (pd.read_parquet(current / "segments.parquet").decision == "flag").any()
    again = json.loads((current / "evaluation-test.json").read_text())
    assert [row["average"] for row in again["results"]] == [row["average"] for row in evaluation["results"]]

    # the checkpoint says what it was made from
    sidecar = json.loads((work / "checkpoint" / "model.json").read_text())
    assert sidecar["feature_spec"]["backbone"] == "imported:toy"
    assert set(sidecar["thresholds"]) == {"smoking", "violence"}


def test_a_second_run_does_nothing_and_says_so(trained, coarse2fine):
    coarse2fine("infer", "--config", trained)
    products = [path for path in (trained.parent / "work").rglob("*") if path.suffix in {".parquet", ".safetensors"}]
    before = {path: path.stat().st_mtime_ns for path in products if path.name != "coverage.parquet"}
    for command in (["import-features", "--name", "toy"], ["train"], ["infer"]):
        code, out, _ = coarse2fine(command[0], "--config", trained, *command[1:])
        assert code == 0
        assert "nothing to do" in out
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_changed_threshold_makes_a_new_run_with_the_same_model(trained, coarse2fine):
    _, first, _ = coarse2fine("infer", "--config", trained)
    code, second, _ = coarse2fine("infer", "--config", trained, "--set", "infer.thresholds.smoking.frame=1.0")
    assert code == 0
    assert first.split("run ")[1] != second.split("run ")[1]
    current = trained.parent / "work" / "current"
    flagged = pd.read_parquet(current / "segments.parquet").query("decision == 'flag'")
    assert "violence" in set(flagged.label)
    assert "smoking" not in set(flagged.label)
    assert len(list((trained.parent / "work" / "runs").iterdir())) == 2


def test_the_same_seed_gives_the_same_checkpoint(trained, coarse2fine):
    weights = trained.parent / "work" / "checkpoint" / "model.safetensors"
    again = trained.parent / "again"
    (again / "features").parent.mkdir()
    (again / "features").symlink_to(trained.parent / "work" / "features")
    assert coarse2fine("train", "--config", trained, "--set", f"work_dir={again}")[0] == 0
    assert (again / "checkpoint" / "model.safetensors").read_bytes() == weights.read_bytes()


def test_one_bad_title_is_recorded_and_the_rest_goes_on(trained, coarse2fine):
    (trained.parent / "features" / "t13.npy").write_bytes(b"not an array")
    code, out, _ = coarse2fine("import-features", "--config", trained, "--name", "toy")
    assert code == 1
    assert "1 quarantined" in out
    code, out, _ = coarse2fine("infer", "--config", trained)
    assert code == 1
    titles = pd.read_parquet(trained.parent / "work" / "current" / "titles.parquet").set_index("title_id")
    assert titles.status["t13"] == "quarantined"
    assert titles.error["t13"]
    assert (titles.status.drop("t13") != "quarantined").all()


def test_a_damaged_shard_is_quarantined_and_mended_by_the_next_run(trained, coarse2fine):
    shard = trained.parent / "work" / "features" / "t12.parquet"
    data = shard.read_bytes()
    middle = len(data) // 3
    shard.write_bytes(data[:middle] + b"\xff" * 64 + data[middle + 64 :])
    code, _, _ = coarse2fine("infer", "--config", trained)
    titles = pd.read_parquet(trained.parent / "work" / "current" / "titles.parquet").set_index("title_id")
    assert (code, titles.status["t12"], titles.error_code["t12"]) == (1, "quarantined", "schema")
    shard.write_bytes(data)
    code, out, _ = coarse2fine("infer", "--config", trained)
    assert code == 0
    assert "nothing to do" not in out


def test_features_of_another_kind_are_refused(trained, coarse2fine):
    coarse2fine("infer", "--config", trained)
    other = trained.parent / "other"
    override = f"work_dir={other}"
    coarse2fine("import-features", "--config", trained, "--set", override, "--name", "other")
    code, _, err = coarse2fine(
        "infer", "--config", trained, "--set", override, "--set", f"checkpoint={trained.parent}/work/checkpoint"
    )
    assert code == 2
    assert "backbone 'imported:other' is not 'imported:toy'" in err


def test_nothing_scored_is_a_failure_not_a_clean_bill(trained, coarse2fine):
    empty = trained.parent / "empty"
    code, _, err = coarse2fine(
        *("infer", "--config", trained, "--set", f"work_dir={empty}"),
        *("--set", f"checkpoint={trained.parent}/work/checkpoint"),
    )
    assert code == 4
    assert "none of the 14 titles could be scored" in err
    assert not (empty / "current").exists()


def test_a_held_lock_is_exit_code_3(catalogue, coarse2fine):
    work = catalogue.parent / "work"
    work.mkdir()
    with FileLock(work / ".coarse2fine.lock"):
        code, _, err = coarse2fine("import-features", "--config", catalogue, "--name", "toy")
    assert code == 3
    assert "another run holds the lock" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["extract"], "no configuration: there is no run.toml here and COARSE2FINE_CONFIG is not set"),
        (["extract", "--config", "nowhere.toml"], "nowhere.toml: no such file"),
        (["extrct"], "No such command 'extrct'"),
        (["evaluate"], "give --config, or both --ground-truth and --predictions"),
        (["train", "--config", "x", "--set", "epochs"], "write section.key=value"),
        (["moderate", "x.mp4", "--checkpoint", "nowhere"], "no model.json in it"),
    ],
)
def test_usage_errors_are_exit_code_2(coarse2fine, arguments, message):
    code, _, err = coarse2fine(*arguments)
    assert code == 2
    assert message in err


def test_manifest_problems_are_reported_at_once_with_their_lines(catalogue, coarse2fine):
    labels = catalogue.parent / "clip_labels.csv"
    lines = labels.read_text().splitlines()
    lines[1:1] = ["t01,smokin,1,2,first_occurrence", "t02,smoking,5,2,first_occurrence"]
    labels.write_text("\n".join(lines) + "\n")
    code, out, _ = coarse2fine("labels", "check", "--config", catalogue)
    assert code == 2
    assert "clip_labels.csv:2: error: unknown label 'smokin'" in out
    assert "clip_labels.csv:3: error:" in out
    code, _, err = coarse2fine("train", "--config", catalogue)
    assert code == 2
    assert "2 problems in the manifests" in err


def test_help_does_not_wait_for_torch():
    script = "import sys, pipeline.cli; print(sorted({'torch', 'pandas', 'pyarrow', 'av'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_init_writes_a_file_that_loads(tmp_path, coarse2fine, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert coarse2fine("init")[0] == 0
    code, out, _ = coarse2fine("labels", "check", "--config", "run.toml")
    assert code == 2
    assert "titles.csv" in out
    assert coarse2fine("init")[0] == 2


def test_the_help_lists_every_command_once_with_a_whole_sentence(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--help"])
        sys.exit(0)
    text = capsys.readouterr().out
    assert "..." not in text.partition("First steps:")[2] and "\nMore:" not in text
    listed = re.findall(r"^  ([a-z][a-z-]+)  +[A-Z]", text, re.MULTILINE)
    assert sorted(listed) == sorted(cli.cli.commands)


@pytest.mark.parametrize(
    ("text", "nested"),
    [
        ("train.epochs=3", {"train": {"epochs": 3}}),
        ('infer.thresholds."Long jump".flag=0.3', {"infer": {"thresholds": {"Long jump": {"flag": 0.3}}}}),
        ("infer.thresholds.'a=b.c'.flag=0.3", {"infer": {"thresholds": {"a=b.c": {"flag": 0.3}}}}),
        (
            "infer.thresholds.\u043a\u0443\u0440.flag=0.3",
            {"infer": {"thresholds": {"\u043a\u0443\u0440": {"flag": 0.3}}}},
        ),
        ("data.titles=a=b.csv", {"data": {"titles": "a=b.csv"}}),
        ("data.labels=['Long jump', 'x']", {"data": {"labels": ["Long jump", "x"]}}),
        ('infer.thresholds.5" gun.flag=1', {"infer": {"thresholds": {'5" gun': {"flag": 1}}}}),
    ],
)
def test_set_takes_keys_as_toml_writes_them(text, nested):
    assert assignment(None, None, (text,)) == nested
