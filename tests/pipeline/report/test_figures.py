import io

import numpy as np
import pytest
from PIL import Image

from data.errors import ConfigError
from data.files import write_json
from pipeline.config import load_config
from pipeline.figures import redacted, save
from pipeline.measure_figures import draw_curves, draw_drift, draw_reliability
from pipeline.report.drift import Drift, LabelDrift
from pipeline.report.mistakes import Curve
from pipeline.stages.figures import figures


def test_a_run_in_figures_in_the_colours_of_the_paper(finished_runs, tmp_path):
    bins = [{"mean_score": 0.1, "positive_share": 0.2, "samples": 3}]
    operator = {"rows": [{"label": "violence", "frames": {"reliability": bins}}]}
    write_json(finished_runs.parent / "work" / "runs" / "now" / "evaluation-test.json", {"operator": operator})
    result = figures(load_config(finished_runs), ["film-a"], tmp_path / "out")
    assert result.summary == "figures: 12 files"
    names = ["drift", "heat-bars-film-a-smoking", "heat-bars-film-a-violence", "mistakes", "precision-recall"]
    names.append("reliability-test")
    assert sorted(path.name for path in result.path.iterdir()) == [
        f"{name}.{form}" for name in names for form in ("png", "svg")
    ]
    rgb = np.asarray(Image.open(result.path / "heat-bars-film-a-violence.png").convert("RGB")).astype(int)
    red, green, blue = (rgb[..., channel] for channel in range(3))
    grey = (abs(rgb - np.array([0x7F, 0x86, 0x8D])).max(axis=2) < 3).sum()
    # each bar is full for three seconds of twelve
    assert grey > 5000
    assert ((red > 200) & (green < 100) & (blue < 100)).sum() > 5000
    assert ((red > 200) & (green > 150) & (blue < 90)).sum() > 5000
    assert ((blue > 180) & (red < 90)).sum() > 5000


def test_equal_curves_are_equal_files(tmp_path):
    curve = Curve("violence", "any overlap", (0.5, 1.0), (1.0, 0.6), (0.5, 1.0), 2)
    for folder in ("one", "two"):
        save(draw_curves([curve]), tmp_path / folder, "curve")
    for name in ("curve.png", "curve.svg"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_reliability_and_drift_are_drawn_where_they_are():
    figure = draw_reliability({f"label-{n}": [(0.1, 0.2, 3), (0.8, 0.5, 2)] for n in range(5)})
    assert len(figure.axes) == 5  # four in a row, and one
    _, curve = figure.axes[0].lines
    assert (list(curve.get_xdata()), list(curve.get_ydata())) == ([0.1, 0.8], [0.2, 0.5])
    assert [bool(panel.get_ylabel()) for panel in figure.axes] == [True, False, False, False, True]
    rows = [
        LabelDrift("sex", (1, 2), (0, 0), ((0.75, 0.25), (0.25, 0.75)), 0.5, "shifted"),
        LabelDrift("violence", (1, 2), (0, 0), ((), ()), None, "no scores"),
    ]
    drift = Drift("before", "", True, 3, 0, 0, {}, (), 0, tuple(rows))
    (panel,) = draw_drift(drift).axes
    before, now = (patch.get_data().values for patch in panel.patches)
    assert list(before) == pytest.approx([1, (1 / 3) ** 0.5]) and list(now) == pytest.approx([(1 / 3) ** 0.5, 1])
    assert draw_drift(Drift("before", "", True, 3, 0, 0, {}, (), 0, tuple(rows[1:]))) is None


def test_pictures_are_blurred_and_grey_unless_revealed():
    halves = np.zeros((60, 100, 3), np.uint8)
    halves[:, 50:] = (255, 0, 0)
    buffer = io.BytesIO()
    Image.fromarray(halves).save(buffer, "JPEG", quality=95)
    hidden = np.asarray(redacted(buffer.getvalue(), reveal=False)).astype(int)
    assert (hidden.max(axis=2) == hidden.min(axis=2)).all()
    assert abs(np.diff(hidden[30, :, 0])).max() < 8  # no edge is left
    shown = np.asarray(redacted(buffer.getvalue(), reveal=True)).astype(int)
    assert shown[30, 90, 0] > 200 and shown[30, 90, 1] < 40


def test_a_title_without_scores_is_an_error(finished_runs, tmp_path):
    with pytest.raises(ConfigError, match="no scores of title 'film-d'; name one that is not quarantined"):
        figures(load_config(finished_runs), ["film-d"], tmp_path)
