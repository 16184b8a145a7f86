"""What ends a run before any work is said by `plan` first, word for word, and so is what training will lack."""

import json
import re
import sys

import pytest

from pipeline import cli


@pytest.fixture
def command(catalogue, capsys):
    def run(*arguments):
        with pytest.raises(SystemExit) as caught:
            cli.main([*map(str, arguments), "--config", str(catalogue)])
            sys.exit(0)
        said = capsys.readouterr()
        return caught.value.code or 0, said.out, said.err

    return run


WRONG = {
    "features of another configuration": ("run.import_name=toy", "features=elsewhere"),
    "no folder of feature files": ("run.import_name=toy", "data.feature_folders=['nowhere']"),
    "no media root": ("data.media_root=nowhere",),
    "no weights file": ("extract.weights=nowhere.pth",),
    "no such checkpoint": ("run.import_name=toy", "checkpoint=nowhere"),
    "a checkpoint named beside training": ("run.import_name=toy", "checkpoint=nowhere", "run.train=changed"),
    "training forbidden": ("run.import_name=toy", "run.train=never"),
}


def sets(settings):
    return [word for setting in settings for word in ("--set", setting)]


@pytest.mark.parametrize("settings", WRONG.values(), ids=WRONG)
def test_what_ends_a_run_before_any_work_is_said_by_plan_word_for_word(settings, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, plan, _ = command("plan", *sets(settings))
    assert code == 0
    code, _, error = command("run", *sets(settings))
    assert code in (2, 5)
    assert error.splitlines()[-1].removeprefix("coarse2fine: ") in plan


def test_imported_features_where_videos_would_be_extracted_are_said_by_plan(command):
    assert command("import-features", "--name", "toy")[0] == 0
    code, plan, _ = command("plan")
    run, _, error = command("run")
    assert (code, run) == (0, 2)
    assert f"run would end before any work: {error.splitlines()[-1].removeprefix('coarse2fine: ')}\n" in plan
    assert len(json.loads(command("plan", "--json")[1])["refusals"]) == 1


def test_a_plan_that_can_be_run_has_no_refusal(command):
    code, plan, _ = command("plan", "--set", "run.import_name=toy")
    assert (code, "would end" in plan) == (0, False)
    assert json.loads(command("plan", "--set", "run.import_name=toy", "--json")[1])["refusals"] == []


def test_plan_says_which_labels_lack_clips_in_a_split_before_they_are_trained_on(command, catalogue):
    """Nothing of a label is chosen or measured where its clips are all in train: known before a night of decoding."""
    only_in_train(catalogue, "violence")
    code, plan, _ = command("plan", "--set", "run.import_name=toy")
    (line,) = [line for line in plan.splitlines() if "'violence'" in line]
    assert code == 0
    assert "none in val: neither its thresholds nor the weights are chosen by it" in line
    assert "none in test: nothing is measured of it" in line
    assert len(json.loads(command("plan", "--set", "run.import_name=toy", "--json")[1])["train"]["warnings"]) == 1


def test_a_train_split_that_holds_no_label_at_all_cannot_teach(command, catalogue):
    path = catalogue.parent / "video_labels.csv"
    path.write_text(re.sub(r"^(t0\d,\w+),1$", r"\1,0", path.read_text(), flags=re.M))
    drop_clips(catalogue, "t0")
    told = "no title of the train split holds any label, so that nothing can be learnt"
    assert f"cannot be done: {told}" in command("plan", "--set", "run.import_name=toy")[1]
    code, _, error = command("run", "--set", "run.import_name=toy")
    assert (code, told in error) == (2, True)


def only_in_train(catalogue, label):
    """Have no title of val and test hold a label."""
    for title in others(catalogue):
        path = catalogue.parent / "video_labels.csv"
        path.write_text(path.read_text().replace(f"{title},{label},1", f"{title},{label},0"))
        drop_clips(catalogue, title, label)


def others(catalogue):
    lines = (catalogue.parent / "titles.csv").read_text().splitlines()[1:]
    return [line.partition(",")[0] for line in lines if not line.endswith(",train")]


def drop_clips(catalogue, title, label=""):
    path = catalogue.parent / "clip_labels.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not (line.startswith(title) and label in line)))


def test_plan_reckons_with_the_trainings_of_a_refit(command, catalogue):
    """A refit trains four times in all, so a night with it takes four times as long as without."""
    (catalogue.parent / "work").mkdir(exist_ok=True)
    (catalogue.parent / "work" / "rates.json").write_text('{"train": {"video_s": 1.0, "wall_s": 600.0}}')
    told = []
    for refit in ("false", "true"):
        asked = ("run.import_name=toy", "train.epochs=3", f"train.refit={refit}")
        plan = command("plan", *sets(asked))[1]
        told.append(re.search(r"at most about ([0-9.]+) h", plan))
    once, refitted = (float(one[1]) for one in told)
    assert refitted == pytest.approx(4 * once, rel=0.01)
