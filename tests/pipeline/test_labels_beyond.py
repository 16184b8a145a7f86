"""Labels that lie where nothing was read: said after import, not taught, not counted as missed, at every stage."""

import logging
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from infer.protocol import Protocol
from pipeline.config import load_config
from pipeline.report.run import find_run, read_run, read_truth
from pipeline.report.stage import gather
from pipeline.runs.stage import run
from pipeline.stages import thresholds as thresholds_stage
from pipeline.stages.evaluate import evaluate
from pipeline.stages.extract import feature_import, import_feature_files
from pipeline.stages.infer import infer
from pipeline.stages.train import train

SHORT = {"train": {"epochs": 2, "patience": 2}, "infer": {"thresholds": {}}}
READ_S = 60


@pytest.fixture
def cut_short(catalogue):
    """The catalogue without durations; features of a title of each split end after 60 of 120 s; labels do not.

    Each of them has two clips of violence there, one before and one after second 60; and one that is cut by it.
    """
    folder = catalogue.parent
    titles = pd.read_csv(folder / "titles.csv")
    titles["duration_s"] = ""
    titles.to_csv(folder / "titles.csv", index=False)
    clips = pd.read_csv(folder / "clip_labels.csv")
    video = pd.read_csv(folder / "video_labels.csv")
    for title_id in ("t02", "t09", "t12"):
        path = folder / "features" / f"{title_id}.npy"
        np.save(path, np.load(path)[:READ_S])
        clips = clips[clips.title_id != title_id]
        video.loc[(video.title_id == title_id), "present"] = 1
    rows = [
        *(("t02", "smoking", 80, 90, "first_occurrence"), ("t02", "violence", 20, 28, "first_occurrence")),
        *(
            (name, "smoking", 80, 90, kind)
            for name in ("t09", "t12")
            for kind in ("first_occurrence", "all_occurrence")
        ),
        *(
            (name, "violence", 20, 28, kind)
            for name in ("t09", "t12")
            for kind in ("first_occurrence", "all_occurrence")
        ),
        *((name, "violence", 50, 70, "all_occurrence") for name in ("t09", "t12")),
        *((name, "violence", 100, 110, "all_occurrence") for name in ("t09", "t12")),
    ]
    pd.concat([clips, pd.DataFrame(rows, columns=clips.columns)]).to_csv(folder / "clip_labels.csv", index=False)
    video.to_csv(folder / "video_labels.csv", index=False)
    return catalogue


def test_import_names_the_titles_whose_labels_reach_beyond(cut_short, caplog):
    config = load_config(cut_short, SHORT)
    with caplog.at_level(logging.WARNING):
        import_feature_files(config, feature_import(config, "toy"))
    assert (
        "3 titles: labels reach beyond what was read: t02, clip to 00:01:30, read to 00:01:00; "
        "t09, clip to 00:01:50, read to 00:01:00; t12, clip to 00:01:50, read to 00:01:00"
    ) in caplog.text


def test_nothing_is_said_where_labels_and_features_fit(catalogue, caplog):
    config = load_config(catalogue, SHORT)
    with caplog.at_level(logging.WARNING):
        import_feature_files(config, feature_import(config, "toy"))
        summary = train(config).summary
    assert "read" not in caplog.text
    assert "left out" not in summary


def test_training_says_what_it_leaves_out_and_is_not_taught_a_clip_at_the_last_row(cut_short, caplog, monkeypatch):
    config = load_config(cut_short, SHORT)
    import_feature_files(config, feature_import(config, "toy"))
    taught = {}
    from pipeline.stages import train as stage

    made = stage._training_title
    monkeypatch.setattr(
        stage, "_training_title", lambda *args: taught.setdefault(args[1].title_id, made(*args)) or made(*args)
    )
    with caplog.at_level(logging.WARNING):
        caplog.clear()
        summary = train(config).summary
    assert "2 titles: labels reach beyond what was read: t02" in caplog.text
    assert "3 clips lie where nothing was read: left out; 1 clip cut where reading ended" in summary
    targets = taught["t02"].targets
    assert targets.positive_TC[:, 0].nonzero()[0].tolist() == []  # smoking at 80 to 90 s is no frame of 60
    assert not targets.present_known_C[0]
    assert targets.positive_TC[:, 1].nonzero()[0].tolist() == list(range(20, 28))


def test_what_nobody_could_see_is_no_miss_and_evaluation_says_so(cut_short, caplog):
    config = load_config(cut_short, SHORT)
    import_feature_files(config, feature_import(config, "toy"))
    train(config)
    infer(config)
    with caplog.at_level(logging.WARNING):
        caplog.clear()
        result, found = evaluate(config, "test")
    assert "2 clips lie where nothing was read: left out; 1 clip cut where reading ended" in result.summary
    assert "1 title: labels reach beyond what was read: t12, clip to 00:01:50, read to 00:01:00" in caplog.text
    clips = pd.read_csv(cut_short.parent / "clip_labels.csv")
    every = clips[(clips.title_id.isin(["t11", "t12", "t13"])) & (clips.kind == "all_occurrence")]
    assert found.result(Protocol.ALL_OCCURRENCE, "ge").clips == len(every) - 2
    smoking = found.operator.row(Protocol.ALL_OCCURRENCE, "smoking")
    assert smoking.segments.clips == len(every[every.label == "smoking"]) - 1


def test_a_title_that_could_not_be_read_at_all_is_missed_with_a_word(cut_short):
    config = load_config(cut_short, SHORT)
    import_feature_files(config, feature_import(config, "toy"))
    train(config)
    (cut_short.parent / "features" / "t12.npy").write_bytes(b"\x93NUMPY no array")
    import_feature_files(config, feature_import(config, "toy"))
    infer(config)
    for official in (False, True):
        summary = evaluate(config, "test", official=official)[0].summary
        assert "4 clips of 1 unread title count as missed" in summary


def test_thresholds_and_the_report_judge_by_the_same_clips(cut_short, monkeypatch):
    config = load_config(cut_short, SHORT)
    import_feature_files(config, feature_import(config, "toy"))
    train(config)
    infer(config)
    known = {}
    monkeypatch.setattr(thresholds_stage, "_choose", lambda _c, _h, labels, *_, **__: known.update(labels) or [])
    thresholds_stage.choose_thresholds(config, [], SimpleNamespace())
    assert {clip.start_s for clip in known["t09"].occurrences} == {20, 50}
    run = read_run(find_run(config, None))
    truth = read_truth(config)
    missed = gather(replace(run, segments={}), truth.as_read(run.titles)).mistakes
    assert sorted(m.start_s for m in missed if m.title_id == "t12") == [20, 50]


def test_a_run_warns_once_of_labels_that_reach_beyond(cut_short, caplog):
    titles = cut_short.parent / "titles.csv"
    table = pd.read_csv(titles)
    table["name"] = table.title_id.replace({"t12": "Zoë"})
    table.to_csv(titles, index=False)
    config = load_config(cut_short, {**SHORT, "run": {"import_name": "toy", "report": False}})
    with caplog.at_level(logging.WARNING):
        summaries = [result.summary for result, _ in run(config)]
    assert [said.split(":")[0] for said in summaries] == ["extract", "train", "infer", "evaluate"]
    assert caplog.text.count("labels reach beyond") == 1
    assert "3 titles: labels reach beyond what was read: t02" in caplog.text
    assert "Zoë (t12), clip to 00:01:50" in caplog.text
    assert all("where nothing was read: left out" in summaries[number] for number in (1, 3))


def test_labels_check_tells_what_lies_beyond_the_features_that_are_there(cut_short, coarse2fine):
    config = load_config(cut_short, SHORT)
    import_feature_files(config, feature_import(config, "toy"))
    code, out, _ = coarse2fine("labels", "check", "--config", cut_short)
    assert code == 0
    told = [
        line.partition("warning: ")[2] for line in out.splitlines() if "the film was read to 60 s (00:01:00)" in line
    ]
    hidden = "lies beyond the end: the film was read to 60 s (00:01:00); such a clip is left out"
    assert told[0] == f"title 't02', smoking: 80-90 s {hidden}"
    assert f"title 't12', violence: 100-110 s {hidden}" in told
    assert sum("50-70 s ends beyond the end" in line for line in told) == 2


def test_labels_check_and_plan_tell_what_lies_beyond_a_film_by_its_header_before_anything_is_decoded(
    tmp_path, film_writer, coarse2fine, caplog
):
    for name in ("a", "b", "c"):
        grey = (np.full((32, 48, 3), 6 * number, np.uint8) for number in range(40))
        film_writer(tmp_path / f"{name}.mp4", grey, picture_start_s=0)
    (tmp_path / "titles.csv").write_text("title_id,path,split\na,a.mp4,train\nb,b.mp4,val\nc,c.mp4,test\n")
    rows = "a;yes;00:00:01;00:00:02\nb;yes;00:00:01;00:00:03\nc;yes;00:01:44;00:01:49\n"
    (tmp_path / "labels.csv").write_text(f"title_id;gore;gore_start;gore_end\n{rows}")
    path = tmp_path / "run.toml"
    path.write_text('work_dir = "work"\n[data]\ntitles = "titles.csv"\nvideo_labels = "labels.csv"\n')
    told = (
        f"{tmp_path}/labels.csv:4: warning: title 'c', gore: 104-109 s lies beyond the end: the film's header says "
        "that it ends at 4 s (00:00:04); such a clip is left out"
    )
    code, out, _ = coarse2fine("labels", "check", "--config", path)
    assert (code, told in out.splitlines()) == (0, True)
    assert "3 titles, 0.2 min\n" in out
    with caplog.at_level(logging.WARNING):
        assert coarse2fine("plan", "--config", path)[0] == 0
    assert told in caplog.messages
    assert not (tmp_path / "work" / "features").exists()
