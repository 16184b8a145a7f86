import re
from importlib import resources
from pathlib import Path

import pytest

from data.errors import ConfigError
from pipeline.config import Config, load_config, preset_values, validate

MINIMAL = 'work_dir = "work"\n[data]\ntitles = "titles.csv"\n'


def written(tmp_path, text):
    path = tmp_path / "run.toml"
    path.write_text(text)
    return path


def test_relative_paths_are_relative_to_the_file(tmp_path):
    config = load_config(written(tmp_path, MINIMAL))
    assert config.work_dir == tmp_path / "work"
    assert config.data.titles == tmp_path / "titles.csv"
    assert config.checkpoint_dir == tmp_path / "work" / "checkpoint"


def test_the_paper_preset_is_section_4_2(tmp_path):
    config = load_config(written(tmp_path, 'preset = "paper"\n' + MINIMAL))
    assert (config.train.learning_rate, config.train.batch_size, config.train.window) == (1e-5, 16, 3600)
    loss = config.loss
    assert (loss.alpha, loss.beta, loss.gamma, loss.delta, loss.epsilon) == (0.5, 1, 0.01, 0.1, 0.05)
    assert loss.background_share == 0.2
    assert config.model.fc_channels == (1024, 512)
    assert (config.model.conv_channels, config.model.conv_kernel, config.model.top_k_divisor) == (2048, 3, 8)
    assert config.extract.backbone == "resnet50"
    assert config.data.labels == ("sex", "nudity", "violence", "drug-use")


@pytest.mark.parametrize(
    ("preset", "short_window"),
    [("three-c-net", 900), ("sf-net-1", 0), ("sf-net-2", 0)],
)
def test_the_presets_of_the_baselines_are_their_published_numbers(tmp_path, preset, short_window):
    config = load_config(written(tmp_path, f'preset = "{preset}"\n' + MINIMAL))
    assert config.model.network == preset
    assert (config.train.learning_rate, config.train.weight_decay, config.train.decay) == (1e-4, 5e-4, "l2")
    assert (config.train.window, config.train.short_window) == (3600, short_window)
    assert (config.model.dropout, config.model.top_k_divisor, config.model.hidden_channels) == (0.7, 8, 0)
    assert (config.loss.three_c_net.centre_weight, config.loss.three_c_net.count_weight) == (1e-3, 0)
    assert (config.loss.sf_net.neg_pool, config.loss.sf_net.negative_ratio) == ("all", 7)
    assert not config.loss.use_background_titles


def test_the_file_wins_over_the_preset_and_options_over_the_file(tmp_path):
    path = written(tmp_path, MINIMAL + "[train]\nepochs = 3\nbatch_size = 2\n")
    config = load_config(path, {"train": {"batch_size": 5}})
    assert (config.train.epochs, config.train.batch_size) == (3, 5)
    assert config.train.learning_rate == preset_values("tuned")["train"]["learning_rate"]


def test_a_configuration_is_frozen(tmp_path):
    config = load_config(written(tmp_path, MINIMAL))
    with pytest.raises(ValueError, match="frozen"):
        config.train.epochs = 5


def test_every_mistake_is_reported_at_once_with_the_nearest_right_key(tmp_path):
    text = (
        MINIMAL
        + "[train]\nlearning_rat = 1\nepochs = 0\n[modle]\n[infer.thresholds.sex]\nfram = 0.5\n[loss]\nepochs = 3\n"
    )
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert sorted(str(caught.value).splitlines()) == [
        f"{path}: [infer.thresholds.sex] fram: unknown key; did you mean 'frame'?",
        f"{path}: [loss] epochs: unknown key; it belongs to [train]",
        f"{path}: [train] epochs: 0: Input should be greater than or equal to 1",
        f"{path}: [train] learning_rat: unknown key; did you mean 'learning_rate'?",
        f"{path}: modle: unknown key; did you mean 'model'?",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("work_dir = ", "not a readable TOML file"),
        ("\xff", "not a readable TOML file"),
        ('work_dir = "w"', "data: missing; this key is needed"),
        (
            'preset = "best"\n' + MINIMAL,
            "'best' is not a preset; use one of paper, tuned, three-c-net, sf-net-1, sf-net-2",
        ),
        (MINIMAL + 'labels = ["\t"]', "write 1 to 100 printable"),
    ],
)
def test_a_bad_file_is_one_clear_error(tmp_path, text, message):
    path = tmp_path / "run.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert message in str(caught.value)


def test_a_missing_file_says_how_to_get_one(tmp_path):
    with pytest.raises(ConfigError, match="no such file; `coarse2fine init`"):
        load_config(tmp_path / "run.toml")


def test_every_preset_and_the_example_are_valid():
    for preset in ("paper", "tuned"):
        validate({"work_dir": "w", "data": {"titles": "t.csv"}, **preset_values(preset)}, preset)
    example = Path(str(resources.files("pipeline").joinpath("configs", "example.toml")))
    assert isinstance(load_config(example), Config)


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("model", "conv_kernel", "2"),
        ("model", "conv_channels", "1000000000"),
        ("model", "conv_dilation", "1000000000"),
        ("model", "hidden_channels", "1000000000"),
        ("model", "fc_channels[0]", "[-1, 5]"),
        ("model", "fc_channels[1]", "[512, 0]"),
        ("train", "seed", str(10**30)),
        ("train", "learning_rate", "1e300"),
        ("loss", "alpha", "inf"),
        ("loss", "alpha", "1e300"),
        ("benchmark", "seeds", f"[{10**30}]"),
    ],
)
def test_numbers_that_torch_cannot_compute_with_are_mistakes_of_the_file(tmp_path, section, key, value):
    """They ended in a traceback of torch, after hours of extraction."""
    text = MINIMAL + f"[{section}]\n{key.partition('[')[0]} = {value}\n"
    with pytest.raises(ConfigError, match=re.escape(f"run.toml: [{section}] {key}: ")):
        load_config(written(tmp_path, text))
