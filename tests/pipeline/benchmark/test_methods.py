from importlib import resources
from pathlib import Path

import pytest

from data.errors import ConfigError
from pipeline.benchmark.methods import METHODS, plan_benchmark
from pipeline.config import preset_values

HEAD = 'work_dir = "work"\n[data]\ntitles = "titles.csv"\n[train]\nepochs = 7\n'


def plan(tmp_path, text, overrides=None, head=HEAD):
    path = tmp_path / "bench.toml"
    path.write_text(head + text)
    return plan_benchmark(path, overrides or {})


def configs(planned):
    """Return the configuration of each method and variant, with the first seed."""
    seed = planned.settings.seeds[0]
    return {
        (entry.method.name, variant.name): planned.configure(entry.method, variant, seed)
        for entry in planned.entries
        for variant in entry.variants
    }


def test_all_methods_by_default_each_with_its_network_and_the_same_epochs(tmp_path):
    found = configs(plan(tmp_path, "[benchmark]\nseeds = [3]\n"))
    assert {name: config.model.network for (name, _), config in found.items()} == {
        "three-c-net": "three-c-net",
        "sf-net-1": "sf-net-1",
        "sf-net-2": "sf-net-2",
        "fo": "fo",
        "fo-vl": "fo-vl",
        "fo-vl-regularised": "fo-vl",
        "coarse2fine-unregularised": "coarse2fine",
        "coarse2fine": "coarse2fine",
    }
    assert {(config.train.epochs, config.train.seed) for config in found.values()} == {(7, 3)}
    assert found["sf-net-1", "preset"].train.learning_rate == 1e-4
    assert found["fo", "preset"].train.learning_rate == preset_values("tuned")["train"]["learning_rate"]
    unregularised, regularised = found["coarse2fine-unregularised", "preset"], found["fo-vl-regularised", "preset"]
    assert (unregularised.loss.gamma, unregularised.loss.delta) == (0, 0)
    assert regularised.loss.regularise_single_head
    assert (regularised.loss.gamma, regularised.loss.delta) == (0.01, 0.1)


def test_features_are_shared_and_work_folders_are_not(tmp_path):
    planned = plan(tmp_path, "")
    entry = planned.entries[0]
    config = planned.configure(entry.method, entry.variants[0], 1, planned.folder / "runs" / "x")
    assert config.features_dir == tmp_path / "work" / "features"
    assert config.checkpoint_dir == tmp_path / "work" / "benchmark" / "runs" / "x" / "checkpoint"


def test_variants_are_layers_over_the_method_and_methods_over_the_file(tmp_path):
    text = """
[benchmark]
seeds = [0, 1, 2]
tune_seeds = 2
methods = ["sf-net-2", "wide"]
[benchmark.variants.sf-net-2]
published = {}
"background titles" = { loss.use_background_titles = true, train.learning_rate = 0.5 }
[benchmark.own.wide]
preset = "paper"
model.conv_channels = 9
"""
    planned = plan(tmp_path, text, {"train": {"batch_size": 2}})
    found = configs(planned)
    assert list(found) == [("sf-net-2", "published"), ("sf-net-2", "background titles"), ("wide", "preset")]
    published, background, wide = found.values()
    assert (published.train.learning_rate, published.loss.use_background_titles) == (1e-4, False)
    assert (background.train.learning_rate, background.loss.use_background_titles) == (0.5, True)
    assert (wide.preset, wide.model.conv_channels, wide.train.learning_rate) == ("paper", 9, 1e-5)
    assert {config.train.batch_size for config in found.values()} == {2}
    assert planned.runs == (2 * 2 + 1) + (2 + 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('methods = ["sfnet-2"]', r"'sfnet-2' is not a method; did you mean 'sf-net-2'\?"),
        ("[benchmark.variants.nothing.x]", "'nothing' is not a method; use three-c-net, sf-net-1"),
        ("[benchmark.variants.fo.x]\ndata.labels = []", r"variants.fo.'x'\] sets data; it may set model, loss, train,"),
        ("[benchmark.variants.fo.x]\ntrain.seed = 3", r"sets train.seed; name seeds in \[benchmark\] seeds"),
        ("[benchmark.variants.fo.x]\ntrain.epoch = 3", r"variants.fo.'x'\]: .*unknown key; did you mean 'epochs'\?"),
        ("[benchmark.own.fo]\npreset = 'paper'", "the name is taken"),
        ("seeds = [1, 1]", "each may be named once"),
    ],
)
def test_mistakes_are_found_before_anything_runs(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        plan(tmp_path, f"[benchmark]\n{text}\n")


def test_the_ablation_of_a_baseline_is_refused(tmp_path):
    head = 'preset = "sf-net-1"\n' + HEAD
    with pytest.raises(ConfigError, match="'sf-net-1' is a baseline, and 'fo' takes the file's preset"):
        plan(tmp_path, "", head=head)
    assert plan(tmp_path, "[benchmark]\nmethods = ['three-c-net']", head=head).runs == 5


def test_the_example_gives_every_method_the_same_budget():
    planned = plan_benchmark(Path(str(resources.files("pipeline").joinpath("configs", "bench.toml"))), {})
    assert {entry.method.name: len(entry.variants) for entry in planned.entries} == {
        method.name: 3 for method in METHODS if not method.on_request
    }


def test_the_upper_bounds_are_compared_when_named(tmp_path):
    found = configs(plan(tmp_path, "[benchmark]\nmethods = ['fo', 'fo-all', 'coarse2fine-all']\nseeds = [3]\n"))
    told = {name: (config.model.network, config.train.occurrences) for (name, _), config in found.items()}
    assert told == {
        "fo": ("fo", "first"),
        "fo-all": ("fo", "all"),
        "coarse2fine-all": ("coarse2fine", "all"),
    }
