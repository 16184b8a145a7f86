"""`coarse2fine synthetic`: a catalogue that the other commands take as it is, and that can grow."""

import pandas as pd

from data.shards import list_shards
from pipeline.config import load_config


def test_a_catalogue_that_the_other_commands_take(tmp_path, coarse2fine):
    out = tmp_path / "synthetic"
    for titles in (4, 8):
        code, text, _ = coarse2fine("synthetic", out, "--titles", titles, "--width", 4, "--seed", 2)
        assert (code, f"synthetic: {titles} titles, features of width 4" in text) == (0, True)
    assert len(list(list_shards(load_config(out / "run.toml").features_dir))) == 8
    code, text, _ = coarse2fine("labels", "check", "--config", out / "run.toml")
    assert (code, "splits: train 6, val 1, test 1" in text, "0 errors" in text) == (0, True, True)


def test_labels_only(tmp_path, coarse2fine):
    code, text, _ = coarse2fine("synthetic", tmp_path, "--titles", 3, "--labels-only")
    assert (code, "3 titles, labels only" in text) == (0, True)
    assert not (tmp_path / "work").exists()


def test_no_titles_are_refused(tmp_path, coarse2fine):
    code, _, err = coarse2fine("synthetic", tmp_path, "--titles", 0)
    assert (code, "0 is not in the range" in err) == (2, True)


def test_first_occurrences_only_train_evaluate_and_benchmark(tmp_path, coarse2fine):
    """The paper's labels, end to end: no row of any other kind, and no number by a protocol that has no clips."""
    size = ("--titles", 24, "--width", 8, "--seed", 3)
    coarse2fine("synthetic", tmp_path / "all", *size, "--labels-only")
    out = tmp_path / "first"
    assert coarse2fine("synthetic", out, *size, "--occurrences", "first")[0] == 0
    clips, every = (pd.read_csv(folder / "clip_labels.csv") for folder in (out, tmp_path / "all"))
    firsts = every[every.kind == "first_occurrence"].reset_index(drop=True)
    assert len(every) > 2 * len(firsts)
    pd.testing.assert_frame_equal(clips, firsts)
    assert 0 in set(pd.read_csv(out / "video_labels.csv").present)

    short = ("--config", out / "run.toml", "--set", "train.epochs=1", "--set", "model.conv_channels=8")
    for stage in (("train",), ("infer", "--split", "test"), ("evaluate",)):
        code, text, err = coarse2fine(*stage, *short)
        assert code == 0, err
    assert "Judged on first occurrences" in text
    measured = pd.read_csv(out / "work" / "current" / "evaluation-test.csv")
    assert set(measured.protocol) == {"first-occurrence"}

    few = ("--set", 'benchmark.methods=["fo", "coarse2fine"]', "--set", "benchmark.seeds=[0]")
    code, _, err = coarse2fine("benchmark", *short, *few, "--set", "evaluate.bootstrap_draws=20")
    assert code == 0, err
    tables = out / "work" / "benchmark" / "tables"
    assert set(pd.read_csv(tables / "table3.csv").protocol) == {"first-occurrence"}
    assert "all-occurrence" not in (tables / "table4.md").read_text()
    assert "lower bounds" in (tables / "table2.md").read_text()
    runs = pd.read_csv(tables / "runs.csv")
    assert runs.first_occurrence_avg.notna().all()
    assert runs.val_score.notna().all()
