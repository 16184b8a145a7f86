"""The one table of `evaluate`: a person's words, numbers worked by hand, no dashes without a number beside them."""

import io
import json
import sys
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from data.labels import Clip, TitleLabels
from data.schemas import Segment
from infer.evaluate import evaluate
from infer.operator_metrics import OperatorCollector
from infer.settings import EvaluateSettings
from infer.title_scores import TitleScores
from pipeline import cli
from pipeline.evaluation_table import found_table, precision_table, print_evaluation, remarks, without_dashes

LABELS = ("sex", "violence")
QUICK = EvaluateSettings(bootstrap_draws=0, trivial_draws=1)
FRAMES = 1800


def firsts():
    """Violence first in a at 10-20 s and in b at 30-40 s, absent from c; sex absent everywhere."""
    clips = {"a": Clip("violence", 10.0, 20.0), "b": Clip("violence", 30.0, 40.0)}
    return {
        title_id: TitleLabels(
            title_id,
            {"sex": False, "violence": title_id in clips},
            {"violence": clips[title_id]} if title_id in clips else {},
        )
        for title_id in "abc"
    }


def segment(title_id, label, start_s, end_s, score):
    return Segment(title_id, label, 0, start_s, end_s, score, 0.1, None, None, 0.5, 0.1, 0.1, "flag", start_s)


def measured(truth, segments, *, with_scores=True):
    durations = dict.fromkeys(truth, float(FRAMES))
    found = evaluate(segments, truth, LABELS, durations, QUICK)
    if not with_scores:
        return found
    collector = OperatorCollector(truth, LABELS, dict.fromkeys(LABELS, 0.5))
    for title_id in truth:
        action_TC = np.full((FRAMES, 2), 0.25, np.float32)
        scores = TitleScores(title_id, None, None, action_TC, action_TC.max(axis=0))
        collector.add(scores, [part for part in segments if part.title_id == title_id])
    return replace(found, operator=collector.metrics())


SEGMENTS = [
    segment("a", "violence", 12.0, 20.0, 0.9),  # right, 2 s late
    segment("a", "violence", 100.0, 110.0, 0.8),  # after the first occurrence: nobody looked
    segment("c", "violence", 5.0, 9.0, 0.7),  # false
    segment("c", "sex", 5.0, 9.0, 0.6),  # false
    segment("c", "sex", 50.0, 59.0, 0.6),  # false
]


def printed(evaluation, **options):
    out = io.StringIO()
    print_evaluation(Console(file=out, width=200, highlight=False, markup=False), evaluation, **options)
    return out.getvalue()


def test_the_table_by_hand():
    table = found_table(measured(firsts(), SEGMENTS))
    assert table == [
        ["label", "clips found", "flags correct", "false flags\nper hour", "first flag comes", "mAP, %"],
        # three titles of half an hour
        ["sex", "-", "0 of 2 (0 to 84 %)", "1.3", "-", "-"],
        # 20 s + 40 s + half an hour are known; 1 of 2: 1 - sqrt(0.975) to sqrt(0.975)
        ["violence", "1 of 2 (1 to 99 %)", "1 of 2 (1 to 99 %)", "1.9", "2 s late", "50.0"],
        ["all labels", "1 of 2 (1 to 99 %)", "1 of 4 (1 to 81 %)", "3.3", "-", "50.0"],
    ]


def test_columns_and_rows_of_dashes_are_not_printed():
    nothing = found_table(measured(firsts(), []))
    assert nothing[0] == ["label", "clips found", "false flags\nper hour", "mAP, %"]
    assert nothing[1] == ["sex", "-", "0.0", "-"]
    assert without_dashes([["label", "a", "b"], ["x", "1", "-"], ["y", "-", "-"]]) == [["label", "a"], ["x", "1"]]


def test_what_the_reader_must_know_is_said_in_words():
    text = " ".join(remarks(measured(firsts(), SEGMENTS)))
    assert "Judged on first occurrences" in text
    assert "mAP 50.0 %, mean over tIoU 0, 0.1, 0.2; at 0 some overlap is needed. One that saw nothing reaches:" in text
    assert "By the all-occurrence" not in text
    absent = {title_id: TitleLabels(title_id, dict.fromkeys(LABELS, False)) for title_id in "abc"}
    found = measured(absent, SEGMENTS)
    assert "these titles hold no clip of any label: nothing can be found in them" in next(remarks(found))
    assert "50.0" not in printed(found)


def test_clips_of_the_other_protocol_are_named_with_the_reason_why_they_are_not_judged_by():
    truth = firsts()
    every = (Clip("violence", 10.0, 20.0), Clip("violence", 100.0, 110.0))
    truth["a"] = replace(truth["a"], occurrences=every)
    said = list(remarks(measured(truth, SEGMENTS)))
    assert any("By the all-occurrence protocol there are 2 clips (not of all titles" in line for line in said)
    del truth["b"]
    assert "Judged on all occurrences: each title from beginning to end." in list(remarks(measured(truth, SEGMENTS)))


def test_segments_without_scores_are_measured_by_overlap():
    table = precision_table(measured(firsts(), SEGMENTS, with_scores=False))
    assert table[0][:4] == ["label", "clips", "segments", "found, %"]
    assert table[2][:3] == ["violence", "2", "2"]
    assert table[-1][0] == "all labels"
    assert "Mean average precision" in printed(measured(firsts(), SEGMENTS, with_scores=False))


def test_symbols_are_behind_all():
    short, long = (printed(measured(firsts(), SEGMENTS), everything=every) for every in (False, True))
    for symbol in ("AUROC", "ECE", "P@90R", "judged", "tau", " ge ", "Eq."):
        assert symbol not in short
    assert [word for word in ("AUROC", "first-occurrence", "judged") if word not in long] == []
    rows = [row.split("│")[1:-1] for row in long.splitlines() if row.startswith("│")]
    assert rows
    assert not [row for row in rows if all(cell.strip() in ("-", "") for cell in row[4:])]
    assert short.count("┌") == 1  # one table


def test_evaluate_prints_json_alone_or_one_table_or_all(catalogue, capsys):
    def run(*arguments):
        with pytest.raises(SystemExit) as caught:
            cli.main([str(argument) for argument in arguments])
            sys.exit(0)
        assert not caught.value.code
        return capsys.readouterr().out

    short = ("--set", "train.epochs=2", "--set", "train.patience=2")
    run("import-features", "--config", catalogue, "--name", "toy")
    run("train", "--config", catalogue, *short)
    run("infer", "--config", catalogue, *short)
    evaluation = json.loads(run("evaluate", "--config", catalogue, "--json"))
    written = json.loads((catalogue.parent / "work" / "current" / "evaluation-test.json").read_text())
    assert (evaluation["split"], evaluation["judged_protocol"]) == ("test", "all-occurrence")
    assert evaluation["results"] == written["results"]
    assert evaluation["operator"] == written["operator"]
    table = run("evaluate", "--config", catalogue)
    assert "What the model finds" in table
    assert "all numbers: evaluation-test.csv, operator-test.csv" in table
    assert "AUROC" not in table
    assert "AUROC" in run("evaluate", "--config", catalogue, "--all")


def test_that_flagging_whole_titles_would_score_higher_is_said_and_nothing_of_it_where_it_would_not():
    truth = firsts()
    beaten = measured(truth, [segment("c", "violence", 5.0, 9.0, 0.7)])  # finds nothing: every whole title touches
    assert "Mind: flagging every title whole would score higher by this measure:" in " ".join(remarks(beaten))
    perfect = [segment("a", "violence", 10.0, 20.0, 0.9), segment("b", "violence", 30.0, 40.0, 0.8)]
    assert "Mind:" not in " ".join(remarks(measured(truth, perfect)))
