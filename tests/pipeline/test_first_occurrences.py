"""The paper's labels and no others: yes or no per title and label, and the first occurrence, from training on."""

import json

import pandas as pd
import pytest

from data.errors import ConfigError
from infer.evaluation import Evaluation
from infer.settings import Protocol
from pipeline.config import load_config
from pipeline.runs.stage import run
from pipeline.stages.evaluate import evaluate
from pipeline.stages.extract import feature_import, import_feature_files
from pipeline.stages.infer import infer
from pipeline.stages.train import train

FIRST = Protocol.FIRST_OCCURRENCE
VAL = ("t08", "t09", "t10")
SHORT = {"train": {"epochs": 2, "patience": 2}}


@pytest.fixture
def firsts(catalogue):
    """The catalogue without any all-occurrence row; val and test hold known absences."""
    path = catalogue.parent / "clip_labels.csv"
    rows = pd.read_csv(path)
    rows[rows.kind == "first_occurrence"].to_csv(path, index=False)
    return catalogue


def change_clips(path, keep):
    """Keep the clip rows for which ``keep(title_id, label)`` says so; make the others absent."""
    folder = path.parent
    clips = pd.read_csv(folder / "clip_labels.csv")
    kept = [keep(*pair) for pair in zip(clips.title_id, clips.label, strict=True)]
    gone = {pair for pair, stays in zip(zip(clips.title_id, clips.label, strict=True), kept, strict=True) if not stays}
    clips[kept].to_csv(folder / "clip_labels.csv", index=False)
    video = pd.read_csv(folder / "video_labels.csv")
    video["present"] = [
        0 if pair in gone else present
        for pair, present in zip(zip(video.title_id, video.label, strict=True), video.present, strict=True)
    ]
    video.to_csv(folder / "video_labels.csv", index=False)


def imported(path, overrides=SHORT):
    config = load_config(path, overrides)
    import_feature_files(config, feature_import(config, "toy"))
    return config


def evaluated(config) -> Evaluation:
    infer(config)
    return evaluate(config, "test")[1]


def test_a_model_from_first_occurrences_and_known_absences_is_trained_and_judged_by_them(firsts):
    config = imported(firsts, {})
    summary = train(config).summary
    assert "no clip in val" not in summary
    found = evaluated(config)
    assert {row.protocol for row in found.results} == {found.protocol} == {FIRST}
    assert {row.protocol for row in found.operator.rows} == {FIRST}
    assert found.judged() > 0.5  # the two dimensions that mark labels are learnt
    run = config.work_dir / "current"
    assert set(pd.read_csv(run / "evaluation-test.csv").protocol) == {"first-occurrence"}
    assert set(pd.read_csv(run / "operator-test.csv").protocol) == {"first-occurrence"}
    assert set(pd.read_csv(run / "reliability-test.csv").protocol) == {"first-occurrence"}
    assert json.loads((run / "evaluation-test.json").read_text())["judged_protocol"] == "first-occurrence"


def test_one_clip_among_known_absences_is_enough_to_choose_by(firsts):
    change_clips(firsts, lambda title_id, label: title_id not in VAL or (title_id, label) == ("t09", "violence"))
    config = imported(firsts)
    train(config)
    training = json.loads((config.checkpoint_dir / "model.json").read_text())["training"]
    assert training["val_score"] is not None


def test_a_label_without_a_clip_in_val_is_named_and_not_flagged_there(firsts):
    change_clips(firsts, lambda title_id, label: title_id not in VAL or label != "smoking")
    config = imported(firsts)
    assert "no clip in val of smoking, flagged only above all that was seen there" in train(config).summary
    infer(config, "val")
    segments = pd.read_csv(config.work_dir / "current" / "segments.csv")
    assert "smoking" not in set(segments[segments.decision == "flag"].label)


@pytest.mark.parametrize("absent", [True, False])
def test_a_val_split_without_any_clip_ends_before_the_first_epoch(firsts, absent):
    """Known absences alone, and presence alone (video labels): nothing can be chosen by either."""
    if absent:
        change_clips(firsts, lambda title_id, _: title_id not in VAL)
    else:
        clips = pd.read_csv(firsts.parent / "clip_labels.csv")
        clips[~clips.title_id.isin(VAL)].to_csv(firsts.parent / "clip_labels.csv", index=False)
    config = imported(firsts)
    with pytest.raises(ConfigError, match=r"no clip of any label in 3 usable titles of the val split: without start"):
        train(config)
    assert not config.training_dir.exists()


def test_refit_judges_the_halves_of_val_by_first_occurrences(firsts):
    config = imported(firsts, {"train": {"epochs": 2, "patience": 2, "refit": True}})
    assert "trained anew with 3 titles of val" in train(config).summary


def test_known_absences_are_no_occurrences_to_be_told_of(catalogue):
    """Val and test have all occurrences, so absent train titles count as complete; none of train has clips."""
    config = load_config(catalogue, {"train": {"epochs": 2, "occurrences": "all"}, "run": {"import_name": "toy"}})
    with pytest.raises(ConfigError, match="no title of the train split has all its occurrences labelled"):
        next(run(config))  # before anything is extracted
    import_feature_files(config, feature_import(config, "toy"))
    with pytest.raises(ConfigError, match="no title of the train split has all its occurrences labelled"):
        train(config)


def test_test_titles_that_all_lack_the_labels_are_measured_once(firsts):
    config = imported(firsts)
    train(config)
    change_clips(firsts, lambda title_id, _: title_id < "t11")
    found = evaluated(config)
    assert {row.protocol for row in found.results} == {found.protocol}
    assert found.judged() is None
    assert all(row.segments.hours > 0 for row in found.operator.rows)  # false flags per hour are still measured


@pytest.mark.parametrize("present", ["1", ""])
def test_a_run_goes_on_where_test_titles_are_labelled_but_nothing_can_be_measured(firsts, present, capsys):
    """Presence alone, without start and end, ended the night with exit 2 before its report was drawn."""
    clips, video = (pd.read_csv(firsts.parent / f"{name}.csv", dtype=str) for name in ("clip_labels", "video_labels"))
    test = ("t11", "t12", "t13")
    clips[~clips.title_id.isin(test)].to_csv(firsts.parent / "clip_labels.csv", index=False)
    video.loc[video.title_id.isin(test), "present"] = present
    video.to_csv(firsts.parent / "video_labels.csv", index=False)
    config = imported(firsts, {**SHORT, "run": {"import_name": "toy"}})
    results = [result for result, _ in run(config)]
    said = [result.summary for result in results if result.summary.startswith("evaluate:")]
    assert said == (
        ["evaluate: nothing to measure, no title of the test split has a clip or a known absence"] if present else []
    )
    assert results[-1].summary.startswith("report: 14 titles")
    assert {result.exit_code for result in results} == {0}


def test_one_val_title_with_all_its_occurrences_does_not_hide_the_others(firsts):
    with (firsts.parent / "clip_labels.csv").open("a") as rows:
        rows.write("t08,smoking,100,105,all_occurrence\n")
    config = imported(firsts)
    train(config)
    infer(config, "val")
    found = evaluate(config, "val")[1]
    assert found.protocol is FIRST
    held = {row.label: row.clips for row in found.results if row.protocol is FIRST and row.method == "model"}
    clips = pd.read_csv(firsts.parent / "clip_labels.csv")
    wanted = clips[clips.title_id.isin(VAL) & (clips.kind == "first_occurrence")].groupby("label").size().to_dict()
    assert {label: held[label] for label in wanted} == wanted
