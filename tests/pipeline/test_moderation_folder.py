"""The configuration that `moderate` leaves in its folder: what it says, what it refuses, and that it reads back."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import ConfigError
from data.library import Film
from data.manifest import read_titles
from data.schemas import FeatureSpec, LabelThresholds
from model.settings import ModelSettings
from model.sidecar import Checkpoint
from pipeline.moderation_folder import (
    moderation_values,
    require_exports,
    threshold_values,
    toml_text,
    trial_config,
    write_folder,
)

SPEC = FeatureSpec("resnet50", "ab", 2048, "presented-1fps/1", "full", True, 224)
LIMITS = {label: LabelThresholds(0.3, 0.1, 2.0, 3.0, 0.9) for label in ("violence", "checks")}
CHECKPOINT = Checkpoint(ModelSettings(), ("violence", "checks"), SPEC, LIMITS)
NAMES = ["Küss mich, Zoë!", '=HYPERLINK("x")', "a\u2028b 'q' \\ \"", "日本語"]


def film(folder: Path, name: str) -> Film:
    path = folder / f"{name}.mkv"
    return Film(path, path, name)


def values(tmp_path: Path, thresholds=None, overrides=None):
    films = [film(tmp_path, name) for name in NAMES]
    return moderation_values(
        CHECKPOINT,
        tmp_path / "checkpoint",
        tmp_path / "out",
        films,
        thresholds=thresholds or {},
        overrides=overrides or {},
    )


def test_the_folder_reads_back_as_a_configuration_with_all_films(tmp_path: Path) -> None:
    films = [film(tmp_path, name) for name in NAMES]
    config = write_folder(tmp_path / "out", values(tmp_path, {"violence": 0.4}), films)
    assert config.work_dir.resolve() == (tmp_path / "out").resolve()
    assert config.checkpoint_dir == tmp_path / "checkpoint"
    assert config.data.labels == ("violence", "checks")
    assert (config.extract.backbone, config.extract.framing, config.extract.letterbox) == ("resnet50", "full", True)
    limits = config.infer.thresholds["violence"]
    assert (limits.flag, limits.frame, limits.title) == (0.4, 0.1, 0.3)
    assert config.run.report_pictures
    titles = read_titles(config.data.titles, config.data.media_root)
    assert [config.data.media_folder / (title.path or "") for title in titles.values()] == [one.path for one in films]
    assert [title.name for title in titles.values()] == [NAMES[0], f"./{NAMES[1]}", "a b 'q' \\ \"", NAMES[3]]


def test_its_first_lines_say_that_it_is_written_anew_and_where_settings_go(tmp_path: Path) -> None:
    write_folder(tmp_path / "out", values(tmp_path), [film(tmp_path, "a")])
    assert (tmp_path / "out" / "run.toml").read_text(encoding="utf-8").splitlines()[:2] == [
        "# Written by `coarse2fine moderate`: each call writes this file anew, and what somebody changed here is lost.",
        "# Change a setting by an option of the call, each time: coarse2fine moderate ... --set section.key=value",
    ]


def test_a_lower_threshold_lets_everything_from_its_score_on_become_a_segment(tmp_path: Path) -> None:
    limits = values(tmp_path, {"violence": 0.05})["infer"]["thresholds"]["violence"]
    assert limits == {"flag": 0.05, "frame": 0.05, "title": 0.05}


def test_thresholds_are_read_for_one_label_or_for_all() -> None:
    labels = ("violence", "drug-use")
    assert threshold_values(["0.3", "violence=0.4"], labels) == {"violence": 0.4, "drug-use": 0.3}
    for wrong in ("violence=", "violence=1.1", "nan", "x=0.3", "", "violence=0.4=0.5"):
        with pytest.raises(ConfigError, match="--threshold"):
            threshold_values([wrong], labels)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"work_dir": "x"}, "not for `moderate`, which sets it itself"),
        ({"data": {"labels": ["a"]}}, "--set data: not for `moderate`"),
        (
            {"extract": {"backbone": "efficientnet-lite0"}},
            r"\[extract\] backbone: 'efficientnet-lite0', but .* 'resnet50'",
        ),
        ({"infer": {"thresholds": {"sex": {"flag": 0.1}}}}, "not a label of the checkpoint; it has violence, checks"),
        ({"infer": {"windows": 1}}, r"\[infer\] windows: unknown key; did you mean 'window_s'"),
        ({"export": {"severity": {"violence": "awful"}}}, "Input should be 'low', 'medium' or 'high'"),
    ],
)
def test_what_is_not_allowed_is_said_before_anything_is_done(tmp_path: Path, overrides, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        values(tmp_path, overrides=overrides)
    assert not (tmp_path / "out").exists()


def test_a_label_without_a_category_is_said_before_films_are_read(tmp_path: Path) -> None:
    config = trial_config(values(tmp_path), tmp_path / "out")
    with pytest.raises(ConfigError) as caught:
        require_exports(["edl", "mcf"], CHECKPOINT.labels, config)
    assert str(caught.value) == "[export.mcf_category] checks: not set; name a category of MovieContentFilter"
    require_exports(["edl"], CHECKPOINT.labels, config)
    named = values(tmp_path, overrides={"export": {"mcf_category": {"checks": "fear"}}})
    require_exports(["mcf"], CHECKPOINT.labels, trial_config(named, tmp_path / "out"))


def test_a_configuration_of_somebody_else_is_never_replaced(tmp_path: Path) -> None:
    for name in ("run.toml", "titles.csv"):
        out = tmp_path / name.partition(".")[0]
        out.mkdir()
        (out / name).write_text('work_dir = "work"\n')
        with pytest.raises(ConfigError, match="not written by `moderate`, which would replace it"):
            write_folder(out, values(tmp_path), [film(tmp_path, "a")])
        assert (out / name).read_text() == 'work_dir = "work"\n'


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
PLAIN = st.one_of(TEXT, st.integers(-(2**53), 2**53), st.booleans(), st.floats(allow_nan=False, allow_infinity=False))
NESTED = st.recursive(
    st.one_of(PLAIN, st.lists(PLAIN)), lambda inner: st.dictionaries(TEXT, inner, min_size=1), max_leaves=8
)


@given(st.dictionaries(TEXT, NESTED))
def test_toml_reads_back_as_it_was(nested) -> None:
    assert tomllib.loads(toml_text(nested)) == nested
