"""tIoU thresholds as papers write them."""

import json

import pytest
from pydantic import ValidationError

from infer.settings import EvaluateSettings
from infer.tiou_text import parse_tiou, tiou_words
from pipeline import cli

TENTHS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("0.1:0.7:0.1", TENTHS),  # as written: 0.1 + 0.1 + 0.1 is not 0.3
        ("0.5:0.95:0.05", (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)),
        ("0.3,0.5", (0.3, 0.5)),
        (" .5 ", (0.5,)),
        ("0:1:0.5", (0.0, 0.5, 1.0)),
        ("0.3:0.3:0.1", (0.3,)),
    ],
)
def test_thresholds_are_the_decimals_as_written(text, meant):
    assert parse_tiou(text) == meant
    assert EvaluateSettings(tiou_thresholds=text).tiou_thresholds == meant


@pytest.mark.parametrize(
    "text", ["", "0.1:0.7", "0.1:0.75:0.1", "0.7:0.1:0.1", "0.1:0.7:0", "1.5", "nan", "-0.1", "0.1;0.2", "0:1:0.00001"]
)
def test_what_is_no_threshold_is_said_with_what_is_allowed(text):
    with pytest.raises(ValueError, match=r"tIoU|range|steps|at most"):
        parse_tiou(text)


def test_lists_of_numbers_are_taken_in_ascending_order_and_each_once():
    assert EvaluateSettings(tiou_thresholds=(0.5, 0.3)).tiou_thresholds == (0.3, 0.5)
    with pytest.raises(ValidationError, match="once"):
        EvaluateSettings(tiou_thresholds="0.3,0.30")


@pytest.mark.parametrize(
    ("thresholds", "words"),
    [
        (TENTHS, "0.1:0.7"),
        ((0.0, 0.1, 0.2), "0, 0.1, 0.2"),
        ((0.3, 0.5), "0.3, 0.5"),
        ((0.5, 0.55, 0.6), "0.5, 0.55, 0.6"),
    ],
)
def test_thresholds_in_words(thresholds, words):
    assert tiou_words(thresholds) == words


@pytest.mark.parametrize("official", [[], ["--official"]])
def test_evaluate_measures_at_what_is_asked_for(official, tmp_path, capsys):
    """A prediction that overlaps its clip by 0.4: right at 0.1 to 0.4, so the mean is 4 of 7."""
    (tmp_path / "truth.json").write_text(
        '{"v_t": {"duration": 30, "annotations": [{"segment": [0, 10], "label": "a"}]}}'
    )
    (tmp_path / "found.json").write_text('{"results": {"t": [{"segment": [0, 4], "label": "a", "score": 1}]}}')
    files = ["--ground-truth", str(tmp_path / "truth.json"), "--predictions", str(tmp_path / "found.json")]
    cli.main(["evaluate", *files, "--tiou", "0.1:0.7:0.1", "--set", "evaluate.bootstrap_draws=0", *official, "--json"])
    measured = json.loads(capsys.readouterr().out)
    assert measured["tiou_thresholds"] == list(TENTHS)
    (mean,) = [
        row for row in measured["results"] if (row["rule"], row["label"], row["method"]) == ("ge", "mAP", "model")
    ]
    assert mean["ap_K"] == [1, 1, 1, 1, 0, 0, 0]
    assert mean["average"] == pytest.approx(4 / 7)
