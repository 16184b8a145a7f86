"""`coarse2fine explain` on a small run."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from data.errors import ConfigError
from data.schemas import LabelThresholds
from infer.segments import find_segments
from infer.title_scores import TitleScores
from infer.title_status import TitleRow
from infer.write import Origin, read_title_scores, write_results, write_scores
from pipeline.report.run import Run
from pipeline.stages.explain import find_title
from pipeline.stages.explain_figure import chosen_labels

LIMITS = {"sex": LabelThresholds(0.5, 0.5, 0.0, 0.0, 0.5), "violence": LabelThresholds(0.25, 0.5, 0.0, 2.0, 0.75)}


def title_scores(title_id, frames=20):
    action_TC = np.zeros((frames, 2), dtype=np.float32)
    action_TC[5:9, 0] = [0.5, 0.75, 0.625, 0.5]
    action_TC[12:14, 1] = [0.5, 0.625]
    foreground_T = np.full(frames, 0.875, dtype=np.float32)
    return TitleScores(title_id, foreground_T, action_TC / 0.875, action_TC, np.array([0.625, 0.5], dtype=np.float32))


@pytest.fixture
def run_dir(tmp_path):
    folder = tmp_path / "run"
    scores = [title_scores("a"), title_scores("tt1"), title_scores("z", 30)]
    numbers = {"segments": 0, "flagged_s": 0.0, "duration_s": None, "decoded_s": None, "coverage": None}
    others = {"samples": None, "corrupt_packets": None, "reason": "", "error_code": "", "features_id": None}

    def row(title_id, status, error=""):
        return TitleRow(title_id=title_id, status=status, labels="", error=error, **numbers, **others)

    results = [(row(one.title_id, "flagged"), find_segments(one, LIMITS, tuple(LIMITS))) for one in scores]
    results.append((row("bad", "quarantined", "bad.mp4: no video stream"), []))
    write_results(folder, results, Origin("run0", "model0", "features0"))
    write_scores(folder / "scores.parquet", tuple(LIMITS), scores)
    thresholds = {label: limits.__dict__ for label, limits in LIMITS.items()}
    facts = {"run_id": "run0", "segment_score": "max", "thresholds": thresholds, "finished_at": "2026-01-02T03:04:05"}
    (folder / "run.json").write_text(json.dumps(facts))
    return folder


def test_why_a_segment_is_there_and_what_was_missed_by_how_much(run_dir, coarse2fine):
    code, out, _ = coarse2fine("explain", "tt1", "--run", run_dir)
    assert code == 0
    assert out.splitlines() == [
        "tt1: flagged",
        "  sex: title score 0.625, needed 0.5: is considered",
        "  violence: title score 0.500, needed 0.25: is considered",
        "1 flagged segment",
        "  00:00:05.000 - 00:00:09.000  sex (flag), 4 s",
        "      highest at 00:00:06.000; frame score, mean 0.594; foreground, highest 0.875; conditional, highest 0.857",
        "      title score 0.625, needed 0.5: passed",
        "      frame score 0.750, needed 0.5: passed",
        "      segment score 0.750, needed 0.5: passed",
        "1 nearest miss",
        "  00:00:12.000 - 00:00:14.000  violence (review), 2 s",
        "      highest at 00:00:13.000; frame score, mean 0.562; foreground, highest 0.875; conditional, highest 0.714",
        "      drawn as a near miss: title score from 0.125, frame score from 0.25",
        "      title score 0.500, needed 0.25: passed",
        "      frame score 0.625, needed 0.5: passed",
        "      length 2 s, needed 2 s: passed",
        "      segment score 0.625, needed 0.75: missed by 0.12",
    ]


def test_plot_is_a_picture_with_curves(run_dir, tmp_path, coarse2fine):
    code, out, _ = coarse2fine("explain", "z", "--run", run_dir, "--plot", tmp_path / "z.png", "--misses", 0)
    assert (code, out.splitlines()[-1]) == (0, f"  -> {tmp_path / 'z.png'}")
    assert "0 nearest misses" in out
    picture = np.asarray(Image.open(tmp_path / "z.png").convert("RGB")).astype(int)
    blue = (picture[..., 2] > 150) & (picture[..., 0] < 80)  # the action score
    assert blue.sum() > 100


def test_the_current_run_is_found_by_its_configuration(run_dir, tmp_path, coarse2fine):
    (tmp_path / "run.toml").write_text(
        'work_dir = "work"\n[data]\ntitles = "titles.csv"\nlabels = ["sex", "violence"]\n'
    )
    (tmp_path / "work" / "runs").mkdir(parents=True)
    run_dir.rename(tmp_path / "work" / "runs" / "run0")
    (tmp_path / "work" / "current").symlink_to("runs/run0")
    code, out, _ = coarse2fine("explain", "tt1", "--config", tmp_path / "run.toml")
    assert (code, out.splitlines()[0]) == (0, "tt1: flagged")
    assert coarse2fine("explain", "tt1", "--config", tmp_path / "run.toml", "--run", "run0")[1] == out
    code, _, err = coarse2fine("explain", "tt1")
    assert (code, "name a run: --run FOLDER, or --config FILE" in err) == (2, True)


def test_a_plot_is_png_or_svg(run_dir, tmp_path, coarse2fine):
    assert coarse2fine("explain", "z", "--run", run_dir, "--plot", tmp_path / "z.svg")[0] == 0
    assert "<svg" in (tmp_path / "z.svg").read_text()
    code, _, err = coarse2fine("explain", "z", "--run", run_dir, "--plot", tmp_path / "z.jpg")
    assert (code, "cannot draw .jpg; name a .png or .svg file" in err) == (2, True)


def test_of_many_labels_those_with_segments_are_drawn():
    labels = [f"label-{n}" for n in range(9)]
    scores = TitleScores("t", None, None, np.zeros((3, 9), np.float32), np.arange(9, dtype=np.float32))
    found = find_segments(title_scores("a"), LIMITS, tuple(LIMITS))
    segment = dataclasses.replace(found[0], label="label-2")
    assert chosen_labels(scores, labels[:6], [segment]) == labels[:6]
    assert chosen_labels(scores, labels, [segment]) == ["label-2"]
    assert chosen_labels(scores, labels, []) == labels[3:]


def test_a_title_without_scores(run_dir, coarse2fine):
    assert coarse2fine("explain", "bad", "--run", run_dir)[1] == "bad: quarantined (bad.mp4: no video stream)\n"
    code, _, err = coarse2fine("explain", "tt9", "--run", run_dir)
    assert (code, "no title 'tt9' in this run" in err) == (2, True)
    (run_dir / "scores.parquet").unlink()
    code, _, err = coarse2fine("explain", "tt1", "--run", run_dir)
    assert (code, "this run kept no frame scores; set write_scores" in err) == (2, True)


def test_one_title_is_read_without_the_others(run_dir):
    path = run_dir / "scores.parquet"
    assert len(read_title_scores(path, "z").action_TC) == 30
    assert read_title_scores(path, "tt1").title_id == "tt1"
    assert read_title_scores(path, "bad") is None


NAMED = [
    TitleRow(title_id, "clear", "", 0, 0.0, 1.0, 1.0, 1.0, 1, 0, "", "", "", "f", name, f"/films/{name}.mkv")
    for title_id, name in (
        ("S01E03-01234567", "Series/A/Season 01/S01E03"),
        ("S01E03-89abcdef", "Series/B/Season 01/S01E03"),
        ("Сталкер-00000000", "Films/Сталкер"),
        ("Zoë-11111111", "Films/Zoë"),
        ("Zoë_2-22222222", "Films/Zoë 2"),
    )
]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("S01E03-89abcdef", 1),
        ("Series/B/Season 01/S01E03", 1),
        ("b/season", 1),
        ("/films/Films/Zoë 2.mkv", 4),
        ("films/zoe\u0308", 3),
        ("СТАЛКЕР", 2),
    ],
)
def test_a_title_is_found_by_id_name_path_or_a_part_that_no_other_has(tmp_path, said, meant):
    run = Run(tmp_path, "r", {}, {}, tuple(NAMED), {})
    assert find_title(run, said) is NAMED[meant]


def test_a_part_of_several_names_and_of_none_is_said(tmp_path):
    run = Run(tmp_path, "r", {}, {}, tuple(NAMED), {})
    with pytest.raises(ConfigError, match=r"'s01e03' may be 2 titles: Series/A/Season 01/S01E03 \(S01E03-01234567\)"):
        find_title(run, "s01e03")
    with pytest.raises(ConfigError, match=r"no title 'Films/Zoe 3' in this run.*did you mean 'Films/Zoë 2'"):
        find_title(run, "Films/Zoe 3")
    for empty in ("", " "):
        with pytest.raises(ConfigError):
            find_title(run, empty)
