"""What a run does about training on the nights after the first: nothing by itself, and it says what changed."""

import json
import shlex
import shutil
import sys

import numpy as np
import pandas as pd
import pytest

from pipeline import cli


@pytest.fixture
def trained(catalogue, capsys):
    """A catalogue without a checkpoint in its configuration, run once: the README's hour to the letter."""
    text = catalogue.read_text().replace("epochs = 40", "epochs = 4")
    catalogue.write_text(f'{text}[run]\nimport_name = "toy"\nreport = false\n')
    night = Nights(catalogue, capsys)
    code, out = night.run()
    assert code == 0, out
    assert "train: 8 titles" in out
    return night


class Nights:
    def __init__(self, config, capsys):
        self.config, self.folder, self.capsys = config, config.parent, capsys

    def command(self, *arguments):
        with pytest.raises(SystemExit) as caught:
            cli.main([*map(str, arguments), "--config", str(self.config)])
            sys.exit(0)
        self.said = self.capsys.readouterr()
        return caught.value.code or 0, self.said.out

    def run(self, *options):
        return self.command("run", *options)

    @property
    def model(self):
        return json.loads((self.folder / "work" / "checkpoint" / "model.json").read_text())["model_id"]

    @property
    def titles(self):
        return pd.read_parquet(self.folder / "work" / "current" / "titles.parquet").set_index("title_id")

    def write_features(self, title_id, seed, seconds=120):
        features = np.random.default_rng(seed).random((seconds, 8), np.float32)
        np.save(self.folder / "features" / f"{title_id}.npy", features)

    def drop(self, name, text):
        """Drop the lines of a file that hold a text."""
        path = self.folder / f"{name}.csv"
        path.write_text("".join(line for line in path.read_text().splitlines(keepends=True) if text not in line))

    def append(self, name, *rows):
        with (self.folder / f"{name}.csv").open("a") as file:
            file.writelines(f"{row}\n" for row in rows)

    def change(self):
        """Add two titles, one of them labelled, and replace the file of one that was trained on."""
        for number in (20, 21):
            self.write_features(f"t{number}", number)
            self.append("titles", f"t{number},features/t{number}.npy,120,train")
        self.append("video_labels", "t20,smoking,0", "t20,violence,0")
        self.write_features("t00", seed=99, seconds=121)


def test_the_night_after_a_change_scores_with_the_checkpoint_that_is_there_and_says_what_changed(trained):
    model = trained.model
    trained.change()
    words = "since it was trained: 1 title added to train or val, 1 film replaced"
    code, plan = trained.command("plan")
    assert code == 0
    assert f"train: not done, model {model} is used; {words}; `coarse2fine run --train` trains anew" in plan
    code, out = trained.run()
    assert code == 0, out
    assert f"train: not done, model {model} is used; {words}; `coarse2fine run --train` trains anew" in out
    assert trained.model == model
    assert {"t20", "t21"} <= set(trained.titles.index)
    assert set(trained.titles.status) <= {"flagged", "clear", "review"}
    before = trained.model
    code, out = trained.run()
    assert (code, trained.model) == (0, before)
    assert words in out  # until somebody trains


def test_on_request_it_trains_anew_and_scores_with_the_new_model(trained):
    model = trained.model
    trained.change()
    assert (
        "train: 9 titles, chosen by 3 of val; 1 title added to train or val, 1 film replaced"
        in trained.command("plan", "--train")[1]
    )
    code, out = trained.run("--train")
    assert code == 0, out
    assert "train: 9 titles" in out
    assert trained.model != model
    record = json.loads((trained.folder / "work" / "current" / "run.json").read_text())
    assert record["model_id"] == trained.model
    code, out = trained.run("--train")
    assert (code, "train: nothing to do" in out) == (0, True)
    assert "infer: nothing to do" in out


def test_train_alone_trains_anew_too(trained):
    model = trained.model
    trained.append("video_labels", "t99,smoking,0")  # of no title: a warning
    assert "nothing to do" in trained.command("train")[1]
    trained.drop("clip_labels", "t01,smoking")
    trained.append("clip_labels", "t01,smoking,100,104,first_occurrence")
    assert trained.command("train")[0] == 0, trained.said.err
    assert trained.model != model


def test_labels_settings_and_splits_are_told_apart(trained):
    titles = (trained.folder / "titles.csv").read_text()
    (trained.folder / "titles.csv").write_text(
        titles.replace("t07,features/t07.npy,120,train", "t07,features/t07.npy,120,val")
    )
    trained.drop("clip_labels", "t06,violence")
    code, out = trained.command("plan", "--set", "train.learning_rate=0.5")
    assert code == 0
    said = "labels of 1 title changed, 1 title in another split, settings changed (train.learning_rate)"
    assert f"since it was trained: {said}" in out


def test_a_title_that_lost_its_label_is_gone_from_training(trained):
    trained.drop("video_labels", "t05,")
    trained.drop("clip_labels", "t05,")
    assert "since it was trained: 1 title gone from train or val" in trained.run()[1]


def test_a_checkpoint_of_a_version_before_says_that_it_does_not_know_what_changed(trained):
    (trained.folder / "work" / "checkpoint" / "inputs.json").unlink()
    assert "train: nothing to do" in trained.run()[1]
    trained.change()
    assert "labels, films or settings are other ones (it does not say which)" in trained.run()[1]


def test_a_training_that_fails_leaves_the_checkpoint_in_force_and_the_run_goes_on(trained):
    model = trained.model
    trained.change()
    code, out = trained.run("--train", "--set", "train.learning_rate=1e30")
    assert code == 2
    assert f"train: failed, model {model} of before is used" in out
    assert "infer: 16 titles" in out
    assert trained.model == model
    assert {"t20", "t21"} <= set(trained.titles.index)
    assert trained.run("--train")[0] == 0
    assert trained.model != model


def test_an_interrupted_training_keeps_the_checkpoint_and_goes_on_where_it_was(trained, monkeypatch):
    from model.train import Trainer

    model = trained.model
    trained.change()
    whole, seen = Trainer._epoch, []

    def interrupted(self, progress):
        if self.state.epoch == 2:
            raise KeyboardInterrupt
        return whole(self, progress)

    monkeypatch.setattr(Trainer, "_epoch", interrupted)
    assert trained.run("--train")[0] == 130
    assert trained.model == model
    monkeypatch.setattr(
        Trainer, "_epoch", lambda self, progress: seen.append(self.state.epoch) or whole(self, progress)
    )
    assert trained.run("--train")[0] == 0
    assert seen == [2, 3]
    assert trained.model != model


@pytest.mark.parametrize("name", ["state.json", "state.safetensors"])
def test_a_torn_training_is_set_aside(trained, name):
    """A disk may lose what was written: that costs the training, never the night."""
    trained.change()
    (trained.folder / "work" / "training" / name).write_bytes(b"{torn")
    assert trained.run("--train")[0] == 0
    aside = trained.folder / "work" / "training.before"
    assert (aside / name).read_bytes() == b"{torn"
    (trained.folder / "work" / "training" / name).write_bytes(b"{torn")
    (trained.folder / "work" / "checkpoint" / "model.json").unlink()
    assert trained.run()[0] == 0


def test_a_run_may_never_train_or_whenever_something_changed(trained):
    model = trained.model
    trained.change()
    code, _ = trained.run("--set", "run.train=never")
    assert (code, trained.model) == (0, model)
    assert trained.run("--set", "run.train=changed")[0] == 0
    assert trained.model != model
    (trained.folder / "work" / "checkpoint" / "model.json").unlink()
    assert trained.run("--set", "run.train=never")[0] == 2
    assert "[run] train: 'never', but" in trained.said.err


def test_a_named_checkpoint_is_never_trained_over_by_a_run(trained):
    code, _ = trained.run("--train", "--set", f"checkpoint={trained.folder}/work/checkpoint")
    assert code == 2
    assert "is named to score with, so `run` does not train" in trained.said.err
    code, _ = trained.run("--set", f"checkpoint={trained.folder}/nowhere")
    assert code == 2
    assert "no model.json in it" in trained.said.err


def test_what_cannot_be_trained_is_said_before_anything_is_decoded(catalogue, capsys):
    night = Nights(catalogue, capsys)
    catalogue.write_text(f'{catalogue.read_text()}[run]\nimport_name = "toy"\n')
    for title_id in ("t08", "t09", "t10"):
        night.drop("clip_labels", f"{title_id},")
    assert "cannot be done: no clip of any label in the val split" in night.command("plan")[1]
    assert night.run()[0] == 2
    assert "nothing can be trained: no clip of any label in the val split" in night.said.err
    assert not (night.folder / "work" / "features").exists()
    assert "none in val" in night.command("labels", "check")[1]


def test_other_features_train_anew_because_nothing_can_be_scored_with_the_old_model(trained):
    model = trained.model
    shutil.rmtree(trained.folder / "work" / "features")
    (trained.folder / "work" / "ledger.parquet").unlink()
    other = ("--set", "run.import_name=other")
    assert "the checkpoint was trained on other features" in trained.command("plan", *other)[1]
    assert trained.run(*other)[0] == 0, trained.said.err
    assert trained.model != model


def test_thresholds_that_were_chosen_for_the_model_of_before_are_said_to_be_gone(trained):
    assert trained.command("thresholds", "--recall", "0.5", "--label", "violence", "--write")[0] == 0
    assert "nothing to do" in trained.run()[1]
    trained.change()
    words = "the thresholds of violence that were stored in the checkpoint of before are not those of the new one"
    assert words in trained.command("plan", "--train")[1]
    assert words not in trained.command("plan")[1]
    out = trained.run("--train")[1]
    assert words in out
    again = f"coarse2fine thresholds --label violence --recall 0.5 --write --config {trained.config}"
    assert f"`{again}` chooses thresholds for the new model as before" in out.splitlines()[-1]
    assert trained.command(*shlex.split(again)[1:-2])[0] == 0  # as it is printed; command() adds --config
    assert "chooses thresholds" not in trained.run()[1]


def test_thresholds_of_the_configuration_are_said_to_be_those_of_the_model_of_before(trained):
    text = trained.config.read_text()
    trained.config.write_text(f"{text}[infer.thresholds.smoking]\nflag = 0.4\n")
    assert "[infer.thresholds]" not in trained.run()[1]
    trained.change()
    words = (
        "the thresholds of smoking in [infer.thresholds] were set for the model of before and are used with the new one"
    )
    assert words in trained.command("plan", "--train")[1]
    out = trained.run("--train")[1]
    assert words in out
    assert "says what the new model changes with the thresholds of smoking" in out.splitlines()[-1]


def test_a_damaged_checkpoint_is_said_by_plan_as_by_run(trained, caplog):
    sidecar = trained.folder / "work" / "checkpoint" / "model.json"
    whole = sidecar.read_text()
    run_id = (trained.folder / "work" / "current").readlink().name
    sidecar.write_text(whole[:100])
    words = f"the checkpoint is damaged: {sidecar}: not a checkpoint sidecar"
    remedy = f"or take back the model that is kept of the run in force: `coarse2fine rollback {run_id}`"
    plan = trained.command("plan")[1]
    assert words in plan
    assert remedy in plan
    assert trained.command("rollback", run_id)[0] == 0
    assert json.loads(sidecar.read_text())["model_id"] == json.loads(whole)["model_id"]
    trained.command("runs", "release")
    sidecar.write_text(whole[:100])
    code, out = trained.run()
    assert code == 0
    assert words in caplog.text  # before anything is decoded
    assert f"train: {words}" in out


def test_damaged_weights_are_said_by_plan_where_they_are_needed(trained):
    weights = trained.folder / "work" / "checkpoint" / "model.safetensors"
    weights.write_bytes(b"damaged")
    words = f"cannot be done: {weights}: not the weights that model.json was written for"
    assert words not in trained.command("plan")[1]  # nothing is to be scored
    trained.write_features("t20", 20)
    trained.append("titles", "t20,features/t20.npy,120,test")
    assert words in trained.command("plan")[1]
    assert words.removeprefix("cannot be done: ") in json.loads(trained.command("plan", "--json")[1])["no_scores"]
    assert trained.run()[0] == 2
    assert words.removeprefix("cannot be done: ") in trained.said.err


def test_labels_that_cannot_be_read_keep_no_film_from_being_scored(trained):
    trained.write_features("t20", 20)
    trained.append("titles", "t20,features/t20.npy,120,train")
    trained.append("video_labels", "t00,smoking,perhaps")
    assert "train: labels or splits cannot be read" in trained.command("plan")[1]
    code, out = trained.run()
    assert code == 2
    assert "write 1, 0, or nothing if unknown" in out
    assert "t20" in trained.titles.index
