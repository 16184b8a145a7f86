"""Operator metrics and chosen thresholds on a small trained catalogue: what is printed, written and stored."""

import json

import pandas as pd
import pytest

from data.counted import written_threshold


@pytest.fixture
def trained(catalogue, coarse2fine):
    assert coarse2fine("import-features", "--config", catalogue, "--name", "toy")[0] == 0
    assert coarse2fine("train", "--config", catalogue)[0] == 0
    return catalogue


def test_thresholds_are_chosen_stored_and_used(trained, coarse2fine):
    work = trained.parent / "work"
    sidecar = work / "checkpoint" / "model.json"
    before = sidecar.read_text()
    coarse2fine("infer", "--config", trained)

    # looking changes nothing
    code, out, _ = coarse2fine("thresholds", "--config", trained, "--recall", "0.9")
    assert (code, "90 % of the clips found" in out, "nothing stored" in out) == (0, True, True)
    assert sidecar.read_text() == before
    curve = pd.read_csv(work / "thresholds" / "violence.csv")
    assert curve.threshold.is_monotonic_decreasing
    assert curve.recall.iloc[-1] >= 0.9
    assert (work / "thresholds" / "smoking.png").read_bytes().startswith(b"\x89PNG")

    # what a program reads is the same, and nothing else is printed
    code, out, _ = coarse2fine("thresholds", "--config", trained, "--recall", "0.9", "--json")
    found = json.loads(out)
    assert (code, set(found)) == (0, {"smoking", "violence"})
    assert {values["reached"] for values in found.values()} == {True}
    assert all("too few to promise 90 %: at least 36 clips" in values["remarks"][0] for values in found.values())
    assert all(0 < values["flag"] <= 1 for values in found.values())

    # storing one label keeps the model and the other label, and makes a new run
    little = ("--label", "violence", "--recall", "0.1", "--write")
    code, out, _ = coarse2fine("thresholds", "--config", trained, *little)
    assert (code, "stored for violence" in out) == (0, True)
    old, new = json.loads(before), json.loads(sidecar.read_text())
    assert new["model_id"] == old["model_id"]
    assert new["thresholds"]["smoking"] == old["thresholds"]["smoking"]
    assert {**new["thresholds"]["violence"], "flag": 0} == {**old["thresholds"]["violence"], "flag": 0}
    chosen = new["training"]["chosen"]["violence"]
    assert (chosen["wanted"], chosen["value"], chosen["flagged"]) == ("recall", 0.1, 1)
    assert 0.1 <= chosen["recall"] < 1
    assert (chosen["promised"], chosen["confidence"]) == (False, 0.95)  # 0.025^(1/n) of few clips
    assert chosen["low"] < chosen["recall"] < chosen["high"]
    assert chosen["needed"] == 2
    assert chosen["titles"]["titles"] == 3
    assert "too few clips to promise 10 % of the clips found: violence" in out
    assert "nothing to do" in coarse2fine("train", "--config", trained)[1]
    coarse2fine("infer", "--config", trained)
    assert len(list((work / "runs").iterdir())) == 2
    recorded = json.loads((work / "current" / "run.json").read_text())["thresholds"]
    assert recorded == new["thresholds"]

    # what was promised is what evaluate finds with these thresholds on the same titles
    code, out, _ = coarse2fine("evaluate", "--config", trained, "--split", "val", "--all")
    assert (code, "What an operator decides by" in out) == (0, True)
    table = pd.read_csv(work / "current" / "operator-val.csv").set_index(["protocol", "label"])
    row = table.loc[("all-occurrence", "violence")]
    assert (row.recall, row.precision) == pytest.approx((chosen["recall"], chosen["precision"]), abs=1e-5)
    assert row.frame_ap > row.positive_frames / row.frames
    evaluation = json.loads((work / "current" / "evaluation-val.json").read_text())
    assert len(evaluation["operator"]["rows"]) == len(table)
    bins = pd.read_csv(work / "current" / "reliability-val.csv").query("of == 'frame'")
    assert bins.groupby(["protocol", "label"]).samples.sum().to_dict() == table.frames.to_dict()


def test_what_the_title_threshold_drops_is_counted_as_a_run_drops_it(trained, coarse2fine):
    """All three thresholds are shown, and what is counted through them is what a run flags, segment by segment."""
    sidecar = trained.parent / "work" / "checkpoint" / "model.json"

    def chosen(*more):
        code, out, _ = coarse2fine("thresholds", "--config", trained, "--label", "violence", "--recall", "0.3", *more)
        assert code == 0
        return out

    raw = json.loads(sidecar.read_text())
    raw["thresholds"]["violence"]["title"] = 0.0
    sidecar.write_text(json.dumps(raw))
    coarse2fine("infer", "--config", trained, "--set", "infer.thresholds.violence.flag=0", "--split", "val")
    every = _val_segments(trained)
    titles = every.groupby("title_id").title_score.first().sort_values()
    gate = float(titles.iloc[-2:].mean())  # between the two best titles: it keeps one
    raw["thresholds"]["violence"]["title"] = gate
    sidecar.write_text(json.dumps(raw))

    said = json.loads(chosen("--json"))["violence"]
    assert (said["title_before"], said["title"], said["frame"]) == (gate, gate, raw["thresholds"]["violence"]["frame"])
    high = every[every.score >= said["flag"]]
    dropped = high[high.title_score < gate]
    assert said["dropped"] == {"segments": len(dropped), "titles": dropped.title_id.nunique()}
    assert said["dropped"]["segments"] > 0
    printed = chosen()
    assert f"title {written_threshold(gate)}" in printed
    assert f"frame {written_threshold(said['frame'])}" in printed
    assert f"below the title threshold {written_threshold(gate)}" in printed

    chosen("--write")
    coarse2fine("infer", "--config", trained, "--split", "val")
    flagged = _val_segments(trained).query("decision == 'flag'")
    assert len(flagged) == said["flagged"]
    assert flagged.title_id.nunique() == said["titles"]["flagged"] == 1
    assert len(flagged) + len(dropped) == len(high)


def _val_segments(config):
    segments = pd.read_parquet(config.parent / "work" / "current" / "segments.parquet")
    return segments[(segments.label == "violence") & segments.title_id.isin(["t08", "t09", "t10"])]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give one of --recall, --precision and --fp-per-hour"),
        (["--recall", "0.9", "--precision", "0.9"], "give one of --recall"),
        (["--recall", "0.9"], "coarse2fine train"),
        (["--recall", "1.5"], "1.5"),
    ],
)
def test_usage_errors(catalogue, coarse2fine, arguments, message):
    code, _, err = coarse2fine("thresholds", "--config", catalogue, *arguments)
    assert code == 2
    assert message in err


def test_what_cannot_be_chosen_is_refused(trained, coarse2fine):
    sidecar = trained.parent / "work" / "checkpoint" / "model.json"
    before = sidecar.read_text()
    wanted = ("thresholds", "--config", trained, "--precision", "0.9")
    code, _, err = coarse2fine(*wanted, "--label", "sex")
    assert (code, "--label sex: not a label of the checkpoint, which has smoking, violence" in err) == (2, True)
    code, _, err = coarse2fine(*wanted, "--set", "infer.thresholds.violence.flag=0.3")
    assert (code, "[infer.thresholds.violence]: the configuration overrides" in err) == (2, True)
    code, _, err = coarse2fine(*wanted, "--set", "infer.rule=three-c-net")
    assert (code, "reads no thresholds" in err) == (2, True)
    # a video label without a clip of it in validation: its recall cannot be reached
    labels = trained.parent / "clip_labels.csv"
    labels.write_text(
        "".join(line for line in labels.read_text().splitlines(keepends=True) if not _is_val_smoking(line))
    )
    video = trained.parent / "video_labels.csv"
    video.write_text("".join(line for line in video.read_text().splitlines(keepends=True) if not _is_val_smoking(line)))
    code, out, err = coarse2fine("thresholds", "--config", trained, "--recall", "0.5", "--write")
    assert (code, "nothing is written: no threshold reaches 50 % of the clips found for smoking" in err) == (2, True)
    assert "nothing to choose by" in out
    assert sidecar.read_text() == before


def _is_val_smoking(line):
    return line.startswith(("t08,smoking", "t09,smoking", "t10,smoking"))
