"""Labels as published, in any script and with any sign, go through every command, and into every file and page."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.label_files import read_label_file
from data.label_names import label_slug

LABELS = ('=Long jump; A/B, <i>--> "1"', "курение.喫煙")


@pytest.fixture
def published(catalogue: Path) -> Path:
    """Turn the small catalogue into one ActivityNet JSON with those labels; return the TOML's path."""
    folder = catalogue.parent
    named = dict(zip(("smoking", "violence"), LABELS))
    titles = pd.read_csv(folder / "titles.csv")
    clips = pd.read_csv(folder / "clip_labels.csv")
    database = {
        row.title_id: {
            "duration": str(row.duration_s),
            "subset": {"train": "training", "val": "Validation", "test": "testing"}[row.split],
            "path": row.path,
            "annotations": [
                {"label": named[clip.label], "segment": [str(clip.start_s), clip.end_s]}
                for clip in clips[clips.title_id == row.title_id].drop_duplicates(["label", "start_s"]).itertuples()
            ],
        }
        for row in titles.itertuples()
    }
    (folder / "gt.json").write_text(json.dumps(database, ensure_ascii=False), encoding="utf-8")
    text = re.sub(r"(?s)\[data\].*?\[model\]", '[data]\ntitles = "gt.json"\n[model]', catalogue.read_text())
    catalogue.write_text(
        text
        + "[export]\n"
        + "".join(
            f"[export.{key}]\n" + "".join(f"{json.dumps(label, ensure_ascii=False)} = {value!r}\n" for label in LABELS)
            for key, value in (("severity", "low"), ("mcf_category", "sports"))
        ),
        encoding="utf-8",
    )
    for name in ("titles.csv", "clip_labels.csv", "video_labels.csv"):
        (folder / name).unlink()
    return catalogue


@pytest.mark.slow
def test_every_command_takes_labels_of_any_text(published, coarse2fine):
    work, out = published.parent / "work", published.parent / "out"
    first = json.dumps(LABELS[0])
    flag = f"infer.thresholds.{first}.flag=0.05"
    for command in (
        ["labels", "check"],
        ["import-features", "--name", "toy"],
        ["plan"],
        ["train"],
        ["infer"],
        ["evaluate"],
        ["thresholds", "--precision", "0.1", "--label", LABELS[1]],
        ["infer", "--set", flag],
        ["report"],
        ["figures", "--out", out / "figures"],
        ["diff", "previous"],
        ["explain", "t13"],
    ):
        code, text, error = coarse2fine(*command, "--config", published)
        assert code in (0, 1) or print(command, text, error), command
    current = work / "current"
    segments = pd.read_parquet(current / "segments.parquet")
    assert set(segments.label) <= set(LABELS) and len(segments)
    scores = pd.read_parquet(current / "scores.parquet")
    assert {f"action_{label}" for label in LABELS} < set(scores.columns)
    assert json.loads((current / "run.json").read_text(encoding="utf-8"))
    assert (work / "thresholds" / f"{label_slug(LABELS[1])}.csv").is_file()
    listed = pd.read_parquet(current / "titles.parquet").labels.str.split(";").explode()
    assert set(listed) <= {"", LABELS[1], LABELS[0].replace(";", ",")}
    assert LABELS[1] in (current / "report.html").read_text(encoding="utf-8")
    assert "<i>-->" not in (current / "report.html").read_text(encoding="utf-8")
    _exports_hold_the_labels_and_are_read_back(published, coarse2fine)
    _label_files_that_are_written_read_the_same(published, coarse2fine)
    names = [path.name for path in (*work.rglob("*"), *out.rglob("*"))]
    assert not [name for name in names if not name.isascii() or set(name) & set('<>"; ')]


def _exports_hold_the_labels_and_are_read_back(scored, coarse2fine):
    current = scored.parent / "work" / "current"
    segments = pd.read_parquet(current / "segments.parquet")
    flagged = segments[segments.decision == "flag"]
    assert set(flagged.label) == set(LABELS)
    formats = ("activitynet", "webvtt", "srt", "edl", "mcf", "rekognition", "jellyfin", "labelstudio", "via3", "elan")
    for name in formats:
        out = scored.parent / "out" / name
        code, _, error = coarse2fine("export", "--config", scored, "--format", name, "--out", out)
        assert code == 0, (name, error)
        texts = "\n".join(path.read_text(encoding="utf-8") for path in out.rglob("*") if path.suffix != ".csv")
        assert "курение.喫煙" in texts or name in ("mcf", "jellyfin") or "\\u043a" in texts, name
        if name == "webvtt":
            assert not re.search(r"-->(?! \d)", texts)  # none but between the times of cues
    via = read_label_file(scored.parent / "out" / "via3" / "via3_project.json", LABELS, tuple(set(segments.title_id)))
    elan = read_label_file(scored.parent / "out" / "elan", LABELS, tuple(set(segments.title_id)))
    expected = sorted((row.title_id, row.label, row.start_s, row.end_s) for row in flagged.itertuples())
    for rows in (via, elan):
        found = sorted((clip.title_id, clip.label, clip.start_s, clip.end_s) for clip in rows.clips)
        assert [one[:2] for one in found] == [one[:2] for one in expected]
        assert np.allclose([one[2:] for one in found], [one[2:] for one in expected], atol=1e-3)
    cells = pd.read_csv(current / "segments.csv")
    assert set(cells.label) == {"'" + LABELS[0], LABELS[1]}  # which no spreadsheet takes for a formula


def _label_files_that_are_written_read_the_same(scored, coarse2fine):
    out = scored.parent / "labels"
    code, _, _ = coarse2fine("labels", "import", scored.parent / "gt.json", "--config", scored, "--out", out)
    assert code == 0
    rows = read_label_file(out / "clip_labels.csv", LABELS, ())
    again = read_label_file(scored.parent / "gt.json", LABELS, ())
    assert rows.problems == []
    assert {(clip.title_id, clip.label, clip.start_s) for clip in rows.clips} == {
        (clip.title_id, clip.label, clip.start_s) for clip in again.clips
    }
