from pathlib import Path

import pytest
from pydantic import ValidationError

from data.settings import DataSettings


def test_defaults_are_the_paper_s_labels_and_the_manifest_s_folder() -> None:
    settings = DataSettings(titles=Path("catalogue/titles.csv"))
    assert settings.labels == ("sex", "nudity", "violence", "drug-use")
    assert settings.media_folder == Path("catalogue")
    assert settings.fractions == {"train": 0.8, "val": 0.1, "test": 0.1}
    assert DataSettings(titles=Path("t.csv"), media_root=Path("/m")).media_folder == Path("/m")


def test_frame_rates_may_be_numbers_or_fractions() -> None:
    assert DataSettings(titles=Path("t"), frame_rate_fps=25).frame_rate_fps == 25.0
    read = DataSettings.model_validate({"titles": "t", "frame_rate_fps": "24000/1001"})
    assert read.frame_rate_fps == pytest.approx(23.976024, abs=1e-6)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("labels", ["sex", "drug\nuse"], "write 1 to 100 printable characters, composed (Unicode NFC)"),
        ("labels", [" "], "label '': write 1 to 100"),
        ("labels", ["mean"], "label 'mean' is a name of our own tables"),
        ("labels", ["Long jump", "Long jump "], "one or more different names"),
        ("labels", [], "one or more different names"),
        ("labels", ["sex", "sex"], "one or more different names"),
        ("train_fraction", 0.9, "sum to 1.1; they must sum to 1"),
        ("val_fraction", -0.1, "greater than or equal to 0"),
        ("frame_rate_fps", 0, "'0' is no frame rate"),
        ("label_form", "excel", "'via3', 'elan' or 'single_frame'"),
        ("title", "x", "Extra inputs are not permitted"),
    ],
)
def test_wrong_values_are_refused(key: str, value: object, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        DataSettings.model_validate({"titles": "t.csv", key: value})
    assert message in str(caught.value)
