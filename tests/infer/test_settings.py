import pytest
from pydantic import ValidationError

from infer.settings import EvaluateSettings, InferSettings, TuneSettings


def test_defaults():
    assert InferSettings().review_fraction == 0.5
    assert EvaluateSettings().tiou_thresholds == (0.0, 0.1, 0.2)
    assert TuneSettings().merge_gaps_s == (0, 1, 2, 3, 5, 8, 12, 20)


def test_an_override_may_name_one_threshold():
    settings = InferSettings.model_validate({"thresholds": {"sex": {"frame": 0.25}}})
    assert settings.thresholds["sex"].model_dump(exclude_none=True) == {"frame": 0.25}


@pytest.mark.parametrize(
    ("section", "values"),
    [
        (InferSettings, {"review_fraction": 1.5}),
        (InferSettings, {"segment_score": "median"}),
        (InferSettings, {"window_s": 0}),
        (InferSettings, {"thresholds": {"sex": {"fram": 0.5}}}),
        (InferSettings, {"thresholds": {"sex": {"merge_gap_s": -1}}}),
        (EvaluateSettings, {"tiou_thresholds": []}),
        (EvaluateSettings, {"crossing": "keep"}),
        (EvaluateSettings, {"protocols": ["last-occurrence"]}),
        (TuneSettings, {"min_lengths_s": []}),
    ],
)
def test_what_makes_no_sense_is_refused(section, values):
    with pytest.raises(ValidationError):
        section.model_validate(values)
