"""What a rollback promises: an earlier run in force, its model and thresholds with it, and no night that undoes it."""

import json
import shutil

import pytest

from data.files import file_sha256


@pytest.fixture
def night(catalogue, coarse2fine):
    """A catalogue that trains its own checkpoint, run once."""
    text = catalogue.read_text().replace("epochs = 40", "epochs = 1")
    quick = "[evaluate]\nbootstrap_draws = 0\ntrivial_draws = 0\n"
    catalogue.write_text(f'{text}{quick}[run]\nimport_name = "toy"\nreport = false\n')
    night = Nights(catalogue, coarse2fine)
    night.type("run")
    return night


class Nights:
    def __init__(self, config, coarse2fine):
        self.config, self.work, self._coarse2fine = config, config.parent / "work", coarse2fine

    def type(self, command, code=0):
        found, out, err = self._coarse2fine(*command.split(), "--config", self.config)
        assert found == code, (out, err)
        return out

    @property
    def in_force(self):
        return (self.work / "current").readlink().name

    @property
    def checkpoint(self):
        return json.loads((self.work / "checkpoint" / "model.json").read_text())

    def relabel(self):
        """Change a label, so that `run --train` makes another model."""
        path = self.config.parent / "video_labels.csv"
        path.write_text(path.read_text().replace("t02,violence,0", "t02,violence,"))

    def add_film(self):
        features = self.config.parent / "features"
        shutil.copyfile(features / "t01.npy", features / "t77.npy")
        titles = self.config.parent / "titles.csv"
        titles.write_text(titles.read_text() + "t77,features/t77.npy,120,test\n")


def test_a_rollback_takes_the_model_back_with_the_run_and_the_next_night_scores_with_it(night):
    first, before = night.in_force, night.checkpoint
    weights = (night.work / "checkpoint" / "model.safetensors").read_bytes()
    night.relabel()
    night.type("run --train")
    second, after = night.in_force, night.checkpoint
    assert (first != second, before["model_id"] != after["model_id"]) == (True, True)

    said = night.type("rollback")
    assert f"in force: run {first} of " in said
    assert f"model {before['model_id']} and its thresholds taken back, in the place of {after['model_id']}" in said
    assert (night.in_force, night.checkpoint) == (first, before)
    assert (night.work / "checkpoint" / "model.safetensors").read_bytes() == weights
    assert not (night.work / "checkpoint" / "next.safetensors").exists()

    # a night without new films makes the same run; one with a film makes another, by the model that was taken back
    plan = night.type("plan")
    assert f"train: not done, model {before['model_id']} is used" in plan
    assert plan.splitlines()[-1].startswith(f"runs: a rollback holds run {first} in force, run {second} waits; ")
    assert f"infer: nothing to do, run {first} is current" in night.type("run")
    night.add_film()
    night.type("run")
    third = night.type("runs list").splitlines()[-2].split()[0]
    assert json.loads((night.work / "runs" / third / "run.json").read_text())["model_id"] == before["model_id"]
    assert night.in_force == first
    night.type("runs release")
    assert (night.in_force, night.checkpoint["model_id"]) == (third, before["model_id"])


def test_a_release_takes_the_model_of_the_newest_run_along_and_models_of_no_run_are_collected(night):
    before = night.checkpoint["model_id"]
    night.relabel()
    night.type("run --train")
    second, after = night.in_force, night.checkpoint["model_id"]
    night.type("rollback")
    said = night.type("runs release")
    assert f"model {after} and its thresholds taken back" in said
    assert (night.in_force, night.checkpoint["model_id"]) == (second, after)
    assert {folder.name for folder in (night.work / "models").iterdir()} == {before, after}
    night.type("gc --keep 1")
    assert {folder.name for folder in (night.work / "models").iterdir()} == {after}
    weights = night.work / "models" / after / "model.safetensors"
    assert file_sha256(weights) == night.checkpoint["weights_sha256"]


def test_a_rollback_takes_stored_thresholds_back(night):
    before = night.checkpoint
    night.type("thresholds --recall 0.2 --write")
    assert night.checkpoint["thresholds"] != before["thresholds"]
    night.type("run")
    assert "thresholds taken back; model " in night.type("rollback")
    assert night.checkpoint["thresholds"] == before["thresholds"]
    assert "run: 14 titles" in night.type("run")  # the very run that is in force, which is said to be held
    assert night.type("plan").count("a rollback holds") == 1


def test_what_only_the_configuration_can_take_back_is_said(night):
    night.config.write_text(night.config.read_text() + "[infer.thresholds.smoking]\nflag = 0.987\n")
    night.type("run")
    said = night.type("rollback")
    assert (
        "the next run will not be like this one: thresholds changed: smoking; see [infer] in the configuration" in said
    )


def test_where_the_weights_are_not_kept_the_model_stays_and_that_is_said(night):
    first, before = night.in_force, night.checkpoint["model_id"]
    night.relabel()
    night.type("run --train")
    after = night.checkpoint["model_id"]
    kept = night.work / "models" / before / "model.safetensors"
    kept.write_bytes(b"damaged")
    said = night.type("rollback")
    assert f"the weights of model {before} are not kept in {kept.parent}, or are damaged; model {after} stays" in said
    assert (night.in_force, night.checkpoint["model_id"]) == (first, after)


def test_a_run_of_an_earlier_version_has_no_model_to_take_back(night):
    first, model = night.in_force, night.checkpoint["model_id"]
    (night.work / "runs" / first / "model.json").unlink()
    night.add_film()
    night.type("run")
    said = night.type("rollback")
    assert f"model {model} is that of this run; it is of an earlier version: thresholds are not kept" in said
    night.type("runs release")
    (night.work / "runs" / first / "model.json").unlink(missing_ok=True)
    night.relabel()
    night.type("run --train")
    said = night.type(f"rollback {first}")
    after = night.checkpoint["model_id"]
    assert f"model {model} is not kept, the run is of an earlier version; model {after} stays and scores" in said
    assert f"the next run will not be like this one: model {after} instead of {model}" in said


def test_all_that_speak_of_runs_say_the_same_of_a_rollback(night):
    night.config.write_text(night.config.read_text().replace("report = false", "report = true"))
    night.type("run")
    first = night.in_force
    night.config.write_text(night.config.read_text() + "[infer.thresholds.smoking]\nflag = 0.987\n")
    night.type("run")
    second = night.in_force
    words = f"a rollback holds run {first} in force, run {second} waits; `coarse2fine runs release` puts the newest run"
    assert words in night.type("rollback")
    assert words in night.type("report")
    assert words in night.type("plan")
    assert json.loads(night.type("plan --json"))["held"] == first
    lines = night.type("runs list").splitlines()
    assert lines[0].startswith("* ") and lines[0].endswith("(held by rollback)")
    assert lines[1].endswith("(waits)")
    assert words in lines[2]
    *_, counts, in_force, following = night.type("run").splitlines()
    assert counts.startswith(f"run {second}, which waits: 14 titles")
    assert words in in_force
    # what is to be opened is what is in force
    assert f"open {night.work}/runs/{first}/report.html" in following
    assert f"`coarse2fine diff --config {night.config} current {second}` says what the run that waits" in following
    assert "segments: nothing to do" in night.type("plan")
    night.type("runs release")
    assert "rollback" not in night.type("plan") + night.type("run") + night.type("runs list")
    assert json.loads(night.type("plan --json"))["held"] is None
