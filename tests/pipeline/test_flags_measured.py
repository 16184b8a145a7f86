"""A checkpoint of one's own says how right its flags are: counted on validation, then on test titles once there are."""

import json
from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pytest

from data.labels import Clip, TitleLabels
from data.schemas import LabelThresholds
from infer.operating_point import Goal
from infer.title_scores import TitleScores
from model.sidecar import read_checkpoint
from pipeline.config import load_config
from pipeline.runs.stage import run
from pipeline.stages.evaluate import evaluate
from pipeline.stages.extract import feature_import, import_feature_files
from pipeline.stages.infer import infer
from pipeline.stages.thresholds import choose_thresholds, store_thresholds
from pipeline.stages.train import train
from pipeline.stages.validation import CHOSEN_BY_HALVES, CHOSEN_THERE, measure_flags
from pipeline.trust import thresholds_in_force, what_it_knows

HALF_HOUR = 1800  # rows
SHORT = {"train": {"epochs": 4, "patience": 9}}
COUNTS = ("clips", "found", "recall", "flagged", "false", "precision", "hours", "false_per_hour")


def scores(title_id, **runs):
    """Return scores of half an hour that are 0 but in the runs ``x=[(start, end, value), ...]``."""
    action_TC = np.zeros((HALF_HOUR, 2), np.float32)
    for c, label in enumerate("xy"):
        for start, end, value in runs.get(label, ()):
            action_TC[start:end, c] = value
    return TitleScores(title_id, None, None, action_TC, np.ones(2, np.float32))


def flags_of(truth, *titles, flag=0.75):
    thresholds = dict.fromkeys("xy", LabelThresholds(0.5, 0.5, 0, 0, flag))
    config = SimpleNamespace(data=SimpleNamespace(labels=("x", "y")), infer=SimpleNamespace(segment_score="max"))
    return measure_flags(config, titles, truth, thresholds, "titles"), thresholds["x"]


def test_found_clips_right_flags_and_false_flags_an_hour_are_counted_at_the_thresholds():
    truth = {
        "v1": TitleLabels("v1", {"x": True, "y": False}, {}, (Clip("x", 10, 20), Clip("x", 50, 60))),
        "v2": TitleLabels("v2", {"x": False, "y": False}, {}, ()),
    }
    # of x: right at 12, false at 100, and one at 30 of v2 that scores too low; of y: nothing, and nothing to be found
    found, limits = flags_of(truth, scores("v1", x=[(12, 15, 0.9), (100, 104, 0.8)]), scores("v2", x=[(30, 33, 0.7)]))
    assert found == {
        "on": "titles",
        "labels": {
            "x": {
                "recall": 1 / 2,
                "precision": 1 / 2,
                "false_per_hour": 1.0,
                "clips": 2,
                "found": 1,
                "flagged": 2,
                "false": 1,
                "hours": 1.0,
                "thresholds": asdict(limits),
            },
            "y": {
                "recall": None,
                "precision": None,
                "false_per_hour": 0.0,
                "clips": 0,
                "found": 0,
                "flagged": 0,
                "false": 0,
                "hours": 1.0,
                "thresholds": asdict(limits),
            },
        },
    }
    record = {"thresholds": {label: asdict(limits) for label in "xy"}, "flags_measured": found}
    row = SimpleNamespace(decoded_s=7200.0, segments=3)
    raised = {"a": [SimpleNamespace(label=label, decision="flag") for label in "xxy"]}
    told = what_it_knows(record, [row], raised)[1:]
    assert told[0] == thresholds_in_force(record)[0]
    assert told[1:] == [
        "Measured on titles:",
        "  x: finds 1 of 2 scenes (50%); 1 of 2 flags right (50%); 1.0 false flags an hour, in 1.0 h",
        "  y: no scene of it was there to be found; it raised no flag there; 0.0 false flags an hour, in 1.0 h",
        "Of the 3 flags raised in the 2.0 h read here so many would be wrong, by those shares and rates: "
        "1 to 2 of 2 of x, 0 of 1 of y; on films of another kind expect more.",
    ]


def test_of_first_occurrences_only_what_comes_before_their_end_is_counted():
    truth = {
        "v1": TitleLabels("v1", {"x": True}, {"x": Clip("x", 10, 20)}, None),
        "v2": TitleLabels("v2", {"x": False}, {}, None),
    }
    # 12 is right; 5 is false; 100 lies behind the first occurrence; measured: 20 s of v1 and all of v2
    found, _ = flags_of(truth, scores("v1", x=[(5, 7, 0.8), (12, 15, 0.9), (100, 104, 0.8)]), scores("v2"))
    values = found["labels"]["x"]
    assert [values[name] for name in ("clips", "found", "flagged", "false")] == [1, 1, 2, 1]
    assert values["hours"] == pytest.approx((20 + HALF_HOUR) / 3600)


def test_numbers_of_other_thresholds_are_not_said():
    limits = asdict(LabelThresholds(0.5, 0.5, 0, 0, 0.75))
    values = {"recall": 1.0, "precision": 1.0, "false_per_hour": 0.0, "thresholds": limits}
    measured = {"on": "titles", "labels": {"x": values, "y": values}}
    lines = what_it_knows(
        {"thresholds": {"x": limits, "y": {**limits, "flag": 0.1}}, "flags_measured": measured}, [], {}
    )
    assert any(line.startswith("  x: ") for line in lines)
    assert not any(line.startswith("  y: ") for line in lines)


@pytest.fixture
def imported(catalogue):
    config = load_config(catalogue, SHORT)
    import_feature_files(config, feature_import(config, "toy"))
    return config


def stored(config):
    return read_checkpoint(config.checkpoint_dir).training["flags_measured"]


def assert_as_evaluated(measured, evaluation):
    """Assert what is recorded to be what `evaluate` counts, by another way."""
    for label, values in measured["labels"].items():
        segments = evaluation.operator.row(evaluation.protocol, label).segments
        assert [values[name] for name in COUNTS] == pytest.approx([getattr(segments, name) for name in COUNTS])


def test_training_records_what_evaluate_counts_on_val(imported):
    train(imported)
    infer(imported)
    measured = stored(imported)
    assert measured["on"] == CHOSEN_THERE
    assert set(measured["labels"]) == {"smoking", "violence"}
    assert_as_evaluated(measured, evaluate(imported, "val")[1])
    record = json.loads((imported.work_dir / "current" / "run.json").read_text())
    assert record["flags_measured"] == measured
    assert "Measured on its validation titles" in "\n".join(what_it_knows(record, [], {}))


def test_a_refit_says_that_other_networks_were_measured(imported, catalogue):
    options = {"train": {"epochs": 2, "refit": True}, "work_dir": str(catalogue.parent / "refit")}
    config = load_config(catalogue, {**options, "features": str(imported.features_dir)})
    train(config)
    measured = stored(config)
    assert measured["on"] == CHOSEN_BY_HALVES
    chosen = read_checkpoint(config.checkpoint_dir).thresholds
    assert {label: values["thresholds"] for label, values in measured["labels"].items()} == {
        label: asdict(limits) for label, limits in chosen.items()
    }


def test_thresholds_that_are_chosen_anew_bring_their_own_numbers(imported):
    train(imported)
    before = stored(imported)["labels"]
    store_thresholds(imported, choose_thresholds(imported, ["violence"], Goal("recall", 0.5)))
    after = stored(imported)["labels"]
    assert after["smoking"] == before["smoking"]
    assert after["violence"]["thresholds"] == asdict(read_checkpoint(imported.checkpoint_dir).thresholds["violence"])
    infer(imported)
    assert_as_evaluated({"labels": {"violence": after["violence"]}}, evaluate(imported, "val")[1])


def test_a_run_puts_what_test_titles_say_in_the_place_of_validation_and_the_model_stays(catalogue):
    config = load_config(catalogue, {**SHORT, "run": {"import_name": "toy", "report": False}})
    results = list(run(config))
    evaluation = results[-1][1]
    checkpoint = read_checkpoint(config.checkpoint_dir)
    assert checkpoint.training["flags_measured"]["on"].startswith("its test titles")
    assert_as_evaluated(checkpoint.training["flags_measured"], evaluation)
    assert checkpoint.model_id in results[1][0].summary
    written = (config.checkpoint_dir / "model.json").read_bytes()
    assert all("nothing to do" in result.summary for result, _ in run(config))
    assert (config.checkpoint_dir / "model.json").read_bytes() == written


def test_test_titles_of_a_run_with_other_thresholds_say_nothing_of_the_checkpoint(catalogue):
    flag = {"violence": {"title": 0, "frame": 0.01, "merge_gap_s": 0, "min_length_s": 0, "flag": 0.011}}
    options = {"run": {"import_name": "toy", "report": False}, "infer": {"thresholds": flag}}
    config = load_config(catalogue, {**SHORT, **options})
    list(run(config))
    assert stored(config)["on"] == CHOSEN_THERE
