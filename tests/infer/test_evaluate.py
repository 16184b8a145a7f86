import json
import math
import os
from pathlib import Path

import numpy as np
import pytest

from data.activitynet import read_ground_truth, read_predictions
from data.errors import ConfigError
from data.labels import Clip, TitleLabels
from data.schemas import SEGMENTS, SEGMENTS_SCHEMA
from infer.evaluate import evaluate, evaluate_activitynet
from infer.evaluation import MEAN, as_json, notes, table, write_evaluation_csv, write_evaluation_json
from infer.settings import EvaluateSettings, Protocol, Rule
from infer.write import read_table

FIRST, ALL = Protocol.FIRST_OCCURRENCE, Protocol.ALL_OCCURRENCE
QUICK = EvaluateSettings(bootstrap_draws=0, trivial_draws=0)
LABELS = ("sex", "violence")


@pytest.fixture
def truth():
    """Two clips of violence in a, one in b (only its first is labelled), none in c; sex in a."""
    absent = dict.fromkeys(LABELS, False)
    occurrences = (Clip("violence", 0.0, 10.0), Clip("violence", 20.0, 30.0), Clip("sex", 50.0, 60.0))
    return {
        "a": TitleLabels("a", dict.fromkeys(LABELS, True), {"violence": occurrences[0]}, occurrences),
        "b": TitleLabels("b", {"violence": True, "sex": False}, {"violence": Clip("violence", 5.0, 15.0)}),
        "c": TitleLabels("c", absent),
    }


@pytest.fixture
def segments(make_segment):
    rows = [
        ("a", "violence", 0, 10, 0.9),  # hits the first clip
        ("c", "violence", 0, 10, 0.8),  # wrong
        ("a", "violence", 22, 40, 0.7),  # tIoU 8 / 20 with the second clip; after the measured end of the first
        ("b", "violence", 10, 40, 0.6),  # tIoU 5 / 35 with the clip, 5 / 10 when cut to its end
        ("a", "sex", 0, 10, 0.5),  # right title, wrong place
    ]
    return [make_segment(*row[:2], float(row[2]), float(row[3]), row[4]) for row in rows]


def test_hand_worked_all_occurrences(truth, segments):
    found = evaluate(segments, truth, LABELS, settings=QUICK)
    # b is left out for violence: nobody labelled all its occurrences; hits 1, 0, 1 of two clips
    violence = (1 + 2 / 3) / 2
    row = found.result(ALL, "gt", label="violence")
    assert row.ap_K == pytest.approx((violence,) * 3)
    assert (row.clips, row.predictions, row.recall_K) == (2, 3, (1.0, 1.0, 1.0))
    assert found.result(ALL, "ge", label="sex").ap_K == (1.0, 0.0, 0.0)
    assert found.result(ALL, "ge").ap_K == pytest.approx(((violence + 1) / 2, violence / 2, violence / 2))
    assert found.judged(ALL) == pytest.approx(violence / 2)
    assert found.left_out[ALL] == {"title and label without known clips": 1, "title and label not measured": 1}


@pytest.mark.parametrize(("crossing", "at_02"), [("clip", (1 + 2 / 3) / 2), ("drop", 0.5), ("none", 0.5)])
def test_hand_worked_first_occurrence(truth, segments, crossing, at_02):
    settings = QUICK.model_copy(update={"crossing": crossing})
    row = evaluate(segments, truth, LABELS, settings=settings).result(FIRST, "ge", label="violence")
    assert row.ap_K[2] == pytest.approx(at_02)
    assert row.clips == 2
    assert row.predictions == (2 if crossing == "drop" else 3)


def test_false_positives_per_hour_count_measured_time(truth, segments):
    durations = {"a": 1790.0, "b": 100.0, "c": 3590.0}
    found = evaluate(segments, truth, LABELS, durations, QUICK)
    # first occurrence: a up to 10 s, b up to 15 s, c whole: 3615 s hold one wrong segment
    assert found.result(FIRST, "gt", label="violence").false_positives_per_hour == pytest.approx(3600 / 3615)
    assert found.result(ALL, "gt", label="violence").false_positives_per_hour == pytest.approx(3600 / 5380)
    unknown = evaluate(segments, truth, LABELS, {"a": 1790.0}, QUICK)
    assert unknown.result(ALL, "gt", label="violence").false_positives_per_hour is None


def test_near_misses_do_not_count(truth, make_segment):
    near, flagged = ([make_segment("a", "sex", 50.0, 60.0, decision=decision)] for decision in ("review", "flag"))
    assert evaluate(near, truth, LABELS, settings=QUICK).result(ALL, "gt", label="sex").average == 0
    assert evaluate(flagged, truth, LABELS, settings=QUICK).result(ALL, "gt", label="sex").average == 1


def test_the_table_gives_the_same_numbers(tmp_path, truth, segments, write_segments):
    write_segments(tmp_path / "s.parquet", segments)
    from_table = read_table(tmp_path / "s.parquet", SEGMENTS, SEGMENTS_SCHEMA)
    assert evaluate(from_table, truth, LABELS, settings=QUICK) == evaluate(segments, truth, LABELS, settings=QUICK)


def test_trivial_reaches_the_prevalence():
    """2,000 titles, 30 % hold the label: one random segment each is right in 30 % at the official 0.0."""
    generator = np.random.default_rng(0)
    starts = generator.uniform(0, 900, 2000)
    truth = {
        f"t{n}": TitleLabels(f"t{n}", {"sex": n % 10 < 3}, {}, (Clip("sex", s, s + 20),) if n % 10 < 3 else ())
        for n, s in enumerate(starts)
    }
    durations = dict.fromkeys(truth, 1000.0)
    settings = EvaluateSettings(bootstrap_draws=0, trivial_draws=5, protocols=(ALL,))
    found = evaluate([], truth, ["sex"], durations, settings)
    random = found.result(ALL, "ge", method="trivial (random segment)")
    assert random.ap_K[0] == pytest.approx(0.30, abs=0.02)
    assert random.predictions == 2000
    assert random.ap_K[1] < 0.01
    whole = found.result(ALL, "judged", method="trivial (whole title)")
    assert whole.ap_K[0] == pytest.approx(0.30, abs=0.02)
    assert found == evaluate([], truth, ["sex"], durations, settings)


def test_bootstrap_interval_is_seeded_and_holds_the_estimate(truth, segments):
    settings = EvaluateSettings(bootstrap_draws=200, trivial_draws=0)
    row = evaluate(segments, truth, LABELS, settings=settings).result(FIRST, "judged")
    assert row.interval is not None
    assert row.interval[0] <= row.average <= row.interval[1]
    assert row.interval == evaluate(segments, truth, LABELS, settings=settings).result(FIRST, "judged").interval
    other = settings.model_copy(update={"seed": 7, "bootstrap_draws": 20})
    assert evaluate(segments, truth, LABELS, settings=other).result(FIRST, "judged").label == MEAN


def test_invalid_predictions_change_nothing_and_are_reported(truth, segments, make_segment):
    bad = [
        make_segment("a", "violence", 5.0, 5.0, 0.99),
        make_segment("a", "violence", 9.0, 5.0, 0.99),
        make_segment("a", "violence", 0.0, 5.0, math.nan),
        make_segment("z", "violence", 0.0, 5.0, 0.99),
        make_segment("a", "gore", 0.0, 5.0, 0.99),
    ]
    found = evaluate([*bad, *segments], truth, LABELS, settings=QUICK)
    assert found.results == evaluate(segments, truth, LABELS, settings=QUICK).results
    assert sum(found.refused.values()) == 5
    assert "refused: 1 predictions, zero-length" in notes(found)


def test_official_keeps_the_official_bugs():
    """A NaN score ranks first there, and an unknown title counts as a false positive."""
    clips = {"a": [Clip("x", 0.0, 10.0)]}
    predictions = {
        "a": [(Clip("x", 0.0, 10.0), 0.5), (Clip("x", 50.0, 60.0), math.nan)],
        "z": [(Clip("x", 0.0, 10.0), 0.9)],
    }
    ours = evaluate_activitynet(clips, predictions, settings=QUICK)
    assert ours.result(ALL, "ge").ap_K == (1.0, 1.0, 1.0)
    assert ours.refused == {"not finite": 1, "title not evaluated": 1}
    official = evaluate_activitynet(clips, predictions, settings=QUICK, official=True)
    # order: NaN, z, 0.5; at 0.0 the NaN takes the clip, above it the third is the first hit
    assert official.result(ALL, "ge").ap_K == pytest.approx((1.0, 1 / 3, 1 / 3))


def test_nothing_to_evaluate_is_an_error(segments):
    with pytest.raises(ConfigError, match="no titles or no labels"):
        evaluate(segments, {}, LABELS)
    with pytest.raises(ConfigError, match="no title has a located clip"):
        evaluate(segments, {"a": TitleLabels("a")}, LABELS)


def test_table_and_files(tmp_path, truth, segments):
    settings = QUICK.model_copy(update={"rules": (Rule.GT,), "protocols": (ALL,)})
    found = evaluate(segments, truth, ("violence",), settings=settings)
    rows = table(found)
    assert rows[0][:8] == ["protocol", "rule", "method", "label", "@0", "@0.1", "@0.2", "AVG"]
    assert rows[1] == [
        *("all-occurrence", "gt", "model", "mAP", "83.33", "83.33", "83.33", "83.33"),
        *("-", "2", "3", "100.00", "-"),
    ]
    assert [row[3] for row in table(found, per_label=False)[1:]] == ["mAP", "mAP"]
    write_evaluation_json(tmp_path / "e.json", found)
    assert json.loads((tmp_path / "e.json").read_text()) == json.loads(json.dumps(as_json(found)))
    write_evaluation_csv(tmp_path / "e.csv", found)
    lines = (tmp_path / "e.csv").read_text().splitlines()
    assert lines[0].startswith("protocol,rule,method,label,tiou,ap,recall,low,high,clips,predictions")
    assert lines[1] == "all-occurrence,gt,model,mAP,0,0.833333,1.000000,,,2,3,"
    assert lines[4] == "all-occurrence,gt,model,mAP,AVG,0.833333,,,,2,3,"


def test_a_label_without_clips_has_no_average_precision(truth, segments):
    found = evaluate(segments, {"c": truth["c"]}, LABELS, settings=QUICK)
    assert found.result(found.protocol, "ge").ap_K == (None, None, None)
    assert found.judged() is None
    assert {row.protocol for row in found.results} == {found.protocol}  # both say the same of a known absence
    assert table(found)[1][4:8] == ["-", "-", "-", "-"]


METRIC_DATA = os.environ.get("COARSE2FINE_METRIC_DATA")


@pytest.mark.skipif(METRIC_DATA is None, reason="COARSE2FINE_METRIC_DATA names no folder with the reference values")
@pytest.mark.parametrize(
    ("name", "subset", "average"), [("small", None, (0.5, 0.95)), ("thumos14", "test", (0.1, 0.7))]
)
def test_official_reference_values(name, subset, average):
    folder = Path(METRIC_DATA)
    expected = json.loads((folder / "expected.json").read_text())[name]
    clips = read_ground_truth(folder / name / "ground_truth.json", subset=subset)
    predictions = read_predictions(folder / name / "predictions.json")
    thresholds = tuple(float(threshold) for threshold in expected["ge"])
    settings = QUICK.model_copy(update={"tiou_thresholds": thresholds})
    found = evaluate_activitynet(clips, predictions, settings=settings, official=True)
    for rule in Rule:
        reached = dict(zip(thresholds, found.result(ALL, rule).ap_K))
        for threshold, value in expected[rule].items():
            assert reached[float(threshold)] == pytest.approx(value, abs=2e-4), (rule, threshold)
    ge = dict(zip(thresholds, found.result(ALL, "ge").ap_K))
    low, high = average
    mean = np.mean([value for threshold, value in ge.items() if low <= threshold <= high])
    assert mean == pytest.approx(expected[f"ge_average_{low}_to_{high}"], abs=2e-4)


def test_resamples_are_kept_for_joint_intervals(make_segment):
    truth = {
        "t1": TitleLabels("t1", {"a": True}, {"a": Clip("a", 0, 10)}, (Clip("a", 0, 10),)),
        "t2": TitleLabels("t2", {"a": True}, {"a": Clip("a", 0, 10)}, (Clip("a", 0, 10),)),
    }
    found = [make_segment("t1", "a", 0, 10, 0.9)]
    settings = EvaluateSettings(bootstrap_draws=200, trivial_draws=0, tiou_thresholds=(0.0, 0.5))
    resampled = evaluate(found, truth, ["a"], settings=settings).resampled[Protocol.ALL_OCCURRENCE]
    assert resampled.columns == ((0.0, "ge"), (0.5, "ge"), (0.0, "gt"), (0.5, "gt"))
    # t1 drawn 0, 1 or 2 times of 2: nothing, one of two clips, both found
    assert set(resampled.ap_BKC[:, 1, 0]) == {0.0, 0.5, 1.0}


def test_a_protocol_without_clips_is_left_out_where_another_has_some(truth, segments):
    """A known absence is measured under both, and was taken for all occurrences: three tables of dashes."""
    firsts = {"b": truth["b"], "c": truth["c"]}
    found = evaluate(segments, firsts, LABELS, settings=QUICK)
    assert {row.protocol for row in found.results} == {FIRST} == {found.protocol} == set(found.left_out)
    # the wrong segment of c ranks first, the one cut to b's clip second: 1 / 2 where tIoU 5 / 10 is enough
    assert found.judged() == pytest.approx(0.5)
    assert as_json(found)["judged_protocol"] == "first-occurrence"


def test_one_title_with_first_occurrences_only_makes_them_the_protocol_to_judge_by(truth, segments):
    found = evaluate(segments, truth, LABELS, settings=QUICK)
    assert found.protocol is FIRST
    assert found.judged() == found.result(FIRST, "judged").average
    whole = {title_id: truth[title_id] for title_id in "ac"}
    assert evaluate(segments, whole, LABELS, settings=QUICK).protocol is ALL
    only_all = QUICK.model_copy(update={"protocols": (ALL,)})
    assert evaluate(segments, truth, LABELS, settings=only_all).protocol is ALL  # asked for by name
